"""Times in addresses and forms."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from controltower.domain.errors import BadPayload


def read_moment(text: str, name: str, zone: tzinfo = UTC) -> datetime:
    """A time as the browser's field writes it, or any other in ISO 8601; in `zone` when it names none, which
    is UTC on our screens. Raises BadPayload naming the parameter.
    """
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        found = repr(text[:40]) if text else "nothing"
        raise BadPayload(f"{name}: expected a time such as 2026-05-31T08:00, found {found}") from exc
