"""Failures and the rules that classify them, as JSON."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.errors import BadFailureRule, BadPayload, NotFound
from controltower.domain.failure_rules import CLASS_WORDS
from controltower.services.failure_rules import make_rule, read_rule, remove_rule, rule_book
from controltower.store.engine import reading
from controltower.store.failure_rules import find_failure_rule, list_failure_rules
from controltower.store.failures import MOST_GROUPS, list_failure_groups
from controltower.web.api import answers, schemas
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.auth import caller_name
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.failure_views import view_groups
from controltower.web.roles import may, requires

bp = Blueprint("api_failures", __name__, url_prefix="/api/v1")

_CLASS = Parameter("class", "Only failures of this class.", values=tuple(CLASS_WORDS))
_BODY = "A JSON object with class, action and at least one of system, code and message; also owner and link."


@bp.get("/failures")
@requires("viewer")
@describes(schemas.FailureGroups, _CLASS, LIMIT)
def index() -> Response:
    """Open failures by kind, with what they are and whose move it is."""
    chosen, limit = request.args.get("class", ""), read_limit(request.args.get("limit"))
    if chosen and chosen not in CLASS_WORDS:
        raise BadPayload(f"class: expected one of {', '.join(CLASS_WORDS)}, found {chosen[:40]!r}")
    with reading(deps().db) as c:
        groups = list_failure_groups(c)
        book = rule_book(c, deps().failure_rules)
    views = view_groups(groups, book, deps().processes)
    found = [view for view in views if not chosen or view.diagnosis.failure_class == chosen]
    whole_names = may("support")
    return answers.reply(
        schemas.FailureGroups(
            failures=[answers.failure_group(view, book, whole_names=whole_names) for view in found[:limit]],
            more=len(found) > limit or len(groups) == MOST_GROUPS,
        )
    )


@bp.get("/failure-rules")
@requires("viewer")
@describes(schemas.Rules)
def index_rules() -> Response:
    """The failure rules in force, in the order in which they are asked."""
    with reading(deps().db) as c:
        made = list_failure_rules(c)
    rules = [answers.rule(one.rule, one) for one in made]
    rules += [answers.rule(one) for one in deps().failure_rules.current().rules]
    return answers.reply(schemas.Rules(rules=rules))


@bp.post("/failure-rules")
@requires("operator")
@describes(schemas.Rule, body=_BODY)
def make() -> Response:
    """Make a rule that is asked before all others."""
    try:
        asked = msgspec.json.decode(request.get_data(cache=False), type=schemas.RuleToMake)
        rule = read_rule(msgspec.to_builtins(asked))
    except (msgspec.MsgspecError, BadFailureRule) as exc:
        raise BadPayload(str(exc)) from exc
    rule_id = make_rule(deps().db, rule, by=caller_name(), now=now())
    with reading(deps().db) as c:
        made = find_failure_rule(c, rule_id)
    assert made is not None, "it was made just now, and removed rules are kept"
    return answers.reply(answers.rule(made.rule, made), 201)


@bp.delete("/failure-rules/<rule_id>")
@requires("operator")
@describes(schemas.Rule)
def remove(rule_id: str) -> Response:
    """Take a rule out of force that was made on the screen or here."""
    key = read_key(rule_id)
    if key is None:
        raise NotFound(f"There is no rule {rule_id[:64]!r} among those made here.")
    removed = remove_rule(deps().db, key, by=caller_name(), now=now())
    return answers.reply(answers.rule(removed.rule, removed))
