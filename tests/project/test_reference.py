"""The reference pages name every metric, command, key and kind, and their examples work."""

import json
import tomllib
from collections.abc import Iterator, Mapping

import click
import pytest

from collectors.brokers.statuses import Statuses
from collectors.cloudevents import read_event
from collectors.hooks.figures import HookFigures
from controltower.cli import commands
from controltower.domain.facts import FAILED
from controltower.domain.identifiers import Bond, Identifier, bond_of
from controltower.domain.process_files import parse_process
from controltower.domain.processes import FAILURE_SUFFIXES
from controltower.services.ingest import IngestFigures
from controltower.telemetry import metrics_text
from tests.project.reference import code_blocks, entries_of, names_in, text_of

# Metrics


class NoFigures:
    """An ingest that has done nothing."""

    def figures(self) -> IngestFigures:
        return IngestFigures(*[0] * len(IngestFigures._fields))


def metrics() -> dict[str, tuple[str, str]]:
    """Kind and help of each metric, by name, as they are served."""
    parts = (HookFigures().metrics, Statuses(lambda: 0).metrics)
    lines = [line.split(" ", 3) for line in metrics_text(NoFigures(), *parts)().splitlines()]  # type: ignore[arg-type]
    helps = {line[2]: line[3] for line in lines if line[1] == "HELP"}
    return {line[2]: (line[3], helps[line[2]]) for line in lines if line[1] == "TYPE"}


def test_every_metric_has_an_entry_that_says_what_it_counts():
    entries = entries_of("metrics.md")
    served = metrics()
    assert entries.keys() == served.keys()
    for name, (kind, help_text) in served.items():
        assert f"A {kind}. {help_text}\n" in entries[name], name


# Commands


def leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that can be run, with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(leaves(commands, "controltower"))


def test_every_command_has_an_entry():
    assert entries_of("commands.md").keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_entry_of_a_command_names_its_options_and_their_choices(name: str):
    wanted = set()
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            wanted.add(parameter.opts[0])
            wanted |= set(parameter.type.choices) if isinstance(parameter.type, click.Choice) else set()
    assert wanted <= names_in(entries_of("commands.md")[name])


# Processes


def keys_of(table: Mapping[str, object], path: str = "") -> Iterator[str]:
    """Every key in a document, those of nested tables with the path to them."""
    for key, value in table.items():
        tables = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
        if not isinstance(value, dict):
            yield path + key
        for nested in tables:
            yield from keys_of(nested, f"{path}{key}.")


def test_every_key_of_a_process_file_is_explained(root):
    built_in = (root / "controltower" / "processes" / "order_to_cash.toml").read_text()
    examples = [tomllib.loads(text) for text in (built_in, *code_blocks("processes.md", "toml"))]
    used = {key for example in examples for key in keys_of(example)}
    explained = {
        line.split("`")[1] for line in text_of("processes.md").splitlines() if line.startswith("| `")
    }
    assert used == explained


def test_the_example_of_a_process_is_valid():
    (example,) = code_blocks("processes.md", "toml")
    process = parse_process(example, "example.toml")
    assert [stage.name for stage in process.stages] == ["requested", "received", "refunded"]
    assert all(f"`.{suffix}`" in text_of("processes.md") for suffix in FAILURE_SUFFIXES)


# Events


def test_the_example_of_an_event_is_read_as_the_page_says():
    (example,) = code_blocks("events.md", "json")
    event = read_event(example.encode(), received_us=0)
    assert Identifier("correlation", "c-1001") in event.identifiers
    assert Identifier("netsuite.order", "4711") in event.identifiers
    assert Identifier("email", "jane@example.com") in event.identifiers
    assert (event.system, event.channel, event.status) == ("erp", "web", "rejected")
    assert (event.customer, event.amount, event.currency) == ("Jane Doe", "129.90", "EUR")
    assert (event.outcome, event.error_code) == (FAILED, "SKU_UNMAPPED")


def test_every_key_of_the_example_is_explained():
    (example,) = code_blocks("events.md", "json")
    event = json.loads(example)
    prose = names_in(text_of("events.md").replace(example, ""))
    assert event.keys() - {"data"} <= prose
    assert event["data"].keys() <= prose


@pytest.mark.parametrize("bond", Bond, ids=lambda bond: bond.name)
def test_kinds_stand_beside_the_bond_that_they_have(bond: Bond):
    (row,) = [
        line for line in text_of("events.md").splitlines() if line.startswith(f"| {bond.name.lower()} |")
    ]
    kinds = names_in(row.split("|")[2])
    assert kinds
    assert {bond_of(kind) for kind in kinds} == {bond}


def test_every_joining_kind_is_named():
    from controltower.domain import identifiers

    assert identifiers._BONDS.keys() <= names_in(text_of("events.md"))


def test_every_reason_for_quarantine_is_explained(root):
    sources = [root / "collectors" / "cloudevents.py", *(root / "collectors" / "events").glob("*.py")]
    used = {"bad_json", "too_large"}
    for source in sources:
        for part in source.read_text().split('BadEvent("')[1:]:
            used.add(part.partition('"')[0])
    assert used <= names_in(text_of("events.md"))
