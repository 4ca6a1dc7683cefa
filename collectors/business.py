"""What an event says about the business: identifiers, outcome, worth and whose it is.

Nothing here refuses an event: one that says nothing of this kind is stored all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from collectors.json_values import text_of
from controltower.domain.facts import FAILED, OK
from controltower.domain.identifiers import CORRELATION, MAX_KIND_LENGTH, TRACE, Bond, Identifier, bond_of
from controltower.domain.processes import FAILURE_SUFFIXES

MAX_IDENTIFIERS = 256  # of one event; more is a list of something else
MAX_WORD = 128
MAX_CHANGES = 20
_MOST = 10**9
_CLAIMED = frozenset(("address", "fees", "quantity", "refund", "lines"))
MAX_NOTE = 300
_FAILED_WORDS = frozenset((FAILED, "failure", "error", "rejected"))
_FAILED_TYPES = tuple("." + suffix for suffix in FAILURE_SUFFIXES)
_LABEL_KINDS = frozenset(("customer", "email", "sku", "batch"))


class Business(NamedTuple):
    """The business content of an event; every part may be empty."""

    identifiers: tuple[Identifier, ...]
    system: str
    outcome: str
    error_code: str
    error_message: str
    channel: str
    amount: str
    currency: str
    customer: str
    status: str
    note: str = ""
    claims: tuple[tuple[str, str], ...] = ()


def read_business(attributes: Mapping[str, object], data: object, event_type: str) -> Business:
    """Read the extensions and the canonical keys of the data."""
    found = _attribute_identifiers(attributes)
    outcome = _outcome_of(attributes.get("outcome"), event_type)
    if type(data) is not dict:
        return Business(tuple(found), "", outcome, "", "", "", "", "", "", "")
    get = data.get
    if "identifiers" in data:
        _add_identifiers(found, get("identifiers"))
    customer = _customer(found, get("customer")) if "customer" in data else ""
    error_code, error_message = _error(get("error")) if "error" in data else ("", "")
    amount, currency = _total(get("total")) if "total" in data else ("", "")
    if outcome is OK and "outcome" in data:
        outcome = _outcome_of(get("outcome"), "")
    return Business(
        tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found),
        text_of(get("system"), MAX_WORD),
        outcome,
        error_code,
        error_message,
        text_of(get("channel"), MAX_WORD),
        amount,
        currency,
        customer,
        text_of(get("status"), MAX_WORD),
        _note(data) if "changes" in data or "by" in data or "reason" in data else "",
        _claims(data) if not _CLAIMED.isdisjoint(data) else (),
    )


def _attribute_identifiers(attributes: Mapping[str, object]) -> list[Identifier]:
    found = []
    correlation = text_of(attributes.get("correlationid"))
    if correlation:
        found.append(Identifier(CORRELATION, correlation))
    subject = attributes.get("subject")
    if type(subject) is str:
        kind, slash, value = subject.partition("/")
        if slash and value and _is_known(kind):
            found.append(Identifier(kind, text_of(value)))
    return found


def _is_known(kind: str) -> bool:
    return kind in _LABEL_KINDS or (kind != TRACE and bond_of(kind) is not Bond.LABEL)


def _add_identifiers(found: list[Identifier], declared: object) -> None:
    if type(declared) is not dict:
        return
    for kind, values in declared.items():
        if not kind or len(kind) > MAX_KIND_LENGTH or "\0" in kind:
            continue
        for value in values if type(values) is list else (values,):
            text = text_of(value)
            if text and len(found) < MAX_IDENTIFIERS:
                found.append(Identifier(kind, text))


def _customer(found: list[Identifier], customer: object) -> str:
    if type(customer) is not dict:
        return text_of(customer, MAX_WORD)
    name, email = text_of(customer.get("name"), MAX_WORD), text_of(customer.get("email")).lower()
    number = text_of(customer.get("id"))
    if email:
        found.append(Identifier("email", email))
    if number:
        found.append(Identifier("customer", number))
    return name or email or number


def _outcome_of(outcome: object, event_type: str) -> str:
    if type(outcome) is str and outcome.strip().lower() in _FAILED_WORDS:
        return FAILED
    return FAILED if event_type.lower().endswith(_FAILED_TYPES) else OK


def _error(error: object) -> tuple[str, str]:
    if type(error) is dict:
        return text_of(error.get("code"), MAX_WORD), text_of(error.get("message"))
    return "", text_of(error)


def _claims(data: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What it says of the attributes that systems may disagree about, sorted."""
    found = {
        "address": " ".join(text_of(data.get("address")).split())[:MAX_NOTE],
        "fees": _total(data.get("fees"))[0],
        "quantity": _amount(data.get("quantity")) or _quantity(data.get("lines")),
        "refund": _total(data.get("refund"))[0],
    }
    return tuple((name, value) for name, value in found.items() if value)


def _quantity(lines: object) -> str:
    """The sum of the quantities of lines; "" when one of them has none that is a whole number."""
    if type(lines) is not list or not lines:
        return ""
    total = 0
    for line in lines:
        quantity = line.get("quantity") if type(line) is dict else None
        if type(quantity) is not int or not 0 <= quantity < _MOST:
            return ""
        total += quantity
    return str(total)


def _note(data: Mapping[str, object]) -> str:
    """What was changed, why and by whom: ``total: 10.00 → 9.00, address: ... (price match), by Jane``."""
    changes = data.get("changes")
    told = [_change(one) for one in changes[:MAX_CHANGES]] if type(changes) is list else []
    reason, by = text_of(data.get("reason"), MAX_WORD), text_of(data.get("by"), MAX_WORD)
    note = ", ".join(filter(None, told))
    if reason:
        note = f"{note} ({reason})" if note else reason
    if by:
        note = f"{note}, by {by}" if note else f"by {by}"
    return note[:MAX_NOTE]


def _change(change: object) -> str:
    if type(change) is not dict:
        return text_of(change, MAX_WORD)
    name = text_of(change.get("field"), MAX_WORD)
    before, after = text_of(change.get("from"), MAX_WORD), text_of(change.get("to"), MAX_WORD)
    if not name:
        return ""
    return f"{name}: {before or '(nothing)'} → {after or '(nothing)'}" if before or after else name


def _total(total: object) -> tuple[str, str]:
    if type(total) is dict:
        return _amount(total.get("amount")), text_of(total.get("currency"), 16)
    return _amount(total), ""


def _amount(value: object) -> str:
    """A decimal number as written, "" for anything else: a formatted 1.234,50 could mean two amounts."""
    text = text_of(value, 64)
    whole, point, fraction = text.removeprefix("-").partition(".")
    is_plain = text.isascii() and whole.isdecimal() and (not point or fraction.isdecimal())
    return text if is_plain else ""
