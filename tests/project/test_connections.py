"""docs/reference/connections.md explains every key of every kind, and its example is valid."""

import re
from importlib import import_module

import msgspec
import pytest

from collectors.brokers.connections import KINDS, BrokerTable, EventsFrom, Kind, LettersFrom, load_connections
from tests.project.reference import code_blocks, text_of

PAGE = text_of("connections.md")
COMMON = {field.name for field in msgspec.structs.fields(BrokerTable)}


def keys_in(text: str) -> set[str]:
    """What stands in the first column of tables."""
    cells = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`([^`]+)`", cell)}


def test_every_key_of_every_kind_is_explained():
    (common,) = re.findall(r"^## Keys of every kind\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    nested = {f"events.{field.name}" for field in msgspec.structs.fields(EventsFrom)}
    nested |= {f"dead_letters.{field.name}" for field in msgspec.structs.fields(LettersFrom)}
    assert keys_in(common) == COMMON | nested
    assert set(KINDS) <= set(re.findall(r"`(\w+)`", common))


@pytest.mark.parametrize("name", KINDS)
def test_the_keys_of_a_kind_are_explained_in_one_table(name: str):
    kind: Kind = import_module(KINDS[name]).KIND
    own = {field.name for field in msgspec.structs.fields(kind.table)} - COMMON
    sections = [keys_in(section) for section in PAGE.split("\n## ")]
    assert own in sections


def test_the_example_is_valid(tmp_path):
    (example,) = code_blocks("connections.md", "toml")
    (tmp_path / "connections.toml").write_text(example)
    path = str(tmp_path / "connections.toml")
    assert load_connections(path, {"ORDERS_PASSWORD": "x"}, {"shopify"}).keys() == {"orders"}
