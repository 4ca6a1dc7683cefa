"""Comparing two tables of texts; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import pandas as pd

from controltower.domain.durations import in_words
from controltower.domain.times import from_us, to_us
from controltower.services.reconciliation.declaration import NUMBER, TEXT, Check, Declaration, Side
from controltower.services.reconciliation.findings import (
    DIFFERENT,
    FINDING_KINDS,
    LATE,
    MISSING_LEFT,
    MISSING_RIGHT,
    UNREADABLE,
    Comparison,
    Finding,
)

MAX_SHOWN = 512  # characters of a value


@dataclass(frozen=True, slots=True)
class _Unreadable:
    text: str


class _Table(NamedTuple):
    """A side by key: one row for each."""

    rows: int
    values: pd.DataFrame  # a column for each check, indexed by key
    due_us: dict[Any, int]  # left side only: from when on a key is awaited on the right


def compare(declaration: Declaration, left: pd.DataFrame, right: pd.DataFrame, now: datetime) -> Comparison:
    """Compare two tables whose columns are texts, empty ones included.

    The order of rows matters only to the combinations first and last.
    """
    result = Comparison()
    parts = [f"key{i}" for i in range(len(declaration.key))]
    a = _table(
        declaration, declaration.left, left, parts, [check.left for check in declaration.checks], result
    )
    b = _table(
        declaration, declaration.right, right, parts, [check.right for check in declaration.checks], result
    )
    result.left_rows, result.right_rows = a.rows, b.rows
    result.left_keys, result.right_keys = len(a.values), len(b.values)
    joined = a.values.add_suffix("_left").join(b.values.add_suffix("_right"), how="outer")
    in_left, in_right = joined["here_left"].notna(), joined["here_right"].notna()
    result.findings += _missing(declaration, joined.index[in_left & ~in_right], a.due_us, result, now)
    result.findings += _missing_left(declaration, joined.index[~in_left & in_right])
    both = joined[in_left & in_right]
    at_fault: set[Any] = set()
    for place, check in enumerate(declaration.checks):
        for key, one, other in zip(both.index, both[f"v{place}_left"], both[f"v{place}_right"], strict=True):
            found = _judge(check, key if isinstance(key, tuple) else (key,), _known(one), _known(other), now)
            if found is not None:
                at_fault.add(key)
                result.findings.append(found)
    result.matched = len(both) - len(at_fault)
    result.counts = Counter(finding.kind for finding in result.findings)
    result.findings.sort(key=lambda one: (FINDING_KINDS.index(one.kind), one.key, one.check))
    return result


def _table(
    declaration: Declaration,
    side: Side,
    rows: pd.DataFrame,
    parts: Sequence[str],
    wanted: Sequence[str],
    result: Comparison,
) -> _Table:
    for column, allowed in side.where.items():
        rows = rows[rows[column].str.strip().isin(allowed)]
    asked = len(rows)
    keyed = pd.DataFrame(
        {part: rows[column].str.strip() for part, column in zip(parts, side.key, strict=True)}
    )
    has_key = (keyed != "").all(axis=1)
    result.without_key += int((~has_key).sum())
    keyed, rows = keyed[has_key], rows[has_key]
    groups = [keyed[part] for part in parts]
    values = pd.DataFrame({"here": 1}, index=rows.index).groupby(groups, sort=False).first()
    for place, (check, name) in enumerate(zip(declaration.checks, wanted, strict=True)):
        cells = _cells(side, rows, name, check.kind)
        values[f"v{place}"] = _combined(cells, groups, check.combine)
    due: dict[Any, int] = {}
    if declaration.due_from and side is declaration.left:
        times = _cells(side, rows, declaration.due_from, "time")
        due = {key: at for key, at in _combined(times, groups, "max").items() if isinstance(at, int)}
    return _Table(asked, values, due)


def _cells(side: Side, rows: pd.DataFrame, name: str, kind: str) -> pd.Series[Any]:
    """One value for each row: Decimal, text, microseconds, None where empty, or _Unreadable."""
    terms = side.values[name]
    columns = [rows[term.column].str.strip() for term in terms]
    found: list[object]
    if kind == NUMBER:
        signs = [-1 if term.is_negative else 1 for term in terms]
        found = [_number(cells, signs) for cells in zip(*columns, strict=True)]
    elif kind == TEXT:
        found = [cell or None for cell in columns[0]]
    else:
        found = [_time(cell, side) for cell in columns[0]]
    return pd.Series(found, index=rows.index, dtype=object)


def _number(cells: Sequence[str], signs: Sequence[int]) -> Decimal | _Unreadable | None:
    total = None
    for cell, sign in zip(cells, signs, strict=True):
        if not cell:
            continue
        try:
            number = Decimal(cell)
        except InvalidOperation:
            return _Unreadable(cell)
        if not number.is_finite() or abs(number.adjusted()) > 30:
            return _Unreadable(cell)
        total = sign * number + (total or 0)
    return total


def _time(cell: str, side: Side) -> int | _Unreadable | None:
    if not cell:
        return None
    try:
        if side.time_format:
            moment = datetime.strptime(cell, side.time_format)  # noqa: DTZ007 - the zone is given below
        else:
            moment = datetime.fromisoformat(cell)
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=side.zone))
    except (ValueError, OverflowError):
        return _Unreadable(cell)


def _combined(cells: pd.Series[Any], groups: Sequence[pd.Series[Any]], how: str) -> pd.Series[Any]:
    """One value for each key; empty cells do not count, and one that cannot be read spoils its key."""
    spoiled = cells.map(lambda cell: isinstance(cell, _Unreadable))
    usable = cells.where(~spoiled, None)
    grouped = usable.groupby(list(groups), sort=False)
    if how == "count":
        combined = grouped.count().map(Decimal).astype(object)
    elif how == "sum":
        combined = grouped.sum(min_count=1)
    elif how in ("first", "last"):
        combined = getattr(grouped, how)()
    else:
        combined = grouped.agg(lambda some: _extreme(some, how))
    combined = combined.astype(object)
    if spoiled.any():
        worst = cells[spoiled].groupby([group[spoiled] for group in groups], sort=False).first()
        for key, cell in worst.items():
            combined.at[key] = cell
    return combined


def _extreme(some: pd.Series[Any], how: str) -> Any:
    present = [cell for cell in some if _known(cell) is not None]
    return (min(present) if how == "min" else max(present)) if present else None


def _known(cell: Any) -> Any:
    """The cell; None for any of the ways in which pandas says that there is nothing."""
    return None if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell else cell


def _missing(
    declaration: Declaration, keys: Any, due_us: dict[Any, int], result: Comparison, now: datetime
) -> Iterator[Finding]:
    now_us = to_us(now)
    for key in keys:
        at = due_us.get(key)
        if declaration.due_after is not None and at is not None:
            if at + declaration.due_after // timedelta(microseconds=1) > now_us:
                result.not_due += 1
                continue
        if "right" not in declaration.ignore_missing:
            yield Finding(MISSING_RIGHT, key if isinstance(key, tuple) else (key,), "", "there", "", "")


def _missing_left(declaration: Declaration, keys: Any) -> Iterator[Finding]:
    if "left" not in declaration.ignore_missing:
        for key in keys:
            yield Finding(MISSING_LEFT, key if isinstance(key, tuple) else (key,), "", "", "there", "")


def _judge(check: Check, key: tuple[str, ...], one: Any, other: Any, now: datetime) -> Finding | None:
    for cell in (one, other):
        if isinstance(cell, _Unreadable):
            said = (_shown(check, one), _shown(check, other))
            return Finding(UNREADABLE, key, check.title, *said, f"not a {check.kind}: {cell.text[:80]}")
    if one is None and other is None:
        return None
    is_number = check.kind == NUMBER or check.combine == "count"
    if not is_number and check.kind != TEXT:
        return _judge_times(check, key, one, other, now)
    if one is None or other is None:
        kind, difference = DIFFERENT if check.is_empty_a_fault else "", "one side is empty"
    elif is_number:
        gap = other - one
        allowed = abs(one) * check.tolerance / 100 if check.is_percent else check.tolerance
        kind, difference = DIFFERENT if abs(gap) > allowed else "", f"{gap:+f}"
    else:
        same = one.casefold() == other.casefold() if check.ignore_case else one == other
        kind, difference = "" if same else DIFFERENT, ""
    return (
        Finding(kind, key, check.title, _shown(check, one), _shown(check, other), difference)
        if kind
        else None
    )


def _judge_times(check: Check, key: tuple[str, ...], one: Any, other: Any, now: datetime) -> Finding | None:
    """The right time must not be later than the left one by more than `within`."""
    if one is None or (other is None and not check.is_empty_a_fault):
        return None
    until = one + check.within // timedelta(microseconds=1)
    at = to_us(now) if other is None else other
    if at <= until:
        return None
    words = in_words(timedelta(microseconds=at - until)) + (" late" if other is not None else " overdue")
    return Finding(LATE, key, check.title, _shown(check, one), _shown(check, other), words)


def _shown(check: Check, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, _Unreadable):
        return cell.text[:MAX_SHOWN]
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if check.kind == TEXT:
        return str(cell)[:MAX_SHOWN]
    return from_us(int(cell)).isoformat()
