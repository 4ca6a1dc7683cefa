"""Where an exception came from, in the words of five languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.stack_frames import MAX_FRAME, first_own_frame

PYTHON = '''\
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/celery/app/trace.py", line 451, in trace_task
    R = retval = fun(*args, **kwargs)
                 ^^^^^^^^^^^^^^^^^^^^
  File "/srv/releases/2024-05-01/shop/orders/tasks.py", line 42, in export_order
    post(order)
  File "/srv/releases/2024-05-01/shop/erp/client.py", line 7, in post
    response.raise_for_status()
  File "/usr/lib/python3.11/site-packages/requests/models.py", line 1021, in raise_for_status
    raise HTTPError(http_error_msg, response=self)
requests.exceptions.HTTPError: 500 Server Error
'''
PYTHON_CAUSED = '''\
Traceback (most recent call last):
  File "/app/shop/skus.py", line 9, in article_of
    return ARTICLES[sku]
KeyError: 'TBL-1'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/tasks.py", line 3, in export_order
    raise ExportFailed(sku) from exc
shop.ExportFailed: TBL-1
'''
PYTHON_WHILE_HANDLING = PYTHON_CAUSED.replace(
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
JAVA = """\
org.springframework.kafka.listener.ListenerExecutionFailedException: Listener method 'void onOrder()' threw exception
\tat org.springframework.kafka.listener.KafkaMessageListenerContainer$ListenerConsumer.decorateException(KafkaMessageListenerContainer.java:2719) ~[spring-kafka-2.8.10.jar:2.8.10]
\t... 9 common frames omitted
\tSuppressed: org.springframework.kafka.listener.ListenerExecutionFailedException: Restored Stack Trace
\t\tat org.springframework.kafka.listener.adapter.HandlerAdapter.invoke(HandlerAdapter.java:56)
Caused by: com.acme.erp.ErpRefused: no such article
\tat java.base/java.util.Optional.orElseThrow(Optional.java:403)
\tat com.acme.orders.ErpClient.lambda$post$3(ErpClient.java:88) ~[classes!/:na]
\tat com.acme.orders.OrderListener$$EnhancerBySpringCGLIB$$1f2e3d.onOrder(<generated>)
\tat com.acme.orders.OrderListener.onOrder(OrderListener.java:31) ~[classes!/:na]
\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)
"""  # noqa: E501
DOTNET = """\
System.AggregateException: One or more errors occurred. (No such article)
 ---> Acme.Erp.ErpRefusedException: No such article
   at System.Net.Http.HttpResponseMessage.EnsureSuccessStatusCode()
   at Acme.Orders.ErpClient.<PostAsync>d__7`1.MoveNext() in C:\\agent\\_work\\3\\s\\src\\ErpClient.cs:line 55
--- End of stack trace from previous location ---
   at Acme.Orders.OrderPlacedHandler.Handle(OrderPlaced message, IMessageHandlerContext context) in /src/Handler.cs:line 21
   at NServiceBus.InvokeHandlerTerminator.Terminate(IInvokeHandlerContext context)
   --- End of inner exception stack trace ---
   at Acme.Host.Program.Main(String[] args)
"""  # noqa: E501
JAVASCRIPT = """\
TypeError: Cannot read properties of undefined (reading 'sku')
    at Array.map (<anonymous>)
    at Object.get (node:internal/util:12:9)
    at parse (/app/node_modules/fast-xml/lib/parse.js:4:10)
    at async OrderMapper.toErp (file:///app/dist/orders/mapper.js:31:18)
    at async /app/dist/worker.js:9:3
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
"""
JAVASCRIPT_CAUSED = """\
Error: export failed
    at exportOrder (/app/dist/export.js:9:3) {
  [cause]: RangeError: no such article
      at articleOf (/app/dist/main.4f3e2a1b9c.js:2:11)
"""
RUBY = """\
/usr/local/bundle/gems/faraday-2.7.4/lib/faraday/response.rb:11:in `raise_error'
/app/app/workers/export_order_worker.rb:17:in `block in perform'
/usr/local/bundle/gems/sidekiq-7.1.0/lib/sidekiq/processor.rb:202:in `execute_job'
"""


@pytest.mark.parametrize(
    ("stack", "frame"),
    [
        (PYTHON, "erp/client.py post"),
        (PYTHON_CAUSED, "shop/skus.py article_of"),
        (PYTHON_WHILE_HANDLING, "shop/tasks.py export_order"),
        (JAVA, "com.acme.orders.ErpClient.post"),
        (DOTNET, "Acme.Orders.ErpClient.PostAsync"),
        (JAVASCRIPT, "orders/mapper.js OrderMapper.toErp"),
        (JAVASCRIPT_CAUSED, "dist/main.#.js articleOf"),
        (RUBY, "workers/export_order_worker.rb block in perform"),
    ],
)
def test_the_own_frame_nearest_to_the_root_cause(stack, frame):
    assert first_own_frame(stack) == frame
    assert first_own_frame(stack.replace("\n", "\r\n")) == frame


@pytest.mark.parametrize("stack", [PYTHON, JAVA, DOTNET, JAVASCRIPT, JAVASCRIPT_CAUSED, RUBY])
def test_line_numbers_do_not_matter(stack):
    moved = re.sub(r"(line |:)\d+", lambda found: f"{found[1]}9{len(found[0])}", stack)
    assert first_own_frame(moved) == first_own_frame(stack)


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("at app//com.acme.A.b(A.java:1)", "com.acme.A.b"),
        ("at com.acme.A.<init>(A.java:1)", "com.acme.A.<init>"),
        ("at com.acme.Sku$Parser.parse(Unknown Source)", "com.acme.Sku$Parser.parse"),
        ("at com.acme.OrdersKt.post(Orders.kt:7)", "com.acme.OrdersKt.post"),
        ("   at Acme.A.<>c__DisplayClass3_0.<Handle>b__1(Order o)", "Acme.A.Handle"),
        ("   at Acme.A.<Handle>g__Post|3_0(Order o) in /src/A.cs:line 4", "Acme.A.Handle"),
        ("   at Acme.Box`1.Open[T](T key)", "Acme.Box`1.Open[T]"),
        ("   bei Acme.A.Handle(Order o) in C:\\A.cs:Zeile 12.", "Acme.A.Handle"),
        ("    at new Order (C:\\shop\\order.js:1:2)", "shop/order.js Order"),
        ("    at Shop.post [as send] (/var/task/index.js:1:2)", "task/index.js Shop.post"),
        ("    at https://shop.example.com/js/cart.js?v=7:1:2", "js/cart.js"),
        ("/app/w.rb:3:in 'Shop::Export#perform'", "app/w.rb Shop::Export#perform"),
    ],
)
def test_the_ways_to_write_a_frame(line, frame):
    assert first_own_frame(f"Error: x\n{line}") == frame


def test_when_every_frame_is_a_librarys_it_is_the_innermost():
    frames = ("java.io.DataInput.read(DataInput.java:1)", "org.apache.X.y(X.java:2)")
    stack = "".join(f"\n\tat {frame}" for frame in frames)
    assert first_own_frame(stack) == "java.io.DataInput.read"


@pytest.mark.parametrize("text", ["", "no such article", "at noon (about)", "{}", "see orders.py, line 3"])
def test_what_is_no_stack_trace_has_no_frame(text):
    assert first_own_frame(text) == ""


LINES = (PYTHON + JAVA + DOTNET + JAVASCRIPT + RUBY).splitlines()


@given(st.text() | st.lists(st.sampled_from(LINES)).map("\n".join))
def test_any_text_is_answered_in_one_short_line(text):
    frame = first_own_frame(text)
    assert len(frame) <= MAX_FRAME
    assert "\n" not in frame


def test_an_endless_trace_takes_no_time():
    assert first_own_frame("a" * 5_000_000) == ""
    assert first_own_frame("at a(" + ") 1" * 100_000 + "x") == ""
    assert first_own_frame("at " + "/" * 900 + "x") == ""
    assert first_own_frame("\tat com.acme.A.b(A.java:1)\n" * 100_000) == "com.acme.A.b"
