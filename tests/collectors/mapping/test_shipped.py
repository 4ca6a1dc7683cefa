"""Every mapping that ships is tried on payloads of its system; expected.toml says what they become."""

import tomllib
from functools import cache
from pathlib import Path

import pytest

from collectors.mapping.catalogue import load_built_in, load_catalogue
from collectors.mapping.payloads import map_payload
from tests.collectors.mapping.reading import line_of

SAMPLES = Path(__file__).parent / "samples"
EXPECTED = tomllib.loads((SAMPLES / "expected.toml").read_text())["samples"]
NOW_US = 1_777_800_000_000_000  # of events whose payload has no time
TRIED_ELSEWHERE = {"olist_orders"}  # on rows: tests/collectors/files
IDS = [f"{sample['file']}-{number}" for number, sample in enumerate(EXPECTED)]

mapping_of = cache(load_built_in)


def mapped(sample):
    mapping = mapping_of(sample["file"].partition("/")[0])
    payload = (SAMPLES / sample["file"]).read_bytes()
    return map_payload(mapping, payload, sample.get("headers", {}), received_us=NOW_US)


@pytest.mark.parametrize("sample", EXPECTED, ids=IDS)
def test_a_sample_becomes_the_events_that_are_expected(sample):
    outcome = mapped(sample)
    outcome.say_first_fault()
    assert [line_of(event) for event in outcome.events] == sample["events"]


@pytest.mark.parametrize("sample", EXPECTED, ids=IDS)
def test_the_same_payload_again_is_the_same_facts(sample):
    first, again = mapped(sample), mapped(sample)
    assert [event.digest for event in first.events] == [event.digest for event in again.events]
    assert len({(event.source, event.id) for event in first.events}) == len(first.events)


def test_every_json_and_xml_mapping_has_a_sample_and_every_sample_is_expected():
    tried = {sample["file"].partition("/")[0] for sample in EXPECTED}
    known = {name for name, mapping in load_catalogue().items() if mapping.format in ("json", "form", "xml")}
    files = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*")}
    assert known - tried - TRIED_ELSEWHERE == set()
    assert files == {sample["file"] for sample in EXPECTED}


def test_the_name_of_a_mapping_is_that_of_its_file():
    assert {name: mapping.file for name, mapping in load_catalogue().items()} == {
        name: f"{name}.toml" for name in load_catalogue()
    }
