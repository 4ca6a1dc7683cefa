"""Which failure rules are in force: those made on the screen, then those of files, then the built-in ones.

Failures are classified when they are read, so a rule that is made, removed or edited in a file holds at once
for all that are open.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from controltower.domain.errors import BadFailureRule, Conflict, NotFound
from controltower.domain.failure_rule_files import MAX_CHARACTERS, parse_failure_rules
from controltower.domain.failure_rules import FailureRule, RuleBook, checked
from controltower.store import failure_rules as store
from controltower.store.engine import Connection, Database, transaction
from controltower.store.failure_rules import MadeRule

BUILT_IN = "built in"
MOST_MADE = 1000  # rules in force that were made on the screen
KEYS = ("class", "system", "code", "message", "action", "owner", "link")  # of the form and the API


@lru_cache(maxsize=1)
def built_in_rules() -> tuple[FailureRule, ...]:
    """The rules that the tower comes with."""
    file = files("controltower") / "failure_rules.toml"
    return tuple(replace(rule, origin=BUILT_IN) for rule in parse_failure_rules(file.read_text(), file.name))


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules of files, and what is wrong with the files when they cannot be read."""

    rules: tuple[FailureRule, ...]
    mistake: str = ""


class RuleShelf:
    """The rules of files. The user's are read again when they change; a file that is wrong then is reported,
    and the rules as they were last right stay in force.
    """

    def __init__(self, path: str = "", more: Sequence[FailureRule] = ()) -> None:
        """`path` is a file or a folder of `*.toml`; "" for none. `more` are asked after those of files and
        before the built-in ones.

        Raises BadFailureRule for a file with a mistake or one that cannot be read.
        """
        self._path = path
        self._more = tuple(more)
        self._seen: Sequence[tuple[str, int, int]] = ()
        self._current = RulesInForce(self._with_others(()))
        if path:
            self._seen = self._look()
            self._current = RulesInForce(self._with_others(_read(name for name, *_ in self._seen)))

    def current(self) -> RulesInForce:
        """The rules of the files as they are now."""
        if self._path:
            try:
                self._refresh()
            except BadFailureRule as exc:
                self._current = replace(self._current, mistake=str(exc))
        return self._current

    def _refresh(self) -> None:
        seen = self._look()
        if seen != self._seen:
            rules = self._with_others(_read(name for name, *_ in seen))
            # Only now: files that are wrong are read again at the next question, until they are right.
            self._seen, self._current = seen, RulesInForce(rules)
        elif self._current.mistake:
            self._current = replace(self._current, mistake="")

    def _with_others(self, own: Sequence[FailureRule]) -> tuple[FailureRule, ...]:
        """The user's rules first; one with the name of a built-in one takes its place."""
        first = (*own, *self._more)
        names = {rule.name for rule in first}
        return (*first, *(rule for rule in built_in_rules() if rule.name not in names))

    def _look(self) -> list[tuple[str, int, int]]:
        path = Path(self._path)
        try:
            found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
            stats = [(str(file), file.stat()) for file in found]
        except OSError as exc:
            raise _unreadable(self._path, exc) from exc
        return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats]


def rule_book(c: Connection, shelf: RuleShelf) -> RuleBook:
    """The rules in force, in the order in which they are asked."""
    made = (one.rule for one in store.list_failure_rules(c))
    return RuleBook([*made, *shelf.current().rules])


def read_rule(form: Mapping[str, str]) -> FailureRule:
    """The rule that a form or a program spells with `KEYS`. Raises what `checked` raises."""
    given = {key: " ".join(form.get(key, "").split()) for key in KEYS}
    return checked(
        FailureRule(
            name="made here",
            failure_class=given["class"],
            action=given["action"],
            owner=given["owner"],
            link=given["link"],
            system=(given["system"],) if given["system"] else (),
            code=(given["code"],) if given["code"] else (),
            message=(given["message"],) if given["message"] else (),
        )
    )


def make_rule(db: Database, rule: FailureRule, *, by: str, now: datetime) -> bytes:
    """Put a checked rule in force, before all others; returns its id. Raises Conflict for too many."""
    rule_id = secrets.token_bytes(16)
    with transaction(db) as c:
        if len(store.list_failure_rules(c)) >= MOST_MADE:
            raise Conflict(f"{MOST_MADE} rules were made here; remove some, or keep rules in a file.")
        store.add_failure_rule(c, rule_id, rule, by, now)
    return rule_id


def remove_rule(db: Database, rule_id: bytes, *, by: str, now: datetime) -> MadeRule:
    """Take a rule out of force and return it; it stays in the history. Raises NotFound, Conflict."""
    with transaction(db) as c:
        removed = store.mark_removed(c, rule_id, by, now)
        rule = store.find_failure_rule(c, rule_id)
    if rule is None:
        raise NotFound("There is no such rule among those made here.")
    if not removed:
        raise Conflict(f"This rule was removed already, by {rule.removed_by}.")
    return rule


def _read(names: Iterable[str]) -> list[FailureRule]:
    rules: list[FailureRule] = []
    for name in names:
        try:
            with Path(name).open(encoding="utf-8") as file:
                text = file.read(MAX_CHARACTERS + 1)
        except (OSError, UnicodeDecodeError) as exc:
            raise _unreadable(name, exc) from exc
        rules.extend(parse_failure_rules(text, name))
    return rules


def _unreadable(name: str, exc: Exception) -> BadFailureRule:
    return BadFailureRule(f"CONTROLTOWER_FAILURE_RULES: cannot read {name}: {exc}")
