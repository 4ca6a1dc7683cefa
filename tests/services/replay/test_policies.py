"""Policies replay by themselves what was declared, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from controltower.domain.dead_letters import DeadLetter
from controltower.domain.errors import BadSetting
from controltower.domain.messages import REPLAY_OF
from controltower.domain.replay_policies import Policy, parse_policies
from controltower.services.dead_letters.desk import Desk
from controltower.services.replay.policies import REST, PolicyRunner
from controltower.store.audit import list_entries
from controltower.store.engine import reading
from controltower.store.replay_policies import last_looks
from controltower.store.replays import list_plans
from tests.builders import NOW
from tests.services.replay.rig import Rig, a_letter, died_again

HOURLY = Policy("bus-hiccups", max_age=timedelta(days=1), max_per_hour=50)


def runner(rig: Rig, *policies: Policy, worker: str = "one") -> PolicyRunner:
    return PolicyRunner(rig.db, rig.processes, rig.planner, policies, worker)


def stuck(rig: Rig, order: str = "1001", **letter: object) -> bytes:
    rig.tell("order.captured", ("order", order), at=NOW - timedelta(hours=1), amount="90.00", currency="EUR")
    rig.tell("order.accepted", ("order", order), at=NOW - timedelta(minutes=50))
    made: DeadLetter = a_letter(order, **letter)  # type: ignore[arg-type]
    return rig.take(made).ids[0]


def apply(rig: Rig, policies: PolicyRunner) -> bool:
    applied = policies.apply_once(rig.now)
    rig.work()
    return applied


def said(rig: Rig, policy: Policy = HOURLY) -> str:
    with reading(rig.db) as c:
        return last_looks(c, [policy.name])[policy.name].said


@pytest.fixture
def rig(rig: Rig) -> Rig:
    rig.pass_time(minutes=5)  # past the time that policies wait
    return rig


def test_what_is_safe_is_replayed_through_a_plan_and_the_audit(rig: Rig):
    letter_id = stuck(rig)

    assert apply(rig, runner(rig, HOURLY))

    [sent] = rig.targets.sent
    assert sent.message.header(REPLAY_OF) == letter_id.hex()
    with reading(rig.db) as c:
        [plan] = list_plans(c, policy=HOURLY.name)
        actors = {entry.action: entry.actor for entry in list_entries(c)}
    assert (plan.policy, plan.made_by, plan.started_by) == (HOURLY.name, *["policy bus-hiccups"] * 2)
    assert {"planned": plan.made_by, "started": plan.made_by, "sent": plan.made_by}.items() <= actors.items()
    assert said(rig) == "It started a replay of 1."


def test_nothing_that_is_less_than_safe_is_ever_sent(rig: Rig):
    stuck(rig)
    rig.tell("order.cancelled", ("order", "1001"))  # wrong state
    rig.take(a_letter("1002"))  # unknown: no journey but its own death
    stuck(rig, "1003", type="order.exotic")  # unknown: no stage
    for minutes, told in enumerate(("order.captured", "order.accepted", "order.posted", "order.released")):
        rig.tell(told, ("order", "1004"), at=NOW - timedelta(minutes=50 - minutes))
    rig.take(a_letter("1004", type="order.released"))  # duplicate risk

    assert not apply(rig, runner(rig, HOURLY))

    assert rig.targets.sent == []
    assert said(rig) == "Nothing that it may send is waiting."


def test_what_moves_money_is_left_to_people(rig: Rig):
    stuck(rig, type="payment.settled")
    assert not apply(rig, runner(rig, HOURLY))
    assert rig.targets.sent == []


def test_what_somebody_works_on_is_left_to_them(rig: Rig):
    mine, snoozed = stuck(rig), stuck(rig, "1002")
    Desk(rig.db).assign([mine], "sam", by="sam", now=rig.now)
    Desk(rig.db).snooze([snoozed], rig.now + timedelta(hours=1), by="sam", now=rig.now)
    assert not apply(rig, runner(rig, HOURLY))


def test_a_letter_that_died_again_twice_is_left_to_people(rig: Rig):
    letter_id = stuck(rig)
    policies = runner(rig, HOURLY)
    for attempt in (1, 2):
        apply(rig, policies)
        assert len(rig.targets.sent) == attempt
        rig.pass_time(seconds=5)
        rig.take(died_again(rig.targets.sent[-1], rig.now))
        rig.work()
        assert not apply(rig, policies), "its plan halted; it is given up"
        rig.pass_time(minutes=1)
        assert not apply(rig, policies) and "rests until" in said(rig)
        rig.pass_time(seconds=REST.total_seconds())

    for _ in range(3):
        rig.pass_time(minutes=30)
        assert not apply(rig, policies)
    assert len(rig.targets.sent) == 2
    assert (rig.letter(letter_id).state, rig.letter(letter_id).attempts) == ("new", 2)


def test_no_more_is_sent_within_an_hour_than_the_policy_says(rig: Rig):
    few = replace(HOURLY, max_per_hour=3)
    for number in range(5):
        stuck(rig, str(2000 + number), at=NOW + timedelta(seconds=number))
    policies = runner(rig, few)
    apply(rig, policies)
    for number in range(5):  # the ramp goes on as each step is confirmed
        rig.pass_time(seconds=5)
        rig.tell("order.posted", ("order", str(2000 + number)))
        rig.work()
    assert len(rig.targets.sent) == 3

    for number in range(5):
        stuck(rig, str(2100 + number))
    rig.pass_time(minutes=5)
    assert not apply(rig, policies)
    assert said(rig, few) == "It sent 3 within the hour, as many as it may."
    rig.pass_time(hours=1)
    assert apply(rig, policies)


def test_a_ramp_of_a_policy_halts_and_gives_the_rest_back(rig: Rig):
    ids = [stuck(rig, str(2000 + number), at=NOW + timedelta(seconds=number)) for number in range(4)]
    policies = runner(rig, HOURLY)
    apply(rig, policies)
    rig.pass_time(seconds=5)
    rig.take(died_again(rig.targets.sent[0], rig.now, order="2000"))
    rig.work()
    apply(rig, policies)

    assert len(rig.targets.sent) == 1
    assert {rig.letter(one).state for one in ids} == {"new"}
    with reading(rig.db) as c:
        assert [plan.state for plan in list_plans(c)] == ["cancelled"]


def test_it_keeps_its_hours(rig: Rig):
    stuck(rig)
    [closed] = parse_policies(
        '[[policies]]\nname = "night"\nmax_age = "2d"\nmax_per_hour = 1\n'
        'hours = "22:00-06:00"\nzone = "Europe/Berlin"',
        "p.toml",
    )
    assert not apply(rig, runner(rig, closed))
    assert said(rig, closed) == "Outside its hours, 22:00-06:00 Europe/Berlin."
    rig.now = rig.now.replace(hour=22, minute=30)
    assert closed.hours is not None and closed.hours.zone == ZoneInfo("Europe/Berlin")
    assert apply(rig, runner(rig, closed))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"system": ("middle*",)}, True),
        ({"system": ("erp",)}, False),
        ({"type": ("order.posted", "x")}, True),
        ({"type": ("order_posted",)}, False),
        ({"place": ("erp.*.dlq",)}, True),
        ({"failure_class": ("data_quality",)}, True),
        ({"failure_class": ("technical",)}, False),
        ({"max_age": timedelta(minutes=2)}, False),
        ({"wait": timedelta(minutes=20)}, False),
    ],
)
def test_it_takes_what_its_patterns_name(rig: Rig, pattern: dict[str, object], matches: bool):
    stuck(rig)
    assert apply(rig, runner(rig, replace(HOURLY, **pattern))) is matches  # type: ignore[arg-type]


def test_what_has_nowhere_to_go_is_not_planned_over_and_over(rig: Rig):
    stuck(rig, origin_connection="", origin_place="")
    stuck(rig, "1002", origin_connection="nobody knows")
    assert not apply(rig, runner(rig, HOURLY))
    with reading(rig.db) as c:
        assert list_plans(c) == []
    assert apply(rig, runner(rig, replace(HOURLY, connection="erp", target_place="orders")))
    assert {sent.place for sent in rig.targets.sent} == {"orders"}


def test_letters_that_are_not_safe_do_not_hide_those_behind_them(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("controltower.services.replay.policies.LOOKED_AT", 2)
    for number in range(5):
        rig.take(a_letter(str(3000 + number), at=NOW - timedelta(minutes=1)))
    stuck(rig, "3999")
    policies = runner(rig, HOURLY)
    assert any([apply(rig, policies) for _ in range(4)])
    assert len(rig.targets.sent) == 1


def test_two_workers_do_not_apply_a_policy_at_once(rig: Rig):
    stuck(rig)
    assert apply(rig, runner(rig, HOURLY))
    stuck(rig, "1002")
    assert not runner(rig, HOURLY, worker="two").apply_once(rig.now)
    assert said(rig) == "It started a replay of 1."


DECLARED = '[[policies]]\nname = "a"\nmax_age = "1h"\nmax_per_hour = 1\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policies = 1", "line 1: policies: expected a list of tables"),
        ("[[policy]]", "line 1: policy: is not a key here"),
        ('[[policies]]\nname = "A b"', r"line 2: policies\[0\].name: expected a name"),
        ('[[policies]]\nname = "a"\nmax_per_hour = 3', r"policies\[0\].max_age: expected a duration"),
        ('[[policies]]\nname = "a"\nmax_age = "1h"\nmax_per_hour = 0', "max_per_hour: expected a whole"),
        ('[[policies]]\nname = "a"\nage = 1', r"line 3: policies\[0\].age: is not a key"),
        (
            DECLARED + 'hours = "8-20"',
            "hours: expected hours such as",
        ),
        (
            DECLARED + 'hours = "08:00-20:00"\nzone = "Moon"',
            "zone: expected a time zone",
        ),
        (DECLARED + 'zone = "UTC"', "zone: expected hours"),
        (
            DECLARED + 'class = "bad luck"',
            "class: expected one of",
        ),
        (
            DECLARED + 'target = "bus"',
            "target: expected { connection",
        ),
        (
            2 * DECLARED,
            r"line 6: policies\[1\].name: 'a' is the name of a policy above",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(text: str, expected: str):
    with pytest.raises(BadSetting, match=expected):
        parse_policies(text, "p.toml")
