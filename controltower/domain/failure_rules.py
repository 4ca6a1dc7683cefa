"""What kind of failure something is and what to do about it, by rules over who failed, with which code and
in which words.

Patterns are words with ``*`` for anything. They are matched by searching for their parts from left to right,
so that no pattern can take longer than the length of the text times its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from controltower.domain.errors import BadFailureRule
from controltower.domain.fingerprints import pattern_of

UNKNOWN = "unknown"
CLASSES: Mapping[str, str] = {
    "schema": "Schema",
    "data_quality": "Source data",
    "routing": "Routing",
    "business_rule": "Business rule",
    "downstream_delay": "Downstream delay",
    "technical": "Technical",
    "duplicate": "Duplicate",
}
CLASS_WORDS: Mapping[str, str] = {UNKNOWN: "Unknown", **CLASSES}

READ_CHARACTERS = 1000  # of each text that is matched; what comes after decides nothing
MAX_PATTERN = 300
MAX_TEXT = 500
_LIMITS = {"name": 80, "action": MAX_TEXT, "owner": 100, "link": MAX_TEXT}


class Diagnosis(NamedTuple):
    """What a failure is; of an unknown one only the class is set."""

    failure_class: str  # one of CLASSES, or UNKNOWN
    rule: str = ""
    action: str = ""
    owner: str = ""
    link: str = ""

    @property
    def is_known(self) -> bool:
        """Whether a rule matched."""
        return self.failure_class != UNKNOWN

    @property
    def words(self) -> str:
        """The class as people say it."""
        return CLASS_WORDS[self.failure_class]


NO_DIAGNOSIS = Diagnosis(UNKNOWN)


class Pattern:
    """Words in which ``*`` stands for anything; case and the width of spaces do not matter.

    It matches a whole text or, `within`, any part of one.
    """

    __slots__ = ("_first", "_inner", "_last", "text")

    def __init__(self, text: str, *, within: bool = False) -> None:
        self.text = text
        parts = _plain(f"*{text}*" if within else text).split("*")
        self._first, self._last = parts[0], parts[-1]
        self._inner: list[str] | None = [part for part in parts[1:-1] if part] if len(parts) > 1 else None

    def matches(self, plain: str) -> bool:
        """Whether it matches a text that `_plain` made plain."""
        if self._inner is None:
            return plain == self._first
        end = len(plain) - len(self._last)
        if not (plain.startswith(self._first) and plain.endswith(self._last)):
            return False
        at = len(self._first)
        for part in self._inner:
            found = plain.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return at <= end


@dataclass(frozen=True, slots=True)
class FailureRule:
    """One rule. A failure is its when each kind of pattern that it has matches; of several of a kind, any."""

    name: str
    failure_class: str
    action: str
    owner: str = ""
    link: str = ""
    system: tuple[str, ...] = ()  # match the whole name of the system
    code: tuple[str, ...] = ()  # match the whole code
    message: tuple[str, ...] = ()  # match anywhere in the message
    origin: str = ""  # where it is written
    _patterns: tuple[tuple[Pattern, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = (
            tuple(Pattern(text) for text in self.system),
            tuple(Pattern(text) for text in self.code),
            tuple(Pattern(text, within=True) for text in self.message),
        )
        object.__setattr__(self, "_patterns", patterns)

    @property
    def diagnosis(self) -> Diagnosis:
        """What it says of the failures that it matches."""
        return Diagnosis(self.failure_class, self.name, self.action, self.owner, self.link)

    def matches(self, system: str, code: str, message: str) -> bool:
        """Whether a failure is this rule's."""
        return self.matches_plain((_plain(system), _plain(code), _plain(message)))

    def matches_plain(self, texts: Sequence[str]) -> bool:
        """`matches` for texts that `_plain` made plain already."""
        return all(
            not patterns or any(pattern.matches(text) for pattern in patterns)
            for patterns, text in zip(self._patterns, texts, strict=True)
        )


class RuleBook:
    """Rules in the order in which they are asked; the first that matches decides."""

    def __init__(self, rules: Iterable[FailureRule] = ()) -> None:
        self.rules = tuple(rules)

    def diagnose(self, system: str, code: str, message: str) -> Diagnosis:
        """What a failure is; NO_DIAGNOSIS when no rule matches."""
        texts = (_plain(system), _plain(code), _plain(message))
        rule = next((rule for rule in self.rules if rule.matches_plain(texts)), None)
        return NO_DIAGNOSIS if rule is None else rule.diagnosis


def checked(rule: FailureRule) -> FailureRule:
    """The same rule. Raises BadFailureRule, whose message begins with the key at fault and a colon."""
    for key, limit in _LIMITS.items():
        _check_text(key, getattr(rule, key), limit)
    for key in ("name", "action"):
        if not getattr(rule, key).strip():
            raise BadFailureRule(f"{key}: expected a text, found nothing")
    if rule.failure_class not in CLASSES:
        raise BadFailureRule(f"class: expected one of {', '.join(CLASSES)}, found {rule.failure_class!r}")
    if rule.link and not is_safe_link(rule.link):
        raise BadFailureRule(f"link: expected an address that begins with https:// or /, found {rule.link!r}")
    for key in ("system", "code", "message"):
        for text in getattr(rule, key):
            _check_text(key, text, MAX_PATTERN)
            if not _says_something(text):
                raise BadFailureRule(f"{key}: expected a pattern with letters or digits, found {text!r}")
    if not (rule.system or rule.code or rule.message):
        raise BadFailureRule("message: expected a pattern here, in code or in system; there is none")
    return rule


def is_safe_link(link: str) -> bool:
    """Whether a link may be put on a screen: http, https, or a path of the tower's own."""
    if link.startswith("/"):
        return not link.startswith(("//", "/\\"))
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not any(c.isspace() for c in link)


def suggested_pattern(message: str) -> str:
    """A pattern that matches every message of this fingerprint; "" when it has no words that stay."""
    pattern = pattern_of(message).replace("#", "*").strip("* ")
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern if _says_something(pattern) else ""


def _check_text(key: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise BadFailureRule(f"{key}: expected at most {limit} characters, found {len(text)}")
    if not text.isprintable():
        raise BadFailureRule(f"{key}: expected one line of printable characters, found {text!r}")


def _says_something(pattern: str) -> bool:
    return any(character.isalnum() for character in pattern)


def _plain(text: str) -> str:
    """As patterns see a text: the beginning of it, without case, with single spaces."""
    return " ".join(text[:READ_CHARACTERS].casefold().split())
