"""The ramp, who has to agree, what is frozen, and what an edit changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.edits import access_to, changed_fields, remedy_of
from controltower.domain.messages import Message
from controltower.domain.replays import RAMP, Approval, Frozen, plan_digest, step_of


def test_a_ramp_sends_one_then_five_then_twenty_five_then_the_rest():
    steps = [step_of(place, ramp=True) for place in range(100)]
    assert [steps.count(step) for step in range(4)] == [*RAMP, 69]
    assert steps == sorted(steps)
    assert {step_of(place, ramp=False) for place in range(100)} == {0}


@pytest.mark.parametrize(
    ("items", "edits", "types", "why"),
    [
        (100, 0, ["order.posted"], ""),
        (101, 0, ["order.posted"], "more than 100"),
        (1, 1, ["order.posted"], "edited"),
        (1, 0, ["payment.captured"], "moves money"),
        (1, 0, ["com.example.refund.requested"], "moves money"),
        (1, 0, ["order.prepayment"], ""),
        (1, 0, ["order_payment"], "moves money"),
    ],
)
def test_a_second_person_agrees_to_much_to_edits_and_to_money(
    items: int, edits: int, types: list[str], why: str
):
    reason = Approval().reason(items, edits, types)
    assert (why in reason) and bool(reason) == bool(why)


frozen = st.builds(
    Frozen,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.sampled_from(["safe", "unknown"]),
    st.text(max_size=3),
    st.text(max_size=3),
)


@given(st.lists(frozen, max_size=5), st.lists(frozen, max_size=5))
def test_plans_that_freeze_something_else_have_another_digest(one: list[Frozen], other: list[Frozen]):
    assert (plan_digest(one) == plan_digest(other)) == (one == other)


def message(body: bytes = b"{}", *headers: tuple[str, str]) -> Message:
    return Message(body, headers)


def test_an_edit_is_remembered_by_the_fields_that_it_changed():
    before = message(b'{"sku": "A", "qty": 1, "note": null}', ("lane", "1"))
    after = message(b'{"sku": "B", "qty": 1, "colour": "red"}', ("lane", "2"))
    assert changed_fields(before, after) == ("colour", "header lane", "sku")
    assert remedy_of(before, after) == "edit of colour, header lane, sku"


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        (b"plain", b"other", ("body",)),
        (b"[1]", b"[2]", ("body",)),
        (b'{"a": 1}', b'{"a":1}', ("layout",)),
        (b"[" * 100_000, b"x", ("body",)),
        (b"same", b"same", ()),
    ],
)
def test_bodies_that_are_no_json_objects_change_as_a_whole(
    before: bytes, after: bytes, fields: tuple[str, ...]
):
    assert changed_fields(message(before), message(after)) == fields


@pytest.mark.parametrize(
    ("header", "access"),
    [
        ("Idempotency-Key", "locked"),
        ("X-Replay-Of", "locked"),
        ("Authorization", "locked"),
        ("X-Shopify-Hmac-Signature", "locked"),
        ("traceparent", "sensitive"),
        ("NServiceBus.MessageId", "sensitive"),
        ("lane", "free"),
    ],
)
def test_headers_are_locked_sensitive_or_free(header: str, access: str):
    assert access_to(header) == access
