"""Rule files: what they say, what they refuse, and that the built-in one knows what really fails."""

import re

import pytest

from controltower.domain.errors import BadFailureRule
from controltower.domain.failure_rule_files import parse_failure_rules
from controltower.domain.failure_rules import CLASSES, RuleBook
from controltower.services.failure_rules import built_in_rules

RULE = '[[rules]]\nname = "sku"\nclass = "data_quality"\ncode = "SKU_*"\naction = "Map it."\n'


def parse(text: str):
    return parse_failure_rules(text, "own.toml")


def test_a_rule_says_all_that_its_file_says():
    (rule,) = parse(
        RULE + 'system = ["erp", "oms"]\nmessage = "no item"\nowner = "Master data"\nlink = "https://wiki/1"\n'
    )
    assert (rule.name, rule.failure_class, rule.action) == ("sku", "data_quality", "Map it.")
    assert (rule.system, rule.code, rule.message) == (("erp", "oms"), ("SKU_*",), ("no item",))
    assert (rule.owner, rule.link, rule.origin) == ("Master data", "https://wiki/1", "own.toml")


def test_an_empty_file_has_no_rules():
    assert parse("# nothing yet\n") == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rules]\n", "own.toml: not valid TOML"),
        ('rule = "x"\n', "own.toml: line 1: rule: is not a key here; expected [[rules]]"),
        ('rules = "x"\n', "own.toml: line 1: rules: expected a list of tables"),
        (RULE + RULE.replace("sku", "b").replace("class", "clas"), "own.toml: line 8: rules[1].clas: is not"),
        (RULE.replace('"data_quality"', '"data"'), "own.toml: line 3: rules[0].class: expected one of"),
        (RULE.replace('"SKU_*"', "7"), "own.toml: line 4: rules[0].code: expected a pattern or"),
        (RULE.replace('"SKU_*"', '["A", 7]'), "own.toml: line 4: rules[0].code: expected a pattern or"),
        (RULE.replace('"SKU_*"', '"**"'), "own.toml: line 4: rules[0].code: expected a pattern with letters"),
        (RULE.replace('"Map it."', "true"), "own.toml: line 5: rules[0].action: expected a text, found True"),
        (RULE.replace('action = "Map it."', ""), "own.toml: line 1: rules[0].action: expected a text, found"),
        (RULE.replace('code = "SKU_*"\n', ""), "own.toml: line 1: rules[0].message: expected a pattern here"),
        (RULE + 'link = "ftp://x"\n', "own.toml: line 6: rules[0].link: expected an address"),
        (RULE + RULE, "own.toml: line 7: rules[1].name: 'sku' is the name of a rule above"),
        (RULE * 1001, "own.toml: line 1: rules: expected at most 1000 rules, found 1001"),
        ("#" * 1_000_001, "own.toml: expected at most 1000000 characters, found 1000001"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_key_and_what_was_expected(text: str, complaint: str):
    with pytest.raises(BadFailureRule, match="^" + re.escape(complaint)):
        parse(text)


# The built-in rules

BUILT_IN = RuleBook(built_in_rules())


def test_the_built_in_rules_name_an_owner_and_use_every_class():
    assert all(rule.owner for rule in BUILT_IN.rules)
    assert {rule.failure_class for rule in BUILT_IN.rules} == set(CLASSES)


@pytest.mark.parametrize(
    ("system", "code", "message", "expected"),
    [
        # what the demo estate says
        ("middleware", "SKU_UNMAPPED", "No ERP item is mapped to SKU RUG-WOL-200", "data_quality"),
        ("erp", "CREDIT_HOLD", "Customer C-1 is over the credit limit", "business_rule"),
        ("middleware", "SCHEMA_INVALID", "salesOrder.shipTo.country: expected an ISO 3166 code", "schema"),
        ("middleware", "ERP_TIMEOUT", "The ERP did not answer within 30 s", "downstream_delay"),
        ("carrier", "ADDRESS_NOT_FOUND", "The driver did not find the house number", "data_quality"),
        ("billing", "AMOUNT_MISMATCH", "The payout is 4.00 EUR short of the invoice", "business_rule"),
        ("shop", "CARD_DECLINED", "The issuer declined the card: insufficient funds", "business_rule"),
        # what vendors say
        ("netsuite", "INVALID_KEY_OR_REF", "The specified key is invalid.", "data_quality"),
        ("netsuite", "RCRD_HAS_BEEN_CHANGED", "Record has been changed", "technical"),
        ("netsuite", "SSS_REQUEST_LIMIT_EXCEEDED", "", "downstream_delay"),
        ("netsuite", "DUP_ENTITY", "This entity already exists.", "duplicate"),
        ("netsuite", "USER_ERROR", "Please enter value(s) for: Location", "schema"),
        ("salesforce", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "schema"),
        ("salesforce", "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", "technical"),
        ("salesforce", "DUPLICATES_DETECTED", "Use one of these records?", "duplicate"),
        ("amazon", "QuotaExceeded", "You exceeded your quota for the resource.", "downstream_delay"),
        ("stripe", "insufficient_funds", "Your card has insufficient funds.", "business_rule"),
        ("stripe", "authentication_required", "", "business_rule"),
        ("easypost", "ADDRESS.VERIFY.FAILURE", "Unable to verify address.", "data_quality"),
        ("sap", "", "Material 4711 does not exist in plant 1000", "data_quality"),
        ("sap", "", "Posting period 005 2026 is not open", "business_rule"),
        ("sap", "", "No receiver could be determined", "routing"),
        ("shopify", "429", "Exceeded 2 calls per second for api client.", "downstream_delay"),
        ("shopify", "", "Country is not supported", "schema"),
        ("taxjar", "", "to_zip 90002 is not used within to_state FL", "data_quality"),
        ("oms", "HTTP_503", "", "downstream_delay"),
        ("oms", "", "connect ECONNREFUSED 10.0.0.1:443: connection refused", "technical"),
        ("wms", "", "java.lang.NullPointerException", "technical"),
    ],
)
def test_the_built_in_rules_know_the_commonest_failures(system, code, message, expected):
    assert BUILT_IN.diagnose(system, code, message).failure_class == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", ""),
        ("E-1", "something odd happened"),
        ("WMS-4711", "Wave 300 refused order 1: zone 'A' is frozen"),
        ("", "invalid state transition from open to open"),
    ],
)
def test_the_built_in_rules_do_not_pretend_to_know_what_they_do_not(code: str, message: str):
    assert not BUILT_IN.diagnose("erp", code, message).is_known
