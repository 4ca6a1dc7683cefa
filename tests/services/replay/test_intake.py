"""Taking letters over, on the real stores: what became of each, and what a store that is away leaves."""

from concurrent.futures import Future

import pytest

from collectors.dead_letters.documents import read_document
from controltower.domain.errors import StoreUnavailable
from controltower.domain.messages import Death
from controltower.services.dead_letters import intake
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from tests.builders import NOW, us
from tests.collectors.dead_letters.letters import a_document, encoded
from tests.services.replay.rig import Rig, a_letter


def test_each_letter_is_told_what_became_of_it(rig: Rig):
    first, other = a_letter("1"), a_letter("2")
    later = first._replace(deaths=(Death("erp.post", "rejected", 2, us(rig.now)),), failed_us=us(rig.now))

    taken = rig.take(first, first, later, other)
    again = rig.take(first, later)

    assert taken.outcomes == ("new", "known", "died_again", "new")
    assert again.outcomes == ("known", "known")
    assert rig.letter(taken.ids[0]).deaths == 2


def test_a_document_becomes_a_letter_on_its_journey(rig: Rig):
    rig.tell("order.captured", ("order", "1001"))

    taken = rig.take(read_document(encoded(a_document()), {}, now_us=us(rig.now)))

    letter = rig.letter(taken.ids[0])
    assert (letter.stage, letter.process, letter.impact) == ("posted", "order-to-cash", "customer")
    assert letter.journey_id is not None
    assert (letter.amount, letter.failure_class) == ("849.00", "data_quality")


def test_a_message_of_which_nothing_is_known_is_kept(rig: Rig):
    taken = rig.take(read_document(b'{"body": "\\u0000?"}', {}, now_us=us(rig.now)))

    assert rig.letter(taken.ids[0]).impact == "unplaced"


def test_a_store_that_does_not_answer_is_said_to_be_away(rig: Rig, monkeypatch):
    class Stuck:
        def submit(self, batch):
            return Future()

    monkeypatch.setattr(intake, "RECEIPT_SECONDS", 0.01)
    stuck = LetterIntake(rig.db, Stuck(), RuleShelf(), lambda: us(NOW))  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailable):
        stuck.take([a_letter()])
