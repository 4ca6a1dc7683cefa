"""The connections file: what it says, and what is said when it has a mistake."""

import sys

import pytest

from collectors.brokers.connections import Declared, load_connections
from controltower.domain.errors import BadSetting

PASSWORD = "p@ss/w#rd"
ENVIRON = {"ORDERS_PASSWORD": PASSWORD, "HOST": "127.0.0.1:5673"}
WHOLE = """
[connections.orders]
kind = "rabbitmq"
url = "amqp://tower:${ORDERS_PASSWORD}@${HOST}/%2F"
management = "http://tower:${ORDERS_PASSWORD}@127.0.0.1:15672"
dead_letters = ["orders.dlq"]
events = [{ place = "orders.events", mapping = "shopify" }, { place = "otlp_spans", format = "otlp" }]
samples = ["orders", "orders.dlq"]
sample_seconds = 5
rate = 50

[connections.legacy]
kind = "redis"
url = "redis://127.0.0.1:6379/0"
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str, environ: dict[str, str] = ENVIRON) -> dict[str, Declared]:
        path = tmp_path / "connections.toml"
        path.write_text(text)
        return load_connections(str(path), environ, {"shopify"})

    return load


def test_no_file_declares_no_connections():
    assert load_connections("", {}) == {}


def test_a_file_says_what_there_is_and_what_to_do_with_it(load):
    orders = load(WHOLE)["orders"]
    assert (orders.connection.name, orders.connection.kind) == ("orders", "rabbitmq")
    assert orders.table.dead_letters == ["orders.dlq"]
    assert [(e.place, e.mapping, e.format) for e in orders.table.events] == [
        ("orders.events", "shopify", ""),
        ("otlp_spans", "", "otlp"),
    ]
    assert (orders.table.sample_seconds, orders.table.rate) == (5, 50)


def test_what_is_not_said_has_a_default(load):
    legacy = load(WHOLE)["legacy"].table
    assert (legacy.dead_letters, legacy.events, legacy.samples) == ([], [], [])
    assert (legacy.sample_seconds, legacy.rate) == (15, 100)


def test_a_password_from_the_environment_may_hold_any_character(load):
    url = load(WHOLE)["orders"].table.url
    assert url.reveal() == "amqp://tower:p%40ss%2Fw%23rd@127.0.0.1:5673/%2F"


def test_a_value_that_is_no_url_is_taken_as_it_is(load):
    text = '[connections.a]\nkind = "redis"\nurl = "redis://h:1/0"\nbody_field = "${FIELD}"'
    assert load(text, {"FIELD": "a@b/c"})["a"].table.body_field == "a@b/c"


def test_nothing_shows_a_credential(load):
    orders = load(WHOLE)["orders"]
    shown = f"{orders!r} {orders.table!r} {orders.table.url} {vars(orders.connection)!r}"
    assert PASSWORD not in shown
    assert "p%40ss" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[connections", "not valid TOML"),
        ("[brokers.a]", "brokers: expected tables named connections.NAME only"),
        ("connections = 3", "connections: expected tables"),
        ('[connections.A]\nkind = "redis"', "connections.A: expected a name of small letters"),
        ('[connections.a]\nkind = "mq"', "connections.a.kind: expected one of"),
        ('[connections.a]\nurl = "x"', "connections.a.kind: expected one of"),
        ('[connections.a]\nkind = "redis"', "connections.a: Object missing required field `url`"),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://h"\nqueue = "x"',
            "connections.a: Object contains unknown field `queue`",
        ),
        ('[connections.a]\nkind = "redis"\nurl = 3', "connections.a.url: Expected `str`"),
        ('[connections.a]\nkind = "redis"\nurl = "redis://h"\nrate = 0', "a.rate: Expected `float` > 0"),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://h"\nevents = [{ place = "x", format = "avro" }]',
            "connections.a.events[0].format: Invalid enum value 'avro'",
        ),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://h"\nevents = [{ place = "x", mapping = "y" }]',
            "connections.a.events[0].mapping: there is no mapping 'y'",
        ),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://h"\n'
            'events = [{ place = "x", mapping = "shopify", format = "otlp" }]',
            "connections.a.events[0]: expected a mapping or a format, found both",
        ),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://h"\n'
            'dead_letters = ["x"]\nevents = [{ place = "x" }]',
            "connections.a.events[0].place: 'x' is consumed already",
        ),
        (
            '[connections.a]\nkind = "redis"\nurl = "redis://:${NOT_THERE}@h"',
            "connections.a.url: expected NOT_THERE in the environment",
        ),
        ('[connections.a]\nkind = "redis"\nurl = "h:6379"', "a.url: expected an address such as redis"),
        ('[connections.a]\nkind = "nats"\nurl = "h:4222"', "a.url: expected an address such as nats"),
        ('[connections.a]\nkind = "rabbitmq"\nurl = "h:1"', "a.url: expected an address such as amqp"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_file_its_key_and_what_was_expected(load, text: str, said: str):
    with pytest.raises(BadSetting) as error:
        load(text)
    assert said in str(error.value)
    assert "connections.toml: " in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "amqp://tower:s3cr3t@h:port/",
        "amqp://tower:s3cr3t@h/?heartbeat=x",
        "s3cr3t",
    ],
)
def test_an_address_with_a_mistake_is_not_quoted(load, url: str):
    with pytest.raises(BadSetting) as error:
        load(f'[connections.a]\nkind = "rabbitmq"\nurl = "{url}"')
    assert "s3cr3t" not in f"{error.value!r} {error.value.__cause__!r}"


def test_a_library_that_is_missing_is_named_with_the_extra_that_brings_it(load, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("collectors.brokers.rabbitmq")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pika", None)
    with pytest.raises(BadSetting, match=r"pip install 'controltower\[rabbitmq\]'"):
        load('[connections.a]\nkind = "rabbitmq"\nurl = "amqp://h"')


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadSetting, match=r"CONTROLTOWER_CONNECTIONS: cannot read .*none\.toml"):
        load_connections(str(tmp_path / "none.toml"), {})
