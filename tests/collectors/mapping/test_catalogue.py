"""The user's mapping files add to those that ship, or replace them."""

import pytest

from collectors.mapping.catalogue import find_mapping, load_catalogue
from collectors.mapping.errors import BadMapping

MINE = """
name = "{name}"
title = "Ours"
source = "ours"
[[events]]
type = "order.captured"
id = "{{id}}"
"""


def a_folder(tmp_path, **files):
    for file, name in files.items():
        (tmp_path / f"{file}.toml").write_text(MINE.format(name=name))
    return tmp_path


def test_a_file_adds_a_mapping_or_replaces_the_one_of_its_name(tmp_path):
    known = load_catalogue(a_folder(tmp_path, a="ours", b="shopify"))
    assert known["ours"].title == "Ours"
    assert known["shopify"].title == "Ours"
    assert known["stripe"].title == "Stripe events"
    assert list(known) == sorted(known)


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(BadMapping, match=r"b\.toml: name: 'ours' is also the name of .*a\.toml"):
        load_catalogue(a_folder(tmp_path, a="ours", b="ours"))


def test_a_folder_that_is_not_there_or_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(BadMapping, match="expected the folder"):
        load_catalogue(tmp_path / "missing")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(BadMapping, match=r"bad\.toml: cannot be read"):
        load_catalogue(tmp_path)


def test_a_mapping_is_found_by_its_file_or_its_name_the_users_first(tmp_path):
    folder = a_folder(tmp_path, a="shopify")
    assert find_mapping("shopify", folder).title == "Ours"
    assert find_mapping("shopify").title == "Shopify webhooks"
    assert find_mapping(str(folder / "a.toml")).title == "Ours"
    with pytest.raises(BadMapping, match="no built-in mapping has this name"):
        find_mapping("nothing")
