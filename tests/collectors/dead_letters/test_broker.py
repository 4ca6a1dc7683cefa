"""Dead letters from brokers: what the connections file says of a place, and what the messages say."""

import msgspec
import pytest

from collectors.brokers.connections import Declared, declared
from collectors.dead_letters.broker import BrokerLetters
from collectors.mapping.catalogue import load_catalogue
from controltower.domain.dead_letters import id_of
from controltower.domain.errors import BadSetting, StoreUnavailable
from controltower.domain.messages import Message, Received
from tests.collectors.dead_letters.letters import NOW_US, FakeTaker

MAPPINGS = load_catalogue()
PLAIN = Received(
    Message(b'{"identifiers": {"order": "1001"}}', message_id="m-1"), "erp.dead", "1", "erp.post"
)


def a_connection(*dead_letters: object, **more: object) -> Declared:
    table = {"kind": "rabbitmq", "url": "amqp://127.0.0.1", "dead_letters": list(dead_letters), **more}
    return declared("connections.toml: connections.bus", "bus", table, {}, MAPPINGS)


def taken(connection, *received):
    taker = FakeTaker()
    BrokerLetters({"bus": connection}, MAPPINGS, taker, lambda: NOW_US).take("bus", received)
    return taker.letters


def test_a_place_that_is_only_named_leaves_all_to_the_messages():
    (letter,) = taken(a_connection("erp.dead"), PLAIN)

    assert (letter.source, letter.place, letter.position) == ("bus", "erp.dead", "1")
    assert (letter.origin_connection, letter.origin_place) == ("bus", "erp.post")
    assert [one.value for one in letter.identifiers] == ["1001"]


def test_what_is_declared_of_a_place_holds_for_all_its_messages():
    origin = {"place": "in", "connection": "erp"}
    place = {"place": "erp.dead", "type": "order.posted", "system": "middleware", "origin": origin}

    (letter,) = taken(a_connection(place), PLAIN)

    assert (letter.type, letter.system) == ("order.posted", "middleware")
    assert (letter.origin_connection, letter.origin_place) == ("erp", "in")


def test_an_origin_without_a_connection_is_on_the_same():
    (letter,) = taken(a_connection({"place": "erp.dead", "origin": {"place": "in"}}), PLAIN)

    assert (letter.origin_connection, letter.origin_place) == ("bus", "in")


def test_a_declared_mapping_reads_the_messages():
    at = "2026-05-31T10:00:00Z"
    body = msgspec.json.encode({"id": 1, "name": "#1001", "created_at": at, "updated_at": at})
    message = Message(body, (("X-Shopify-Topic", "orders/create"),), "application/json")

    (letter,) = taken(
        a_connection({"place": "erp.dead", "mapping": "shopify"}), PLAIN._replace(message=message)
    )

    assert letter.type == "order.captured"


def test_a_message_that_is_handed_out_again_is_the_same_letter():
    first, again = taken(a_connection("erp.dead"), PLAIN, PLAIN._replace(deliveries=2, handle=object()))

    assert first == again and id_of(first) == id_of(again)


def test_a_store_that_is_away_leaves_the_messages_with_their_broker():
    taker = FakeTaker()
    taker.is_down = True

    with pytest.raises(StoreUnavailable):
        BrokerLetters({"bus": a_connection("erp.dead")}, {}, taker, lambda: NOW_US).take("bus", [PLAIN])


@pytest.mark.parametrize(
    ("dead_letters", "words"),
    [
        (
            [{"place": "q", "mapping": "nobodys"}],
            "bus.dead_letters[0].mapping: there is no mapping 'nobodys'",
        ),
        ([{"plaice": "q"}], "unknown field `plaice`"),
        (["q", {"place": "q"}], "dead_letters[1]: 'q' is consumed already"),
        ([{"place": "q", "origin": {"connection": "erp"}}], "origin: Object missing required field `place`"),
        ([7], "dead_letters[0]"),
    ],
)
def test_a_mistake_is_named(dead_letters, words):
    with pytest.raises(BadSetting) as refused:
        a_connection(*dead_letters)

    assert words in str(refused.value)
