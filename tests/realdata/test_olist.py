"""`controltower import` of 4,000 real orders gives the figures that were computed without the tower."""

import re

import pytest

pytestmark = pytest.mark.realdata
FILE = "orders_olist/sampleC_4000/olist_orders_dataset.csv"
MEASURES = ("status", "reached", "reported_status")


@pytest.fixture(scope="module")
def truth(order_facts):
    return order_facts["olist_sampleC_4000"]


@pytest.fixture(scope="module")
def said(tower, real_data):
    """What the first import said; the tower runs beside it, as it may when a user imports."""
    return tower.command("import", "--mapping", "olist_orders", str(real_data / FILE))


def counts(tower, token, measure):
    """Journeys by a measure, as the API tells them."""
    rows = tower.get("/api/v1/journeys/counts", token, by=measure)["counts"]
    return {row["name"]: row["journeys"] for row in rows}


def test_every_order_is_one_journey(said, tower, token, truth):
    assert said.startswith("4000 rows: ")
    assert said.strip().endswith("0 known already, 0 rows in quarantine")
    assert sum(counts(tower, token, "status").values()) == truth["orders"] == 4_000


def test_the_journeys_of_each_status_are_as_many_as_in_the_log(said, tower, token, truth):
    assert counts(tower, token, "reported_status") == truth["status"]
    assert counts(tower, token, "status")["cancelled"] == truth["status"]["canceled"]


def test_missing_dates_are_stages_that_were_not_reached(said, tower, token, truth):
    reached = counts(tower, token, "reached")

    assert {stage: 4_000 - reached.get(stage, 0) for stage in ("accepted", "shipped", "delivered")} == {
        "accepted": truth["no_approved_date"],
        "shipped": truth["no_carrier_date"],
        "delivered": truth["no_delivered_date"],
    }
    assert reached["captured"] == 4_000


def test_lists_page_through_every_journey_once(said, tower, token):
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        found = tower.get("/api/v1/journeys", token, limit="500", **after)
        seen += [row["id"] for row in found["journeys"]]
        if found["next"] is None:
            break
        after = {"after": found["next"]}

    assert (len(seen), len(set(seen))) == (4_000, 4_000)


def test_an_order_is_found_by_its_number(said, tower, token, real_data):
    order = (real_data / FILE).read_text().splitlines()[1].split(",")[0].strip('"')

    (hit,) = tower.get("/api/v1/search", token, q=order)["hits"]

    assert (hit["kind"], hit["matched_value"]) == ("journey", order)


def test_importing_it_again_changes_nothing(said, tower, token, real_data):
    before = {measure: counts(tower, token, measure) for measure in MEASURES}
    stored = re.search(r"(\d+) events stored", said)
    assert stored

    again = tower.command("import", "--mapping", "olist_orders", str(real_data / FILE))

    assert f"0 events stored, {stored[1]} known already, 0 rows in quarantine" in again
    assert {measure: counts(tower, token, measure) for measure in MEASURES} == before
