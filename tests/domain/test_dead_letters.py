"""Which letter is which, and amounts that add up exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.dead_letters import (
    death_of,
    id_of,
    payload_hash,
    replayed_id_of,
    scaled,
    strongest_of,
    unscaled,
)
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import REPLAY_OF, Death, Message
from tests.services.replay.rig import a_letter


def test_a_message_in_three_queues_is_three_letters():
    letters = [a_letter(message_id="m", origin_place=queue) for queue in ("erp", "wms", "crm")]
    assert len({id_of(letter) for letter in letters}) == 3


def test_a_message_is_the_same_letter_wherever_its_broker_keeps_it_now():
    assert id_of(a_letter(message_id="m", position="1")) == id_of(a_letter(message_id="m", position="2"))


def test_messages_without_ids_are_told_apart_by_their_position():
    nameless = Message(b"{}")
    first, second = (a_letter(position=position, message=nameless) for position in ("1", "2"))
    assert id_of(first) != id_of(second)
    assert id_of(first) == id_of(first._replace(failed_us=1))


def test_the_same_message_that_died_later_is_another_death():
    letter = a_letter(message_id="m", position="1")
    again = letter._replace(deaths=(Death("erp.post", "rejected", 2, letter.failed_us + 1),))
    assert death_of(letter) == death_of(letter._replace(identifiers=()))
    assert death_of(again) != death_of(letter)


@pytest.mark.parametrize("told", ["", "xyz", "00", "é", "0" * 31, "0" * 33])
def test_who_claims_to_be_a_replay_of_nonsense_is_a_letter_of_its_own(told: str):
    assert replayed_id_of(a_letter(headers=((REPLAY_OF, told),))) is None


def test_a_replay_names_its_letter_whatever_the_case_of_the_header():
    assert replayed_id_of(a_letter(headers=(("X-Replay-Of", "ab" * 16),))) == b"\xab" * 16


@given(
    headers=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4),
    body=st.binary(max_size=20),
    data=st.data(),
)
def test_the_hash_is_of_what_is_sent_and_not_of_the_order_of_headers(
    headers: list[tuple[str, str]], body: bytes, data: st.DataObject
):
    message = Message(body, tuple(headers), "text/plain")
    shuffled = tuple(data.draw(st.permutations(headers)))
    assert payload_hash(message._replace(headers=shuffled)) == payload_hash(message)
    assert payload_hash(message._replace(body=body + b"x")) != payload_hash(message)
    assert payload_hash(message._replace(headers=(*headers, ("new", "1")))) != payload_hash(message)


@given(st.decimals(-(10**12), 10**12, places=4))
def test_amounts_survive_being_scaled(amount: Decimal):
    assert Decimal(unscaled(scaled(f"{amount:f}"))) == amount


@pytest.mark.parametrize("told", ["", "1e5", "12,50", "abc", "9" * 30, "٣"])
def test_what_is_no_plain_amount_counts_nothing(told: str):
    assert scaled(told) == 0


def test_the_strongest_identifier_ties_a_letter_to_its_journey():
    found = strongest_of(
        [
            Identifier("sku", "A"),
            Identifier("shipment", "S"),
            Identifier("order", "1"),
            Identifier("order", "N/A"),
        ]
    )
    assert found == Identifier("order", "1")
    assert strongest_of([Identifier("sku", "A"), Identifier("order", "0")]) is None
