"""How values read on screens: times, ages, money, masked names. Template filters and the icon global."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from flask import Blueprint, g
from markupsafe import Markup

from controltower.domain.durations import in_words
from controltower.domain.masking import mask_emails, mask_text
from controltower.domain.times import from_us
from controltower.web.deps import now
from controltower.web.vendor import asset

bp = Blueprint("formatting", __name__)

STATUS_WORDS: Mapping[str, str] = {
    "in_flight": "In flight",
    "failed": "Failed",
    "done": "Done",
    "cancelled": "Cancelled",
    "returned": "Returned",
    "refused": "Refused",
}


@bp.app_template_global()
def icon(name: str) -> Markup:
    """A drawing from our sprite; always decoration, words stand beside it."""
    if "sprite" not in g:
        g.sprite = asset("img/icons.svg")  # looked up once a request; a list draws dozens
    href = f"{g.sprite}#{name}"
    return Markup(
        '<svg class="icon" aria-hidden="true" viewBox="0 0 16 16"><use href="{}"></use></svg>'
    ).format(href)


@bp.app_template_filter()
def status_word(status: str) -> str:
    """The status as people say it."""
    return STATUS_WORDS.get(status, status.replace("_", " ").capitalize())


@bp.app_template_filter()
def words(duration: timedelta) -> str:
    """A duration in its two largest parts."""
    return in_words(duration)


@bp.app_template_filter()
def age(at: datetime) -> Markup:
    """How long ago `at` was, as ``3 h 20 min``; scripts keep it current."""
    return _timed(at, _since(at), "age")


@bp.app_template_filter()
def ago(at: datetime) -> Markup:
    """How long ago `at` was, as ``3 h 20 min ago``; scripts keep it current."""
    return _timed(at, f"{_since(at)} ago", "ago")


@bp.app_template_filter()
def moment(at: datetime) -> Markup:
    """Date and time of day in UTC, the year only when it is another one."""
    year = "" if at.year == now().year else f" {at.year}"
    return _timed(at, f"{at.day} {at:%b}{year} {at:%H:%M:%S}")


@bp.app_template_filter()
def short_moment(at: datetime) -> Markup:
    """`moment` to the minute, where the second does not matter."""
    year = "" if at.year == now().year else f" {at.year}"
    return _timed(at, f"{at.day} {at:%b}{year} {at:%H:%M}")


@bp.app_template_filter()
def clock(at: datetime) -> Markup:
    """The time of day in UTC."""
    return _timed(at, f"{at:%H:%M:%S}")


@bp.app_template_filter()
def clock_minute(at: datetime) -> str:
    """Hour and minute in UTC."""
    return f"{at:%H:%M}"


@bp.app_template_filter()
def day(at: datetime) -> str:
    """The date in words."""
    return f"{at:%A}, {at.day} {at:%B %Y}"


@bp.app_template_filter()
def exact(at: datetime) -> str:
    """The whole moment, to the millisecond."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


@bp.app_template_filter()
def micros(at_us: int) -> datetime:
    """A time that is kept in microseconds since the epoch."""
    return from_us(at_us)


@bp.app_template_filter()
def count(number: int) -> str:
    """A whole number with thousands apart."""
    return f"{number:,}"


@bp.app_template_filter()
def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 event``, ``2,000 events``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@bp.app_template_filter()
def money(amount: str, currency: str = "") -> str:
    """An amount as reported with thousands apart; what is no number stays as it came."""
    try:
        number = Decimal(amount)
    except InvalidOperation:
        return f"{amount} {currency}".strip()
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return f"{amount} {currency}".strip()
    return f"{number:,f} {currency}".strip()


@bp.app_template_filter()
def masked(text: str) -> str:
    """The text with the names in its e-mail addresses hidden: ``j•••@example.com``."""
    return mask_emails(text)


@bp.app_template_filter()
def masked_text(text: str) -> str:
    """The text without whatever looks personal: e-mail names, phone, card and account numbers, secrets."""
    return mask_text(text)


@bp.app_template_filter()
def hexed(key: bytes) -> str:
    """A key as URLs write it."""
    return key.hex()


@bp.app_template_filter()
def nanoseconds(duration_ns: int) -> str:
    """A span's duration with the unit that suits it: ``840 µs``, ``12.4 ms``, ``3.21 s``."""
    if duration_ns < 1_000:
        return f"{duration_ns} ns"
    if duration_ns < 1_000_000:
        return f"{duration_ns / 1_000:.3g} µs"
    if duration_ns < 1_000_000_000:
        return f"{_figures(duration_ns / 1_000_000)} ms"
    if duration_ns < 100_000_000_000:
        return f"{_figures(duration_ns / 1_000_000_000)} s"
    return in_words(timedelta(microseconds=duration_ns // 1_000))


def _figures(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _since(at: datetime) -> str:
    """Whole minutes from the first one on: a page full of running seconds is restless."""
    # A source's clock may run ahead of ours; "0 s" then says it best.
    seconds = max((now() - at) // timedelta(seconds=1), 0)
    return in_words(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def _timed(at: datetime, text: str, kept_current: str = "") -> Markup:
    # Nothing here comes from outside, so that there is nothing to escape.
    attribute = f' data-age="{kept_current}"' if kept_current else ""
    return Markup(f'<time datetime="{at.isoformat()}" title="{exact(at)}"{attribute}>{text}</time>')
