"""What messages say of their failures, in the words of each framework."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.brokers.failures import Failure, class_in, moment_of, read_failure

MAY_1_US = 1_714_564_800_000_000  # 2024-05-01T12:00:00Z
JAVA = """\
org.springframework.amqp.rabbit.ListenerExecutionFailedException: Listener threw exception
\tat org.springframework.amqp.X.y(X.java:1)
Caused by: com.acme.ErpRefused: no such article
\tat com.acme.Erp.post(Erp.java:2)
"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/x.py", line 1, in f
shop.erp.Refused: no such article
"""


def failure_in(headers: dict[str, str], body: object = b"") -> Failure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_failure(headers.items(), raw)


def test_nservicebus():
    headers = {
        "NServiceBus.EnclosedMessageTypes": "Acme.OrderPlaced, Acme.Messages, Version=1.0.0.0",
        "NServiceBus.ExceptionInfo.ExceptionType": "Acme.ErpRefused",
        "NServiceBus.ExceptionInfo.Message": "no such article",
        "NServiceBus.ExceptionInfo.StackTrace": "Acme.ErpRefused: no such article\n   at Acme.Erp.Post()",
        "NServiceBus.FailedQ": "orders@ERP01",
        "NServiceBus.TimeOfFailure": "2024-05-01 12:00:00:000123 Z",
        "NServiceBus.ProcessingEndpoint": "Orders",
    }
    assert failure_in(headers) == Failure(
        "Acme.ErpRefused", "no such article", headers["NServiceBus.ExceptionInfo.StackTrace"], "orders",
        MAY_1_US + 123, "Acme.OrderPlaced",
    )


def test_masstransit():
    headers = {
        "MT-Reason": "fault",
        "MT-Fault-ExceptionType": "System.InvalidOperationException",
        "MT-Fault-Message": "no such article",
        "MT-Fault-StackTrace": "   at Acme.Erp.Post()",
        "MT-Fault-InputAddress": "rabbitmq://broker/shop/orders?durable=true",
        "MT-Fault-Timestamp": "2024-05-01T12:00:00.0000000Z",
        "MT-Fault-MessageType": "Acme.Orders.OrderPlaced",
    }
    assert failure_in(headers) == Failure(
        "System.InvalidOperationException", "no such article", "   at Acme.Erp.Post()", "orders", MAY_1_US,
        "Acme.Orders.OrderPlaced",
    )


@pytest.mark.parametrize(
    ("headers", "failure"),
    [
        (
            {
                "__connect.errors.topic": "orders",
                "__connect.errors.partition": "0",
                "__connect.errors.class.name": "org.apache.kafka.connect.json.JsonConverter",
                "__connect.errors.exception.class.name": "org.apache.kafka.connect.errors.DataException",
                "__connect.errors.exception.message": "bad",
                "__connect.errors.exception.stacktrace": "at X",
            },
            Failure("org.apache.kafka.connect.errors.DataException", "bad", "at X", "orders"),
        ),
        (
            {
                "kafka_dlt-exception-fqcn": "org.springframework.kafka.ListenerExecutionFailedException",
                "kafka_dlt-exception-cause-fqcn": "com.acme.ErpRefused",
                "kafka_dlt-exception-message": "bad",
                "kafka_dlt-exception-stacktrace": JAVA,
                "kafka_dlt-original-topic": "orders",
            },
            Failure("com.acme.ErpRefused", "bad", JAVA, "orders"),
        ),
        (
            {
                "__streams.errors.exception": "com.acme.E",
                "__streams.errors.message": "bad",
                "__streams.errors.stacktrace": "at X",
                "__streams.errors.topic": "orders",
            },
            Failure("com.acme.E", "bad", "at X", "orders"),
        ),
        (
            {
                "dead-letter-exception-class-name": "com.acme.E",
                "dead-letter-reason": "bad",
                "dead-letter-topic": "orders",
            },
            Failure("com.acme.E", "bad", "", "orders"),
        ),
        (
            {
                "x-exception-message": "bad",
                "x-exception-stacktrace": JAVA,
                "x-original-exchange": "shop",
                "x-original-routingKey": "order.placed",
            },
            Failure("com.acme.ErpRefused", "bad", JAVA, "shop>order.placed"),
        ),
        (
            {"x-exception-message": "bad", "x-original-exchange": "", "x-original-routingKey": "orders"},
            Failure("", "bad", "", "orders"),
        ),
        (
            {"DeadLetterReason": "MaxDeliveryCountExceeded", "DeadLetterErrorDescription": "10 times"},
            Failure("MaxDeliveryCountExceeded", "10 times"),
        ),
        (
            {
                "rbs2-error-details": "1 unhandled exceptions",
                "rbs2-source-queue": "orders",
                "rbs2-msg-type": "A, B",
            },
            Failure("", "1 unhandled exceptions", "1 unhandled exceptions", "orders", 0, "A"),
        ),
        (
            {"task": "shop.export", "traceback": PYTHON},
            Failure("shop.erp.Refused", "", PYTHON, "", 0, "shop.export"),
        ),
        ({"X-Original-Topic": "orders"}, Failure(origin="orders")),
        (
            {
                "x-error-type": "E",
                "x-error-message": "bad",
                "x-original-queue": "orders",
                "x-failed-at": "1714564800",
            },
            Failure("E", "bad", "", "orders", MAY_1_US),
        ),
        ({"content-type": "application/json", "traceparent": "00-1-2-01"}, Failure()),
        ({}, Failure()),
    ],
)
def test_headers(headers, failure):
    assert failure_in(headers) == failure
    assert failure_in({name.upper(): value for name, value in headers.items()}) == failure


def test_the_framework_that_tells_of_an_error_counts_before_one_that_only_tells_from_where():
    assert failure_in({"NServiceBus.ProcessingEndpoint": "erp", "MT-Fault-Message": "bad"}) == Failure(
        "", "bad"
    )


def test_sidekiq():
    backtrace = ["/app/w.rb:1:in `perform'", "/app/v.rb:2:in `call'"]
    job = {
        "class": "ExportOrder", "jid": "b4a577edbccf1d805744efa9", "queue": "orders", "retry_count": 3,
        "error_class": "Erp::Refused", "error_message": "no such article", "failed_at": 1714564800.5,
        "error_backtrace": backtrace,
    }  # fmt: skip
    failure = Failure(
        "Erp::Refused", "no such article", "\n".join(backtrace), "orders", MAY_1_US + 500_000, "ExportOrder"
    )
    assert failure_in({}, job) == failure
    packed = base64.b64encode(zlib.compress(json.dumps(backtrace).encode())).decode()
    in_milliseconds = {
        "failed_at": 1714564800500,
        "wrapped": "ExportOrder",
        "class": "Sidekiq::ActiveJob::Wrapper",
    }
    assert failure_in({}, job | {"error_backtrace": packed} | in_milliseconds) == failure


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (
            {
                "task_id": "1",
                "status": "FAILURE",
                "task": "shop.export",
                "traceback": PYTHON,
                "result": {"exc_type": "Refused", "exc_message": "bad"},
                "date_done": "2024-05-01T12:00:00+00:00",
            },
            Failure("Refused", "bad", PYTHON, "", MAY_1_US, "shop.export"),
        ),
        (
            {
                "exception": "Erp::Refused",
                "error": "bad",
                "backtrace": ["a.rb:1"],
                "queue": "orders",
                "failed_at": "2024/05/01",
                "payload": {"class": "ExportOrder", "args": []},
            },
            Failure("Erp::Refused", "bad", "a.rb:1", "orders", 0, "ExportOrder"),
        ),
        (
            {
                "queue_name": "orders.XQ",
                "actor_name": "export",
                "options": {"retries": 3, "traceback": PYTHON},
            },
            Failure("shop.erp.Refused", "", PYTHON, "orders.XQ", 0, "export"),
        ),
        (
            {
                "name": "export",
                "failedReason": "bad",
                "stacktrace": ["Error: bad\n  at f"],
                "finishedOn": 1714564800000,
            },
            Failure("Error", "bad", "Error: bad\n  at f", "", MAY_1_US, "export"),
        ),
        (
            {
                "requestContext": {
                    "functionArn": "arn:aws:lambda:eu:1:function:f",
                    "condition": "RetriesExhausted",
                },
                "responsePayload": {
                    "errorType": "KeyError",
                    "errorMessage": "'sku'",
                    "stackTrace": ["  File x"],
                },
                "timestamp": "2024-05-01T12:00:00.000Z",
            },
            Failure("KeyError", "'sku'", "  File x", "", MAY_1_US, "arn:aws:lambda:eu:1:function:f"),
        ),
        ({"order": "SO-1", "error": "wrong size", "queue": "returns"}, Failure()),
        ([{"error_class": "E", "jid": "1"}], Failure()),
        (b"{not json", Failure()),
    ],
)
def test_bodies(body, failure):
    assert failure_in({}, body) == failure


def test_headers_count_before_the_body():
    assert failure_in({"x-error": "outer"}, {"error_class": "E", "jid": "1"}) == Failure("", "outer")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T12:00:00Z", MAY_1_US), ("2024-05-01T14:00:00+02:00", MAY_1_US),
        ("2024-05-01 12:00:00", MAY_1_US),
        ("2024-05-01 12:00:00:000000 Z", MAY_1_US), ("1714564800", MAY_1_US), ("1714564800000", MAY_1_US),
        ("1714564800.25", MAY_1_US + 250_000), ("", 0), ("soon", 0), ("nan", 0), ("1e400", 0), ("-5", 0),
        ("0001-01-01", 0),
    ],
)
def test_moments(text, moment):
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        (JAVA, "com.acme.ErpRefused"), (PYTHON, "shop.erp.Refused"), ("Acme.Refused: no\n   at A.B()",
        "Acme.Refused"),
        ("java.lang.NullPointerException\n\tat A.b(A.java:1)", "java.lang.NullPointerException"),
        ("something went wrong", ""), ("", ""), ("at A.b(A.java:1)", ""),
    ],
)
def test_the_class_of_the_root_cause(stack, name):
    assert class_in(stack) == name


NAMES = st.sampled_from(
    ["NServiceBus.FailedQ", "MT-Fault-Timestamp", "x-error", "traceback", "x-original-exchange"]
)


@given(
    st.lists(st.tuples(NAMES | st.text(max_size=5), st.text())),
    st.binary() | st.binary().map(lambda b: b"{" + b),
)
def test_whatever_a_message_holds_is_read_without_a_fault(headers, body):
    assert isinstance(read_failure(headers, body), Failure)


def fields(values):
    names = [
        "error_class",
        "jid",
        "error_backtrace",
        "failed_at",
        "result",
        "exc_type",
        "traceback",
        "payload",
    ]
    return st.dictionaries(st.sampled_from(names), values)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | fields(inner),
)


@given(fields(json_values))
def test_whatever_a_json_body_holds_is_read_without_a_fault(body):
    assert isinstance(failure_in({}, body), Failure)


@pytest.mark.realdata
def test_messages_of_nservicebus_that_did_not_fail_tell_of_no_error(real_data):
    files = sorted((real_data / "queues" / "nservicebus_headers").glob("*Send*.txt"))
    assert files
    for file in files:
        lines = [line.partition(" = ") for line in file.read_text().splitlines() if " = " in line]
        found = read_failure([(name, value) for name, _, value in lines])
        assert (found.error_class, found.error_message) == ("", "")


def test_the_moments_that_nservicebus_writes(real_data):
    text = (real_data / "queues" / "nservicebus_headers" / "HeaderWriterSend.txt").read_text()
    sent = next(
        line.partition(" = ")[2] for line in text.splitlines() if line.startswith("NServiceBus.TimeSent")
    )
    assert moment_of(sent) > MAY_1_US
