"""What the JSON API hands out; its description is made from these classes and so never out of date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec


class Diagnosis(msgspec.Struct, kw_only=True):
    """What a failure is and what to do about it, as the rules in force say; unknown where none matches."""

    failure_class: str = msgspec.field(name="class")
    rule: str
    action: str
    owner: str
    link: str


class Failure(msgspec.Struct, kw_only=True):
    """What went wrong last and is not put right; `fingerprint` is the same for failures of one kind."""

    stage: str
    system: str
    code: str
    message: str
    failed_at: datetime
    fingerprint: str
    diagnosis: Diagnosis


class Journey(msgspec.Struct, kw_only=True):
    """A business transaction across systems. Ids are 32 lower-case hexadecimal digits."""

    id: str
    process: str
    status: str
    stage: str
    stage_since_at: datetime
    started_at: datetime
    last_event_at: datetime
    title: str
    customer: str
    channel: str
    amount: str
    currency: str
    reported_status: str
    progress: str  # how its legs are, in words
    discrepancies: list[str]  # where systems disagree, in words
    failure: Failure | None
    systems: tuple[str, ...]
    event_count: int
    updated_at: datetime


class NamedIdentifier(msgspec.Struct, kw_only=True):
    """A (kind, value) pair by which a system knows the transaction."""

    kind: str
    value: str


class JourneyIdentifier(NamedIdentifier, kw_only=True):
    """An identifier of a journey; its key, used as a journey id, leads to the journey."""

    key: str
    bond: str


class ReachedStage(msgspec.Struct, kw_only=True):
    """A stage, and when it was first reached."""

    stage: str
    reached_at: datetime


class Leg(msgspec.Struct, kw_only=True):
    """A part of a journey that moves by itself."""

    kind: str
    title: str
    status: str
    stage: str
    stage_since_at: datetime
    started_at: datetime
    identifiers: list[str]  # kind/value
    reached: list[ReachedStage]
    failure: Failure | None  # what holds it up


class JourneyDetail(Journey, kw_only=True):
    """A journey with all that names it, and its legs."""

    legs: list[Leg]
    amendments: int
    duplicates: int
    identifiers: list[JourneyIdentifier]
    trace_ids: list[str]
    reached: list[ReachedStage]


class Journeys(msgspec.Struct, kw_only=True):
    """A page of journeys, newest started first; `next` goes into `after` of the next request."""

    journeys: list[Journey]
    next: str | None


class FailureGroup(msgspec.Struct, kw_only=True):
    """The open failures of one kind; `newest` is the one that happened last, on `journey_id`."""

    fingerprint: str
    journeys: int
    oldest_at: datetime
    newest_at: datetime
    owner: str  # who has the next move
    newest: Failure
    journey_id: str


class FailureGroups(msgspec.Struct, kw_only=True):
    """Open failures by kind: unknown ones first, then the largest; `more` says that some are left out."""

    failures: list[FailureGroup]
    more: bool


class RuleToMake(msgspec.Struct, kw_only=True):
    """A failure rule: patterns, in which `*` stands for anything, and what to do about what they match."""

    failure_class: str = msgspec.field(name="class")
    action: str
    system: str = ""
    code: str = ""
    message: str = ""
    owner: str = ""
    link: str = ""


class Rule(msgspec.Struct, kw_only=True):
    """A failure rule in force; only one that was made on the screen or here has an id."""

    id: str | None
    name: str
    origin: str
    failure_class: str = msgspec.field(name="class")
    system: list[str]
    code: list[str]
    message: list[str]
    action: str
    owner: str
    link: str
    made_by: str
    made_at: datetime | None


class Rules(msgspec.Struct, kw_only=True):
    """The failure rules in force, in the order in which they are asked."""

    rules: list[Rule]


class Event(msgspec.Struct, kw_only=True):
    """A business fact that a system reported."""

    source: str
    id: str
    type: str
    system: str
    occurred_at: datetime
    received_at: datetime
    outcome: str
    trace_id: str | None
    identifiers: list[NamedIdentifier]
    content_type: str


class Events(msgspec.Struct, kw_only=True):
    """The events of a journey, by the time their sources gave them."""

    journey_id: str
    events: list[Event]


class Count(msgspec.Struct, kw_only=True):
    """How many journeys of a process have a value."""

    process: str
    name: str
    journeys: int


class Counts(msgspec.Struct, kw_only=True):
    """Journeys by one measure."""

    by: str
    counts: list[Count]


class SearchHit(msgspec.Struct, kw_only=True):
    """Something that the text names, and by which identifier."""

    kind: str
    matched_kind: str
    matched_value: str
    journey: Journey | None
    trace_id: str | None
    dead_letter_id: str | None


class SearchHits(msgspec.Struct, kw_only=True):
    """What a text names, best first."""

    q: str
    hits: list[SearchHit]


class Service(msgspec.Struct, kw_only=True):
    """A service that sent spans; repeated deliveries of the same request count once."""

    name: str
    spans: int
    errors: int
    first_received_at: datetime
    last_received_at: datetime


class Services(msgspec.Struct, kw_only=True):
    """Every service, by name."""

    services: list[Service]


class Source(msgspec.Struct, kw_only=True):
    """Who sends one kind of fact, and when it was last heard of."""

    name: str
    signal: str
    first_received_at: datetime
    last_received_at: datetime
    last_occurred_at: datetime
    facts: int
    errors: int
    refused_links: int


class Dropped(msgspec.Struct, kw_only=True):
    """Facts that were counted and not kept."""

    signal: str
    reason: str
    name: str
    total: int


class ConnectionUse(msgspec.Struct, kw_only=True):
    """What a connection is used for, and how that is doing as far as this process knows."""

    role: str  # dead_letters, events, samples, or nothing for one that is only sent to
    place: str
    state: str  # starting, connected, down, elsewhere (another process knows) or idle
    since_at: datetime | None
    error: str
    taken: int
    losses: int


class DeclaredConnection(msgspec.Struct, kw_only=True):
    """A broker or endpoint that was declared. Replays leave it alone until `resting_until`."""

    name: str
    kind: str
    is_down: bool
    uses: list[ConnectionUse]
    failures_in_a_row: int
    resting_until: datetime | None
    failure: str


class Sources(msgspec.Struct, kw_only=True):
    """Every source, how connections are doing, what was counted instead of kept, and the largest of the
    crowded journeys.
    """

    sources: list[Source]
    connections: list[DeclaredConnection]
    dropped: list[Dropped]
    crowded: list[Journey]


class SpanEvent(msgspec.Struct, kw_only=True):
    """Something that happened during a span."""

    name: str
    time_unix_nano: int
    attributes: Mapping[str, Any]


class SpanLink(msgspec.Struct, kw_only=True):
    """A span that another names as related."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


class TraceSpan(msgspec.Struct, kw_only=True):
    """One operation of one service, as its exporter reported it."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    service: str
    scope: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    status: str
    status_message: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    events: list[SpanEvent]
    links: list[SpanLink]


class Trace(msgspec.Struct, kw_only=True):
    """The spans of a trace, each once, by start."""

    trace_id: str
    spans: list[TraceSpan]
    journey_ids: list[str]


class HeldBytes(msgspec.Struct, kw_only=True):
    """A quarantined item without its bytes."""

    id: str
    edge: str
    reason: str
    message: str
    content_type: str
    state: str
    size: int
    received_at: datetime
    settled_at: datetime | None
    settled_by: str
    settled_why: str


class HeldDetail(HeldBytes, kw_only=True):
    """A quarantined item; the payload is text when it is UTF-8, else base64."""

    headers: str
    payload: str | None
    payload_base64: bytes | None


class Quarantine(msgspec.Struct, kw_only=True):
    """A page of items in one state, newest first; `next` goes into `before` of the next request."""

    items: list[HeldBytes]
    next: str | None


class Resubmission(msgspec.Struct, kw_only=True):
    """What became of an item that was submitted again."""

    events_stored: int
    events_duplicate: int
    segments_stored: int


class DeadLetter(msgspec.Struct, kw_only=True):
    """A message that a system gave up on, without its bytes; what looks personal in messages is masked."""

    id: str
    state: str
    title: str
    type: str
    system: str
    queue: str  # where it died
    source: str  # the connection that it was taken from
    goes_back_to: str  # the place that a replay sends it to, when no redirect says otherwise
    journey_id: str | None
    failure_class: str = msgspec.field(name="class")
    fingerprint: str
    error_class: str
    error_code: str
    error_message: str
    failed_at: datetime
    first_failed_at: datetime
    deaths: int
    attempts: int  # how often it was sent again
    amount: str
    currency: str
    due_at: datetime | None
    impact: str
    owner: str
    ticket: str
    tags: list[str]
    snoozed_until: datetime | None
    content_type: str
    size: int
    edit: int  # number of the newest edit, 0 while it is as it came
    settled_at: datetime | None
    settled_by: str
    settled_why: str
    purge_at: datetime | None


class DeadLetterVerdict(msgspec.Struct, kw_only=True):
    """Whether lineage says that sending it again is safe; `evidence` are ids of the events that say so."""

    kind: str
    why: str
    evidence: list[str]


class DeadLetterHeader(msgspec.Struct, kw_only=True):
    """A header; those that prove who somebody is are never shown."""

    name: str
    value: str
    access: str  # locked, sensitive or free
    is_masked: bool


class DeadLetterDeath(msgspec.Struct, kw_only=True):
    """A time that it died; attempt 0 is before any replay."""

    died_at: datetime
    attempt: int
    queue: str
    error_class: str
    error_code: str
    error_message: str


class DeadLetterAttempt(msgspec.Struct, kw_only=True):
    """A replay of it."""

    replay_id: str
    attempt: int
    state: str
    connection: str
    place: str
    sent_at: datetime | None
    outcome: str


class DeadLetterDetail(DeadLetter, kw_only=True):
    """A dead letter with its payload as a replay would send it, masked unless it was revealed."""

    verdict: DeadLetterVerdict
    diagnosis: Diagnosis
    payload: str
    payload_form: str  # JSON, XML, form, text or bytes (in hexadecimal)
    payload_part: int
    payload_has_more: bool
    is_masked: bool
    headers: list[DeadLetterHeader]
    death_history: list[DeadLetterDeath]
    replays: list[DeadLetterAttempt]
    remedies: list[Remedy]


class DeadLetters(msgspec.Struct, kw_only=True):
    """A page of dead letters, the one that died last first; `next` goes into `before` of the next request."""

    dead_letters: list[DeadLetter]
    next: str | None


class Stake(msgspec.Struct, kw_only=True):
    """A sum in one currency."""

    amount: str
    currency: str


class Remedy(msgspec.Struct, kw_only=True):
    """What was done about letters of a group before, and how often the business confirmed it."""

    name: str
    confirmed: int
    tried: int


class DeadLetterNote(msgspec.Struct, kw_only=True):
    """What people said about a group."""

    owner: str
    state: str  # investigating, or nothing
    ticket: str
    note: str
    changed_by: str
    changed_at: datetime | None


class DeadLetterGroup(msgspec.Struct, kw_only=True):
    """The letters that share a value of the grouping key."""

    key: str
    title: str
    letters: int
    states: Mapping[str, int]
    at_stake: list[Stake]
    due_at: datetime | None
    first_failed_at: datetime
    failed_at: datetime
    last_24_hours: list[int]
    owner: str
    note: DeadLetterNote
    diagnosis: Diagnosis
    remedies: list[Remedy]


class DeadLetterGroups(msgspec.Struct, kw_only=True):
    """Groups, those that matter most first: near their cut-off, then by worth, then by number."""

    by: str
    groups: list[DeadLetterGroup]
    more: bool


class DeadLetterDeed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to do with which dead letters: `ids`, or all that a `filter` (a query string) means."""

    action: str
    ids: list[str] = []
    filter: str | None = None
    reason: str = ""
    owner: str = ""
    ticket: str = ""
    tags: list[str] = []
    until: str = ""


class DeadLettersChanged(msgspec.Struct, kw_only=True):
    """How many letters were changed; of a replay, its plan, which has to be started."""

    action: str
    changed: int
    replay_id: str | None = None


class DeadLetterEdit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An edited copy; headers that are left out stay as they are."""

    reason: str
    payload: str | None = None
    headers: list[tuple[str, str]] | None = None


class DeadLetterNoteChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to say about a group; what is left out stays."""

    owner: str | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    ticket: str | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType = msgspec.UNSET


class Reason(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why something is done, for those who ask later."""

    reason: str


class Problem(msgspec.Struct, kw_only=True):
    """An error (RFC 9457); `reason` is a fixed word and `next` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    next: str
    retryable: bool
    reference: str = ""
