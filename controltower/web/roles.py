"""Who may call a route: every view declares a role or says that it is public; the rest is refused.

The decorators only declare. `enforce`, run before every request, decides, so that a view that forgot its
declaration is closed and not open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, request

from controltower.domain.errors import Forbidden
from controltower.services.accounts import ROLES, is_allowed
from controltower.services.tokens import may_post_facts
from controltower.web.auth import Unauthorized, principal

View = TypeVar("View", bound=Callable[..., object])
PUBLIC = "public"
_ATTRIBUTE = "required_role"
_OR_POSTER = "or_poster"


def requires(role: str, *, or_poster: bool = False) -> Callable[[View], View]:
    """Declare the least role that may call the view; `or_poster` lets in whoever may post facts, too."""
    if role not in ROLES:
        raise ValueError(f"no such role: {role!r}")

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, role)
        setattr(view, _OR_POSTER, or_poster)
        return view

    return declare


def public(view: View) -> View:
    """Declare that anybody may call the view, signed in or not."""
    setattr(view, _ATTRIBUTE, PUBLIC)
    return view


def required_role(view: Callable[..., object]) -> str | None:
    """The declared role of a view, PUBLIC, or None when it declares nothing."""
    return getattr(view, _ATTRIBUTE, None)


def takes_posters(view: Callable[..., object]) -> bool:
    """Whether a token that may post facts is enough for the view."""
    return bool(getattr(view, _OR_POSTER, False))


def enforce() -> None:
    """Refuse the request unless its caller has the role that its view declares.

    Raises Unauthorized for a caller we do not know and Forbidden for one whose role is too low.
    """
    if request.endpoint is None:
        return  # no such route, or not this method: the router's own error says it better
    view = current_app.view_functions[request.endpoint]
    needed = required_role(view)
    if needed == PUBLIC:
        return
    caller = principal()
    if caller is None:
        raise Unauthorized("Sign in to see this.")
    if takes_posters(view) and may_post_facts(caller.role):
        return
    if needed is None or not is_allowed(caller.role, needed):
        raise Forbidden(refusal(needed or "admin", caller.role))


def refusal(needed: str, role: str) -> str:
    """Why a caller with `role` may not do what needs `needed`; the text on disabled buttons too."""
    return f"This needs the role {needed}; yours is {role}. An administrator can change it on the Users page."


def may(needed: str) -> bool:
    """True when the present caller has the role; templates decide with it what to offer."""
    caller = principal()
    return caller is not None and is_allowed(caller.role, needed)


def reason_not(needed: str) -> str:
    """Why the present caller may not do something, or "" when they may."""
    caller = principal()
    if caller is None:
        return "Sign in to do this."
    return "" if is_allowed(caller.role, needed) else refusal(needed, caller.role)
