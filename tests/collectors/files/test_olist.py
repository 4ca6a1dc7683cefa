"""The real Olist orders give the journeys and counts that were computed independently of the tower."""

import json

import pytest

from collectors.files.csv_import import import_csv
from collectors.mapping.csv_mapping import load_csv_mapping
from controltower.services.ingest import Ingest
from controltower.services.writers import InlineWriter
from controltower.store.engine import reading
from controltower.store.figures import counts
from tests.builders import NOW, order_to_cash, us

pytestmark = pytest.mark.realdata
FILE = "orders_olist/sampleC_4000/olist_orders_dataset.csv"


def import_once(database, real_data):
    process = order_to_cash()
    ingest = Ingest(InlineWriter(database, {process.name: process}), lambda: us(NOW))
    ingest.start()
    try:
        return import_csv(real_data / FILE, load_csv_mapping("olist_orders"), ingest.submit, NOW)
    finally:
        ingest.close()


def figures(database):
    with reading(database) as c:
        measures = ("status", "stage", "reached", "reported_status", "channel")
        return {measure: {name: n for (_, name), n in counts(c, measure).items()} for measure in measures}


@pytest.fixture(scope="module")
def truth(real_data):
    return json.loads((real_data / "ground_truth" / "order_logs.json").read_text())["olist_sampleC_4000"]


def test_the_import_gives_the_true_counts_and_a_second_one_changes_nothing(database, real_data, truth):
    first = import_once(database, real_data)
    found = figures(database)
    assert (first.rows, first.rows_quarantined, first.events_duplicate) == (4000, 0, 0)
    assert sum(found["status"].values()) == truth["orders"] == 4000
    assert found["reported_status"] == truth["status"]
    assert found["reached"] == {
        "captured": 4000,
        "accepted": 4000 - truth["no_approved_date"],
        "shipped": 4000 - truth["no_carrier_date"],
        "delivered": 4000 - truth["no_delivered_date"],
    }
    assert found["status"]["cancelled"] == truth["status"]["canceled"]
    second = import_once(database, real_data)
    assert (second.events_stored, second.events_duplicate) == (0, first.events_stored)
    assert figures(database) == found
