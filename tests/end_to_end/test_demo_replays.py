"""The demo estate really dead-letters and really recovers: with a running tower, over HTTP both ways."""

import http.client
import re
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from controltower.domain.dead_letters import NEW, RESOLVED
from controltower.domain.replays import HALTED
from controltower.domain.verdicts import SAFE
from controltower.services.replay.planning import Planner, Wish
from controltower.services.replay.steering import start
from controltower.store.engine import open_database, reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import find_letters, get_letter, list_letters
from controltower.store.replays import get_plan, list_items
from tests.builders import order_to_cash
from tests.end_to_end.test_demo import eventually
from tests.running import ADMIN, Visitor, running_tower

OAK = "TBL-DIN-OAK"


class Declared:
    """The names of the tower's connections, for plans that are made beside it."""

    def names(self):
        return ("middleware",)

    def rate_of(self, connection):
        return 0

    def open(self, connection):
        raise NotImplementedError


class Floor:
    """What a person does at the tower and at the demo's item master."""

    def __init__(self, tower):
        self.tower = tower
        self.db = open_database(f"sqlite:///{tower.home / 'controltower.db'}")
        process = order_to_cash()
        self.planner = Planner(self.db, {process.name: process}, Declared())

    @property
    def item_master(self):
        found = eventually(lambda: re.search(r"item master is at http://([\d.:]+)/", self.tower.log), bool)
        return found[1]

    def press(self, path, **fields):
        connection = http.client.HTTPConnection(self.item_master, timeout=10)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode({**fields, "undo": "no"}), headers)
        assert connection.getresponse().status == 303
        connection.close()

    def letters(self, text, states=(NEW,)):
        now = datetime.now(UTC)
        with reading(self.db) as c:
            return list_letters(c, LetterFilter(states=states, text=text), now=now, limit=100)

    def letter(self, letter_id):
        with reading(self.db) as c:
            return get_letter(c, letter_id)

    def replay(self, *ids, **wish):
        now = datetime.now(UTC)
        plan = self.planner.make(Wish(ids, **wish), by="sam", now=now)
        start(self.db, plan.id, plan.digest, by="sam", may_force=False, reason="", now=now)
        return plan.id

    def plan(self, plan_id):
        with reading(self.db) as c:
            return get_plan(c, plan_id), list_items(c, plan_id, (), -1, 1000)


@pytest.fixture(scope="module")
def floor(tmp_path_factory):
    """A tower with the demo estate, whose dead letters have arrived and are placed on their journeys."""
    with running_tower(tmp_path_factory.mktemp("replays"), "--demo", "--demo-rate", "12") as tower:
        made = Floor(tower)
        began = time.monotonic()
        placed = eventually(
            lambda: [one for one in made.letters("SKU_UNMAPPED") if one.journey_id],
            lambda found: len(found) >= 7,
        )
        assert len(placed) >= 7 and time.monotonic() - began < 30
        yield made
        made.db.dispose()


@pytest.fixture(scope="module")
def token(floor):
    admin = Visitor(floor.tower)
    admin.use_setup_link(floor.tower.setup_link, ADMIN)
    return admin.make_token("tests", "viewer")


def test_a_stuck_order_is_shipped_once_its_cause_is_fixed_and_its_message_replayed(floor, token):
    letter = floor.letters(OAK)[0]
    died = floor.replay(letter.id)
    again = eventually(lambda: floor.letter(letter.id), lambda one: one.deaths == 2)
    assert (again.state, again.deaths) == (NEW, 2)
    assert [item.state for item in floor.plan(died)[1]] == ["died_again"]

    floor.press("/skus", sku=OAK)
    began = time.monotonic()
    plan_id = floor.replay(letter.id)

    assert floor.plan(plan_id)[0].verdicts == {SAFE: 1}
    resolved = eventually(lambda: floor.letter(letter.id), lambda one: one.state == RESOLVED)
    assert resolved.settled_why.startswith("com.northwind-living.order.posted by erp")
    path = f"/api/v1/journeys/{letter.journey_id.hex()}"
    reached = eventually(
        lambda: [stage["stage"] for stage in floor.tower.get(path, token)["reached"]],
        lambda stages: "shipped" in stages,
    )
    assert "shipped" in reached
    assert time.monotonic() - began < 75


def test_a_ramp_over_a_half_fixed_group_halts_by_itself(floor):
    floor.press("/skus", sku=OAK)
    mixed = [one.id for one in floor.letters("SKU_UNMAPPED") if OAK not in one.error_message][:2]
    fixed = [one.id for one in floor.letters(OAK)][:1]

    plan_id = floor.replay(*fixed, *mixed, ramp=True)

    plan, items = eventually(lambda: floor.plan(plan_id), lambda found: found[0].state == HALTED)
    assert plan.state == HALTED
    assert "died again" in plan.halted_why
    assert items[0].state == "confirmed"
    with reading(floor.db) as c:
        assert {row.state for row in find_letters(c, mixed).values()} <= {NEW, "waiting", "replaying"}


def test_failures_of_the_mapping_lead_to_where_they_are_mended(floor, token):
    rows = floor.tower.get("/api/v1/failure-rules", token)["rules"]

    rule = next(row for row in rows if row["name"] == "northwind-sku-unmapped")
    assert rule["link"] == f"http://{floor.item_master}/"


def test_nothing_of_it_is_quarantined_or_complained_of(floor, token):
    assert floor.tower.get("/api/v1/quarantine", token)["items"] == []
    assert not re.search("Traceback|ERROR|WARNING", floor.tower.log), floor.tower.log
