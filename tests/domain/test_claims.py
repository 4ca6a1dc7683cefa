"""Who says what, and where systems disagree about an order and its money."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.amounts import number_of
from controltower.domain.claims import Account, account_of
from controltower.domain.components import fact_of
from controltower.domain.journeys import Fact, fold
from controltower.domain.process_files import parse_process
from controltower.domain.processes import Process
from tests.builders import NOW, an_event, order_to_cash

PROCESS = order_to_cash()
ERP_DECIDES = parse_process(
    """
name = "o"
title = "O"
version = 1
[records]
total = ["erp", "*"]
quantity = ["*"]
[tolerances]
total = "1%"
[[stages]]
name = "captured"
title = "Captured"
owner = "Shop"
events = ["order.captured"]
""",
    "o.toml",
)

BY_EVENT = parse_process(
    """
name = "b"
title = "B"
version = 1
amended_by = ["order.amended"]
[records]
total = ["last:order.amended", "first:order.captured", "ERP"]
refund = ["first:payment.refunded", "*"]
[tolerances]
total = "0.01"
[tolerances.channels.Bazaar]
total = "10%"
refund = "1"
[money]
settled = ["payment.settled"]
refunded = ["payment.refunded", "return.refunded"]
[[stages]]
name = "captured"
title = "Captured"
owner = "Shop"
events = ["order.captured"]
[outcomes]
completed = { events = ["order.closed"] }
""",
    "b.toml",
)


def told(type: str, system: str, amount: str = "", minute: int = 0, **rest: Any) -> Fact:
    at = NOW + timedelta(minutes=minute)
    return fact_of(an_event(type, ("order", "1"), at=at, system=system, amount=amount, **rest))


def disputes(*facts: Fact) -> tuple[str, ...]:
    return fold(PROCESS, facts).discrepancies


def account(*facts: Fact, is_over: bool = False) -> Account:
    return account_of(BY_EVENT, facts, is_over=is_over)


facts = st.lists(
    st.builds(
        told,
        st.sampled_from(
            "order.captured order.amended order.posted invoice.issued payment.settled return.refunded "
            "payment.refunded a.payment.captured b.payment.captured shipment.delivered order.closed".split()
        ),
        st.sampled_from(["shop", "erp", "bank"]),
        st.sampled_from(["", "10.00", "10", "9.50", "NaN", "1e400", "x"]),
        st.integers(0, 3),
        id=st.sampled_from("abcdef"),
        channel=st.sampled_from(["", "web", "bazaar"]),
        claims=st.sampled_from([(), (("quantity", "2"),), (("fees", "0.30"),), (("refund", "1"),)]),
    ),
    min_size=1,
    max_size=8,
)


processes = st.sampled_from([PROCESS, ERP_DECIDES, BY_EVENT])


@given(processes, facts, st.data())
def test_order_and_repetition_do_not_change_who_decides_and_what_is_disputed(
    process: Process, told: list[Fact], data: st.DataObject
):
    shuffled = data.draw(st.permutations([*told, *told]))
    assert fold(process, shuffled) == fold(process, told)
    for is_over in (False, True):
        found = account_of(process, told, is_over=is_over)
        assert account_of(process, shuffled, is_over=is_over) == found


@given(processes, facts)
def test_the_quick_look_of_the_fold_overlooks_no_dispute(process: Process, told: list[Fact]):
    found = fold(process, told)
    first_of_each: dict[tuple[str, str], Fact] = {}
    for fact in sorted(set(told)):
        first_of_each.setdefault((fact.source, fact.id), fact)
    account = account_of(process, first_of_each.values(), is_over=found.status == "done")
    assert found.discrepancies == account.discrepancies


@given(processes, facts)
def test_a_journey_is_worth_what_the_system_of_record_says(process: Process, told: list[Fact]):
    found = fold(process, told)
    decided = account_of(process, told, is_over=False).decided("total")
    assert not decided or found.amount == decided or number_of(found.amount) == number_of(decided)


def test_systems_that_agree_dispute_nothing():
    assert disputes(told("order.captured", "shop", "10.00"), told("order.posted", "erp", "10")) == ()


def test_whoever_spoke_first_decides_unless_a_system_of_record_does():
    facts = [told("order.captured", "shop", "10.00"), told("order.posted", "erp", "9.50", 1)]
    assert disputes(*facts) == ("total: erp says 9.50, shop 10.00",)
    assert fold(ERP_DECIDES, facts).discrepancies == ("total: shop says 10.00, erp 9.50",)


def test_a_system_may_decide_because_of_what_it_reports():
    posted = told("order.posted", "erp", "9.00")
    captured = told("order.captured", "shop", "10.00", 1)
    again = told("order.captured", "oms", "11.00", 2)
    amended = told("order.amended", "oms", "8.00", 3)
    silent = told("order.amended", "crm", minute=4)  # amends something else than the total

    assert account(posted).decided("total") == "9.00"  # the third in the order of those asked
    assert account(posted, captured, again).decided("total") == "10.00"
    assert account(posted, captured, again, amended, silent).decided("total") == "8.00"


def test_systems_of_record_are_named_in_any_case():
    assert account(told("order.posted", "Erp", "9.00")).decided("total") == "9.00"


def test_a_system_that_has_not_spoken_decides_nothing():
    assert account(told("order.posted", "oms", "9.00")).decided("total") == ""


def test_tolerances_may_be_of_a_channel():
    def over(channel: str) -> tuple[str, ...]:
        facts = [
            told("order.captured", "shop", "10.00", channel=channel),
            told("order.posted", "oms", "9.20", 1),
            told("payment.settled", "bank", "9.50", 2),
        ]
        return account(*facts, is_over=True).discrepancies

    assert over("BAZAAR") == ()
    assert over("web") == ("total: oms says 9.20, shop 10.00", "settled 9.50, ordered 10.00")


def test_an_address_is_kept_as_it_was_said_and_compared_without_case():
    facts = [
        told(f"order.{step}", system, claims=(("address", text),), minute=minute)
        for minute, (step, system, text) in enumerate(
            [("captured", "shop", "Lange Gasse 4"), ("posted", "erp", "LANGE GASSE 4")]
        )
    ]
    found = account_of(PROCESS, facts, is_over=False)
    assert (found.decided("address"), found.discrepancies) == ("Lange Gasse 4", ())


def test_a_difference_within_the_tolerance_is_none():
    near = [told("order.captured", "shop", "10.00"), told("order.posted", "erp", "10.05", 1)]
    assert fold(ERP_DECIDES, near).discrepancies == ()
    assert disputes(*near) == ("total: erp says 10.05, shop 10.00",)


def test_the_last_word_of_a_system_counts():
    facts = [
        told("order.captured", "shop", "10.00"),
        told("order.posted", "erp", "9.50", 1),
        told("order.posted", "erp", "10.00", 2),
    ]
    assert disputes(*facts) == ()


def test_what_failed_claims_nothing():
    failed = told("order.posted", "erp", "9", outcome="failed")
    assert disputes(told("order.captured", "shop", "10"), failed) == ()


def test_other_currencies_and_quantities_are_disputed():
    facts = [
        told("order.captured", "shop", "10", currency="EUR", claims=(("quantity", "3"),)),
        told("order.posted", "erp", "10", 1, currency="USD", claims=(("quantity", "2"),)),
    ]
    assert disputes(*facts) == ("currency: erp says USD, shop EUR", "quantity: erp says 2, shop 3")


def test_an_order_that_names_its_lines_speaks_of_the_whole_and_a_shipment_does_not():
    facts = [
        fact_of(an_event("order.captured", ("order", "1"), ("line", "1/1"), system="shop", amount="10")),
        fact_of(an_event("shipment.shipped", ("order", "1"), ("shipment", "S"), system="wms", amount="4")),
        told("order.posted", "erp", "9", 1),
    ]
    assert disputes(*facts) == ("total: erp says 9, shop 10",)


# Money

CAPTURED = told("order.captured", "shop", "10.00")


def test_an_invoice_is_no_claim_about_the_total_but_a_step_of_the_money():
    invoice = told("invoice.issued", "billing", "4.00", 1)
    assert disputes(CAPTURED, invoice) == ()
    account = account_of(PROCESS, [CAPTURED, invoice], is_over=False)
    assert [(step.name, step.amount, step.is_complete) for step in account.money] == [
        ("invoiced", Decimal("4.00"), False)
    ]


def test_several_invoices_add_up():
    invoices = [told("invoice.issued", "billing", amount, n) for n, amount in enumerate(("4", "6"), 1)]
    assert disputes(CAPTURED, *invoices) == ()
    assert disputes(CAPTURED, *invoices, told("invoice.issued", "billing", "1", 3)) == (
        "invoiced 11, ordered 10.00",
    )


def test_what_is_missing_at_the_end_is_named():
    over = [told("shipment.delivered", "3pl", minute=1), told("payment.settled", "bank", "8.00", 2)]
    assert fold(PROCESS, [CAPTURED, *over]).status == "done"
    assert disputes(CAPTURED, *over) == ("settled 8.00, ordered 10.00",)


def test_fees_and_refunds_explain_what_was_not_settled():
    over = [
        told("shipment.delivered", "3pl", minute=1),
        told("payment.settled", "bank", "7.50", 2, claims=(("fees", "0.50"),)),
        told("payment.refunded", "bank", "2.00", 3),
    ]
    assert disputes(CAPTURED, *over) == ()


def refunds(*facts: Fact, is_over: bool = True) -> list[tuple[str, str, bool]]:
    """What each system says of the refunds, and whether that is disputed; the one that decides first."""
    (one,) = [one for one in account_of(PROCESS, facts, is_over=is_over).attributes if one.name == "refund"]
    assert one.decided
    told = [one.decided, *(claim for claim in one.claims if claim != one.decided)]
    return [(claim.system, claim.value, claim in one.disagreeing) for claim in told]


def test_a_refund_that_two_systems_tell_is_one_refund():
    paid = told("payment.refunded", "bank", "2.00", 3)
    booked = told("return.refunded", "till", minute=2, claims=(("refund", "2"),))
    settled = told("payment.settled", "bank", "8.00", 4)
    assert refunds(CAPTURED, booked, paid) == [("bank", "2.00", False), ("till", "2", False)]
    assert account_of(PROCESS, [CAPTURED, booked, paid, settled], is_over=True).discrepancies == ()


def test_what_a_system_says_of_several_refunds_adds_up_and_is_compared_at_the_end():
    facts = [
        told("payment.refunded", "bank", "2.00", 3),
        told("payment.refunded", "bank", "3.00", 4),
        told("return.refunded", "till", "2.00", 2),
    ]
    assert refunds(*facts, is_over=False) == [("bank", "5.00", False), ("till", "2.00", False)]
    assert refunds(*facts) == [("bank", "5.00", False), ("till", "2.00", True)]


def test_a_system_that_tells_one_refund_by_two_types_of_events_says_it_once():
    facts = [told(type, "shop", "2.00") for type in ("return.refunded", "payment.refunded")]
    assert refunds(*facts) == [("shop", "2.00", False)]


def test_a_settlement_is_compared_with_what_is_left_after_fees_and_refunds():
    over = [
        told("payment.refunded", "bank", "2.00", 1),
        told("payment.settled", "bank", "7.00", 2, claims=(("fees", "0.50"),)),
    ]
    found = account_of(PROCESS, [CAPTURED, *over], is_over=True)
    assert (found.fees, found.refunds) == (Decimal("0.50"), Decimal("2.00"))
    assert found.discrepancies == ("settled 7.00, expected 7.50",)


def test_a_payment_that_two_systems_captured_is_disputed():
    captures = [told(f"{name}.payment.captured", name, "10.00", 1) for name in ("shopify", "adyen")]
    assert disputes(CAPTURED, *captures) == ("captured 20.00, ordered 10.00",)


def test_of_facts_with_one_id_only_the_first_claims():
    first = told("order.captured", "shop", "10.00", id="x")
    again = told("order.captured", "shop", "12.00", 1, id="x")
    posted = told("order.posted", "erp", "10.00", 2)
    assert disputes(first, again, posted) == ()
    assert account_of(PROCESS, [first, again, posted], is_over=False).discrepancies == ()


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "1e400", "1e9999999", "9" * 16])
def test_what_is_no_amount(text: str):
    assert number_of(text) is None
