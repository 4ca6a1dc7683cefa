"""What people do with dead letters, one or many: asked for on any screen, confirmed on one of its own.

A list form posts what is chosen (letters, or the whole filter) and the action. What needs nothing more is
done at once; for anything else, and for everything that means a whole filter, `confirm` shows how many are
meant and asks for what is missing. A replay is only planned here; its plan is where it is confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, request, url_for

from controltower.domain.dead_letters import PURGE_AFTER
from controltower.domain.errors import BadPayload, Conflict, Forbidden
from controltower.services.accounts import is_allowed
from controltower.services.dead_letters.desk import Chosen, Desk
from controltower.services.replay.planning import Wish
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import count_letters, find_letters
from controltower.web import letter_filters as filters
from controltower.web.auth import local_path, principal, signed_in_account
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.formatting import plural
from controltower.web.htmx import go_to, page
from controltower.web.moments import read_moment
from controltower.web.roles import refusal, requires

bp = Blueprint("letter_actions", __name__, url_prefix="/dead-letters")

LIST = "/dead-letters/letters"
REPLAY = "replay"
MOST_CHECKED = 500
SNOOZES: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("One hour", timedelta(hours=1)),
    "4h": ("Four hours", timedelta(hours=4)),
    "1d": ("One day", timedelta(days=1)),
    "7d": ("One week", timedelta(days=7)),
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done with letters; `asks` is the value that it needs, "" for none."""

    name: str
    title: str  # of its button
    done: str  # what became of them, after their number
    needs: str  # the least role
    perform: Callable[[Desk, Chosen, str, str, datetime], int]
    asks: str = ""
    label: str = ""
    hint: str = ""
    is_required: bool = False


def _snoozed(desk: Desk, chosen: Chosen, value: str, by: str, at: datetime) -> int:
    return desk.snooze(chosen, read_snooze(value, at), by=by, now=at)


def _tagged(desk: Desk, chosen: Chosen, value: str, by: str, at: datetime) -> int:
    return desk.tag(chosen, value.replace(",", " ").split(), by=by, now=at)


ACTIONS: Mapping[str, Action] = {
    one.name: one
    for one in (
        Action(
            "investigate",
            "Investigate",
            "are yours now, under investigation",
            "support",
            lambda desk, chosen, _, by, at: desk.investigate(chosen, by=by, now=at),
        ),
        Action(
            "assign",
            "Assign",
            "assigned",
            "support",
            lambda desk, chosen, value, by, at: desk.assign(chosen, value, by=by, now=at),
            asks="owner",
            label="To whom",
            hint="A person or a team. Empty makes them nobody's.",
        ),
        Action(
            "snooze",
            "Snooze",
            "snoozed",
            "support",
            _snoozed,
            asks="until",
            label="For how long",
            is_required=True,
        ),
        Action(
            "ticket",
            "Link a ticket",
            "linked",
            "support",
            lambda desk, chosen, value, by, at: desk.link_ticket(chosen, value, by=by, now=at),
            asks="ticket",
            label="Ticket",
            hint="A number or an address. Empty forgets the one that was linked.",
        ),
        Action(
            "tag",
            "Tag",
            "tagged",
            "support",
            _tagged,
            asks="tags",
            label="Tags",
            hint="Apart by spaces; they take the place of those that were there.",
        ),
        Action(
            "discard",
            "Discard",
            "discarded",
            "operator",
            lambda desk, chosen, value, by, at: desk.discard(chosen, value, by=by, now=at),
            asks="reason",
            label="Why they may be given up",
            hint=f"They can be taken back for {PURGE_AFTER.days} days; then they are purged.",
            is_required=True,
        ),
        Action(
            "resolve",
            "Mark as resolved",
            "marked as resolved",
            "operator",
            lambda desk, chosen, value, by, at: desk.resolve(chosen, value, by=by, now=at),
            asks="reason",
            label="How they were put right",
            hint="For what was put right in another way than by a replay.",
            is_required=True,
        ),
        Action(
            "restore",
            "Take back",
            "taken back",
            "operator",
            lambda desk, chosen, _, by, at: desk.restore(chosen, by=by, now=at),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters a form means."""

    ids: tuple[bytes, ...]  # those that were checked
    selection: str  # else the filter, as a query string
    known_at: str  # when somebody looked at its list
    is_filter: bool

    @property
    def chosen(self) -> Chosen:
        """As services take it. Raises BadPayload for a form that we did not write."""
        if not self.is_filter:
            return self.ids
        return filters.read_selection(self.selection, read_moment(self.known_at, "known_at"))

    @property
    def fields(self) -> list[tuple[str, str]]:
        """As forms and addresses carry it."""
        if not self.is_filter:
            return [("id", one.hex()) for one in self.ids]
        return [("scope", "filter"), ("selection", self.selection), ("known_at", self.known_at)]


@bp.get("/actions")
@requires("support")
def confirm() -> Response:
    """How many letters are meant, and what the action needs to know."""
    return _confirm_page(_read_action(request.args.get("action", "")), _read_choice(), _next_of())


@bp.post("/actions")
@requires("support")
def act() -> Response:
    """Do it, plan it, or ask for what is missing."""
    name, choice, back = request.form.get("action", ""), _read_choice(), _next_of()
    if not choice.is_filter and not choice.ids:
        flash("Check some dead letters first, or choose all that match.", "error")
        return go_to(back)
    if name == REPLAY:
        return _plan(choice, back)
    action = _read_action(name)
    is_sure = request.form.get("sure") == "yes"
    if not is_sure and (action.asks or choice.is_filter):
        asked = [("action", action.name), *choice.fields, ("next", back)]
        return go_to(f"{url_for('.confirm')}?{urlencode(asked)}")
    by, value = signed_in_account().name, request.form.get("value", "")
    try:
        changed = perform(action, choice.chosen, value, by=by, at=now())
    except BadPayload as exc:
        return _confirm_page(action, choice, back, value=value, error=str(exc), status=422)
    flash(_outcome(action, changed, choice), "ok" if changed else "error")
    return go_to(back)


def perform(action: Action, chosen: Chosen, value: str, *, by: str, at: datetime) -> int:
    """Do it as far as the caller's role allows; returns how many letters changed. Raises Forbidden."""
    caller = principal()
    if caller is None or not is_allowed(caller.role, action.needs):
        raise Forbidden(refusal(action.needs, caller.role if caller else "nobody"))
    return action.perform(deps().desk, chosen, value, by, at)


def read_snooze(text: str, at: datetime) -> datetime | None:
    """Until when: a word of SNOOZES or a time; None, for "wake", takes them back. Raises BadPayload."""
    if text == "wake":
        return None
    return at + SNOOZES[text][1] if text in SNOOZES else read_moment(text, "until")


def _plan(choice: Choice, back: str) -> Response:
    wish = Wish(choice.chosen, selection=choice.selection if choice.is_filter else "")
    try:
        plan = deps().planner.make(wish, by=signed_in_account().name, now=now())
    except (BadPayload, Conflict) as exc:
        flash(f"Nothing is planned: {exc}", "error")
        return go_to(back)
    return go_to(f"/replays/{plan.id.hex()}")


def _outcome(action: Action, changed: int, choice: Choice) -> str:
    if not changed:
        return "Nothing was changed: what you chose is in another state by now."
    left = 0 if choice.is_filter else len(choice.ids) - changed
    more = f" {plural(left, 'other is', 'others are')} in another state by now." if left else ""
    return f"{plural(changed, 'dead letter')} {action.done}.{more}"


def _confirm_page(
    action: Action, choice: Choice, back: str, *, value: str = "", error: str = "", status: int = 200
) -> Response:
    chosen = choice.chosen
    fields = filters.given_fields(filters.parse(choice.selection)) if choice.is_filter else {}
    with reading(deps().db) as c:
        if isinstance(chosen, LetterFilter):
            count = count_letters(c, chosen, now())
            named: Sequence[str] = ()
        else:
            rows = find_letters(c, chosen)
            count = len(rows)
            named = [row.title or row.message_id or row.id.hex()[:12] for row in rows.values()][:10]
    return page(
        "pages/dead_letters/confirm.html",
        "frag_confirm",
        status=status,
        action=action,
        choice=choice,
        active=filters.list_active(fields),
        count=count,
        named=named,
        value=value,
        error=error,
        back=back,
        snoozes=SNOOZES,
    )


def _read_action(name: str) -> Action:
    if name not in ACTIONS:
        raise BadPayload(f"action: expected one of {', '.join((REPLAY, *ACTIONS))}, found {name[:40]!r}")
    return ACTIONS[name]


def _read_choice() -> Choice:
    given = request.values
    keys = [read_key(text) for text in given.getlist("id")]
    if None in keys or len(keys) > MOST_CHECKED:
        raise BadPayload(f"id: expected up to {MOST_CHECKED} ids of dead letters")
    return Choice(
        tuple(key for key in keys if key is not None),
        given.get("selection", ""),
        given.get("known_at", ""),
        given.get("scope") == "filter",
    )


def _next_of() -> str:
    return local_path(request.values.get("next"), LIST)
