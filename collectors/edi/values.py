"""Dates, times and numbers as EDI writes them, as ISO 8601 and decimal texts. What is none becomes ""."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

_CENTURY_TURNS = 70  # 69 is 2069, 70 is 1970
_DIGITS = re.compile(r"\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d*(?:[.,]\d*)?", re.ASCII)
_IMPLIED = re.compile(r"(-?)(\d+)", re.ASCII)
_FIXED = {  # X12 element 623
    **{"UT": 0, "GM": 0, "AD": -8, "AS": -9, "CD": -5, "CS": -6, "ED": -4, "ES": -5},
    **{"HS": -10, "MD": -6, "MS": -7, "PD": -7, "PS": -8, "TD": -3, "TS": -4},
}
_LOCAL = {
    "AT": "America/Anchorage",
    "CT": "America/Chicago",
    "ET": "America/New_York",
    "MT": "America/Denver",
}
_LOCAL |= {"PT": "America/Los_Angeles", "TT": "America/Halifax", "NT": "America/St_Johns"}
_EDIFACT_ZONES = frozenset(("GMT", "UTC", "Z"))


def iso_date_time(date: str, time: str = "", zone: str = "") -> str:
    """An X12 date with its time and time code: a date alone stays one, a time of unknown zone has none."""
    day = _day(date)
    if not day:
        return ""
    clock = _clock(time)
    return f"{day}T{clock}{_offset(day, clock, zone.strip())}" if clock else day


def iso_of_dtm(value: str, form: str = "") -> str:
    """The value of a DTM segment in one of the formats of EDIFACT element 2379; of a period its beginning.

    The digits decide: senders get the format wrong more often than the date.
    """
    found = _DIGITS.match(value.strip())
    digits = found[0] if found else ""
    has_short_year = form in ("101", "201", "202") or len(digits) == 6
    if form.startswith("7"):  # a period: both ends in one text
        digits = digits[: len(digits) // 2] if len(digits) > 8 and "-" not in value else digits
    length = 6 if has_short_year else 8
    day, clock = _day(digits[:length]), _clock(digits[length:])
    if not day:
        return ""
    return f"{day}T{clock}{_edifact_offset(value, form)}" if clock else day


def refined(date: str, sent: str) -> str:
    """A date with the time of day that the envelope has for the same day."""
    return sent if len(date) == len("2026-01-31") and sent.startswith(date) else date


def decimal_text(text: str) -> str:
    """A number with a point, as sent otherwise; "" when it is no number."""
    number = text.strip().removeprefix("+")
    if not any(character.isdecimal() for character in number) or not _NUMBER.fullmatch(number):
        return ""
    number = number.replace(",", ".").rstrip(".")
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    return f"{sign}0{digits}" if digits.startswith(".") else sign + digits


def implied_cents(text: str) -> str:
    """A whole number whose last two digits are decimals, as X12 writes invoice totals."""
    found = _IMPLIED.fullmatch(text.strip())
    if found is None:
        return ""
    digits = found[2].rjust(3, "0")
    whole = digits[:-2].lstrip("0") or "0"
    return f"{found[1]}{whole}.{digits[-2:]}"


def _day(digits: str) -> str:
    text = digits.strip()
    if not (text.isascii() and text.isdecimal()):
        return ""
    if len(text) == 6:
        text = ("20" if int(text[:2]) < _CENTURY_TURNS else "19") + text
    if len(text) != 8:
        return ""
    day = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return day if "1970" <= text[:4] < "2200" and _is_time(day) else ""


def _clock(digits: str) -> str:
    """HH:MM:SS; X12 adds hundredths, which are left out, and some write 24 for midnight."""
    text = digits.strip()
    if len(text) < 4 or not (text.isascii() and text.isdecimal()):
        return ""
    hours = "00" if text[:2] == "24" else text[:2]
    clock = f"{hours}:{text[2:4]}:{text[4:6] if len(text) >= 6 else '00'}"
    return clock if _is_time(f"2000-01-01T{clock}") else ""


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _offset(day: str, clock: str, zone: str) -> str:
    if zone in _FIXED:
        offset = timezone(timedelta(hours=_FIXED[zone]))
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=offset).isoformat()[19:]
    if zone in _LOCAL:
        local = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(_LOCAL[zone]))
        return local.isoformat()[19:]
    return ""


def _edifact_offset(value: str, form: str) -> str:
    text = value.strip()
    if form in ("303", "304", "205") and any(text.endswith(zone) for zone in _EDIFACT_ZONES):
        return "+00:00"
    found = re.search(r"[Z]?([+-]\d\d)(\d\d)$", text, re.ASCII) if form == "205" else None
    offset = f"{found[1]}:{found[2]}" if found else ""
    return offset if offset and _is_time(f"2000-01-01T00:00:00{offset}") else ""
