"""What each role may do, as the routes themselves declare it."""

from __future__ import annotations

from typing import NamedTuple

from flask import current_app

from controltower.services.accounts import ROLES, is_allowed
from controltower.web.roles import required_role

# What a person would call it, and the view that does it.
_DEEDS = (
    ("Look at journeys, failures, traces, maps and replays", "replays.show_list"),
    ("Put quarantined input right and submit it again", "quarantine.submit_again"),
    ("Plan a replay, and start one that is safe throughout", "replays.start"),
    ("Pause, resume and cancel replays", "replays.pause"),
    ("Agree to a replay as the second person", "replays.approve"),
    ("Redirect replays to another place", "redirects.save"),
    ("Read, check and export the audit", "audit.show_list"),
    ("Make failure rules", "failures.make"),
    ("Discard quarantined input", "quarantine.give_up"),
    ("Add people, change their roles, make tokens", "users.show"),
)
_BY_ROLE = (  # decided inside views that more roles may call
    ("See names and e-mail addresses unmasked", "support"),
    ("Start a replay that is less than safe, with a reason", "operator"),
    ("Let a replay go on that halted by itself", "operator"),
)


class Permission(NamedTuple):
    """Something that may be done, and by whom."""

    words: str
    roles: tuple[bool, ...]  # for each of ROLES


def list_permissions() -> list[Permission]:
    """Everything worth telling, what most roles may do first."""
    views = current_app.view_functions
    needed = [(words, required_role(views[name]) or "admin") for words, name in _DEEDS]
    ranked = sorted([*needed, *_BY_ROLE], key=lambda one: ROLES.index(one[1]))
    return [Permission(words, tuple(is_allowed(role, least) for role in ROLES)) for words, least in ranked]
