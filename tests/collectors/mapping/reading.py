"""Events as one line each, so that what a sample becomes can be read and compared."""

from datetime import UTC, datetime

from controltower.domain.facts import Event


def line_of(event: Event) -> str:
    """type | id | time | identifiers | worth | failure | status | channel; empty ends are left out."""
    time = datetime.fromtimestamp(event.occurred_us / 1_000_000, UTC).isoformat()
    known = " ".join(f"{identifier.kind}={identifier.value}" for identifier in event.identifiers)
    worth = f"{event.amount} {event.currency}".strip()
    failure = f"{event.outcome}: {event.error_code}" if event.outcome != "ok" else ""
    parts = (event.type, event.id, time, known, worth, failure, event.status, event.channel)
    return " | ".join(parts).rstrip(" |")
