"""Dead letters and their groups as the API hands them out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controltower.domain.failure_rules import Diagnosis
from controltower.domain.masking import mask_text
from controltower.store.letter_groups import GroupNote, Remedy
from controltower.store.letter_rows import LetterRow
from controltower.web.api import schemas
from controltower.web.letter_page import LetterView
from controltower.web.letter_payloads import ShownPayload
from controltower.web.letter_views import GroupView


def dead_letter(row: LetterRow) -> schemas.DeadLetter:
    """A letter without its bytes."""
    return schemas.DeadLetter(**_fields(row))


def dead_letter_detail(view: LetterView, payload: ShownPayload) -> schemas.DeadLetterDetail:
    """A letter with everything that its page shows."""
    return schemas.DeadLetterDetail(
        **_fields(view.row),
        verdict=schemas.DeadLetterVerdict(
            kind=view.verdict.kind,
            why=view.verdict.why,
            evidence=[one.fact.id for one in view.evidence],
        ),
        diagnosis=_diagnosis(view.diagnosis),
        payload=payload.text,
        payload_form=payload.form,
        payload_part=payload.part,
        payload_has_more=payload.has_next,
        is_masked=payload.is_masked,
        headers=[
            schemas.DeadLetterHeader(
                name=one.name, value=one.value, access=one.access, is_masked=one.is_hidden
            )
            for one in view.headers
        ],
        death_history=[
            schemas.DeadLetterDeath(
                died_at=one.died_at,
                attempt=one.attempt,
                queue=one.place,
                error_class=one.error_class,
                error_code=one.error_code,
                error_message=mask_text(one.error_message),
            )
            for one in view.deaths
        ],
        replays=[
            schemas.DeadLetterAttempt(
                replay_id=one.plan_id.hex(),
                attempt=one.attempt,
                state=one.state,
                connection=one.connection,
                place=one.target_place,
                sent_at=one.sent_at,
                outcome=one.outcome,
            )
            for one in view.attempts
        ],
        remedies=_remedies(view.remedies),
    )


def dead_letter_group(view: GroupView) -> schemas.DeadLetterGroup:
    """A group."""
    group = view.group
    return schemas.DeadLetterGroup(
        key=group.key,
        title=view.title,
        letters=group.letters,
        states=group.states,
        at_stake=[schemas.Stake(amount=amount, currency=currency) for amount, currency in group.amounts],
        due_at=group.due_at,
        first_failed_at=group.first_failed_at,
        failed_at=group.failed_at,
        last_24_hours=list(view.hours),
        owner=view.owner,
        note=dead_letter_note(view.note),
        diagnosis=_diagnosis(view.diagnosis),
        remedies=_remedies(view.remedies),
    )


def dead_letter_note(note: GroupNote) -> schemas.DeadLetterNote:
    """What people said about a group."""
    return schemas.DeadLetterNote(
        owner=note.owner,
        state=note.state,
        ticket=note.ticket,
        note=note.note,
        changed_by=note.changed_by,
        changed_at=note.changed_at,
    )


def _diagnosis(said: Diagnosis) -> schemas.Diagnosis:
    return schemas.Diagnosis(**said._asdict())


def _remedies(remedies: Iterable[Remedy]) -> list[schemas.Remedy]:
    return [schemas.Remedy(name=one.name, confirmed=one.confirmed, tried=one.tried) for one in remedies]


def _fields(row: LetterRow) -> dict[str, Any]:
    return {
        "id": row.id.hex(),
        "state": row.state,
        "title": row.title,
        "type": row.type,
        "system": row.system,
        "queue": row.place,
        "source": row.source,
        "goes_back_to": row.origin_place,
        "journey_id": row.journey_id.hex() if row.journey_id else None,
        "failure_class": row.failure_class,
        "fingerprint": row.fingerprint,
        "error_class": row.error_class,
        "error_code": row.error_code,
        "error_message": mask_text(row.error_message),
        "failed_at": row.failed_at,
        "first_failed_at": row.first_failed_at,
        "deaths": row.deaths,
        "attempts": row.attempts,
        "amount": row.amount,
        "currency": row.currency,
        "due_at": row.due_at,
        "impact": row.impact,
        "owner": row.owner,
        "ticket": row.ticket,
        "tags": list(row.tags),
        "snoozed_until": row.snoozed_until,
        "content_type": row.content_type,
        "size": row.size,
        "edit": row.edit,
        "settled_at": row.settled_at,
        "settled_by": row.settled_by,
        "settled_why": row.settled_why,
        "purge_at": row.purge_at,
    }
