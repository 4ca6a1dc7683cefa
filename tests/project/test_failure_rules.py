"""The pages about failure rules name every key and class, and their examples work."""

import re
import tomllib

from controltower.domain.failure_rule_files import _KEYS, parse_failure_rules
from controltower.domain.failure_rules import CLASS_WORDS, RuleBook
from tests.project.reference import code_blocks, text_of

PAGE = text_of("failure-rules.md")
HOW_TO = "../how-to/add-a-failure-rule.md"


def test_every_key_of_a_rule_is_explained():
    explained = set(re.findall(r"^\| `(rules[.\w]*)` ", PAGE, re.MULTILINE))
    assert explained == {"rules", *(f"rules.{key}" for key in _KEYS)}


def test_every_class_stands_beside_its_word():
    for name, words in CLASS_WORDS.items():
        assert f"| `{name}` | {words} |" in PAGE


def test_the_example_uses_every_key_and_is_right():
    (example,) = code_blocks("failure-rules.md", "toml")
    (table,) = tomllib.loads(example)["rules"]
    assert table.keys() == _KEYS
    assert RuleBook(parse_failure_rules(example, "x")).diagnose("wms", "WMS-17", "Zone A is frozen").is_known


def test_the_rule_of_the_how_to_knows_its_failure():
    (example,) = code_blocks(HOW_TO, "toml")
    message = re.search(r'"message": "([^"]+)"', text_of(HOW_TO))
    assert message
    found = RuleBook(parse_failure_rules(example, "x")).diagnose("wms", "WMS-17", message[1])
    assert (found.failure_class, found.owner) == ("downstream_delay", "Warehouse")
