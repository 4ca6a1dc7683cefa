"""What replays know of where they go: redirects, and how targets have been doing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import replay_breaker, replay_redirect


class Redirect(NamedTuple):
    """Replays to one place go to another."""

    connection: str
    place: str
    to_connection: str
    to_place: str
    made_at: datetime
    made_by: str


class Breaker(NamedTuple):
    """How a target has been doing."""

    failures: int = 0
    open_until_us: int = 0
    detail: str = ""


def list_redirects(c: Connection) -> list[Redirect]:
    """Every redirect, by where it leads from."""
    table = replay_redirect.c
    rows = c.execute(select(replay_redirect).order_by(table.connection, table.place))
    return [
        Redirect(
            row.connection, row.place, row.to_connection, row.to_place, from_us(row.made_us), row.made_by
        )
        for row in rows
    ]


def save_redirect(c: Connection, redirect: Redirect) -> None:
    """Keep a redirect, in place of the one that its source had."""
    bulk_of(c).replace(replay_redirect, [(*redirect[:4], to_us(redirect.made_at), redirect.made_by)])


def remove_redirect(c: Connection, connection: str, place: str) -> bool:
    """Forget a redirect; False when there was none."""
    table = replay_redirect.c
    return (
        c.execute(
            replay_redirect.delete().where(table.connection == connection, table.place == place)
        ).rowcount
        == 1
    )


def get_breaker(c: Connection, connection: str) -> Breaker:
    """How a target has been doing."""
    query = select(replay_breaker).where(replay_breaker.c.connection == connection)
    row = c.execute(query).one_or_none()
    return Breaker() if row is None else Breaker(row.failures, row.open_until_us, row.detail)


def list_breakers(c: Connection) -> dict[str, Breaker]:
    """How each target has been doing that something was sent to, by connection."""
    rows = c.execute(select(replay_breaker).order_by(replay_breaker.c.connection))
    return {row.connection: Breaker(row.failures, row.open_until_us, row.detail) for row in rows}


def save_breaker(c: Connection, connection: str, breaker: Breaker) -> None:
    """Keep how a target is doing."""
    bulk_of(c).replace(replay_breaker, [(connection, *breaker)])
