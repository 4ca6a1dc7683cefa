"""docs/reference/settings.md has an entry for each setting, and says what is true."""

import tomllib
from dataclasses import fields

import pytest

from collectors.otlp.links import DEFAULT_ATTRIBUTES
from controltower.settings import ACCESS, PREFIX, Settings, load_settings
from tests.project.reference import code_blocks, entries_of, names_in

ENTRIES = entries_of("settings.md")
NAMES = [setting.name for setting in fields(Settings)]


def written(value: object) -> str:
    """A default as the page shows it."""
    if value is False:
        return "`no`"
    return f"`{value}`" if value or value == 0 else "empty"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_an_entry_with_its_key_and_its_default(name: str):
    entry = ENTRIES[PREFIX + name.upper()]
    assert f"In the file: `{name}`" in entry
    assert f"Default: {written(getattr(Settings(), name))}." in entry


def test_there_are_no_entries_of_settings_that_do_not_exist():
    assert ENTRIES.keys() == {PREFIX + name.upper() for name in NAMES} | {PREFIX + "CONFIG"}


def test_every_choice_is_explained():
    assert set(ACCESS) <= names_in(ENTRIES["CONTROLTOWER_INGEST_ACCESS"])


def test_the_attributes_that_are_always_known_are_all_named():
    named = names_in(ENTRIES["CONTROLTOWER_LINK_ATTRIBUTES"])
    assert DEFAULT_ATTRIBUTES.keys() | set(DEFAULT_ATTRIBUTES.values()) <= named


def test_the_example_is_a_valid_file(tmp_path):
    (example,) = code_blocks("settings.md", "toml")
    (tmp_path / "controltower.toml").write_text(example)
    settings = load_settings({"CONTROLTOWER_CONFIG": str(tmp_path / "controltower.toml")})
    assert settings.link_attributes == tomllib.loads(example)["link_attributes"]
