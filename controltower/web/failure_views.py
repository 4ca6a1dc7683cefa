"""Open failures as screens and the API show them: groups with what they are and whose move it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controltower.domain.failure_rules import UNKNOWN, Diagnosis, RuleBook
from controltower.domain.processes import Process, Stage
from controltower.store.failures import FailureGroup
from controltower.store.journey_rows import FailureRow, JourneyRow


@dataclass(frozen=True, slots=True)
class FailureView:
    """The open failure of one journey, classified."""

    row: JourneyRow
    failure: FailureRow
    diagnosis: Diagnosis
    stage: str  # the title of the stage that failed; its name when no process here declares it


def view_failure(
    row: JourneyRow, failure: FailureRow, book: RuleBook, processes: Mapping[str, Process]
) -> FailureView:
    """A failure of a journey, as the rules in force tell it."""
    stage = _stage_of(processes, row.process, failure)
    return FailureView(
        row, failure, diagnosis_of(failure, book), stage.title if stage else failure.stage
    )


def diagnosis_of(failure: FailureRow, book: RuleBook) -> Diagnosis:
    """What a failure is, by the rules in force."""
    return book.diagnose(failure.system, failure.code, failure.message)


def _stage_of(processes: Mapping[str, Process], name: str, failure: FailureRow) -> Stage | None:
    process = processes.get(name)
    return next((stage for stage in process.steps if stage.name == failure.stage), None) if process else None


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of open failures, classified."""

    group: FailureGroup
    diagnosis: Diagnosis
    owner: str  # who has the next move: the rule's word, or else the owner of the stage that failed
    stage: str  # the title of that stage

    @property
    def journeys_url(self) -> str:
        """Where its journeys are listed."""
        return f"/journeys?fingerprint={self.group.fingerprint}"


def view_group(group: FailureGroup, book: RuleBook, processes: Mapping[str, Process]) -> GroupView:
    """The group as its newest failure tells it."""
    failure = group.failure
    diagnosis = diagnosis_of(failure, book)
    stage = _stage_of(processes, group.example.process, failure)
    return GroupView(
        group=group,
        diagnosis=diagnosis,
        owner=diagnosis.owner or (stage.owner if stage else ""),
        stage=stage.title if stage else failure.stage,
    )


def view_groups(
    groups: Iterable[FailureGroup], book: RuleBook, processes: Mapping[str, Process]
) -> list[GroupView]:
    """The groups of which nobody has said yet what they are, then the others; the largest first."""
    views = [view_group(group, book, processes) for group in groups]
    return sorted(
        views, key=lambda v: (v.diagnosis.is_known, -v.group.journeys, -v.group.newest_at.timestamp())
    )


def journeys_by_class(views: Iterable[GroupView]) -> dict[str, int]:
    """How many journeys each class holds up; the unknown ones first, then the most."""
    found: dict[str, int] = {}
    for view in views:
        found[view.diagnosis.failure_class] = (
            found.get(view.diagnosis.failure_class, 0) + view.group.journeys
        )
    return dict(sorted(found.items(), key=lambda item: (item[0] != UNKNOWN, -item[1], item[0])))
