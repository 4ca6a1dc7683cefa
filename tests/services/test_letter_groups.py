"""Groups of dead letters: counted, ranked by impact, with what helped before; on each store."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from controltower.domain.dead_letters import LIVE
from controltower.services.dead_letters.desk import Desk
from controltower.services.replay.steering import approve
from controltower.store.engine import open_database, reading
from controltower.store.letter_groups import (
    LetterGroup,
    Remedy,
    list_groups,
    newest_of,
    remedies_of,
    trends_of,
)
from controltower.store.letter_rows import GROUP_KEYS, LetterFilter
from controltower.store.letters import count_letters, get_body, list_letters
from controltower.store.schema import upgrade
from tests.builders import NOW, us
from tests.services.replay.rig import Rig, a_letter

ALL = LetterFilter()


@pytest.fixture
def rig(database_url: str) -> Iterator[Rig]:
    """A tower without its edges, on an empty store."""
    db = open_database(database_url)
    upgrade(db)
    made = Rig(db)
    yield made
    made.close()
    db.dispose()


def groups_of(rig: Rig, by: str = "fingerprint", wanted: LetterFilter = ALL) -> list[LetterGroup]:
    with reading(rig.db) as c:
        return list_groups(c, by, wanted, rig.now)


def syncs(count: int, first: int = 0) -> list[object]:
    return [
        a_letter(
            f"s{n}", type="stock.synced", error="Stock of the item is locked", amount="0.10", currency="EUR"
        )
        for n in range(first, first + count)
    ]


def test_one_large_order_near_cut_off_outranks_200_low_value_syncs(rig: Rig):
    """field.md, leap 8."""
    rig.take(*syncs(200))  # type: ignore[arg-type]
    rig.take(
        a_letter(
            "big",
            amount="48000.00",
            currency="EUR",
            due_us=us(rig.now + timedelta(hours=2)),
            type="order.posted",
        )
    )

    first, second = groups_of(rig)

    assert (first.letters, first.amounts) == (1, [("48000.00", "EUR")])
    assert (second.letters, second.amounts) == (200, [("20.00", "EUR")])


def test_what_is_due_next_week_is_not_near_its_cut_off(rig: Rig):
    rig.take(
        a_letter("later", amount="1.00", currency="EUR", due_us=us(rig.now + timedelta(days=7)), error="a")
    )
    rig.take(a_letter("worth", amount="500.00", currency="EUR", error="b"))

    assert [group.amounts[0][0] for group in groups_of(rig)] == ["500.00", "1.00"]


def test_a_group_counts_states_currencies_and_the_hours_of_a_day(rig: Rig):
    taken = rig.take(
        a_letter("1", amount="5.00", currency="EUR"),
        a_letter("2", amount="7.00", currency="USD", at=NOW - timedelta(hours=3)),
        a_letter("3", amount="2.00", currency="USD", at=NOW - timedelta(days=3)),
    )
    Desk(rig.db).investigate(taken.ids[:1], by="sam", now=rig.now)

    (group,) = groups_of(rig)
    with reading(rig.db) as c:
        trend = trends_of(c, "fingerprint", [group.key], ALL, rig.now)[group.key]
        newest = newest_of(c, "fingerprint", [group], ALL, rig.now)[group.key]

    assert group.states == {"investigating": 1, "new": 2}
    assert group.amounts == [("9.00", "USD"), ("5.00", "EUR")]
    assert (group.first_failed_at, group.failed_at) == (NOW - timedelta(days=3), NOW)
    assert (sum(trend), trend[-1], trend[-4]) == (2, 1, 1)
    assert newest.id == taken.ids[0]


@pytest.mark.parametrize("by", GROUP_KEYS)
def test_the_groups_of_every_key_count_the_same_letters_as_the_list(rig: Rig, by: str):
    rig.take(*(a_letter(str(n), type=f"t{n % 3}", place=f"q{n % 4}", system=f"s{n % 2}") for n in range(12)))

    groups = groups_of(rig, by)

    with reading(rig.db) as c:
        rows = list_letters(c, ALL, rig.now)
        assert sum(group.letters for group in groups) == count_letters(c, ALL, rig.now) == 12
    for group in groups:
        assert group.letters == sum(getattr(row, GROUP_KEYS[by]) == group.key for row in rows)


def test_filters_hold_for_groups_as_for_the_list(rig: Rig):
    ids = rig.take(*(a_letter(str(n), place=f"q{n % 2}") for n in range(6))).ids
    desk = Desk(rig.db)
    desk.snooze(ids[:1], rig.now + timedelta(hours=1), by="sam", now=rig.now)
    desk.discard(ids[1:2], "a test", by="sam", now=rig.now)
    desk.investigate(ids[2:3], by="sam", now=rig.now)

    filters = {
        LetterFilter(states=LIVE, with_snoozed=False): 4,
        LetterFilter(states=LIVE): 5,
        LetterFilter(states=("new",)): 4,
        LetterFilter(states=("investigating",)): 1,
        LetterFilter(states=("discarded",)): 1,
        LetterFilter(states=()): 6,
        LetterFilter(place="q1"): 2,
        LetterFilter(known_at=rig.now): 0,
        LetterFilter(known_at=rig.now + timedelta(seconds=1)): 5,
    }
    for wanted, expected in filters.items():
        with reading(rig.db) as c:
            counted = count_letters(c, wanted, rig.now)
        assert (sum(group.letters for group in groups_of(rig, wanted=wanted)), counted) == (
            expected,
            expected,
        )


def test_after_20_outcomes_fix_memory_holds_what_the_table_holds(rig: Rig):
    """field.md, leap 5."""
    orders = [str(2000 + n) for n in range(20)]
    for order in orders:
        rig.tell("order.captured", ("order", order), at=NOW - timedelta(hours=1))
    ids = rig.take(*(a_letter(order) for order in orders)).ids
    edited = rig.letter(ids[19])
    with reading(rig.db) as c:
        message = get_body(c, edited.id).message
    Desk(rig.db).edit(
        edited.id, message._replace(body=b'{"order": "2019"}'), by="olga", why="typo", now=rig.now
    )
    given_up = rig.take(a_letter("2999")).ids
    Desk(rig.db).discard(given_up, "a test order", by="olga", now=rig.now)
    for chosen in (ids[:19], ids[19:]):
        plan = rig.plan(*chosen, ramp=False)
        if plan.needs_approval:
            approve(rig.db, plan.id, by="olga", now=rig.now)
        rig.start(plan)
        rig.work()
    rig.pass_time(seconds=10)
    for order in (*orders[:14], orders[19]):
        rig.tell("order.posted", ("order", order), system="erp")
    rig.pass_time(hours=3)
    rig.expire()

    fingerprint = rig.letter(ids[0]).fingerprint
    with reading(rig.db) as c:
        remembered = remedies_of(c, [fingerprint, "0" * 16])

    assert remembered[fingerprint] == [
        Remedy("edit of order", 1, 1),
        Remedy("replay", 14, 19),
        Remedy("discard", 0, 1),
    ]
    assert remembered["0" * 16] == []


def test_a_name_that_no_index_holds_is_kept_clipped(rig: Rig):
    letter_id = rig.take(a_letter(type="t" * 5000, system="ü" * 3000, place="p" * 3000)).ids[0]
    row = rig.letter(letter_id)
    assert (len(row.type), len(row.system), len(row.place)) == (400, 200, 400)
