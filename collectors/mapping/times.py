"""Times as sources write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collectors.mapping.errors import BadDocument
from collectors.mapping.values import text_in

UNIX = {"unix": 1_000_000, "unix_ms": 1_000}  # format -> microseconds of one unit
DOTNET = "dotnet"  # /Date(1595922900000)/
_DOTNET = re.compile(r"/Date\((-?\d{1,17})([+-]\d{4})?\)/")
_WHOLE = re.compile(r"-?\d{1,17}(\.\d{1,9})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """The zone of that name, None when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment_of(value: object, form: str, zone: str, where: str) -> datetime:
    """The aware time that a document gives; `zone` ("" for none) is of times that carry none.

    `form` is as in strptime, ``unix``, ``unix_ms``, ``dotnet``, or "" for ISO 8601. Raises BadDocument.
    """
    text = text_in(value).strip()
    try:
        moment = _read(text, form)
    except (ValueError, OverflowError) as exc:
        expected = form or "ISO 8601"
        message = f"{where}: expected a time as {expected}, found {text[:64]!r}"
        raise BadDocument("bad_time", message) from exc
    if moment.tzinfo is not None:
        return moment
    known = find_zone(zone) if zone else None
    if known is None:
        raise BadDocument("no_zone", f"{where}: {text[:64]!r} has no zone, and the mapping names none")
    return moment.replace(tzinfo=known)


def _read(text: str, form: str) -> datetime:
    if not form:
        return datetime.fromisoformat(text)
    unit = UNIX.get(form)
    if unit is not None:
        return _since_epoch(text, unit)
    if form == DOTNET:
        found = _DOTNET.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return _since_epoch(found[1], 1_000)
    return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is given by the caller


def _since_epoch(text: str, unit: int) -> datetime:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    whole, _, fraction = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    parts = int((fraction + "000000000")[:9]) * unit // 1_000_000_000
    return _EPOCH + timedelta(microseconds=int(whole) * unit + sign * parts)
