"""The tables of dead letters, replays and the audit; the rules of store.tables hold for them too."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from controltower.store.tables import metadata as metadata  # with these tables, it has every one

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),  # see domain.dead_letters.id_of
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),  # how often it was sent again
    Column("plan_id", LargeBinary(16)),  # of the replay that is under way; nobody else may send it then
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("origin_connection", Text, nullable=False),
    Column("origin_place", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("order_key", Text, nullable=False),  # letters that share it are never sent at the same time
    Column("anchor", LargeBinary(16)),  # key of its strongest identifier
    Column("journey_id", LargeBinary(16)),
    Column("title", Text, nullable=False),  # of its journey, or the identifier that people would call it by
    Column("process", Text, nullable=False),
    Column("stage", Text, nullable=False),  # that it is about, by its process
    Column("failure_class", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("error_frame", Text, nullable=False),
    Column("occurred_us", BigInteger, nullable=False),
    Column("first_failed_us", BigInteger, nullable=False),
    Column("failed_us", BigInteger, nullable=False),
    Column("taken_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("amount_e4", BigInteger, nullable=False),  # what is at stake, in ten-thousandths
    Column("currency", Text, nullable=False),
    Column("due_us", BigInteger),  # the promise at stake
    Column("impact", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("tags", Text, nullable=False),  # sorted, each between bars
    Column("snoozed_us", BigInteger),  # until when
    Column("edit", Integer, nullable=False),  # number of the newest edit, 0 while it is as it came
    Column("payload_hash", LargeBinary(16), nullable=False),  # of what a replay would send
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sent_us", BigInteger),
    Column("confirm_due_us", BigInteger),  # by when the business should have moved, while it waits for that
    Column("settled_us", BigInteger),
    Column("settled_by", Text, nullable=False),
    Column("settled_why", Text, nullable=False),
    Column("purge_us", BigInteger),  # when a closed one may be deleted
    info={"distribution_key": "id"},
)
_live = dead_letter.c.settled_us.is_(None)
Index("ix_dead_letter_state", dead_letter.c.state, dead_letter.c.failed_us, dead_letter.c.id)
# All that the groups are made of, in an order in which they need no sorting, whatever the key is.
Index(
    "ix_dead_letter_live",
    *(
        dead_letter.c[name]
        for name in (
            *("fingerprint", "place", "type", "system", "failure_class", "impact", "currency", "state"),
            *("settled_us", "failed_us", "amount_e4", "due_us", "snoozed_us"),
        )
    ),
    sqlite_where=_live,
    postgresql_where=_live,
)
for _name, *_columns in (
    ("ix_dead_letter_newest", "failed_us", "id"),
    ("ix_dead_letter_newest_of_kind", "fingerprint", "failed_us", "id"),
):
    Index(
        _name,
        *(dead_letter.c[column] for column in _columns),
        sqlite_where=_live,
        postgresql_where=_live,
    )
_closed = dead_letter.c.settled_us.is_not(None)
Index(
    "ix_dead_letter_closed",
    dead_letter.c.fingerprint,
    dead_letter.c.state,
    sqlite_where=_closed,
    postgresql_where=_closed,
)
for _name in ("journey_id", "plan_id", "anchor", "confirm_due_us", "purge_us", "snoozed_us"):
    Index(
        f"ix_dead_letter_{_name}",
        dead_letter.c[_name],
        sqlite_where=dead_letter.c[_name].is_not(None),
        postgresql_where=dead_letter.c[_name].is_not(None),
    )

Index(
    "ix_dead_letter_message_id",
    dead_letter.c.message_id,
    sqlite_where=dead_letter.c.message_id != "",
    postgresql_where=dead_letter.c.message_id != "",
)

dead_letter_body = Table(
    "dead_letter_body",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("edit", Integer, primary_key=True, autoincrement=False),  # 0: as it came
    Column("headers", LargeBinary, nullable=False),  # MessagePack [[name, value], ...]
    Column("body", LargeBinary, nullable=False),  # zstd
    Column("content_type", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("identifiers", LargeBinary, nullable=False),  # of the letter; empty for an edit
    Column("payload_hash", LargeBinary(16), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    info={"distribution_key": "id"},
)

dead_letter_death = Table(
    "dead_letter_death",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("death", LargeBinary(16), primary_key=True),
    Column("died_us", BigInteger, nullable=False),
    Column("taken_us", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),  # 0: before any replay
    Column("place", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("history", LargeBinary, nullable=False),  # MessagePack of the deaths that its broker told
    info={"distribution_key": "id"},
)

# What people said about the letters of one fingerprint.
dead_letter_group = Table(
    "dead_letter_group",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),  # "" or investigating
    Column("ticket", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    info={"distribution_key": "fingerprint"},
)

# Journeys with dead letters that changed since somebody looked; see services.dead_letters.following.
journey_touched = Table(
    "journey_touched",
    metadata,
    Column("journey_id", LargeBinary(16), primary_key=True),
    Column("touched_us", BigInteger, nullable=False, index=True),
    info={"distribution_key": "journey_id"},
)

replay_plan = Table(
    "replay_plan",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),  # time-ordered
    Column("state", Text, nullable=False),  # see domain.replays
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("policy", Text, nullable=False),  # that made it; "" for a person
    Column("selection", Text, nullable=False),  # the filter that chose its items, as a query string
    Column("reason", Text, nullable=False),
    Column("target_connection", Text, nullable=False),  # "" for each letter's own origin
    Column("target_place", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("verdicts", Text, nullable=False),  # JSON: verdict -> items
    Column("digest", LargeBinary(16), nullable=False),  # over all that is frozen
    Column("expires_us", BigInteger, nullable=False),
    Column("needs_approval", Text, nullable=False),  # why a second person must agree; "" when none need
    Column("approved_by", Text, nullable=False),
    Column("approved_us", BigInteger),
    Column("started_by", Text, nullable=False),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("halted_why", Text, nullable=False),
    Column("rate", Integer, nullable=False),  # messages a second at most; 0: as the target allows
    Column("ramp", Boolean, nullable=False),
    Column("step", Integer, nullable=False),  # of the ramp, from 0
    Column("forgiven", Integer, nullable=False),  # failed items that somebody saw and went on from
    Column("confirm_us", BigInteger, nullable=False),  # patience for the confirmation; 0: by the process
    Column("leased_by", Text, nullable=False),
    Column("leased_us", BigInteger, nullable=False),  # until when
    Column("dismissed_us", BigInteger),
    Column("dismissed_by", Text, nullable=False),
    Index("ix_replay_plan_state", "state", "id"),
    info={"distribution_key": "id"},
)

Index(
    "ix_replay_plan_notice",
    replay_plan.c.state,
    replay_plan.c.id,
    sqlite_where=replay_plan.c.dismissed_us.is_(None),
    postgresql_where=replay_plan.c.dismissed_us.is_(None),
)
Index(
    "ix_replay_plan_policy",
    replay_plan.c.policy,
    replay_plan.c.id,
    sqlite_where=replay_plan.c.policy != "",
    postgresql_where=replay_plan.c.policy != "",
)

replay_item = Table(
    "replay_item",
    metadata,
    Column("plan_id", LargeBinary(16), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in the order of sending
    Column("letter_id", LargeBinary(16), nullable=False),
    Column("state", Text, nullable=False),  # see domain.replays
    Column("step", Integer, nullable=False),  # of the ramp
    Column("attempt", Integer, nullable=False),
    Column("payload_hash", LargeBinary(16), nullable=False),
    Column("edit", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("verdict_why", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("target_place", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("remedy", Text, nullable=False),  # what was done: replay, edit, redirect
    Column("previous", Text, nullable=False),  # state of the letter before, for when it is not sent
    Column("leased_us", BigInteger, nullable=False),  # while it is being sent: until when nobody else may
    Column("sent_us", BigInteger),
    Column("settled_us", BigInteger),
    Column("outcome", Text, nullable=False),  # in words
    Index("ix_replay_item_state", "plan_id", "state", "step", "place"),
    Index("ix_replay_item_letter", "letter_id", "plan_id"),
    Index("ix_replay_item_remedy", "fingerprint", "remedy", "state"),
    Index("ix_replay_item_order_key", "order_key", "state"),
    info={"distribution_key": "plan_id"},
)

replay_redirect = Table(
    "replay_redirect",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("to_connection", Text, nullable=False),
    Column("to_place", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    info={"reference": True},
)

# The circuit breaker of each target.
replay_breaker = Table(
    "replay_breaker",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("failures", Integer, nullable=False),  # one after the other
    Column("open_until_us", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),  # of the last failure
    info={"reference": True},
)

# What each declared policy came to when it last looked, and who looks now.
replay_policy = Table(
    "replay_policy",
    metadata,
    Column("name", Text, primary_key=True),
    Column("leased_by", Text, nullable=False),
    Column("leased_us", BigInteger, nullable=False),  # until when
    Column("looked_us", BigInteger, nullable=False),
    Column("said", Text, nullable=False),
    info={"reference": True},
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # without gaps, from 1
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),  # dead_letter/<id>, replay/<id>, group/<fingerprint> ...
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON: before, after, plan, outcome
    Column("previous", LargeBinary(32), nullable=False),  # digest of the entry before
    Column("digest", LargeBinary(32), nullable=False),
    Index("ix_audit_entry_subject", "chain", "subject", "number"),
    Index("ix_audit_entry_actor", "chain", "actor", "number"),
    Index("ix_audit_entry_action", "chain", "action", "number"),
    info={"distribution_key": "chain"},
)
