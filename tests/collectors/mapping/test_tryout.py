"""`controltower mapping`: what a sample becomes, or why it does not, without storing anything."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from controltower.cli import commands

SAMPLES = Path(__file__).parent / "samples"
MAPPING = """
name = "shop"
title = "Our shop"
source = "shop"
topic = "{_headers.\\"x-kind\\"}"
[[events]]
topics = ["order"]
when = "paid"
where = { state = ["open", "sent"] }
type = "order.captured"
id = "{no}"
time = "{at}"
[[events]]
topics = ["order"]
each = "lines"
type = "line.captured"
id = "{no}:{sku}"
"""
ORDER = {"no": "007", "paid": True, "state": "open", "at": "2026-05-01T09:30:00Z"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command on a mapping of ours and a document; gives its exit code and what it printed."""
    monkeypatch.setenv("CONTROLTOWER_HOME", str(tmp_path / "var"))

    def run_once(document, *, mapping=MAPPING, kind="order"):
        (tmp_path / "shop.toml").write_text(mapping)
        (tmp_path / "sample.json").write_text(document if isinstance(document, str) else json.dumps(document))
        files = [str(tmp_path / "shop.toml"), str(tmp_path / "sample.json")]
        result = CliRunner().invoke(commands, ["mapping", "test", *files, "--header", f"X-Kind: {kind}"])
        assert not (tmp_path / "var").exists()
        return result

    return run_once


def test_a_sample_prints_the_events_that_it_becomes(run):
    result = run(ORDER)
    first, _, event = result.output.partition("\n")
    assert (result.exit_code, first) == (0, "document 1: 1 event (topic 'order')")
    assert json.loads(event) == {
        "specversion": "1.0",
        "source": "shop",
        "id": "007",
        "type": "order.captured",
        "time": "2026-05-01T09:30:00+00:00",
        "data": {},
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"paid": False}, "events[0] order.captured: when: paid does not hold"),
        ({"state": "new"}, "events[0] order.captured: where: state is 'new', not one of open, sent"),
        ({"paid": False}, "events[1] line.captured: each: lines finds nothing"),
    ],
)
def test_a_sample_that_becomes_nothing_is_told_why(run, changes, why):
    result = run({**ORDER, **changes})
    assert result.exit_code == 0
    assert "document 1: nothing" in result.output
    assert f"  {why}\n" in result.output


def test_an_unknown_topic_says_which_topics_there_are(run):
    result = run(ORDER, kind="refund")
    assert "unmapped (topic 'refund')" in result.output
    assert "events[0] order.captured: is for the topics order" in result.output


def test_what_would_go_to_quarantine_has_exit_code_1(run):
    result = run({**ORDER, "at": "soon"})
    assert result.exit_code == 1
    assert (
        "quarantined (topic 'order'): bad_time: events[0]: {at}: expected a time as ISO 8601" in result.output
    )


def test_a_time_that_is_missing_is_named(run):
    result = run({**ORDER, "at": ""})
    assert result.exit_code == 1
    assert "quarantined (topic 'order'): no_event" in result.output
    assert "events[0] order.captured: time: {at} is empty" in result.output


def test_every_mapping_is_listed():
    result = CliRunner().invoke(commands, ["mapping", "list"])
    assert result.exit_code == 0
    assert "shopify                  json     shopify            Shopify webhooks" in result.output
    assert "otel_spans               span     -" in result.output


def test_a_built_in_mapping_is_tried_by_its_name():
    sample = SAMPLES / "ubl" / "despatch.xml"
    result = CliRunner().invoke(commands, ["mapping", "test", "ubl", str(sample)])
    assert '"type": "shipment.shipped"' in result.output


def test_a_folder_of_ones_own_adds_to_the_list(tmp_path, monkeypatch):
    (tmp_path / "shop.toml").write_text(MAPPING)
    monkeypatch.setenv("CONTROLTOWER_MAPPINGS", str(tmp_path))
    assert "Our shop" in CliRunner().invoke(commands, ["mapping", "list"]).output
