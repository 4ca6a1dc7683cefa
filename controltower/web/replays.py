"""Replays: planned, shown before anything is sent, agreed to, started, followed to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for

from controltower.domain.dead_letters import REPLAYABLE
from controltower.domain.errors import BadPayload, Conflict, ControlTowerError, NotFound
from controltower.domain.replays import (
    DONE,
    ENDED,
    HALTED,
    ITEM_STATES,
    ITEM_WORDS,
    PLAN_STATES,
    PLAN_WORDS,
    UNDER_WAY,
)
from controltower.domain.verdicts import KIND_WORDS, KINDS
from controltower.services.replay import steering
from controltower.services.replay.planning import LIFETIME
from controltower.store.engine import Connection, reading
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import find_letters
from controltower.store.replay_policies import last_looks
from controltower.store.replays import Item, Plan, get_plan, list_items, list_plans
from controltower.web import letter_filters as filters
from controltower.web import replay_forms as forms
from controltower.web.auth import is_local_path, signed_in_account
from controltower.web.chosen_letters import LETTER, Choice, address_of, choose_filtered, read_choice
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.errors import status_of
from controltower.web.htmx import go_to, page, wants_fragment
from controltower.web.replay_views import (
    ItemView,
    PlanLine,
    PlanView,
    list_notices,
    remedy_words,
    view_items,
    view_lines,
    view_plan,
)
from controltower.web.roles import may, requires

bp = Blueprint("replays", __name__, url_prefix="/replays")

PAGE_ROWS = 30
PAGE_ITEMS = 50
FEW = 20  # letters of a plan that are planned again by their ids
_POLICY_PLANS = 5


@bp.app_template_filter()
def remedy(name: str) -> str:
    """What is done to a message on the way, in words."""
    return remedy_words(name)


@bp.app_context_processor
def _page_values() -> dict[str, Any]:
    return {"plan_words": PLAN_WORDS, "replay_notices": replay_notices}


def replay_notices() -> list[PlanLine]:
    """Replays that ended and that nobody has said yet to have seen; asked for by the frame of every page."""
    with reading(deps().db) as c:
        return list_notices(c)


@bp.get("")
@requires("viewer")
def show_list() -> Response:
    """A page of the replays, newest first, and before them what nobody has looked at yet."""
    state = read_state(PLAN_STATES, "state")
    before = read_before()
    with reading(deps().db) as c:
        plans = list_plans(c, (state,) if state else (), before, PAGE_ROWS + 1)
        lines = view_lines(c, plans[:PAGE_ROWS])
        notices = [] if state or before else list_notices(c, PAGE_ROWS)
    more = len(plans) > PAGE_ROWS
    here = url_for(".show_list", state=state or None)
    return page(
        "pages/replays/index.html",
        "frag_replays",
        lines=lines,
        notices=notices,
        state=state,
        states=PLAN_WORDS,
        verdict_words=KIND_WORDS,
        is_moving=any(line.plan.state in UNDER_WAY and line.plan.state != HALTED for line in lines),
        first_url=here if before else "",
        next_url=url_for(".show_list", state=state or None, before=plans[PAGE_ROWS - 1].id.hex())
        if more
        else "",
    )


@bp.get("/policies")
@requires("viewer")
def show_policies() -> Response:
    """What is replayed without a person, what each policy came to, and its newest replays."""
    policies = deps().policies
    with reading(deps().db) as c:
        looks = last_looks(c, [policy.name for policy in policies])
        plans = {
            policy.name: view_lines(c, list_plans(c, limit=_POLICY_PLANS, policy=policy.name))
            for policy in policies
        }
    return page(
        "pages/replays/policies.html",
        "frag_policies",
        policies=policies,
        looks=looks,
        plans=plans,
        verdict_words=KIND_WORDS,
    )


@bp.get("/new")
@requires("support")
def show_form() -> Response:
    """The form that plans a replay of chosen letters."""
    return _form(read_choice(request.args), {"ramp": "yes"})


@bp.post("")
@requires("support")
def make() -> Response:
    """Freeze and judge what is chosen, and show it; nothing is sent yet."""
    choice = _posted_choice()
    try:
        wish = forms.read_wish(choice, request.form)
        plan = deps().planner.make(wish, by=signed_in_account().name, now=now())
    except (BadPayload, Conflict) as exc:
        return _form(choice, request.form, error=str(exc), status=422)
    return go_to(url_for(".show", plan_id=plan.id.hex()))


@bp.post("/letters/<letter_id>")
@requires("support")
def make_for_one(letter_id: str) -> Response:
    """Plan one letter back to where it came from, and show what would be sent where."""
    key = read_key(letter_id)
    if key is None:
        raise NotFound(f"There is no dead letter {letter_id[:64]!r}.")
    plan = deps().planner.make(forms.wish_for_one(key), by=signed_in_account().name, now=now())
    back = _back(request.form.get("back"))
    if not wants_fragment():
        return go_to(url_for(".show", plan_id=plan.id.hex(), back=back or None))
    with reading(deps().db) as c:
        view, items = view_plan(c, plan, now()), view_items(c, list_items(c, plan.id, limit=1))
    shown = {"view": view, "items": items, "back": back, "verdict_words": KIND_WORDS, "is_dialog": True}
    body = render_template("partials/replay_confirm.html", **shown)
    return Response(body, headers={"Vary": "HX-Request"})


@bp.get("/<plan_id>")
@requires("viewer")
def show(plan_id: str) -> Response:
    """One replay and a page of its items. A poll that has seen the newest gets 204."""
    return _plan_page(find_plan(plan_id))


@bp.post("/<plan_id>/start")
@requires("support")
def start(plan_id: str) -> Response:
    """Begin to send what was shown."""
    plan = find_plan(plan_id)
    try:
        steering.start(
            deps().db,
            plan.id,
            read_digest(request.form.get("digest", "")),
            by=signed_in_account().name,
            may_force=may("operator"),
            reason=forms.read_reason(request.form.get("reason", "")),
            now=now(),
        )
    except (BadPayload, Conflict) as exc:
        return _plan_page(find_plan(plan_id), error=exc)
    flash("Started. This page follows it until it is confirmed.", "ok")
    return go_to(_back(request.form.get("back")) or url_for(".show", plan_id=plan_id))


@bp.post("/<plan_id>/approve")
@requires("operator")
def approve(plan_id: str) -> Response:
    """Agree to a replay as the second person."""
    return _steered(plan_id, steering.approve, "Agreed. It can be started now.")


@bp.post("/<plan_id>/pause")
@requires("support")
def pause(plan_id: str) -> Response:
    """Send nothing more until somebody resumes it."""
    return _steered(plan_id, steering.pause, "Paused. What is on its way is still followed.")


@bp.post("/<plan_id>/resume")
@requires("support")
def resume(plan_id: str) -> Response:
    """Go on; with one that halted by itself only for those who may force it."""
    return _steered(plan_id, steering.resume, "It goes on.", may_force=may("operator"))


@bp.post("/<plan_id>/cancel")
@requires("support")
def cancel(plan_id: str) -> Response:
    """Send nothing more, ever."""
    why = forms.read_reason(request.form.get("reason", ""))
    return _steered(plan_id, steering.cancel, "Cancelled. What was not sent is as it was before.", why=why)


@bp.post("/<plan_id>/dismiss")
@requires("support")
def dismiss(plan_id: str) -> Response:
    """Take the notice of an ended replay off everybody's screen."""
    plan = find_plan(plan_id)
    steering.dismiss(deps().db, plan.id, by=signed_in_account().name, now=now())
    return go_to(_back(request.form.get("back")) or url_for(".show_list"))


def find_plan(plan_id: str) -> Plan:
    """The plan that an address names; raises NotFound."""
    key = read_key(plan_id)
    if key is None:
        raise NotFound("There is no such replay.")
    with reading(deps().db) as c:
        return get_plan(c, key)


def read_digest(text: str) -> bytes:
    """The digest of the preview that the caller saw. Raises BadPayload."""
    digest = read_key(text)
    if digest is None:
        raise BadPayload("digest: expected the digest of the replay as it was shown")
    return digest


def read_state(states: tuple[str, ...], name: str) -> str:
    """The state that the address asks for, "" for all. Raises BadPayload."""
    state = request.args.get(name, "")
    if state and state not in states:
        raise BadPayload(f"{name}: expected one of {', '.join(states)}, found {state[:40]!r}")
    return state


def read_place(name: str = "after") -> int:
    """The place after which a page of items begins, -1 for the first. Raises BadPayload."""
    text = request.args.get(name, "")
    if not text:
        return -1
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise BadPayload(f"{name}: expected the place of an item, found {text[:40]!r}")
    return int(text)


def read_before() -> bytes | None:
    """The id of the replay before which the page begins; None for the newest. Raises BadPayload."""
    text = request.args.get("before", "")
    if not text:
        return None
    key = read_key(text)
    if key is None:
        raise BadPayload("The cursor is not one that this list gave; start from the first page.")
    return key


def _back(path: str | None) -> str:
    """A page of ours to return to, "" for none."""
    return path if path and is_local_path(path) else ""


def _posted_choice() -> Choice:
    if request.form.getlist(LETTER):
        return read_choice(request.form)
    return choose_filtered(filters.parse(request.form.get("selection", "")))


def _form(choice: Choice, filled: Any, *, error: str = "", status: int = 200) -> Response:
    with reading(deps().db) as c:
        origins = forms.origins_of(c, choice)
        letters = _named_letters(c, choice)
    return page(
        "pages/replays/new.html",
        "frag_new",
        status=status,
        choice=choice,
        named=[row.id.hex() for row in letters if row.state in REPLAYABLE],
        left_out=[row for row in letters if row.state not in REPLAYABLE],
        letters=[row for row in letters if row.state in REPLAYABLE][:FEW],
        origins=origins,
        sendable=sum(origin.letters for origin in origins),
        names=deps().planner.targets.names(),
        patience=forms.PATIENCE,
        lifetime=LIFETIME,
        filled=filled,
        error=error,
    )


def _named_letters(c: Connection, choice: Choice) -> list[LetterRow]:
    """The letters that were named, in their order; none of a filter."""
    if isinstance(choice.letters, LetterFilter):
        return []
    found = find_letters(c, choice.letters)
    return [found[key] for key in choice.letters if key in found]


def _steered(plan_id: str, step: Callable[..., None], done: str, **more: Any) -> Response:
    plan = find_plan(plan_id)
    try:
        step(deps().db, plan.id, by=signed_in_account().name, now=now(), **more)
    except Conflict as exc:
        return _plan_page(find_plan(plan_id), error=exc)
    flash(done, "ok")
    return go_to(url_for(".show", plan_id=plan_id))


def _plan_page(plan: Plan, *, error: ControlTowerError | None = None) -> Response:
    state, verdict = read_state(ITEM_STATES, "state"), read_state(KINDS, "verdict")
    after = read_place()
    with reading(deps().db) as c:
        view = view_plan(c, plan, now())
        if wants_fragment() and request.args.get("seen") == view.mark and error is None:
            return Response(status=204, headers={"Vary": "HX-Request"})
        rows = list_items(c, plan.id, (state,) if state else (), after, PAGE_ITEMS + 1, verdict=verdict)
        items = view_items(c, rows[:PAGE_ITEMS])
        again = _again_url(view, [] if plan.selection else list_items(c, plan.id, limit=FEW))
    status = 200
    if error is not None:
        status = 422 if isinstance(error, BadPayload) else status_of(error)
    return page(
        "pages/replays/plan.html",
        "frag_plan",
        status=status,
        error=str(error or ""),
        again_url=again,
        is_dialog=False,
        **_page_context(view, items, state, verdict, after, more=len(rows) > PAGE_ITEMS),
    )


def _page_context(
    view: PlanView, items: list[ItemView], state: str, verdict: str, after: int, *, more: bool
) -> dict[str, Any]:
    plan_id = view.plan.id.hex()
    chosen: dict[str, Any] = {"state": state or None, "verdict": verdict or None}
    here = url_for(".show", plan_id=plan_id, **chosen)
    back = _back(request.values.get("back"))
    kept = {**chosen, "after": after if after >= 0 else None, "back": back or None}
    return {
        "back": back,
        "view": view,
        "items": items,
        "state": state,
        "verdict": verdict,
        "item_words": ITEM_WORDS,
        "verdict_words": KIND_WORDS,
        "has_ended": view.plan.state in ENDED,
        "is_noticed": view.plan.state == DONE and view.plan.dismissed_at is None,
        "poll_url": url_for(".show", plan_id=plan_id, seen=view.mark, **kept),
        "first_url": here if after >= 0 else "",
        "next_url": url_for(".show", plan_id=plan_id, **chosen, after=items[-1].item.place) if more else "",
    }


def _again_url(view: PlanView, items: list[Item]) -> str:
    """Where the same letters are planned anew; "" when there are too many to name."""
    if view.plan.selection:
        return f"{url_for('.show_form')}?{view.plan.selection}"
    if view.plan.items > FEW:
        return ""
    return f"{url_for('.show_form')}?{address_of([item.letter_id for item in items])}"
