"""Verdicts: whether lineage says that sending a dead letter again is safe; and what shows that it worked.

Both are pure functions of the letter, its process and the facts of its journey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from controltower.domain.dead_letters import SOURCE
from controltower.domain.facts import FAILED
from controltower.domain.identifiers import Identifier
from controltower.domain.outcomes import Fact
from controltower.domain.processes import CANCELLED, COMPLETED, Process, Reading

Kind = Literal["safe", "duplicate_risk", "superseded", "wrong_state", "unknown"]
SAFE: Kind = "safe"
DUPLICATE_RISK: Kind = "duplicate_risk"
SUPERSEDED: Kind = "superseded"
WRONG_STATE: Kind = "wrong_state"
UNKNOWN: Kind = "unknown"
KINDS: tuple[Kind, ...] = (SAFE, DUPLICATE_RISK, SUPERSEDED, WRONG_STATE, UNKNOWN)
KIND_WORDS: dict[Kind, str] = {
    SAFE: "Safe",
    DUPLICATE_RISK: "Duplicate risk",
    SUPERSEDED: "Superseded",
    WRONG_STATE: "Wrong state",
    UNKNOWN: "Unknown",
}
ACKNOWLEDGED = "replay.acknowledged"
"""The type of an event by which a receiver says that a replay did its work; its id is the idempotency key."""


class Newer(NamedTuple):
    """A later event that was processed for the same key."""

    digest: bytes
    type: str
    system: str


class Subject(NamedTuple):
    """What a verdict needs of a letter."""

    type: str
    occurred_us: int
    failed_us: int
    legs: tuple[Identifier, ...] = ()  # the LEG identifiers that it names
    idempotency_keys: tuple[str, ...] = ()  # that it was ever sent with
    is_unsettled: bool = False  # it was sent before, and nothing shows what became of that
    newer: Newer | None = None  # a later change of the same record that was processed, on whichever journey
    is_often_changed: bool = False  # so often that nobody looked whether there is a newer change


class Verdict(NamedTuple):
    """Whether to send a letter again, and why, in words for the person who decides."""

    kind: Kind
    why: str
    evidence: tuple[bytes, ...] = ()  # digests of the facts that it rests on


def judge(subject: Subject, process: Process | None, facts: Iterable[Fact]) -> Verdict:
    """The verdict on a letter, by the facts of its journey. The order of the facts does not matter."""
    told = sorted(fact for fact in facts if fact.source != SOURCE)
    if process is None or not told:
        return Verdict(UNKNOWN, "No journey is known that this message belongs to.")
    done = [_Done(process.read(fact.type), fact) for fact in told if _succeeded(process, fact)]
    reading = process.read(subject.type)
    for check in (_over, _processed_twice, _refunded, _overtaken):
        found = check(subject, process, reading, done)
        if found is not None:
            return found
    if reading.stage is None and reading.ends is None and not reading.amends:
        return Verdict(UNKNOWN, f"No stage is declared for {subject.type or 'a message without a type'}.")
    if subject.is_unsettled:
        return Verdict(UNKNOWN, "It was sent before, and nothing shows whether that worked.")
    last = done[-1].fact if done else None
    stands = f"; the newest success is {last.type} by {last.system}" if last else ""
    return Verdict(SAFE, f"{_what(process, reading)} has not been seen{stands}.", _digests(done[-1:]))


def confirmation_of(subject: Subject, process: Process | None, facts: Iterable[Fact]) -> Fact | None:
    """The earliest fact that shows that the business moved past the failure; None while nothing does.

    That is a success after the failure of the message's own stage or of the next one that is awaited (of the
    same leg when the stage is a leg's), of the same type, or the acknowledgement of a replay of it.
    """
    reading = process.read(subject.type) if process else Reading()
    awaited = _awaited(process, reading) if process else frozenset()
    for fact in sorted(facts):
        if fact.source == SOURCE or fact.outcome == FAILED:
            continue
        if fact.id in subject.idempotency_keys and fact.type.endswith(ACKNOWLEDGED):
            return fact
        if fact.occurred_us <= subject.failed_us:
            continue
        if fact.type == subject.type:
            return fact
        if process is None:
            continue
        its = process.read(fact.type)
        if its.failed or its.stage not in awaited or its.stage is None:
            continue
        if _is_same_leg(process, its.stage, subject.legs, fact):
            return fact
    return None


class _Done(NamedTuple):
    reading: Reading
    fact: Fact


def _succeeded(process: Process, fact: Fact) -> bool:
    return fact.outcome != FAILED and not process.read(fact.type).failed


def _over(subject: Subject, process: Process, reading: Reading, done: Sequence[_Done]) -> Verdict | None:
    for one in done:
        ends = one.reading.ends
        if ends is None or (one.reading.leg is not None and not _shares(subject.legs, one.fact.legs)):
            continue
        told = f"It was {ends}, says {one.fact.system}."
        is_repeated = ends in (reading.ends, COMPLETED)
        return Verdict(DUPLICATE_RISK if is_repeated else WRONG_STATE, told, (one.fact.digest,))
    return None


def _processed_twice(
    subject: Subject, process: Process, reading: Reading, done: Sequence[_Done]
) -> Verdict | None:
    """The effect of the message was seen: its own stage, or one that can only follow it."""
    if reading.ends is not None or reading.amends:
        return _shipped(process, reading, done)
    if reading.stage is None:
        same = [one for one in done if one.fact.type == subject.type]
        if same and same[-1].fact.occurred_us > subject.occurred_us:
            return None  # a newer one of the kind; see _overtaken
        if same:
            told = f"{same[-1].fact.system} reported it as done."
            return Verdict(DUPLICATE_RISK, told, _digests(same[-1:]))
        return None
    for one in done:
        stage = one.reading.stage
        if stage is None or stage < reading.stage or not _can_follow(process, reading.stage, stage):
            continue
        if not _is_same_leg(process, stage, subject.legs, one.fact):
            continue
        seen = process.steps[stage].title
        how = "was reached" if stage == reading.stage else "was reached, which comes after it"
        return Verdict(DUPLICATE_RISK, f"{seen} {how}, says {one.fact.system}.", (one.fact.digest,))
    return None


def _shipped(process: Process, reading: Reading, done: Sequence[_Done]) -> Verdict | None:
    """A change or cancellation comes too late once something is on its way."""
    if reading.ends not in (None, CANCELLED):
        return None
    on_the_way = _on_the_way(process)
    for one in done:
        if one.reading.stage in on_the_way:
            stage = process.steps[one.reading.stage or 0].title
            return Verdict(WRONG_STATE, f"{stage} was reached, says {one.fact.system}.", (one.fact.digest,))
    return None


def _refunded(subject: Subject, process: Process, reading: Reading, done: Sequence[_Done]) -> Verdict | None:
    if reading.money == "refunded" or (reading.stage or 0) >= len(process.stages):
        return None  # what refunds or returns something is no wonder after a refund
    for one in done:
        if one.reading.money == "refunded":
            return Verdict(WRONG_STATE, f"It was refunded, says {one.fact.system}.", (one.fact.digest,))
    return None


def _overtaken(subject: Subject, process: Process, reading: Reading, done: Sequence[_Done]) -> Verdict | None:
    newer = subject.newer
    if newer is None and (reading.amends or reading.stage is None) and reading.ends is None:
        later = [
            one
            for one in done
            if one.fact.occurred_us > subject.occurred_us
            and (one.fact.type == subject.type or (reading.amends and one.reading.amends))
        ]
        newer = _newer(later[-1].fact) if later else None
    if newer is None:
        if subject.is_often_changed:
            return Verdict(UNKNOWN, "Its record changes too often to know whether this is the newest change.")
        return None
    return Verdict(
        SUPERSEDED, f"{newer.system} processed a newer {newer.type} for the same key.", (newer.digest,)
    )


def _newer(fact: Fact) -> Newer:
    return Newer(fact.digest, fact.type, fact.system)


def _on_the_way(process: Process) -> frozenset[int]:
    """The stages from which on goods are on their way: those of a leg that is shipped, past the picking."""
    names = ("shipped", "delivered", "collected", "handed_over")
    return frozenset(index for index, stage in enumerate(process.stages) if stage.name in names)


def _can_follow(process: Process, stage: int, later: int) -> bool:
    """Whether `later` shows that `stage` is past: stages of a leg speak only of legs of their kind, and those
    that only legs pass say nothing about the way of the whole.
    """
    own = process.steps[stage].leg
    return process.steps[later].leg == own if own else later < len(process.stages)


def _awaited(process: Process, reading: Reading) -> frozenset[int]:
    """The stage of a message and those after it, up to the first that everybody has to pass."""
    if reading.stage is None:
        return frozenset()
    found = {reading.stage}
    end = len(process.stages) if reading.stage < len(process.stages) else len(process.steps)
    for index in range(reading.stage + 1, end):
        if not _can_follow(process, reading.stage, index):
            break
        found.add(index)
        if not process.steps[index].is_optional:
            break
    return frozenset(found)


def _is_same_leg(process: Process, stage: int, legs: Sequence[Identifier], fact: Fact) -> bool:
    """Whether a fact about a stage is about the legs that a letter names; who names none is about all."""
    return not process.steps[stage].leg or not legs or not fact.legs or _shares(legs, fact.legs)


def _shares(legs: Sequence[Identifier], others: Sequence[Identifier]) -> bool:
    return not set(legs).isdisjoint(others)


def _what(process: Process, reading: Reading) -> str:
    if reading.stage is not None:
        return process.steps[reading.stage].title
    return f"That it is {reading.ends}" if reading.ends else "This change"


def _digests(done: Sequence[_Done]) -> tuple[bytes, ...]:
    return tuple(one.fact.digest for one in done)
