"""Text that a database cannot keep - NUL, or longer than an index takes - is never answered with "try again".

A sender that is told 503 sends the same bytes for ever, and takes everybody's commit down each time.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from controltower.services.ingest import Ingest
from controltower.services.writers import InlineWriter
from controltower.store.engine import Database, open_database
from controltower.store.schema import upgrade
from tests.backends import new_database
from tests.builders import NOW, us
from tests.collectors.asgi import Reply, post
from tests.collectors.estate import EVENTS, STRUCTURED, an_app, an_event
from tests.model import PROCESS

_NOISE = random.Random(1).choices([chr(n) for n in range(0x4E00, 0x9FFF)], k=10_000)  # does not compress
LONG, WIDE = "".join(_NOISE), "".join(_NOISE[:1_000])  # 30,000 bytes, and 3,000 in a text that is not long
UNUSUAL = pytest.mark.parametrize("text", ["a\0b", LONG, WIDE], ids=["NUL", "long", "wide"])
SPAN = {"traceId": "01" * 16, "spanId": "02" * 8, "name": "x"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The edges, over a real store."""
    if request.param == "sqlite":
        yield from _served(open_database(f"sqlite:///{tmp_path_factory.mktemp('store') / 'tower.db'}"))
    else:
        with new_database(request.getfixturevalue("postgres_server")) as url:
            yield from _served(open_database(url))


def _served(database: Database) -> Iterator[Any]:
    upgrade(database)
    ingest = Ingest(InlineWriter(database, {PROCESS.name: PROCESS}), lambda: us(NOW))
    ingest.start()
    yield an_app(ingest)  # type: ignore[arg-type]
    ingest.close()
    database.dispose()


def send(app: Any, path: str, content: object, content_type: str = "application/json") -> Reply:
    return post(app, path, json.dumps(content).encode(), content_type)


def attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


@UNUSUAL
@pytest.mark.parametrize(
    "name",
    [
        "id",
        "source",
        "type",
        "subject",
        "correlationid",
        "traceparent",
        "datacontenttype",
        "dataschema",
        "ext",
    ],
)
def test_in_an_attribute_of_an_event(app: Any, name: str, text: str):
    event = an_event(**{name: text, "data": None, "data_base64": "e30="})
    assert send(app, EVENTS, event, STRUCTURED).status in (200, 400)


@UNUSUAL
def test_in_the_type_of_data_that_cannot_be_read(app: Any, text: str):
    event = an_event(datacontenttype=f"application/{text}+json", data=None, data_base64="e2E=")
    assert send(app, EVENTS, event, STRUCTURED).status == 400


@UNUSUAL
@pytest.mark.parametrize(
    "data",
    [
        lambda text: {"identifiers": {"order": text, "email": text, "tracking": text}},
        lambda text: {"identifiers": {text: "1001"}},
        lambda text: {"system": text},
        lambda text: {"channel": text, "status": text},
        lambda text: {"customer": {"name": text, "email": text, "id": text}},
        lambda text: {"total": {"amount": text, "currency": text}},
        lambda text: {"outcome": "failed", "error": {"code": text, "message": text}},
    ],
    ids=["values", "kind", "system", "words", "customer", "total", "error"],
)
def test_in_the_data_of_an_event(app: Any, data: Any, text: str):
    reply = send(
        app, EVENTS, an_event(id=f"{data(text)}"[:99].replace("\0", ""), data=data(text)), STRUCTURED
    )
    assert (reply.status, reply.json["stored"]) == (200, 1)


@UNUSUAL
@pytest.mark.parametrize(
    "named", [{"service.name": True}, {"order.id": False, "correlation.id": False}], ids=["service", "links"]
)
def test_in_a_span(app: Any, named: dict[str, bool], text: str):
    of_resource = [attribute(key, text) for key, is_of_resource in named.items() if is_of_resource]
    of_span = [attribute(key, text) for key, is_of_resource in named.items() if not is_of_resource]
    content = {
        "resourceSpans": [
            {
                "resource": {"attributes": of_resource},
                "scopeSpans": [{"spans": [{**SPAN, "attributes": of_span}]}],
            }
        ]
    }
    assert send(app, "/v1/traces", content).status == 200


@UNUSUAL
@pytest.mark.parametrize("name", ["kafka.consumer_group.lag", "messaging.x", "unheard.of"])
def test_in_a_metric(app: Any, name: str, text: str):
    keys = ("topic", "group", "partition", "messaging.destination.name", "messaging.system")
    point = {"asInt": "1", "timeUnixNano": "1", "attributes": [attribute(key, text) for key in keys]}
    known = {"name": name, "gauge": {"dataPoints": [point]}}
    unknown = {"name": name + text, "gauge": {"dataPoints": [point]}}
    content = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [known, unknown]}]}]}
    assert send(app, "/v1/metrics", content).status == 200


@UNUSUAL
@pytest.mark.parametrize("event_name", ["", "order.captured", "unusual"])
def test_in_a_log_record(app: Any, event_name: str, text: str):
    record = {
        "timeUnixNano": "1",
        "eventName": text if event_name == "unusual" else event_name,
        "body": {"stringValue": text},
        "severityText": text,
        "attributes": [attribute(key, text) for key in ("correlation.id", "order.id", "channel", "status")],
    }
    resource = {"attributes": [attribute("service.name", text), attribute("service.namespace", text)]}
    content = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    assert send(app, "/v1/logs", content).status in (200, 400)
