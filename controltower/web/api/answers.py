"""From what the store hands out to what the API does; personal data is masked for roles that need none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Response

from controltower.domain.failure_rules import FailureRule, RuleBook
from controltower.domain.fingerprints import fingerprint_of
from controltower.domain.journeys import FAILED_STATUS
from controltower.domain.journeys import Failure as FoldedFailure
from controltower.domain.journeys import Journey as FoldedJourney
from controltower.domain.legs import Leg
from controltower.domain.processes import Process
from controltower.domain.spans import Span
from controltower.domain.times import from_us
from controltower.store.failure_rules import MadeRule
from controltower.store.journeys import EventRow, FailureRow, IdentifierRow, JourneyRow
from controltower.store.quarantine import HeldItem, HeldRow
from controltower.store.search import Hit
from controltower.web.api import schemas
from controltower.web.failure_views import GroupView
from controltower.web.formatting import masked

_encoder = msgspec.json.Encoder()


def reply(body: msgspec.Struct, status: int = 200) -> Response:
    """The body as JSON."""
    return Response(_encoder.encode(body), status=status, mimetype="application/json")


def journey(row: JourneyRow, book: RuleBook, *, whole_names: bool) -> schemas.Journey:
    """A journey; customers are masked unless `whole_names`."""
    return schemas.Journey(**_journey_fields(row, book, whole_names=whole_names))


def journey_detail(
    row: JourneyRow,
    identifiers: Iterable[IdentifierRow],
    trace_ids: Iterable[bytes],
    folded: FoldedJourney,
    process: Process | None,
    book: RuleBook,
    *,
    whole_names: bool,
) -> schemas.JourneyDetail:
    """A journey with its identifiers, traces and stages."""
    return schemas.JourneyDetail(
        **_journey_fields(row, book, whole_names=whole_names),
        identifiers=[
            schemas.JourneyIdentifier(
                kind=one.kind,
                value=one.value if whole_names else masked(one.value),
                key=one.key.hex(),
                bond=one.bond.name.lower(),
            )
            for one in identifiers
        ],
        trace_ids=[trace_id.hex() for trace_id in trace_ids],
        reached=_reached(folded.reached),
        legs=[_leg(leg, process, book, whole_names=whole_names) for leg in folded.legs if process],
        amendments=folded.amendments,
        duplicates=folded.duplicates,
    )


def _reached(stages: Iterable[tuple[str, int]]) -> list[schemas.ReachedStage]:
    return [schemas.ReachedStage(stage=name, reached_at=from_us(us)) for name, us in stages]


def _leg(leg: Leg, process: Process, book: RuleBook, *, whole_names: bool) -> schemas.Leg:
    failure = _leg_failure(leg.failure) if leg.failure and leg.status == FAILED_STATUS else None
    return schemas.Leg(
        kind=process.legs[leg.kind].name,
        title=leg.title,
        status=leg.status,
        stage=leg.stage,
        stage_since_at=from_us(leg.stage_since_us),
        started_at=from_us(leg.started_us),
        identifiers=[f"{kind}/{value}" for kind, value in leg.identifiers],
        reached=_reached(leg.reached),
        failure=None if failure is None else _failure(failure, book, whole_names=whole_names),
    )


def _leg_failure(failure: FoldedFailure) -> FailureRow:
    return FailureRow(
        failure.stage,
        failure.system,
        failure.code,
        failure.message,
        from_us(failure.failed_us),
        fingerprint_of(failure.system, failure.code, failure.message),
    )


def _journey_fields(row: JourneyRow, book: RuleBook, *, whole_names: bool) -> dict[str, Any]:
    failure = row.failure
    return {
        "id": row.id.hex(),
        "process": row.process,
        "status": row.status,
        "stage": row.stage,
        "stage_since_at": row.stage_since_at,
        "started_at": row.started_at,
        "last_event_at": row.last_event_at,
        "title": row.title,
        "customer": row.customer if whole_names else masked(row.customer),
        "channel": row.channel,
        "amount": row.amount,
        "currency": row.currency,
        "reported_status": row.reported_status,
        "progress": row.progress,
        "discrepancies": list(row.discrepancies),
        "failure": None if failure is None else _failure(failure, book, whole_names=whole_names),
        "systems": row.systems,
        "event_count": row.event_count,
        "updated_at": row.updated_at,
    }


def _failure(row: FailureRow, book: RuleBook, *, whole_names: bool) -> schemas.Failure:
    said = book.diagnose(row.system, row.code, row.message)
    return schemas.Failure(
        stage=row.stage,
        system=row.system,
        code=row.code,
        message=row.message if whole_names else masked(row.message),
        failed_at=row.failed_at,
        fingerprint=row.fingerprint,
        diagnosis=schemas.Diagnosis(**said._asdict()),
    )


def failure_group(view: GroupView, book: RuleBook, *, whole_names: bool) -> schemas.FailureGroup:
    """A kind of failure; e-mail addresses in its message are masked unless `whole_names`."""
    group = view.group
    return schemas.FailureGroup(
        fingerprint=group.fingerprint,
        journeys=group.journeys,
        oldest_at=group.oldest_at,
        newest_at=group.newest_at,
        owner=view.owner,
        newest=_failure(group.failure, book, whole_names=whole_names),
        journey_id=group.example.id.hex(),
    )


def rule(one: FailureRule, made: MadeRule | None = None) -> schemas.Rule:
    """A failure rule, with its history when it was made on the screen or through the API."""
    return schemas.Rule(
        id=None if made is None else made.id.hex(),
        name=one.name,
        origin=one.origin,
        failure_class=one.failure_class,
        system=list(one.system),
        code=list(one.code),
        message=list(one.message),
        action=one.action,
        owner=one.owner,
        link=one.link,
        made_by=made.made_by if made else "",
        made_at=made.made_at if made else None,
    )


def event(row: EventRow, *, whole_names: bool) -> schemas.Event:
    """An event without its payload."""
    return schemas.Event(
        source=row.source,
        id=row.id,
        type=row.type,
        system=row.system,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        outcome=row.outcome,
        trace_id=row.trace_id.hex() if row.trace_id else None,
        identifiers=[
            schemas.NamedIdentifier(kind=kind, value=value if whole_names else masked(value))
            for kind, value in row.identifiers
        ],
        content_type=row.content_type,
    )


def hit(found: Hit, book: RuleBook, *, whole_names: bool) -> schemas.SearchHit:
    """A search hit."""
    return schemas.SearchHit(
        kind=found.kind,
        matched_kind=found.label_kind,
        matched_value=found.value if whole_names else masked(found.value),
        journey=None if found.journey is None else journey(found.journey, book, whole_names=whole_names),
        trace_id=found.trace_id.hex() if found.trace_id else None,
        dead_letter_id=found.letter.id.hex() if found.letter else None,
    )


def span(found: Span) -> schemas.TraceSpan:
    """A span with its attributes."""
    return schemas.TraceSpan(
        span_id=found.span_id.hex(),
        parent_span_id=found.parent_id.hex() or None,
        name=found.name,
        kind=found.kind,
        service=found.service,
        scope=found.scope,
        start_time_unix_nano=found.start_ns,
        end_time_unix_nano=found.end_ns,
        status=found.status,
        status_message=found.status_message,
        attributes=found.attributes,
        resource=found.resource,
        events=[
            schemas.SpanEvent(name=one.name, time_unix_nano=one.at_ns, attributes=one.attributes)
            for one in found.events
        ],
        links=[
            schemas.SpanLink(
                trace_id=one.trace_id.hex(), span_id=one.span_id.hex(), attributes=one.attributes
            )
            for one in found.links
        ],
    )


def held(row: HeldRow) -> schemas.HeldBytes:
    """A quarantined item without its bytes."""
    return schemas.HeldBytes(**_held_fields(row))


def held_detail(item: HeldItem, *, whole_names: bool) -> schemas.HeldDetail:
    """A quarantined item; bytes that are no text are for roles that may see personal data only."""
    text: str | None
    try:
        text = item.payload.decode()
    except UnicodeDecodeError:
        text = None
    return schemas.HeldDetail(
        **_held_fields(item.row),
        headers=item.headers,
        payload=text if text is None or whole_names else masked(text),
        payload_base64=item.payload if text is None and whole_names else None,
    )


def _held_fields(row: HeldRow) -> dict[str, Any]:
    return {
        "id": row.id.hex(),
        "edge": row.edge,
        "reason": row.reason,
        "message": row.message,
        "content_type": row.content_type,
        "state": row.state,
        "size": row.size,
        "received_at": row.received_at,
        "settled_at": row.settled_at,
        "settled_by": row.settled_by,
        "settled_why": row.settled_why,
    }
