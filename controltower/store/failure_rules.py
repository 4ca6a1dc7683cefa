"""The failure rules that people made on the screen, and who made and removed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from controltower.domain.failure_rules import FailureRule
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.tables import failure_rule

MADE_HERE = "made here"  # the origin of these rules


@dataclass(frozen=True, slots=True)
class MadeRule:
    """A rule with its history."""

    id: bytes
    rule: FailureRule
    made_at: datetime
    made_by: str
    removed_at: datetime | None
    removed_by: str


def add_failure_rule(c: Connection, rule_id: bytes, rule: FailureRule, by: str, now: datetime) -> None:
    """Keep a rule of at most one pattern of each kind; the same id again changes nothing."""
    patterns = [next(iter(texts), "") for texts in (rule.system, rule.code, rule.message)]
    says = (rule.failure_class, *patterns, rule.action, rule.owner, rule.link)
    bulk_of(c).insert(failure_rule, [(rule_id, *says, to_us(now), by, None, None)])


def list_failure_rules(c: Connection) -> list[MadeRule]:
    """The rules in force, newest first."""
    in_force = select(failure_rule).where(failure_rule.c.removed_us.is_(None))
    rows = c.execute(in_force.order_by(failure_rule.c.made_us.desc(), failure_rule.c.id.desc()))
    return [_made(row) for row in rows]


def list_removed_rules(c: Connection, limit: int = 50) -> list[MadeRule]:
    """The rules that were removed last."""
    removed = select(failure_rule).where(failure_rule.c.removed_us.is_not(None))
    latest = removed.order_by(failure_rule.c.removed_us.desc(), failure_rule.c.id.desc()).limit(limit)
    return [_made(row) for row in c.execute(latest)]


def find_failure_rule(c: Connection, rule_id: bytes) -> MadeRule | None:
    """The rule, removed ones included."""
    row = c.execute(select(failure_rule).where(failure_rule.c.id == rule_id)).one_or_none()
    return None if row is None else _made(row)


def mark_removed(c: Connection, rule_id: bytes, by: str, now: datetime) -> bool:
    """Take the rule out of force; False when it is unknown or was removed already."""
    in_force = update(failure_rule).where(failure_rule.c.id == rule_id, failure_rule.c.removed_us.is_(None))
    return c.execute(in_force.values(removed_us=to_us(now), removed_by=by)).rowcount == 1


def _made(row: Row[Any]) -> MadeRule:
    rule = FailureRule(
        name=f"rule {bytes(row.id).hex()[:8]}",
        failure_class=row.failure_class,
        action=row.action,
        owner=row.owner,
        link=row.link,
        system=_pattern(row.system),
        code=_pattern(row.code),
        message=_pattern(row.message),
        origin=MADE_HERE,
    )
    return MadeRule(
        id=bytes(row.id),
        rule=rule,
        made_at=from_us(row.made_us),
        made_by=row.made_by,
        removed_at=None if row.removed_us is None else from_us(row.removed_us),
        removed_by=row.removed_by or "",
    )


def _pattern(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
