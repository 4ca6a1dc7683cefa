"""The word of a receiver: by the API and by an event, and what it changes."""

import pytest

from controltower.domain.dead_letters import NO_EFFECT, RESOLVED, WAITING
from controltower.domain.errors import Conflict, NotFound
from controltower.services.dead_letters.acknowledging import acknowledge
from controltower.store.audit import list_entries
from controltower.store.engine import reading
from tests.services.replay.rig import Rig, a_letter, died_again


def sent(rig: Rig, **letter):
    """A letter whose replay was sent."""
    rig.tell("order.captured", ("order", "1001"), at=rig.now)
    (letter_id,) = rig.take(a_letter(**letter)).ids
    plan = rig.plan(letter_id)
    rig.start(plan)
    rig.work(most=3)
    assert rig.letter(letter_id).state == WAITING
    return letter_id, plan


def test_the_word_of_the_receiver_resolves_what_waits(rig: Rig):
    letter_id, plan = sent(rig)

    acknowledge(rig.db, letter_id, "booked as\n SO-77", by="erp", now=rig.now)

    letter = rig.letter(letter_id)
    assert (letter.state, letter.settled_by) == (RESOLVED, "erp")
    assert letter.settled_why == "erp acknowledged the replay: booked as SO-77"
    assert rig.states(plan) == ["confirmed"]
    with reading(rig.db) as c:
        assert ("erp", "resolved") in [(deed.actor, deed.action) for deed in list_entries(c)]


def test_the_same_word_again_changes_nothing(rig: Rig):
    letter_id, _ = sent(rig)
    first = acknowledge(rig.db, letter_id, "", by="erp", now=rig.now)

    assert acknowledge(rig.db, letter_id, "again", by="another", now=rig.now) == first


def test_a_word_that_comes_late_counts(rig: Rig):
    letter_id, plan = sent(rig)
    rig.pass_time(days=3)
    rig.expire()
    assert rig.letter(letter_id).state == NO_EFFECT

    assert acknowledge(rig.db, letter_id, "", by="erp", now=rig.now).state == RESOLVED
    assert rig.states(plan) == ["confirmed"]


def test_what_was_not_sent_cannot_be_acknowledged(rig: Rig):
    (letter_id,) = rig.take(a_letter()).ids

    with pytest.raises(Conflict, match="It is new"):
        acknowledge(rig.db, letter_id, "", by="erp", now=rig.now)
    with pytest.raises(NotFound):
        acknowledge(rig.db, bytes(16), "", by="erp", now=rig.now)


def test_nor_what_is_held_and_not_sent_yet(rig: Rig):
    rig.tell("order.captured", ("order", "1001"), at=rig.now)
    (letter_id,) = rig.take(a_letter()).ids
    rig.start(rig.plan(letter_id))
    rig.work(most=1)
    assert rig.letter(letter_id).state == "replaying"

    with pytest.raises(Conflict, match="It is replaying"):
        acknowledge(rig.db, letter_id, "", by="erp", now=rig.now)


def test_nor_what_died_again_since(rig: Rig):
    letter_id, _ = sent(rig)
    rig.take(died_again(rig.targets.sent[0], rig.now))

    with pytest.raises(Conflict, match="It is new"):
        acknowledge(rig.db, letter_id, "", by="erp", now=rig.now)


def test_an_event_with_the_idempotency_key_is_such_a_word(rig: Rig):
    letter_id, plan = sent(rig)
    key = rig.targets.sent[0].message.header("idempotency-key")

    rig.tell("com.acme.replay.acknowledged", ("order", "1001"), id=key, system="erp")

    letter = rig.letter(letter_id)
    assert letter.state == RESOLVED
    assert letter.settled_why.startswith("com.acme.replay.acknowledged by erp")
    assert rig.states(plan) == ["confirmed"]


def test_the_acknowledgement_of_something_else_is_none(rig: Rig):
    letter_id, _ = sent(rig)

    rig.tell("replay.acknowledged", ("order", "1001"), id="another")

    assert rig.letter(letter_id).state == WAITING
