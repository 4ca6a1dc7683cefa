"""Failure rules: what a pattern matches, which rule decides, and that no pattern is dear to match."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controltower.domain.errors import BadFailureRule
from controltower.domain.failure_rules import (
    CLASSES,
    MAX_PATTERN,
    NO_DIAGNOSIS,
    READ_CHARACTERS,
    UNKNOWN,
    FailureRule,
    RuleBook,
    checked,
    is_safe_link,
    suggested_pattern,
)
from controltower.domain.fingerprints import pattern_of

RULE = FailureRule(
    name="sku",
    failure_class="data_quality",
    action="Add the SKU mapping.",
    owner="Master data",
    link="/search",
    code=("SKU_UNMAPPED",),
)
# Few letters, so that patterns and texts often have to do with each other.
few_letters = st.text("ab *", max_size=12)


def a_rule(**changes: object) -> FailureRule:
    return replace(RULE, **changes)  # type: ignore[arg-type]


def matches_message(pattern: str, message: str) -> bool:
    return a_rule(code=(), message=(pattern,)).matches("", "", message)


# Patterns


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("no item", "There is NO  item for 4711", True),
        ("no * for sku", "no ERP item for SKU 4711", True),
        ("no * for sku", "for sku no item", False),
        ("sku * not * found", "SKU 1 was not in stock and not found", True),
        ("ab", "a b", False),
        ("a*a", "a", False),
        ("[a-z]+ (x+)+$", "abc xx", False),
        ("50% (net)", "paid 50% (net)", True),
        ("straße", "STRASSE 7", True),
    ],
)
def test_a_message_pattern_is_words_that_come_in_this_order(pattern, message, expected):
    assert matches_message(pattern, message) is expected


@pytest.mark.parametrize(
    ("pattern", "code", "expected"),
    [
        ("SKU_UNMAPPED", "sku_unmapped", True),
        ("SKU_*", "SKU_UNMAPPED", True),
        ("*TIMEOUT*", "ERP_TIMEOUT", True),
        ("SKU", "SKU_UNMAPPED", False),
        ("42*", "422", True),
        ("4*2", "42", True),
        ("42*2", "42", False),
        ("*", "anything", True),
    ],
)
def test_a_code_pattern_covers_the_whole_code(pattern, code, expected):
    assert a_rule(code=(pattern,)).matches("", code, "") is expected


@given(few_letters, few_letters)
def test_a_code_pattern_matches_as_the_same_regular_expression_does(pattern: str, text: str):
    plain, wanted = " ".join(text.split()), " ".join(pattern.split())
    expression = ".*".join(re.escape(part) for part in wanted.split("*"))
    expected = re.fullmatch(expression, plain) is not None
    assert a_rule(code=(pattern,)).matches("", text, "") is expected


@given(few_letters, few_letters)
def test_a_message_pattern_matches_as_the_same_regular_expression_does(pattern: str, text: str):
    plain, wanted = " ".join(text.split()), " ".join(pattern.split())
    expression = ".*".join(re.escape(part) for part in wanted.split("*"))
    assert matches_message(wanted, text) is (re.search(expression, plain) is not None)


@given(st.text(max_size=1500))
@example('Order "A 7" of ΑΣ"x" İstanbul: 50 % short')
@example("ΑΣ'Β' is unknown")
@example("*")
def test_the_pattern_that_is_suggested_matches_its_message(message: str):
    pattern = suggested_pattern(message)
    assert len(pattern) <= MAX_PATTERN
    if pattern:
        assert matches_message(pattern, message)
        checked(a_rule(message=(pattern,))) if pattern.isprintable() else None


@given(st.text("abc 1\"'-", max_size=60), st.text("abc 1\"'-", max_size=60))
def test_the_pattern_that_is_suggested_matches_every_message_of_its_fingerprint(one: str, other: str):
    if pattern_of(one) == pattern_of(other) and suggested_pattern(one):
        assert matches_message(suggested_pattern(one), other)


def test_what_varies_is_no_part_of_the_suggested_pattern():
    assert suggested_pattern("No item for SKU 4711 of jane@example.com") == "no item for sku * of"
    assert suggested_pattern("4711") == ""


def test_only_the_beginning_of_a_text_is_read():
    assert not matches_message("needle", "x" * READ_CHARACTERS + "needle")


def test_the_worst_pattern_takes_no_time():
    began = time.perf_counter()
    for _ in range(100):
        matches_message("a*" * (MAX_PATTERN // 2) + "b", "a" * 100_000)
    assert time.perf_counter() - began < 1


# Rules


def test_every_kind_of_pattern_that_a_rule_has_must_match_and_any_of_a_kind():
    rule = a_rule(system=("erp", "oms"), code=("E1",), message=("no item",))
    assert rule.matches("OMS", "E1", "there is no item")
    assert not rule.matches("wms", "E1", "there is no item")
    assert not rule.matches("erp", "E2", "there is no item")
    assert not rule.matches("erp", "E1", "there is none")


def test_the_first_rule_that_matches_decides():
    first, second = a_rule(name="first", code=("SKU*",)), a_rule(name="second")
    assert RuleBook([first, second]).diagnose("erp", "SKU_UNMAPPED", "").rule == "first"
    assert RuleBook([second, first]).diagnose("erp", "SKU_UNMAPPED", "").rule == "second"


def test_a_diagnosis_says_what_it_is_what_to_do_and_who():
    diagnosis = RuleBook([RULE]).diagnose("erp", "SKU_UNMAPPED", "")
    assert diagnosis == ("data_quality", "sku", "Add the SKU mapping.", "Master data", "/search")
    assert diagnosis.is_known and diagnosis.words == "Source data"


def test_what_no_rule_matches_is_unknown():
    diagnosis = RuleBook([RULE]).diagnose("erp", "OTHER", "")
    assert diagnosis == NO_DIAGNOSIS and diagnosis.failure_class == UNKNOWN
    assert not diagnosis.is_known and diagnosis.words == "Unknown"


@given(*[st.text(max_size=50)] * 3)
def test_every_failure_has_a_diagnosis(system: str, code: str, message: str):
    assert RuleBook([RULE]).diagnose(system, code, message).failure_class in {*CLASSES, UNKNOWN}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": " "}, "name: expected a text, found nothing"),
        ({"action": ""}, "action: expected a text, found nothing"),
        ({"failure_class": "bad"}, "class: expected one of schema, data_quality"),
        ({"link": "javascript:alert(1)"}, "link: expected an address"),
        ({"code": ()}, "message: expected a pattern here, in code or in system"),
        ({"code": ("*",)}, "code: expected a pattern with letters or digits, found '*'"),
        ({"message": ("x" * 301,)}, "message: expected at most 300 characters, found 301"),
        ({"owner": "a\nb"}, "owner: expected one line of printable characters"),
        ({"action": "x" * 501}, "action: expected at most 500 characters"),
    ],
)
def test_a_mistake_in_a_rule_names_its_key_and_what_was_expected(changes, complaint):
    with pytest.raises(BadFailureRule, match="^" + re.escape(complaint)):
        checked(a_rule(**changes))


@pytest.mark.parametrize(
    ("link", "is_safe"),
    [
        ("https://wiki.example.com/sku?id=1#how", True),
        ("http://wiki/sku", True),
        ("/search?q=1", True),
        ("//evil.example.com", False),
        ("/\\evil.example.com", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:///nothing", False),
        ("https://a b", False),
        ("https://[", False),
        ("wiki", False),
    ],
)
def test_only_links_that_cannot_run_anything_are_taken(link: str, is_safe: bool):
    assert is_safe_link(link) is is_safe
