"""Whether a replay is safe, and what shows that it worked: functions of what is known, not of its order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.components import fact_of
from controltower.domain.dead_letters import SOURCE
from controltower.domain.identifiers import Identifier
from controltower.domain.outcomes import Fact
from controltower.domain.verdicts import KINDS, Newer, Subject, confirmation_of, judge
from tests.builders import NOW, an_event, order_to_cash, us

PROCESS = order_to_cash()
ORDER = ("order", "1001")
FIRST, SECOND = ("shipment", "S1"), ("shipment", "S2")


def told(type: str, *identifiers: tuple[str, str], minutes: float = 0, **rest: Any) -> Fact:
    """A fact this many minutes after the failure."""
    event = an_event(type, ORDER, *identifiers, at=NOW + timedelta(minutes=minutes), **rest)
    return fact_of(event)


def subject(type: str = "order.posted", *legs: tuple[str, str], **rest: object) -> Subject:
    """A message that failed now."""
    made = Subject(type, us(NOW), us(NOW), tuple(Identifier(*leg) for leg in legs))
    return made._replace(**rest)  # type: ignore[arg-type]


def verdict(wanted: Subject, *facts: Fact) -> str:
    return judge(wanted, PROCESS, facts).kind


BEGUN = (told("order.captured", minutes=-60), told("order.accepted", minutes=-50))


@pytest.mark.parametrize(
    ("message", "facts", "expected"),
    [
        ("order.posted", BEGUN, "safe"),
        ("order.posted", (), "unknown"),
        ("customer.sneezed", BEGUN, "unknown"),
        ("order.posted", (*BEGUN, told("order.posted", minutes=-5)), "duplicate_risk"),
        ("order.posted", (*BEGUN, told("shipment.shipped", minutes=-5)), "duplicate_risk"),
        ("order.posted", (*BEGUN, told("order.posted.failed", minutes=-5)), "safe"),
        ("order.posted", (*BEGUN, told("order.cancelled")), "wrong_state"),
        ("order.posted", (*BEGUN, told("payment.refunded")), "wrong_state"),
        ("order.cancelled", BEGUN, "safe"),
        ("order.cancelled", (*BEGUN, told("order.cancelled")), "duplicate_risk"),
        ("order.cancelled", (*BEGUN, told("shipment.shipped")), "wrong_state"),
        ("order.updated", (*BEGUN, told("shipment.shipped")), "wrong_state"),
        ("order.updated", (*BEGUN, told("order.updated", minutes=5)), "superseded"),
        ("order.updated", (*BEGUN, told("order.updated", minutes=-5)), "safe"),
        ("customer.sneezed", (*BEGUN, told("customer.sneezed", minutes=5)), "superseded"),
        ("order.posted", (*BEGUN, told("order.completed")), "duplicate_risk"),
    ],
)
def test_what_the_journey_says_decides(message: str, facts: Sequence[Fact], expected: str):
    assert verdict(subject(message), *facts) == expected


def test_what_the_dead_letter_itself_reported_decides_nothing():
    own = told("order.posted.failed", source=SOURCE, outcome="failed")
    assert verdict(subject(), own) == "unknown"
    assert verdict(subject(), *BEGUN, own) == "safe"


def test_another_shipment_of_the_order_says_nothing_about_this_one():
    other = told("shipment.shipped", SECOND, minutes=-5)
    assert verdict(subject("shipment.picked", FIRST), *BEGUN, other) == "safe"
    assert verdict(subject("shipment.picked", SECOND), *BEGUN, other) == "duplicate_risk"


def test_what_was_sent_before_without_any_sign_is_unknown():
    assert verdict(subject(is_unsettled=True), *BEGUN) == "unknown"


def test_a_newer_change_of_the_same_record_supersedes():
    newer = Newer(b"", "inventory.published", "shop")
    assert verdict(subject("order.accepted", newer=newer), told("order.captured")) == "superseded"
    assert verdict(subject("order.accepted", is_often_changed=True), told("order.captured")) == "unknown"


def test_every_verdict_says_why():
    for facts in ((), BEGUN, (*BEGUN, told("order.cancelled")), (*BEGUN, told("order.posted"))):
        assert len(judge(subject(), PROCESS, facts).why) > 10


@pytest.mark.parametrize(
    ("message", "fact", "confirms"),
    [
        ("order.posted", told("order.posted", minutes=1), True),
        ("order.posted", told("order.released", minutes=1), True),
        ("order.posted", told("order.posted", minutes=-1), False),
        ("order.posted", told("order.posted.failed", minutes=1), False),
        ("order.posted", told("payment.settled", minutes=1), False),
        ("order.released", told("shipment.shipped", minutes=1), True),
        ("order.captured", told("order.posted", minutes=1), False),
        ("customer.sneezed", told("customer.sneezed", minutes=1), True),
        ("customer.sneezed", told("order.posted", minutes=1), False),
    ],
)
def test_the_next_stage_confirms_and_nothing_else_does(message: str, fact: Fact, confirms: bool):
    found = confirmation_of(subject(message), PROCESS, (*BEGUN, fact))
    assert found == (fact if confirms else None)


def test_the_next_stage_of_another_shipment_confirms_nothing():
    wanted = subject("shipment.shipped", FIRST)
    assert confirmation_of(wanted, PROCESS, [told("shipment.delivered", SECOND, minutes=1)]) is None
    delivered = told("shipment.delivered", FIRST, minutes=1)
    assert confirmation_of(wanted, PROCESS, [delivered]) == delivered


def test_an_acknowledgement_of_the_replay_confirms_whatever_the_type():
    wanted = subject("customer.sneezed", idempotency_keys=("k1",))
    acknowledged = told("com.example.replay.acknowledged", id="k1", minutes=-1)
    assert confirmation_of(wanted, PROCESS, [acknowledged]) == acknowledged
    assert confirmation_of(wanted, PROCESS, [told("replay.acknowledged", id="k2")]) is None


some_facts = st.lists(
    st.builds(
        told,
        st.sampled_from(
            "order.captured order.accepted order.posted order.posted.failed order.released order.updated "
            "shipment.picked shipment.shipped shipment.delivered order.cancelled payment.refunded".split()
        ),
        st.sampled_from([FIRST, SECOND]),
        minutes=st.integers(-3, 3),
        id=st.sampled_from("abcdef"),
    ),
    max_size=8,
)


@given(
    facts=some_facts,
    message=st.sampled_from(("order.posted", "shipment.shipped", "order.updated", "order.cancelled", "?")),
    data=st.data(),
)
def test_order_and_repeats_of_facts_change_neither_verdict_nor_confirmation(
    facts: list[Fact], message: str, data: st.DataObject
):
    shuffled = data.draw(st.permutations(facts + facts))
    wanted = subject(message, FIRST)
    assert judge(wanted, PROCESS, shuffled) == judge(wanted, PROCESS, facts)
    assert confirmation_of(wanted, PROCESS, shuffled) == confirmation_of(wanted, PROCESS, facts)
    assert judge(wanted, PROCESS, facts).kind in KINDS
