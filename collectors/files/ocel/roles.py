"""What each object type of a log is to a journey: the journey itself, a leg of it, or a label.

A leg belongs to one journey, or to few; an object that many journeys share (a truck, a customer, a product)
would tie strangers together as a leg, and is a label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from collectors.files.ocel.reach import Reach
from collectors.files.ocel.records import BadLog
from collectors.files.ocel.staging import UNDECLARED, LogCounts, Staged
from controltower.domain.identifiers import Bond, bond_of

ORDER = "order"
LABEL = ""  # the leg kind of a type that is none
_MAX_PART = 24  # characters of a source or type in a kind, which may have 64
_NOT_IN_KINDS = re.compile(r"[^0-9a-z_-]+")
_LEG_WORDS = (
    ("line", r"items?|lines?|elements?|positions?"),
    ("package", r"packages?|parcels?|box(es)?|containers?|handling_units?|pallets?|cartons?"),
    ("delivery", r"deliver(y|ies)"),
    ("shipment", r"shipments?|consignments?|transport_documents?"),
    ("fulfillment", r"fulfil?lments?"),
    ("pick_ticket", r"pick(ing)?(_(tickets?|lists?|waves?|orders?))?"),
    ("tracking", r"tracking(_numbers?)?"),
    ("invoice", r"invoices?|bills?"),
    ("settlement", r"settlements?|payments?|payouts?"),
)
_ANY_LEG = "line"
_SHARED_WORDS = re.compile(
    r"(customers?|clients?|suppliers?|vendors?|employees?|users?|resources?|products?|skus?|trucks?|vehicles?|"
    r"drivers?|forklifts?|machines?|warehouses?|stores?|locations?|countr(y|ies)|carriers?)"
)
# The better the name, the earlier.
_JOURNEY_WORDS = (
    r"orders?",
    r"(customer|sales|web|shop)_?orders?",
    r"purchase_?orders?|purch_?ord",
    r".*_orders?",
    r".*ord(er)?s?",
)


@dataclass(frozen=True, slots=True)
class Roles:
    """The identifier kind of each object type, and why."""

    journey_type: str
    journey_reason: str
    kinds: Mapping[str, str]  # object type -> identifier kind
    legs: Mapping[str, str]  # object type -> kind of leg, of those that are legs

    def in_words(self) -> list[tuple[str, str]]:
        """Each type and what it becomes, for a person."""
        said = [(self.journey_type, f"journeys ({self.journey_reason})")]
        said += [(kind, f"legs ({leg})") for kind, leg in sorted(self.legs.items())]
        labels = sorted(kind for kind in self.kinds if kind not in self.legs and kind != self.journey_type)
        return [*said, *((kind, "labels") for kind in labels)]


def decide_roles(
    log: Staged,
    counts: LogCounts,
    reach: Reach,
    source: str,
    *,
    journey_type: str = "",
    legs: Mapping[str, str] | None = None,
    labels: Collection[str] = (),
) -> Roles:
    """What each type of the log is: as given, otherwise guessed from names and from what belongs together.

    `reach` is left holding which objects belong to which journeys. Raises BadLog for a type that the log does
    not have and for a log without objects.
    """
    legs = legs or {}
    for named in (*legs, *labels, *([journey_type] if journey_type else [])):
        if named not in counts.objects:
            known = ", ".join(sorted(counts.objects)) or "none"
            raise BadLog(f"the log has no objects of type {named!r}; it has {known}")
    chosen, reason = (journey_type, "as told") if journey_type else guess_journey_type(log, counts)
    given = {**{kind: True for kind in legs}, **{kind: False for kind in labels}}
    for kind in counts.objects:
        if kind not in given and _SHARED_WORDS.fullmatch(slug(kind)):
            given[kind] = False
    decided = reach.explore(chosen, given, lambda kind: leg_kind_of(kind) is not None)
    leg_kinds = {
        kind: legs.get(kind) or leg_kind_of(kind) or _ANY_LEG
        for kind, is_leg in decided.items()
        if is_leg and kind != chosen
    }
    kinds = {
        kind: kind_name(source, kind, ORDER if kind == chosen else leg_kinds.get(kind, LABEL))
        for kind in counts.objects
    }
    return Roles(chosen, reason, kinds, leg_kinds)


def guess_journey_type(log: Staged, counts: LogCounts) -> tuple[str, str]:
    """The type whose objects are most likely the orders, and why; raises BadLog when there are no objects."""
    declared = sorted(kind for kind in counts.objects if kind != UNDECLARED)
    for pattern in _JOURNEY_WORDS:
        for kind in declared:
            if re.fullmatch(pattern, slug(kind)):
                return kind, "guessed by its name; --journey-type says otherwise"
    if not declared:
        raise BadLog("the log has no objects: nothing could become a journey")
    activities = log.activities_by_type()
    best = max(declared, key=lambda kind: activities.get(kind, 0))
    return best, "guessed: most kinds of events name it; --journey-type says otherwise"


def leg_kind_of(object_type: str) -> str | None:
    """The kind of leg that a type has the name of, if any."""
    name = slug(object_type)
    for kind, pattern in _LEG_WORDS:
        if re.fullmatch(rf"(.*_)?({pattern})(_.*)?", name):
            return kind
    return None


def kind_name(source: str, object_type: str, last: str) -> str:
    """The kind of a type, with the bond of `last`; dotted, so that the ids of two logs stay apart."""
    name = _part(slug(object_type))
    if last in (name, LABEL):
        plain = f"{source}.{name}"
        return plain if last or bond_of(plain) is Bond.LABEL else f"{plain}.label"
    return f"{source}.{name}.{last}"


def source_name(text: str) -> str:
    """A name of a log that can be part of kinds."""
    return _part(slug(text))


def slug(text: str) -> str:
    """The text in lower case, with an underscore for whatever is no letter or digit."""
    return _NOT_IN_KINDS.sub("_", text.casefold()).strip("_") or "x"


def _part(name: str) -> str:
    if len(name) <= _MAX_PART:
        return name
    return f"{name[: _MAX_PART - 5]}_{blake2b(name.encode(), digest_size=2).hexdigest()}"
