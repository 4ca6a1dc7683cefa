"""A replay from the click to the confirmation, and everything that can come between."""

from datetime import timedelta

import pytest

from controltower.domain.errors import BadPayload, Conflict, Forbidden, NotFound
from controltower.domain.messages import (
    IDEMPOTENCY_KEY,
    REFUSED,
    REPLAY_ATTEMPT,
    REPLAY_OF,
    UNAVAILABLE,
    Sent,
)
from controltower.services.dead_letters.following import purge_once
from controltower.services.replay.steering import approve, cancel, pause, resume
from tests.builders import NOW
from tests.services.replay.rig import Rig, a_letter, died_again

ORDER = ("order", "1001")


def stuck(rig: Rig, order: str = "1001") -> bytes:
    """An order that was accepted and could not be posted; its letter."""
    rig.tell("order.captured", ("order", order), at=NOW - timedelta(hours=1), amount="90.00", currency="EUR")
    rig.tell("order.accepted", ("order", order), at=NOW - timedelta(minutes=50))
    return rig.take(a_letter(order)).ids[0]


def test_a_safe_letter_goes_back_to_where_it_came_from_and_is_resolved_by_the_next_stage(rig: Rig):
    letter_id = stuck(rig)
    plan = rig.plan(letter_id)
    assert plan.verdicts == {"safe": 1}

    rig.start(plan)
    rig.work()

    [sent] = rig.targets.sent
    assert (sent.place, sent.message.body) == ("erp.post", b'{"order": "1001"}')
    assert sent.message.header(REPLAY_OF) == letter_id.hex()
    assert sent.message.header(IDEMPOTENCY_KEY) == letter_id.hex()
    assert sent.message.header(REPLAY_ATTEMPT) == "1"
    assert rig.letter(letter_id).state == "waiting"
    assert rig.current(plan).state == "running"

    rig.pass_time(seconds=20)
    rig.tell("order.posted", ORDER, system="erp")
    rig.work()
    assert rig.letter(letter_id).state == "resolved"
    assert rig.states(plan) == ["confirmed"]
    assert rig.current(plan).state == "done"


def test_delivered_is_not_resolved(rig: Rig):
    """field.md, leap 2: the target answers, nothing happens, and the letter comes back."""
    letter_id = stuck(rig)
    plan = rig.plan(letter_id)
    rig.start(plan)
    rig.work()

    rig.pass_time(hours=2)
    rig.expire()
    rig.work()

    assert rig.letter(letter_id).state == "no_effect"
    assert rig.states(plan) == ["no_effect"]
    assert rig.current(plan).state == "halted"
    assert rig.plan(letter_id).verdicts == {"unknown": 1}


def test_what_dies_again_is_the_same_letter_in_its_next_attempt(rig: Rig):
    letter_id = stuck(rig)
    first = rig.plan(letter_id)
    rig.start(first)
    rig.work()
    rig.pass_time(seconds=5)

    taken = rig.take(died_again(rig.targets.sent[0], rig.now))

    assert (taken.ids, taken.new, taken.died_again) == ((letter_id,), 0, 1)
    assert rig.letter(letter_id).state == "new"
    assert rig.letter(letter_id).deaths == 2
    assert rig.states(first) == ["died_again"]
    second = rig.plan(letter_id)
    rig.start(second)
    rig.work()
    assert [m.message.header(REPLAY_ATTEMPT) for m in rig.targets.sent] == ["1", "2"]
    assert len({m.message.header(IDEMPOTENCY_KEY) for m in rig.targets.sent}) == 1


def test_the_same_death_handed_over_again_changes_nothing(rig: Rig):
    letter = a_letter()
    rig.take(letter)
    before = rig.letter(rig.take(letter).ids[0])
    taken = rig.take(letter, letter)
    assert (taken.new, taken.died_again, taken.repeated) == (0, 0, 2)
    assert rig.letter(before.id) == before


def test_a_later_success_closes_a_letter_by_itself_and_says_why(rig: Rig):
    letter_id = stuck(rig)
    rig.pass_time(minutes=5)
    rig.tell("order.posted", ORDER, system="erp")
    row = rig.letter(letter_id)
    assert (row.state, row.settled_by) == ("resolved", "the tower")
    assert "order.posted by erp" in row.settled_why


def test_a_shipped_order_with_an_old_failed_step_before_it_is_a_duplicate_risk(rig: Rig):
    """field.md, leap 1."""
    for minutes, told in enumerate(("order.captured", "order.accepted", "order.posted", "shipment.shipped")):
        rig.tell(told, ORDER, at=NOW - timedelta(minutes=50 - minutes))
    letter_id = rig.take(a_letter(type="order.released")).ids[0]
    plan = rig.plan(letter_id)
    assert plan.verdicts == {"duplicate_risk": 1}

    with pytest.raises(Forbidden):
        rig.start(plan, reason="please")
    with pytest.raises(BadPayload):
        rig.start(plan, may_force=True)
    rig.start(plan, may_force=True, reason="The warehouse never got it")
    rig.work()
    assert len(rig.targets.sent) == 1


def test_a_cancelled_order_is_in_the_wrong_state(rig: Rig):
    letter_id = stuck(rig)
    rig.tell("order.cancelled", ORDER)
    assert rig.plan(letter_id).verdicts == {"wrong_state": 1}


def test_what_appears_after_the_preview_is_not_sent(rig: Rig):
    """field.md, leap 3."""
    first = stuck(rig)
    plan = rig.plan(first)
    later = stuck(rig, "1002")
    rig.start(plan)
    rig.work()
    assert [m.message.header(REPLAY_OF) for m in rig.targets.sent] == [first.hex()]
    assert rig.letter(later).state == "new"


def test_a_plan_whose_ground_has_moved_is_not_carried_out(rig: Rig):
    letter_id = stuck(rig)
    plan = rig.plan(letter_id)
    rig.start(plan)
    rig.tell("order.cancelled", ORDER)
    rig.work()
    assert rig.targets.sent == []
    [item] = rig.items(plan)
    assert item.state == "refused"
    assert "verdict is no longer safe" in item.outcome
    assert rig.letter(letter_id).state == "new"


def test_only_the_digest_that_was_shown_starts_a_plan(rig: Rig):
    plan = rig.plan(stuck(rig))
    with pytest.raises(Conflict):
        rig.start(type(plan)(**{**{n: getattr(plan, n) for n in plan.__slots__}, "digest": b"other"}))


def test_however_often_it_is_clicked_one_replay_of_a_letter_is_under_way(rig: Rig):
    letter_id = stuck(rig)
    plans = [rig.plan(letter_id) for _ in range(3)]
    for plan in plans:
        rig.start(plan)
    workers = [rig.worker(name) for name in "abc"]
    for _ in range(5):
        for worker in workers:
            worker.run_once()
    assert len(rig.targets.sent) == 1
    assert sorted(rig.states(plan)[0] for plan in plans) == ["refused", "refused", "sent"]


def test_a_plan_that_is_not_started_in_time_cannot_be(rig: Rig):
    plan = rig.plan(stuck(rig))
    rig.pass_time(hours=2)
    with pytest.raises(Conflict, match="expired"):
        rig.start(plan)


def test_a_ramp_goes_on_when_a_step_is_confirmed_and_halts_when_one_fails(rig: Rig):
    """field.md, leap 4: the fix covers the first orders and not the others."""
    ids = [stuck(rig, str(1000 + n)) for n in range(40)]
    plan = rig.plan(*ids)
    rig.start(plan)
    rig.work()
    assert len(rig.targets.sent) == 1

    rig.pass_time(seconds=5)
    rig.tell("order.posted", ("order", "1000"))
    rig.work()
    assert len(rig.targets.sent) == 6

    rig.pass_time(seconds=5)
    for number in range(1, 5):
        rig.tell("order.posted", ("order", str(1000 + number)))
    rig.work()
    assert len(rig.targets.sent) == 6, "a step waits until all of the one before is confirmed"
    rig.take(died_again(rig.targets.sent[5], rig.now, order="1005"))
    rig.work()

    halted = rig.current(plan)
    assert halted.state == "halted"
    assert "1 died again" in halted.halted_why
    assert len(rig.targets.sent) == 6
    with pytest.raises(Forbidden):
        resume(rig.db, plan.id, by="sam", may_force=False, now=rig.now)
    resume(rig.db, plan.id, by="olga", may_force=True, now=rig.now)
    rig.work()
    assert len(rig.targets.sent) == 31
    cancel(rig.db, plan.id, by="olga", why="enough", now=rig.now)
    assert {rig.letter(one).state for one in ids[31:]} == {"new"}
    assert rig.states(plan).count("withdrawn") == 9


def test_messages_of_one_order_never_leave_together(rig: Rig):
    stuck(rig)
    other = rig.take(a_letter(type="order.released", at=NOW + timedelta(seconds=1))).ids[0]
    rig.tell("order.captured", ("order", "7"))
    third = rig.take(a_letter("7")).ids[0]
    first = rig.take(a_letter(at=NOW - timedelta(minutes=10))).ids[0]
    plan = rig.plan(first, other, third, ramp=False)
    rig.start(plan)
    rig.work()
    assert [m.message.header(REPLAY_OF) for m in rig.targets.sent] == [first.hex(), third.hex()]


def test_a_target_that_refuses_ends_the_attempt(rig: Rig):
    letter_id = stuck(rig)
    rig.targets.answer = lambda message: Sent(REFUSED, "422: no such SKU")
    plan = rig.plan(letter_id)
    rig.start(plan)
    rig.work()
    assert rig.states(plan) == ["unsendable"]
    assert rig.letter(letter_id).state == "new"
    assert rig.current(plan).state == "halted"


def test_a_target_that_is_down_is_left_alone_for_a_while_and_loses_nothing(rig: Rig):
    letter_id = stuck(rig)
    rig.targets.answer = lambda message: Sent(UNAVAILABLE, "connection refused")
    plan = rig.plan(letter_id)
    rig.start(plan)
    rig.work()
    assert len(rig.targets.sent) == 5, "the breaker opens after five"
    assert rig.states(plan) == ["claimed"]

    rig.targets.answer = lambda message: Sent("confirmed")
    rig.work()
    assert len(rig.targets.sent) == 5
    rig.pass_time(seconds=20)
    rig.work()
    assert rig.states(plan) == ["sent"]
    assert rig.items(plan)[0].outcome == "", "what kept it from leaving is over"
    assert len({m.message.header(IDEMPOTENCY_KEY) for m in rig.targets.sent}) == 1


def test_what_a_dead_worker_was_sending_is_sent_again_under_the_same_key(rig: Rig):
    letter_id = stuck(rig)
    plan = rig.plan(letter_id)
    rig.start(plan)

    def die(message: object) -> Sent:
        raise KeyboardInterrupt

    rig.targets.answer = die
    with pytest.raises(KeyboardInterrupt):
        rig.work()
    assert rig.states(plan) == ["sending"]
    rig.targets.answer = lambda message: Sent("confirmed")
    other = rig.worker("two")
    rig.work(other)
    assert len(rig.targets.sent) == 1, "its lease still runs"
    rig.pass_time(minutes=5)
    rig.work(other)
    assert rig.states(plan) == ["sent"]
    assert len({m.message.header(IDEMPOTENCY_KEY) for m in rig.targets.sent}) == 1
    assert rig.letter(letter_id).state == "waiting"


def test_a_paused_plan_sends_nothing_until_it_is_resumed(rig: Rig):
    plan = rig.plan(stuck(rig))
    rig.start(plan)
    pause(rig.db, plan.id, by="sam", now=rig.now)
    rig.work()
    assert rig.targets.sent == []
    resume(rig.db, plan.id, by="sam", may_force=False, now=rig.now)
    rig.work()
    assert len(rig.targets.sent) == 1


def test_what_moves_money_needs_a_second_person(rig: Rig):
    stuck(rig)
    letter_id = rig.take(a_letter(type="payment.settled")).ids[0]
    plan = rig.plan(letter_id)
    assert "money" in plan.needs_approval
    with pytest.raises(Conflict, match="second person"):
        rig.start(plan, may_force=True, reason="x")
    with pytest.raises(Forbidden):
        approve(rig.db, plan.id, by="sam", now=rig.now)
    approve(rig.db, plan.id, by="olga", now=rig.now)
    rig.start(plan, may_force=True, reason="checked with the bank")
    rig.work()
    assert len(rig.targets.sent) == 1


def test_an_older_change_of_a_record_that_was_changed_since_is_superseded(rig: Rig):
    """Each change is a journey of its own; the key that they share is what they are about."""
    about = (("sku", "TBL-1"), ("node", "BER"))
    rig.tell("inventory.published", ("change", "2"), *about, at=NOW + timedelta(minutes=1))
    rig.tell("inventory.changed", ("change", "1"), *about, at=NOW - timedelta(minutes=1))

    def letter(number: str, *labels: tuple[str, str]) -> bytes:
        rig.tell("inventory.changed", ("change", number), *labels, at=NOW - timedelta(minutes=1))
        return rig.take(a_letter("", ("change", number), *labels, type="inventory.published")).ids[0]

    assert rig.plan(letter("1", *about)).verdicts == {"superseded": 1}
    assert rig.plan(letter("3", about[0], ("node", "HAM"))).verdicts != {"superseded": 1}


def test_a_change_that_is_overtaken_after_the_preview_is_not_sent(rig: Rig):
    about = (("sku", "TBL-1"), ("node", "BER"))
    rig.tell("inventory.changed", ("change", "1"), *about, at=NOW - timedelta(minutes=1))
    letter_id = rig.take(a_letter("", ("change", "1"), *about, type="inventory.published")).ids[0]
    plan = rig.plan(letter_id)
    rig.start(plan, may_force=True, reason="still needed")
    rig.pass_time(minutes=5)
    rig.tell("inventory.published", ("change", "2"), *about, at=NOW + timedelta(minutes=2))
    rig.work()
    assert rig.targets.sent == []
    assert "the verdict is no longer" in rig.items(plan)[0].outcome


def test_a_target_gets_no_more_a_second_than_it_takes_whichever_plans_send(rig: Rig):
    rig.targets.rate = 10
    plans = [rig.plan(*(stuck(rig, f"{name}-{n}") for n in range(30)), ramp=False) for name in ("A", "B")]
    for plan in plans:
        rig.start(plan)
    rig.work()
    begun = len(rig.targets.sent)
    for _ in range(30):
        rig.pass_time(seconds=0.1)
        rig.work()
    assert begun <= 1
    assert 28 <= len(rig.targets.sent) <= 32


def test_closed_letters_are_purged_in_time_and_live_ones_never(rig: Rig):
    closed, live = stuck(rig, "A1"), stuck(rig, "A2")
    rig.pass_time(minutes=1)
    rig.tell("order.posted", ("order", "A1"))
    rig.pass_time(days=29)
    assert not purge_once(rig.db, rig.now)
    rig.pass_time(days=2)
    assert purge_once(rig.db, rig.now)
    with pytest.raises(NotFound):
        rig.letter(closed)
    assert rig.letter(live).state == "new"
