"""Comparing two extracts: what counts as missing, different, late or unreadable, and what does not."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.services.reconciliation.comparing import compare
from controltower.services.reconciliation.declaration import (
    BadDeclaration,
    built_in_declarations,
    parse_declaration,
)
from controltower.services.reconciliation.findings import Finding

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAIN = """
name = "stock"
title = "Stock"
{top}
[left]
title = "Shop"
key = ["sku", "node"]
values = {{ amount = "amount" }}
{left}
[right]
title = "Warehouse"
key = ["item", "place"]
values = {{ amount = {right_amount} }}
[[checks]]
title = "Amount"
left = "amount"
right = "amount"
{check}
"""


def declared(top="", left="", check="", right_amount='"amount"'):
    return parse_declaration(
        PLAIN.format(top=top, left=left, check=check, right_amount=right_amount), "stock.toml"
    )


def table(columns, *rows):
    return pd.DataFrame(list(rows), columns=columns.split(), dtype=str)


def left(*rows):
    return table("sku node amount", *rows)


def right(*rows):
    return table("item place amount", *rows)


def findings(declaration, one, other, now=NOW):
    return compare(declaration, one, other, now).findings


def test_what_agrees_is_no_finding():
    result = compare(declared(), left(("a", "1", "5")), right(("a", "1", "5.0")), NOW)
    assert (result.matched, result.findings) == (1, [])


def test_a_key_that_a_side_lacks_is_missing_there():
    assert findings(declared(), left(("a", "1", "5")), right(("b", "1", "5"))) == [
        Finding("missing_left", ("b", "1"), "", "", "there", ""),
        Finding("missing_right", ("a", "1"), "", "there", "", ""),
    ]


def test_what_only_one_side_may_have_is_not_missing():
    declaration = declared(top='ignore_missing = ["left"]')
    found = findings(declaration, left(("a", "1", "5")), right(("b", "1", "5")))
    assert [one.kind for one in found] == ["missing_right"]


def test_values_differ_beyond_the_tolerance():
    one, other = (
        left(("a", "1", "10.00"), ("b", "1", "10.00")),
        right(("a", "1", "10.05"), ("b", "1", "9.94")),
    )
    assert findings(declared(check='tolerance = "0.05"'), one, other) == [
        Finding("different", ("b", "1"), "Amount", "10.00", "9.94", "-0.06")
    ]


def test_a_tolerance_may_be_a_share_of_the_left_value():
    one, other = left(("a", "1", "200"), ("b", "1", "200")), right(("a", "1", "201"), ("b", "1", "201.01"))
    (found,) = findings(declared(check='tolerance = "0.5%"'), one, other)
    assert (found.key, found.difference) == (("b", "1"), "+1.01")


def test_decimals_are_exact():
    rows = [("a", "1", "0.1"), ("a", "1", "0.2"), ("b", "1", "12345678901234567890.01")]
    other = right(("a", "1", "0.3"), ("b", "1", "12345678901234567890.02"))
    (found,) = findings(declared(), left(*rows), other)
    assert (found.key, found.difference) == (("b", "1"), "+0.01")


def test_a_value_may_be_made_of_several_columns():
    one = left(("a", "1", "100"))
    other = table("item place paid fees back", ("a", "1", "67", "3", "-30"))
    assert findings(declared(right_amount='["paid", "fees", "-back"]'), one, other) == []


@pytest.mark.parametrize(
    ("combine", "value"),
    [("sum", "9"), ("count", "3"), ("first", "4"), ("last", "2"), ("min", "2"), ("max", "4")],
)
def test_rows_of_one_key_are_combined(combine, value):
    rows = [("a", "1", number) for number in ("4", "3", "", "2")]
    other = [("a", "1", "1")] * int(value) if combine == "count" else [("a", "1", value)]
    assert findings(declared(check=f'combine = "{combine}"'), left(*rows), right(*other)) == []


@pytest.mark.parametrize("kind", ["text", "time"])
def test_rows_of_any_kind_can_be_counted(kind):
    one = left(("a", "1", "2026-05-01"), ("a", "1", "2026-05-02"))
    check = f'kind = "{kind}"\ncombine = "count"\nignore_case = true'
    (found,) = findings(declared(check=check), one, right(("a", "1", "2026-05-01")))
    assert (found.kind, found.left, found.right, found.difference) == ("different", "2", "1", "-1")


def test_a_number_that_is_none_is_unreadable_and_not_different():
    one, other = left(("a", "1", "1.234,50"), ("a", "1", "7")), right(("a", "1", "1234.50"))
    assert findings(declared(), one, other) == [
        Finding("unreadable", ("a", "1"), "Amount", "1.234,50", "1234.50", "not a number: 1.234,50")
    ]


@pytest.mark.parametrize("cell", ["NaN", "Infinity", "1e400"])
def test_numbers_that_are_no_amounts_are_unreadable(cell):
    (found,) = findings(declared(), left(("a", "1", cell)), right(("a", "1", "5")))
    assert found.kind == "unreadable"


def test_an_empty_value_differs_from_one_that_is_there_unless_that_is_ignored():
    one, other = left(("a", "1", "")), right(("a", "1", "5"))
    (found,) = findings(declared(), one, other)
    assert (found.kind, found.left, found.difference) == ("different", "", "one side is empty")
    assert findings(declared(check='empty = "ignore"'), one, other) == []
    assert findings(declared(), one, right(("a", "1", ""))) == []


def test_rows_without_a_whole_key_are_counted_and_left_out():
    result = compare(declared(), left(("a", "", "5"), (" ", "1", "5")), right(), NOW)
    assert (result.without_key, result.left_keys, result.findings) == (2, 0, [])


def test_texts_are_compared_without_spaces_around_them_and_without_case_if_so_declared():
    one, other = left(("a ", "1", "Open")), right((" a", "1", "OPEN "))
    (found,) = findings(declared(check='kind = "text"'), one, other)
    assert (found.kind, found.left, found.right) == ("different", "Open", "OPEN")
    assert findings(declared(check='kind = "text"\nignore_case = true'), one, other) == []


TIMES = 'kind = "time"\ncombine = "max"\nwithin = "1d"'


def test_a_time_that_is_later_than_it_may_be_is_late():
    one = left(("a", "1", "2026-05-01T09:00:00Z"), ("b", "1", "2026-05-01 09:00"))
    other = right(("a", "1", "2026-05-02T11:00:00+02:00"), ("b", "1", "2026-05-02 12:20:00"))
    (found,) = findings(declared(check=TIMES), one, other)
    assert (found.kind, found.key, found.difference) == ("late", ("b", "1"), "3 h 20 min late")


def test_a_time_that_is_not_there_is_late_once_it_should_be():
    one, other = left(("a", "1", "2026-05-01T09:00:00Z")), right(("a", "1", ""))
    due = datetime(2026, 5, 2, 9, tzinfo=UTC)
    assert findings(declared(check=TIMES), one, other, due) == []
    (found,) = findings(declared(check=TIMES), one, other, due + timedelta(hours=2))
    assert (found.kind, found.difference) == ("late", "2 h overdue")
    assert findings(declared(check=TIMES + '\nempty = "ignore"'), one, other) == []


def test_what_is_not_due_yet_is_not_missing():
    text = PLAIN.format(
        top='due_after = "2h"\ndue_from = "at"', left="", check="", right_amount='"amount"'
    ).replace('values = { amount = "amount" }', 'values = { amount = "amount", at = "at" }', 1)
    declaration = parse_declaration(text, "stock.toml")
    one = table(
        "sku node amount at",
        ("a", "1", "5", "2026-11-21T11:00:00Z"),
        ("b", "1", "5", "2026-11-21T09:00:00Z"),
    )
    result = compare(declaration, one, right(), NOW)
    assert [found.key for found in result.findings] == [("b", "1")]
    assert result.not_due == 1


def test_only_rows_that_are_asked_for_are_compared():
    declaration = declared(left='where = { node = ["1"] }')
    assert findings(declaration, left(("a", "1", "5"), ("a", "2", "5")), right(("a", "1", "5"))) == []


KEYS = st.sampled_from("abcd")
AMOUNTS = st.integers(-50, 50)
ROWS = st.lists(st.tuples(KEYS, AMOUNTS), max_size=12)


@given(one=ROWS, other=ROWS, data=st.data())
def test_the_result_is_what_adding_up_by_hand_gives_in_whatever_order_the_rows_come(one, other, data):
    totals: tuple[dict[str, int], ...] = (defaultdict(int), defaultdict(int))
    for total, rows in zip(totals, (one, other), strict=True):
        for key, amount in rows:
            total[key] += amount
    shuffled = data.draw(st.permutations(one)), data.draw(st.permutations(other))
    results = [
        compare(
            declared(),
            left(*((key, "1", str(amount)) for key, amount in rows[0])),
            right(*((key, "1", str(amount)) for key, amount in rows[1])),
            NOW,
        )
        for rows in ((one, other), shuffled)
    ]
    told = {(found.kind, found.key[0]) for found in results[0].findings}
    a, b = totals
    expected = {("missing_right", key) for key in a.keys() - b.keys()}
    expected |= {("missing_left", key) for key in b.keys() - a.keys()}
    expected |= {("different", key) for key in a.keys() & b.keys() if a[key] != b[key]}
    assert told == expected
    assert results[0].matched == len(a.keys() & b.keys()) - len(
        [1 for kind, _ in expected if kind == "different"]
    )
    assert results[1].findings == results[0].findings


def test_a_shared_key_of_one_column_works_alike():
    declaration = parse_declaration(
        """
        name = "n"
        title = "t"
        left = { title = "l", key = ["a"], values = { x = "x" } }
        right = { title = "r", key = ["a"], values = { x = "x" } }
        checks = [{ title = "X", left = "x", right = "x" }]
        """,
        "n.toml",
    )
    one = table("a x", ("1", "5"), ("2", "bad"), ("4", "1"))
    other = table("a x", ("1", "6"), ("2", "1"), ("3", "1"))
    found = findings(declaration, one, other)
    assert [(each.kind, each.key) for each in found] == [
        ("missing_left", ("3",)),
        ("missing_right", ("4",)),
        ("different", ("1",)),
        ("unreadable", ("2",)),
    ]


def test_settlements_name_the_amount_that_differs():
    declaration = parse_declaration(built_in_declarations()["settlements"], "settlements")
    orders = table(
        "order currency ordered captured invoiced",
        ("1", "EUR", "100.00", "100.00", "100.00"),
        ("2", "EUR", "100.00", "100.00", "90.00"),
        ("3", "EUR", "100.00", "100.00", "100.00"),
    )
    paid = table(
        "order currency settled fees refunds",
        ("1", "EUR", "67.00", "3.00", "-30.00"),
        ("2", "EUR", "97.00", "3.00", ""),
        ("3", "USD", "97.00", "3.00", ""),
    )
    assert [(one.kind, one.key, one.check) for one in findings(declaration, orders, paid)] == [
        ("missing_left", ("3", "USD"), ""),
        ("missing_right", ("3", "EUR"), ""),
        ("different", ("2", "EUR"), "Invoiced"),
    ]


def test_a_refund_is_awaited_for_five_days_and_then_missing_or_late():
    declaration = parse_declaration(built_in_declarations()["refunds"], "refunds")
    columns = "order currency amount granted_at"
    granted = table(
        columns,
        ("1", "EUR", "10", "2026-11-01T00:00:00Z"),
        ("2", "EUR", "10", "2026-11-01T00:00:00Z"),
        ("3", "EUR", "10", "2026-11-20T00:00:00Z"),
    )
    paid = table("order currency amount refunded_at", ("1", "EUR", "10", "2026-11-09T00:00:00Z"))
    result = compare(declaration, granted, paid, NOW)
    assert [(one.kind, one.key[0]) for one in result.findings] == [("missing_right", "2"), ("late", "1")]
    assert result.not_due == 1


@pytest.mark.parametrize("name", built_in_declarations())
def test_every_built_in_declaration_is_valid_and_named_after_its_file(name):
    assert parse_declaration(built_in_declarations()[name], name).name == name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('title = "Stock"', "title ="), "stock.toml: not valid TOML"),
        (('title = "Stock"', "titel = 1"), "stock.toml: Object contains unknown field `titel`"),
        (('["sku", "node"]', '["sku"]'), "left.key and right.key: expected as many columns"),
        (('["sku", "node"]', "[]"), "left.key: expected at least one column"),
        (('left = "amount"', 'left = "sum"'), "checks[0].left: expected one of amount, found 'sum'"),
        (
            ('title = "Amount"', 'title = "Amount"\ntolerance = "some"'),
            "checks[0].tolerance: expected a number",
        ),
        (
            ('title = "Amount"', 'title = "Amount"\ntolerance = "-1"'),
            "checks[0].tolerance: expected a number",
        ),
        (('title = "Amount"', 'title = "Amount"\nkind = "money"'), "checks[0].kind: expected one of number"),
        (('title = "Amount"', 'title = "Amount"\nwithin = "soon"'), "checks[0].within: expected a duration"),
        (('title = "Amount"', 'title = "A"\nkind = "text"\ncombine = "sum"'), "only numbers can be summed"),
        (('title = "Shop"', 'title = "Shop"\nzone = "Mars"'), "left.zone: no time zone is named 'Mars'"),
        (('title = "Shop"', 'title = "Shop"\ndelimiter = "||"'), "left.delimiter: expected one character"),
        (('title = "Stock"', 'title = "Stock"\nlink_column = "x"'), "link_column: expected one of sku, node"),
        (('title = "Stock"', 'title = "Stock"\ndue_after = "1h"'), "due_after and due_from: expected both"),
        (
            ('title = "Stock"', 'title = "Stock"\nignore_missing = ["up"]'),
            "ignore_missing[0]: expected one of",
        ),
    ],
)
def test_a_mistake_in_a_declaration_is_named(change: tuple[str, str], complaint: str):
    text = PLAIN.format(top="", left="", check="", right_amount='"amount"').replace(*change, 1)
    with pytest.raises(BadDeclaration, match=complaint.replace("[", r"\[")):
        parse_declaration(text, "stock.toml")
