"""The process map of 4,000 real orders has the variants that were computed without the tower."""

from collections import Counter

import pytest

pytestmark = pytest.mark.realdata
FILE = "orders_olist/sampleC_4000/olist_orders_dataset.csv"
_VARIANTS = "variants_by_timestamp_order(ties: purchase<approved<carrier<delivered)"
_STEPS = {"purchase": "captured", "approved": "accepted", "carrier": "shipped", "delivered": "delivered"}


@pytest.fixture(scope="module")
def process_map(tower, token, real_data):
    """The map of all of them, as the API of a tower that knows no other orders tells it."""
    tower.command("import", "--mapping", "olist_orders", str(real_data / FILE))
    window = {"since": "2016-01-01T00:00:00Z", "until": "2019-01-01T00:00:00Z"}
    return tower.get("/api/v1/process-map", token, sample="10000", by="stages", **window)


def test_every_order_is_on_the_map(process_map):
    assert process_map["journeys_read"]["is_whole"]
    assert process_map["journeys"] == 4_000


def test_variants_are_as_many_as_in_the_log(process_map, order_facts):
    truth = order_facts["olist_sampleC_4000"][_VARIANTS]
    expected = {
        tuple(_STEPS[step] for step in one["sequence"].split(" > ")): one["count"] for one in truth["top"]
    }
    found: Counter[tuple[str, ...]] = Counter()
    for variant in process_map["variants"]:
        # That an order was cancelled is a column of its own in the log, not one of its times.
        steps = tuple(step for step in variant["activities"] if step != "cancelled")
        found[steps] += variant["journeys"]

    assert len(found) == truth["variants"]
    assert {steps: found[steps] for steps in expected} == expected
