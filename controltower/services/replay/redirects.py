"""Saved redirects: replays to one place go to another. One for each source, and no chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controltower.domain.errors import BadPayload, NotFound
from controltower.services.replay.targets import Targets
from controltower.store.audit import Deed, record
from controltower.store.engine import Database, transaction
from controltower.store.replay_targets import (
    Redirect,
    list_redirects,
    remove_redirect,
    save_redirect,
)


@dataclass(frozen=True, slots=True)
class Redirects:
    """Makes and removes redirects."""

    db: Database
    targets: Targets

    def save(self, redirect: Redirect, *, now: datetime) -> None:
        """Keep a redirect, in place of the one that its source had.

        Raises BadPayload when it leads nowhere, to itself, to a target that is not declared, or would be a
        link of a chain.
        """
        source, goal = redirect[:2], redirect[2:4]
        if not all((*source, *goal)):
            raise BadPayload("redirect: a connection and a place are needed on either side")
        if source == goal:
            raise BadPayload("redirect: it leads back to itself")
        if redirect.to_connection not in self.targets.names():
            raise BadPayload(f"redirect: no connection {redirect.to_connection!r} is declared")
        with transaction(self.db) as c:
            others = [one for one in list_redirects(c) if one[:2] != source]
            if any(one[:2] == goal for one in others) or any(one[2:4] == source for one in others):
                raise BadPayload("redirect: another one begins where this ends, or ends where this begins")
            save_redirect(c, redirect)
            record(c, [_deed("redirected", redirect, redirect.made_by)], now)

    def remove(self, connection: str, place: str, *, by: str, now: datetime) -> None:
        """Forget a redirect. Raises NotFound."""
        with transaction(self.db) as c:
            known = [one for one in list_redirects(c) if one[:2] == (connection, place)]
            if not known or not remove_redirect(c, connection, place):
                raise NotFound("There is no such redirect.")
            record(c, [_deed("redirect removed", known[0], by)], now)


def _deed(action: str, redirect: Redirect, by: str) -> Deed:
    detail = {"to": redirect.to_connection, "place": redirect.to_place}
    return Deed(by, action, f"redirect/{redirect.connection}/{redirect.place}", "", detail)
