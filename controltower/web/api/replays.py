"""Replays as JSON: planned, looked at, agreed to, started, steered. A token has a role, as people have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.domain.replays import ITEM_STATES, PLAN_STATES
from controltower.domain.verdicts import KINDS
from controltower.services.replay import steering
from controltower.services.replay.planning import Wish
from controltower.store.engine import reading
from controltower.store.replay_policies import last_looks
from controltower.store.replays import Item, Plan, get_plan, list_items, list_plans
from controltower.web.api import answers
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.auth import caller_name
from controltower.web.chosen_letters import Choice, choose_filtered, choose_named
from controltower.web.deps import deps, now
from controltower.web.letter_filters import FIELDS
from controltower.web.replay_forms import MAX_RATE, read_reason
from controltower.web.replay_views import PlanView, view_plan
from controltower.web.replays import find_plan, read_before, read_digest, read_place, read_state
from controltower.web.roles import may, requires

bp = Blueprint("api_replays", __name__, url_prefix="/api/v1")

T = TypeVar("T")
_BEFORE = Parameter("before", "`next` of the page before.")
_AFTER = Parameter("after", "`next` of the page before.", kind="integer")
_STATE = Parameter("state", "Only replays in this state.", values=PLAN_STATES)
_ITEM_STATE = Parameter("state", "Only items in this state.", values=ITEM_STATES)
_VERDICT = Parameter("verdict", "Only items with this verdict.", values=KINDS)
_WISH = (
    "A JSON object: either `ids`, or `filter` with some of " + ", ".join(f"`{name}`" for name in FIELDS)
    + "; and as far as needed `target` {connection, place}, `reason`, `ramp`, `rate` and `confirm_seconds`."
)
_START = "A JSON object: the `digest` of the replay as it was shown; a `reason` where not all of it is safe."


class ReplayTarget(msgspec.Struct, kw_only=True):
    """A place that messages are sent to."""

    connection: str
    place: str


class ReplayWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be sent again, and how."""

    ids: list[str] | None = None
    filter: dict[str, str] | None = None
    target: ReplayTarget | None = None  # none: where each came from, or where a redirect leads
    reason: str = ""
    ramp: bool = True
    rate: int = 0  # messages a second at most; 0: as the target allows
    confirm_seconds: int = 0  # patience for the confirmation; 0: as the process says


class ReplayStart(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The preview that the caller saw."""

    digest: str
    reason: str = ""


class ReplayReason(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: str = ""


class ReplayGoal(msgspec.Struct, kw_only=True):
    """A place that items go to, and what is done to them on the way."""

    connection: str
    place: str
    remedy: str
    items: int


class ReplayStep(msgspec.Struct, kw_only=True):
    """A step of the ramp: its items by state, which add up to all of them."""

    items: int
    states: dict[str, int]


class ReplayOutage(msgspec.Struct, kw_only=True):
    """A target that does not answer."""

    connection: str
    detail: str
    next_try_at: datetime


class Replay(msgspec.Struct, kw_only=True):
    """A replay. `digest` is over all that is frozen; starting it takes the same."""

    id: str
    state: str
    made_at: datetime
    made_by: str
    policy: str
    selection: str
    reason: str
    target: ReplayTarget | None
    items: int
    verdicts: dict[str, int]
    digest: str
    expires_at: datetime
    needs_approval: str
    approved_by: str
    started_by: str
    started_at: datetime | None
    ended_at: datetime | None
    halted_why: str
    rate: int
    ramp: bool
    dismissed_by: str


class ReplayDetail(Replay, kw_only=True):
    """A replay with what is sent where and how far it is. `not_startable` says why nobody can start it."""

    goals: list[ReplayGoal]
    states: dict[str, int]
    steps: list[ReplayStep]
    outages: list[ReplayOutage]
    not_startable: str


class Replays(msgspec.Struct, kw_only=True):
    """A page of replays, newest first."""

    replays: list[Replay]
    next: str | None


class ReplayItem(msgspec.Struct, kw_only=True):
    """One dead letter of a replay; `place` is its turn."""

    place: int
    dead_letter_id: str
    state: str
    step: int
    attempt: int
    edit: int
    verdict: str
    verdict_why: str
    order_key: str
    target: ReplayTarget
    remedy: str
    sent_at: datetime | None
    settled_at: datetime | None
    outcome: str


class ReplayItems(msgspec.Struct, kw_only=True):
    """A page of items, in the order of sending."""

    items: list[ReplayItem]
    next: int | None


class ReplayPolicy(msgspec.Struct, kw_only=True):
    """What is replayed without a person, and what it came to when it last looked."""

    name: str
    failure_class: list[str] = msgspec.field(name="class")
    system: list[str]
    type: list[str]
    queue: list[str]
    max_age_seconds: int
    max_per_hour: int
    max_attempts: int
    hours: str
    target: ReplayTarget | None
    looked_at: datetime | None
    said: str


class ReplayPolicies(msgspec.Struct, kw_only=True):
    """Every policy, in the order of the file."""

    policies: list[ReplayPolicy]


@bp.get("/replays")
@requires("viewer")
@describes(Replays, _STATE, _BEFORE, LIMIT)
def index() -> Response:
    """A page of replays, newest first."""
    state, before = read_state(PLAN_STATES, "state"), read_before()
    limit = read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        plans = list_plans(c, (state,) if state else (), before, limit + 1)
    more = len(plans) > limit
    plans = plans[:limit]
    found = [Replay(**_fields(plan)) for plan in plans]
    return answers.reply(Replays(replays=found, next=plans[-1].id.hex() if more else None))


@bp.post("/replays")
@requires("support")
@describes(ReplayDetail, body=_WISH)
def make() -> Response:
    """Freeze and judge what is chosen; nothing is sent before it is started."""
    asked = _read(ReplayWish)
    plan = deps().planner.make(_wish(asked), by=caller_name(), now=now())
    return answers.reply(_detail(plan), 201)


@bp.get("/replays/<plan_id>")
@requires("viewer")
@describes(ReplayDetail)
def show(plan_id: str) -> Response:
    """One replay: what is sent where, and how far it is."""
    return answers.reply(_detail(find_plan(plan_id)))


@bp.get("/replays/<plan_id>/items")
@requires("viewer")
@describes(ReplayItems, _ITEM_STATE, _VERDICT, _AFTER, LIMIT)
def items(plan_id: str) -> Response:
    """A page of the items of a replay, in the order of sending."""
    plan, limit = find_plan(plan_id), read_limit(request.args.get("limit"), 100)
    state, verdict = read_state(ITEM_STATES, "state"), read_state(KINDS, "verdict")
    states = (state,) if state else ()
    with reading(deps().db) as c:
        rows = list_items(c, plan.id, states, read_place(), limit + 1, verdict=verdict)
    more = len(rows) > limit
    rows = rows[:limit]
    found = [_item(row) for row in rows]
    return answers.reply(ReplayItems(items=found, next=rows[-1].place if more else None))


@bp.post("/replays/<plan_id>/start")
@requires("support")
@describes(ReplayDetail, body=_START)
def start(plan_id: str) -> Response:
    """Begin to send what was shown; 409 when it is no longer that, or has expired."""
    plan, asked = find_plan(plan_id), _read(ReplayStart)
    steering.start(
        deps().db,
        plan.id,
        read_digest(asked.digest),
        by=caller_name(),
        may_force=may("operator"),
        reason=read_reason(asked.reason),
        now=now(),
    )
    return answers.reply(_detail(find_plan(plan_id)))


@bp.post("/replays/<plan_id>/approve")
@requires("operator")
@describes(ReplayDetail)
def approve(plan_id: str) -> Response:
    """Agree to a replay as the second one; whoever planned it may not."""
    return _steered(plan_id, steering.approve)


@bp.post("/replays/<plan_id>/pause")
@requires("support")
@describes(ReplayDetail)
def pause(plan_id: str) -> Response:
    """Send nothing more until it is resumed."""
    return _steered(plan_id, steering.pause)


@bp.post("/replays/<plan_id>/resume")
@requires("support")
@describes(ReplayDetail)
def resume(plan_id: str) -> Response:
    """Go on; one that halted by itself goes on for an operator only."""
    return _steered(plan_id, steering.resume, may_force=may("operator"))


@bp.post("/replays/<plan_id>/cancel")
@requires("support")
@describes(ReplayDetail, body="A JSON object with a `reason`, or nothing.")
def cancel(plan_id: str) -> Response:
    """Send nothing more, ever; what was not sent is as it was before."""
    asked = _read(ReplayReason) if request.get_data() else ReplayReason()
    return _steered(plan_id, steering.cancel, why=read_reason(asked.reason))


@bp.post("/replays/<plan_id>/dismiss")
@requires("support")
@describes(ReplayDetail)
def dismiss(plan_id: str) -> Response:
    """Take the notice of an ended replay off everybody's screen."""
    return _steered(plan_id, steering.dismiss)


@bp.get("/replay-policies")
@requires("viewer")
@describes(ReplayPolicies)
def policies() -> Response:
    """What is replayed without a person, and what each policy came to."""
    declared = deps().policies
    with reading(deps().db) as c:
        looks = last_looks(c, [one.name for one in declared])
    found = []
    for one in declared:
        look = looks.get(one.name)
        found.append(
            ReplayPolicy(
                name=one.name,
                failure_class=list(one.failure_class),
                system=list(one.system),
                type=list(one.type),
                queue=list(one.place),
                max_age_seconds=int(one.max_age.total_seconds()),
                max_per_hour=one.max_per_hour,
                max_attempts=one.max_attempts,
                hours=str(one.hours or ""),
                target=_target(one.connection, one.target_place),
                looked_at=look.at if look else None,
                said=look.said if look else "",
            )
        )
    return answers.reply(ReplayPolicies(policies=found))


def _read(kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data(cache=False), type=kind)
    except msgspec.MsgspecError as exc:
        raise BadPayload(str(exc)) from exc


def _wish(asked: ReplayWish) -> Wish:
    if not 0 <= asked.rate <= MAX_RATE:
        raise BadPayload(f"rate: expected messages a second from 0 to {MAX_RATE}, found {asked.rate}")
    if not 0 <= asked.confirm_seconds <= timedelta(days=30).total_seconds():
        raise BadPayload("confirm_seconds: expected at most thirty days, and not less than 0")
    choice = _choice(asked)
    target = asked.target or ReplayTarget(connection="", place="")
    return Wish(
        choice.letters,
        selection=choice.selection,
        connection=target.connection.strip(),
        place=target.place.strip(),
        reason=read_reason(asked.reason),
        ramp=asked.ramp,
        rate=asked.rate,
        confirm_within=timedelta(seconds=asked.confirm_seconds),
    )


def _choice(asked: ReplayWish) -> Choice:
    if (asked.ids is None) == (asked.filter is None):
        raise BadPayload("ids: expected either ids or a filter")
    if asked.ids is not None:
        return choose_named(asked.ids)
    asked_for = {name: told.strip() for name, told in (asked.filter or {}).items()}
    return choose_filtered({name: told for name, told in asked_for.items() if told})


def _steered(plan_id: str, step: Callable[..., None], **more: Any) -> Response:
    plan = find_plan(plan_id)
    step(deps().db, plan.id, by=caller_name(), now=now(), **more)
    return answers.reply(_detail(find_plan(plan_id)))


def _detail(plan: Plan) -> ReplayDetail:
    with reading(deps().db) as c:
        view = view_plan(c, get_plan(c, plan.id), now())
    return ReplayDetail(
        **_fields(view.plan),
        goals=[ReplayGoal(**goal._asdict()) for goal in view.goals],
        states=dict(view.totals),
        steps=_steps(view),
        outages=[ReplayOutage(**outage._asdict()) for outage in view.outages],
        not_startable=view.why_not,
    )


def _steps(view: PlanView) -> list[ReplayStep]:
    return [
        ReplayStep(items=bar.items, states={part.state: part.items for part in bar.parts})
        for bar in view.steps
    ]


def _fields(plan: Plan) -> dict[str, Any]:
    same = {name: getattr(plan, name) for name in Replay.__struct_fields__ if hasattr(plan, name)}
    return {
        **same,
        "id": plan.id.hex(),
        "digest": plan.digest.hex(),
        "verdicts": dict(plan.verdicts),
        "target": _target(plan.target_connection, plan.target_place),
    }


def _target(connection: str, place: str) -> ReplayTarget | None:
    return ReplayTarget(connection=connection, place=place) if connection else None


def _item(row: Item) -> ReplayItem:
    return ReplayItem(
        place=row.place,
        dead_letter_id=row.letter_id.hex(),
        state=row.state,
        step=row.step,
        attempt=row.attempt,
        edit=row.edit,
        verdict=row.verdict,
        verdict_why=row.verdict_why,
        order_key=row.order_key,
        target=ReplayTarget(connection=row.connection, place=row.target_place),
        remedy=row.remedy,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
        outcome=row.outcome,
    )
