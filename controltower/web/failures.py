"""Failures: what is wrong now, by kind; what is to be done about it; and the rules that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for

from controltower.domain.errors import BadFailureRule, BadPayload, Conflict, NotFound
from controltower.domain.failure_rules import CLASS_WORDS, CLASSES, MAX_TEXT, FailureRule, suggested_pattern
from controltower.services.failure_rules import (
    BUILT_IN,
    KEYS,
    built_in_rules,
    make_rule,
    read_rule,
    remove_rule,
    rule_book,
)
from controltower.store.engine import Connection, reading
from controltower.store.failure_rules import list_failure_rules, list_removed_rules
from controltower.store.failures import (
    MOST_GROUPS,
    FailureGroup,
    find_failure_group,
    list_failure_groups,
)
from controltower.store.journeys import JourneyFilter, list_journeys
from controltower.web.auth import signed_in_account
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.failure_views import GroupView, journeys_by_class, view_group, view_groups
from controltower.web.formatting import plural
from controltower.web.htmx import go_to, page
from controltower.web.roles import requires

bp = Blueprint("failures", __name__, url_prefix="/failures")

MOST_SHOWN = 200
JOURNEYS_SHOWN = 10
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@bp.get("")
@requires("viewer")
def show_list() -> Response:
    """Every kind of failure that is open, unknown ones first."""
    chosen = request.args.get("class", "")
    if chosen and chosen not in CLASS_WORDS:
        raise BadPayload(f"There is no class {chosen!r}; the classes are {', '.join(CLASS_WORDS)}.")
    with reading(deps().db) as c:
        groups = list_failure_groups(c)
        views = view_groups(groups, rule_book(c, deps().failure_rules), deps().processes)
    shown = [view for view in views if not chosen or view.diagnosis.failure_class == chosen]
    return page(
        "pages/failures/index.html",
        "frag_failures",
        views=shown[:MOST_SHOWN],
        more=len(shown) > MOST_SHOWN or len(groups) == MOST_GROUPS,
        chosen=chosen,
        class_words=CLASS_WORDS,
        by_class=journeys_by_class(views),
        mistake=deps().failure_rules.current().mistake,
    )


@bp.get("/<fingerprint>")
@requires("viewer")
def show(fingerprint: str) -> Response:
    """One kind of failure, its newest journeys, and the form that makes a rule of it."""
    return _group_page(fingerprint)


@bp.post("/<fingerprint>/rule")
@requires("operator")
def make(fingerprint: str) -> Response:
    """Make a rule of a kind of failure; it has to match that kind."""
    form = {key: request.form.get(key, "") for key in KEYS}
    try:
        rule = read_rule(form)
        with reading(deps().db) as c:
            group = find_failure_group(c, _checked(fingerprint))
        if group is not None and not _matches(rule, group):
            raise BadFailureRule("message: these patterns do not match the failure that the rule is made of")
        make_rule(deps().db, rule, by=signed_in_account().name, now=now())
    except (BadFailureRule, Conflict) as exc:
        return _group_page(fingerprint, form=form, error=str(exc), status=422)
    journeys, _ = _count_matches(rule)
    what = f"{plural(journeys, 'open failure')} of the class {CLASSES[rule.failure_class]}"
    flash(f"The rule holds: it matches {what}.", "ok")
    return go_to(url_for(".show_list"))


@bp.get("/preview")
@requires("viewer")
def preview() -> Response:
    """What the patterns of a form would match among the open failures."""
    form = {key: value[:MAX_TEXT] for key, value in request.args.items()}
    return Response(render_template("partials/rule_preview.html", preview=_preview(form)))


@bp.get("/rules")
@requires("viewer")
def show_rules() -> Response:
    """Every rule in the order in which they are asked, and those that were removed."""
    with reading(deps().db) as c:
        made, removed = list_failure_rules(c), list_removed_rules(c)
        book = rule_book(c, deps().failure_rules)
        views = view_groups(list_failure_groups(c), book, deps().processes)
    in_force = deps().failure_rules.current()
    held: dict[str, int] = {}
    for view in views:
        held[view.diagnosis.rule] = held.get(view.diagnosis.rule, 0) + view.group.journeys
    return page(
        "pages/failures/rules.html",
        "frag_rules",
        made=made,
        removed=removed,
        of_files=[rule for rule in in_force.rules if rule.origin != BUILT_IN],
        built_in=[rule for rule in in_force.rules if rule.origin == BUILT_IN],
        replaced=len(built_in_rules()) - sum(rule.origin == BUILT_IN for rule in in_force.rules),
        held=held,
        class_words=CLASS_WORDS,
        mistake=in_force.mistake,
    )


@bp.post("/rules/<rule_id>/remove")
@requires("operator")
def remove(rule_id: str) -> Response:
    """Take a rule that was made here out of force."""
    key = read_key(rule_id)
    if key is None:
        raise NotFound("There is no such rule among those made here.")
    remove_rule(deps().db, key, by=signed_in_account().name, now=now())
    flash("The rule is removed. It stays in the list of removed rules.", "ok")
    return go_to(url_for(".show_rules"))


def _group_page(
    fingerprint: str, *, form: Mapping[str, str] | None = None, error: str = "", status: int = 200
) -> Response:
    with reading(deps().db) as c:
        view = _find(c, fingerprint)
        wanted = JourneyFilter(fingerprint=fingerprint)
        rows = list_journeys(c, wanted, limit=JOURNEYS_SHOWN)
    filled = form or _suggested(view)
    key, wrong = _key_and_mistake(error)
    return page(
        "pages/failures/group.html",
        "frag_group",
        status=status,
        view=view,
        rows=rows,
        classes=CLASSES,
        form=filled,
        wrong_key=key,
        wrong=wrong,
        is_open=form is not None or not view.diagnosis.is_known,
        preview=_preview({**filled, "fingerprint": fingerprint}),
    )


def _key_and_mistake(error: str) -> tuple[str, str]:
    """The field of the form that is wrong, "" for none, and what is wrong, as a sentence."""
    key, _, wrong = error.partition(": ")
    if key not in KEYS:
        return "", error
    return key, wrong[:1].upper() + wrong[1:]


def _suggested(view: GroupView) -> dict[str, str]:
    failure, known = view.group.failure, view.diagnosis
    return {
        "class": known.failure_class if known.is_known else "",
        "system": failure.system,
        "code": failure.code,
        "message": suggested_pattern(failure.message),
        "action": known.action,
        "owner": view.owner,
        "link": known.link,
    }


def _find(c: Connection, fingerprint: str) -> GroupView:
    group = find_failure_group(c, _checked(fingerprint))
    if group is None:
        raise NotFound("No failure of this kind is open any more.")
    return view_group(group, rule_book(c, deps().failure_rules), deps().processes)


def _checked(fingerprint: str) -> str:
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise NotFound(f"{fingerprint[:64]!r} is not a kind of failure.")
    return fingerprint


def _preview(form: Mapping[str, str]) -> dict[str, Any]:
    """What the patterns match, or what is wrong with them; the rest of the form does not matter."""
    patterns = {key: form.get(key, "") for key in ("system", "code", "message")}
    try:
        rule = read_rule({**patterns, "class": next(iter(CLASSES)), "action": "any"})
    except BadFailureRule as exc:
        return {"wrong": _key_and_mistake(str(exc))[1]}
    journeys, matched = _count_matches(rule)
    own = form.get("fingerprint", "")
    return {
        "journeys": journeys,
        "kinds": len(matched),
        "misses": bool(own) and own not in {group.fingerprint for group in matched},
    }


def _count_matches(rule: FailureRule) -> tuple[int, list[FailureGroup]]:
    with reading(deps().db) as c:
        groups: Iterable[FailureGroup] = list_failure_groups(c)
    matched = [group for group in groups if _matches(rule, group)]
    return sum(group.journeys for group in matched), matched


def _matches(rule: FailureRule, group: FailureGroup) -> bool:
    failure = group.failure
    return rule.matches(failure.system, failure.code, failure.message)
