"""Dead letters as JSON: groups, list, one with its bytes, and what can be done with them."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.dead_letters import IMPACTS, STATES
from controltower.domain.errors import BadPayload, NotFound
from controltower.domain.failure_rules import CLASS_WORDS
from controltower.services.dead_letters.desk import Chosen
from controltower.services.failure_rules import rule_book
from controltower.services.replay.planning import Wish
from controltower.store.engine import reading
from controltower.store.letter_rows import GROUP_KEYS
from controltower.store.letters import get_body, get_letter, list_letters
from controltower.web import letter_filters as filters
from controltower.web.api import answers, letter_answers, schemas
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.auth import Unauthorized, principal
from controltower.web.cursors import read_cursor, read_key, write_cursor
from controltower.web.deps import deps, now
from controltower.web.letter_actions import ACTIONS, REPLAY, Action, perform
from controltower.web.letter_page import load_letter
from controltower.web.letter_payloads import read_part, show_part
from controltower.web.letter_views import load_groups
from controltower.web.roles import requires

bp = Blueprint("api_dead_letters", __name__, url_prefix="/api/v1")

MOST_IDS = 10_000
T = TypeVar("T")

_FILTERS = (
    Parameter("text", "Words in what names it or says what went wrong."),
    Parameter("state", "One state, closed or all; those that are open when left out.",
              values=(*STATES, *filters.SETS)),
    Parameter("queue", "The queue, topic or path where it died."),
    Parameter("type", "What the message is."),
    Parameter("system", "The system that gave up on it."),
    Parameter("class", "The class of its failure.", values=tuple(CLASS_WORDS)),
    Parameter("impact", "Whom it concerns.", values=IMPACTS),
    Parameter("owner", "Who works on it."),
    Parameter("tag", "A tag that it has."),
    Parameter("fingerprint", "Its group."),
    Parameter("source", "The connection that it was taken from."),
    Parameter("journey", "The id of its journey."),
    Parameter("since", "Died then or later (RFC 3339).", format="date-time"),
    Parameter("until", "Died before (RFC 3339).", format="date-time"),
    Parameter("snoozed", "Also those that are snoozed.", values=(filters.SHOWN,)),
)  # fmt: skip
_BY = Parameter("by", "What to group by; fingerprint when left out.", values=tuple(GROUP_KEYS))
_BEFORE = Parameter("before", "`next` of the page before.")
_PART = Parameter("part", "Which part of a long payload, from 1.", kind="integer")
_DEED = (
    f"A JSON object with action ({', '.join((REPLAY, *ACTIONS))}), ids or filter (a query string of the "
    "list), and what the action needs: reason, owner, ticket, tags or until."
)


@bp.get("/dead-letter-groups")
@requires("viewer")
@describes(schemas.DeadLetterGroups, _BY, *_FILTERS, LIMIT)
def index_groups() -> Response:
    """Dead letters in groups, those that matter most first."""
    by, limit = filters.read_by(request.args.get("by", "")), read_limit(request.args.get("limit"))
    wanted = filters.read_filter(request.args)
    with reading(deps().db) as c:
        views, found = load_groups(c, by, wanted, rule_book(c, deps().failure_rules), now(), limit)
    groups = [letter_answers.dead_letter_group(view) for view in views]
    return answers.reply(schemas.DeadLetterGroups(by=by, groups=groups, more=found > limit))


@bp.post("/dead-letter-groups/<fingerprint>")
@requires("support")
@describes(schemas.DeadLetterNote, body="A JSON object with owner, state, ticket or note.")
def note_group(fingerprint: str) -> Response:
    """Say who works on a group, where, and what they found out."""
    asked = msgspec.to_builtins(_read(schemas.DeadLetterNoteChange))
    note = deps().desk.note_group(fingerprint, asked, by=_caller(), now=now())
    return answers.reply(letter_answers.dead_letter_note(note))


@bp.get("/dead-letters")
@requires("viewer")
@describes(schemas.DeadLetters, *_FILTERS, _BEFORE, LIMIT)
def index() -> Response:
    """A page of dead letters, the one that died last first."""
    wanted, limit = filters.read_filter(request.args), read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        rows = list_letters(c, wanted, now(), read_cursor(request.args.get("before")), limit + 1)
    following = write_cursor(rows[limit - 1].cursor) if len(rows) > limit else None
    found = [letter_answers.dead_letter(row) for row in rows[:limit]]
    return answers.reply(schemas.DeadLetters(dead_letters=found, next=following))


@bp.get("/dead-letters/<letter_id>")
@requires("viewer")
@describes(schemas.DeadLetterDetail, _PART)
def show(letter_id: str) -> Response:
    """One dead letter with its verdict, its history, and its payload masked."""
    return _detail(_key(letter_id), reveal=False)


@bp.post("/dead-letters/<letter_id>/reveal")
@requires("operator")
@describes(schemas.DeadLetterDetail, _PART, body="A JSON object with reason; it goes into the audit.")
def reveal(letter_id: str) -> Response:
    """One dead letter, unmasked."""
    key = _key(letter_id)
    deps().desk.reveal(key, _read(schemas.Reason).reason, by=_caller(), now=now())
    return _detail(key, reveal=True)


@bp.post("/dead-letters/<letter_id>/edit")
@requires("operator")
@describes(schemas.DeadLetterDetail, body="A JSON object with reason, and payload (text) or headers (pairs).")
def edit(letter_id: str) -> Response:
    """Keep an edited copy, which replays then send; the original stays."""
    key, asked = _key(letter_id), _read(schemas.DeadLetterEdit)
    with reading(deps().db) as c:
        message = get_body(c, key, get_letter(c, key).edit).message
    if asked.payload is not None:
        message = message._replace(body=asked.payload.encode())
    if asked.headers is not None:
        message = message._replace(headers=tuple(asked.headers))
    deps().desk.edit(key, message, by=_caller(), why=asked.reason, now=now())
    return _detail(key, reveal=False)


@bp.post("/dead-letters/actions")
@requires("support")
@describes(schemas.DeadLettersChanged, body=_DEED)
def act() -> Response:
    """Work on dead letters, those that are named or all that a filter means; a replay is only planned."""
    asked = _read(schemas.DeadLetterDeed)
    chosen = _chosen(asked)
    if asked.action == REPLAY:
        wish = Wish(chosen, selection=asked.filter or "", reason=asked.reason)
        plan = deps().planner.make(wish, by=_caller(), now=now())
        return answers.reply(
            schemas.DeadLettersChanged(action=REPLAY, changed=plan.items, replay_id=plan.id.hex()), 201
        )
    if asked.action not in ACTIONS:
        raise BadPayload(f"action: expected one of {', '.join((REPLAY, *ACTIONS))}")
    action = ACTIONS[asked.action]
    changed = perform(action, chosen, _value(action, asked), by=_caller(), at=now())
    return answers.reply(schemas.DeadLettersChanged(action=action.name, changed=changed))


def _detail(key: bytes, *, reveal: bool) -> Response:
    part = read_part(request.args.get("part", ""))
    with reading(deps().db) as c:
        book = rule_book(c, deps().failure_rules)
        view = load_letter(c, key, deps().processes, book, reveal=reveal)
    payload = show_part(view.body.message, part, reveal=reveal)
    return answers.reply(letter_answers.dead_letter_detail(view, payload))


def _chosen(asked: schemas.DeadLetterDeed) -> Chosen:
    if (asked.filter is None) == (not asked.ids):
        raise BadPayload("ids: expected either ids or a filter")
    if asked.filter is not None:
        return filters.read_selection(asked.filter, now())
    if len(asked.ids) > MOST_IDS:
        raise BadPayload(f"ids: expected at most {MOST_IDS}; use a filter")
    return [_key(one) for one in asked.ids]


def _value(action: Action, asked: schemas.DeadLetterDeed) -> str:
    """What the action needs of the request."""
    if action.asks == "tags":
        return " ".join(asked.tags)
    return str(getattr(asked, action.asks)) if action.asks else ""


def _read(kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data(cache=False), type=kind)
    except msgspec.MsgspecError as exc:
        raise BadPayload(str(exc)) from exc


def _caller() -> str:
    caller = principal()
    if caller is None:
        raise Unauthorized("Sign in, or send a token.")
    return caller.name


def _key(text: str) -> bytes:
    key = read_key(text)
    if key is None:
        raise NotFound(f"There is no dead letter {text[:64]!r}.")
    return key
