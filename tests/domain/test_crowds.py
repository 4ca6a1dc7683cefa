"""Identifiers that tie too much to be the number of one order."""

import pytest

from controltower.domain import crowds
from controltower.domain.crowds import Crowd, crowds_of
from controltower.domain.identifiers import Identifier

ORDER, WEB = Identifier("order", "1001"), Identifier("order_number", "WEB")
PARCEL, TRACE, EMAIL = Identifier("tracking", "0"), Identifier("trace", "ab"), Identifier("email", "a@b.c")


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(crowds, "MANY_EVENTS", 3)


def test_the_identifier_that_many_events_name_is_told_with_those_who_send_it():
    told = [("shop", (WEB, ORDER)), ("erp", (WEB,)), ("erp", (WEB, WEB))]
    assert crowds_of(told) == [Crowd(WEB, 3, ("erp", "shop"))]


def test_nothing_is_said_of_a_journey_with_many_events_of_which_few_share_a_number():
    assert crowds_of([("shop", (Identifier("order", str(n)),)) for n in range(9)]) == []


def test_only_identifiers_that_join_can_crowd():
    assert crowds_of([("carrier", (TRACE, EMAIL))] * 5) == []
    assert crowds_of([("carrier", (PARCEL,))] * 5) == [Crowd(PARCEL, 5, ("carrier",))]


def test_the_worst_come_first_and_no_more_than_a_person_reads():
    told = [("shop", [Identifier("order", str(n)) for n in range(5)])] * 3 + [("shop", (WEB,))] * 4
    assert [crowd.identifier.value for crowd in crowds_of(told)] == ["WEB", "0", "1"]
