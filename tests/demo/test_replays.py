"""The estate gives messages up, takes them again, books an order once, and lets it live on then."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.dead_letters.documents import read_document
from controltower.demo.causes import Causes
from controltower.demo.emissions import Emission, EventOut, LetterOut
from controltower.demo.estate import Estate
from controltower.demo.references import Reference, find_reference
from controltower.demo.replays import Consumer
from controltower.domain.dead_letters import death_of, id_of
from tests.demo.stitching import PROCESS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


class House:
    """The consumer, the causes, and what the systems say of it."""

    def __init__(self):
        self.causes = Causes(NOW)
        self.emissions: list[Emission] = []
        self.consumer = Consumer(self.causes, self.emissions.extend, lambda: LATER)

    def replay(self, letter, *, key="k-1", attempt=1, body=None):
        headers = {
            **letter["headers"],
            "idempotency-key": key,
            "x-replay-of": "ab",
            "x-replay-attempt": str(attempt),
        }
        return self.consumer.take(headers, (body or letter["body"]).encode())

    def events(self):
        return [
            e.document["type"].removeprefix("com.northwind-living.")
            for e in self.emissions
            if type(e) is EventOut
        ]

    def letters(self):
        return [e.document for e in self.emissions if isinstance(e, LetterOut)]


@pytest.fixture(scope="module")
def letters():
    """What was given up on of a day's orders, by the code of the error."""
    emissions = Estate(seed=7, series="TEST", started_at=NOW).backfill(800)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in emissions:
        if isinstance(one, LetterOut):
            found.setdefault(one.document["error"]["code"], []).append(one.document)
    return found


def unmapped_sku(letter):
    return letter["error"]["message"].rpartition(" ")[2]


def test_what_nobody_repairs_is_given_up_on(letters):
    assert set(letters) == {"SKU_UNMAPPED", "SCHEMA_INVALID", "CREDIT_HOLD", "ERP_TIMEOUT"}
    assert len(letters["SKU_UNMAPPED"]) > 30


def test_every_letter_is_one_that_the_tower_reads(letters):
    for document in (one for found in letters.values() for one in found):
        letter = read_document(json.dumps(document).encode(), {}, now_us=1)
        assert (letter.origin_connection, letter.origin_place) == ("middleware", "erp.post")
        assert [stage.name for stage in PROCESS.steps].index("posted") == PROCESS.read(letter.type).stage
        assert letter.error_frame and letter.amount and letter.due_us


def test_all_missing_articles_make_one_group_of_which_one_button_mends_about_half(letters):
    found = letters["SKU_UNMAPPED"]
    frames = {read_document(json.dumps(one).encode(), {}, now_us=1).error_frame for one in found}
    skus = Counter(map(unmapped_sku, found))
    assert len(frames) == 1
    assert 0.3 < skus["TBL-DIN-OAK"] / len(found) < 0.75


def test_while_the_cause_is_there_it_is_given_up_on_again(letters):
    house, letter = House(), letters["SKU_UNMAPPED"][0]

    assert house.replay(letter).status == 202

    (again,) = house.letters()
    assert house.events() == ["order.posted.failed"]
    assert again["headers"]["x-replay-of"] == "ab" and again["headers"]["x-replay-attempt"] == "1"
    assert (again["message_id"], again["body"]) == (letter["message_id"], letter["body"])
    first, second = (read_document(json.dumps(one).encode(), {}, now_us=1) for one in (letter, again))
    assert id_of(first) == id_of(second) and death_of(first) != death_of(second)


def test_once_the_article_is_mapped_the_order_lives_on_and_is_shipped_within_a_minute(letters):
    house, letter = House(), letters["SKU_UNMAPPED"][0]
    house.causes.map_sku(unmapped_sku(letter))

    assert house.replay(letter).status == 202

    assert house.events()[0] == "order.posted"
    assert {"order.released", "shipment.shipped", "shipment.delivered", "invoice.issued"} <= set(
        house.events()
    )
    shipped = [
        e.at for e in house.emissions if isinstance(e, EventOut) and e.document["type"].endswith("shipped")
    ]
    assert max(shipped) - LATER < timedelta(minutes=1)
    assert not house.letters()


def test_it_fails_and_after_the_mapping_the_same_key_books_it(letters):
    house, letter = House(), letters["SKU_UNMAPPED"][0]
    house.replay(letter)
    house.causes.map_sku(unmapped_sku(letter))

    assert house.replay(letter, attempt=2).status == 202
    assert house.events().count("order.posted") == 1


@pytest.mark.parametrize("is_mapped", [True, False])
def test_the_same_attempt_twice_has_one_effect(letters, is_mapped):
    house, letter = House(), letters["SKU_UNMAPPED"][0]
    house.causes.map_sku(unmapped_sku(letter), is_mapped=is_mapped)
    house.replay(letter)
    before = list(house.emissions)

    assert house.replay(letter).status == 200
    assert house.emissions == before


def test_a_booked_order_is_not_booked_under_another_key(letters):
    house, letter = House(), letters["ERP_TIMEOUT"][0]
    house.replay(letter)

    assert house.replay(letter, key="another").status == 409
    assert house.events().count("order.posted") == 1


def test_a_country_that_was_put_right_in_the_message_is_booked(letters):
    house, letter = House(), letters["SCHEMA_INVALID"][0]
    house.replay(letter)
    assert len(house.letters()) == 1

    house.replay(letter, key="k-1.1", attempt=2, body=letter["body"].replace('"Unknown"', '"DE"'))

    assert "order.posted" in house.events()


def test_or_the_schema_takes_it(letters):
    house = House()
    house.causes.take_any_country()

    house.replay(letters["SCHEMA_INVALID"][0])

    assert "order.posted" in house.events()


def test_finance_releases_some_credits_by_itself(letters):
    house = House()
    for number, letter in enumerate(letters["CREDIT_HOLD"]):
        house.replay(letter, key=f"k-{number}")

    assert house.letters() and "order.posted" in house.events()


def test_whoever_restarts_the_estate_can_still_replay_what_it_gave_up_on(letters):
    letter = letters["ERP_TIMEOUT"][0]
    first, second = House(), House()

    first.replay(letter)
    second.replay(letter)

    assert first.emissions == second.emissions


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, None, 404),
        ({"x-order-reference": "7/TEST/1/9"}, None, 404),
        ({"x-order-reference": "7/TEST/1234567890123/0"}, None, 404),
        ({"x-order-reference": "7/OTHER/1007/0"}, None, 404),
        ({"idempotency-key": ""}, None, 400),
        ({}, b"no JSON", 400),
        ({}, b"[]", 400),
        ({}, b"[" * 100_000, 400),
    ],
)
def test_what_is_no_message_of_the_estate_is_refused(letters, headers, body, status):
    house, letter = House(), letters["SKU_UNMAPPED"][0]
    known = {} if not headers and body is None else letter["headers"]
    answer = house.consumer.take(
        {**known, "idempotency-key": "k", **headers}, body or letter["body"].encode()
    )

    assert answer.status == status
    assert not house.emissions


def test_an_article_that_is_mapped_fails_no_new_order():
    causes = Causes(NOW)
    for sku in ("TBL-DIN-OAK", "CHR-LNG-OCH", "RUG-JUT-160"):
        causes.map_sku(sku)

    emissions = Estate(seed=7, series="TEST", started_at=NOW, causes=causes).backfill(300)

    codes = {one.document["error"]["code"] for one in emissions if isinstance(one, LetterOut)}
    assert "SKU_UNMAPPED" not in codes and codes


def test_a_reference_is_read_as_it_was_written():
    reference = Reference(-3, "BCD", 1042, 2)
    assert find_reference(str(reference)) == reference
    assert find_reference("1/2") is None
