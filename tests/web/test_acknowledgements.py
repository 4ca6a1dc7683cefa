"""POST /api/v1/dead-letters/<id>/acknowledge: who may give their word, and what they are told."""

import pytest

from controltower.domain.dead_letters import NEW, WAITING
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.services.tokens import create_token
from controltower.store.engine import transaction
from controltower.store.letters import mark
from tests.services.replay.rig import a_letter
from tests.web.tower import Tower


@pytest.fixture
def letter_id(tower: Tower) -> bytes:
    """A letter whose replay was sent."""
    intake = LetterIntake(tower.db, tower.ingest, RuleShelf(), tower.clock.now_us)
    (taken,) = intake.take([a_letter()]).ids
    with transaction(tower.db) as c:
        mark(c, [taken], (NEW,), {"state": WAITING})
    return taken


def acknowledge(tower: Tower, letter_id: bytes | str, role: str, words: str = ""):
    name = letter_id.hex() if isinstance(letter_id, bytes) else letter_id
    token = create_token(tower.db, f"the {role}", role, tower.clock())
    path = f"/api/v1/dead-letters/{name}/acknowledge"
    return tower.client().post(path, data=words, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("role", "status"), [("ingest", 200), ("support", 200), ("admin", 200), ("viewer", 403)]
)
def test_receivers_and_support_may_give_their_word(tower: Tower, letter_id, role, status):
    assert acknowledge(tower, letter_id, role).status_code == status


def test_strangers_may_not(tower: Tower, letter_id):
    assert tower.client().post(f"/api/v1/dead-letters/{letter_id.hex()}/acknowledge").status_code == 401


def test_the_answer_says_what_became_of_it(tower: Tower, letter_id):
    assert acknowledge(tower, letter_id, "ingest", "booked as SO-77").get_json() == {
        "id": letter_id.hex(),
        "state": "resolved",
        "why": "the ingest acknowledged the replay: booked as SO-77",
    }


def test_what_is_not_there_or_was_not_sent_is_refused(tower: Tower, letter_id):
    with transaction(tower.db) as c:
        mark(c, [letter_id], (WAITING,), {"state": NEW})

    assert acknowledge(tower, letter_id, "ingest").status_code == 409
    assert acknowledge(tower, "f" * 32, "ingest").status_code == 404
    assert acknowledge(tower, "nothing", "ingest").status_code == 404


def test_a_token_that_only_posts_facts_may_do_nothing_else(tower: Tower):
    token = create_token(tower.db, "poster", "ingest", tower.clock())

    reply = tower.client().get("/api/v1/journeys", headers={"Authorization": f"Bearer {token}"})

    assert reply.status_code == 403


def test_the_description_says_who_may(tower: Tower):
    paths = tower.client("viewer").get("/openapi.json").get_json()["paths"]
    operation = paths["/api/v1/dead-letters/{letter_id}/acknowledge"]["post"]

    assert operation["description"].endswith("A token that may post facts is enough.")
    assert "post" in paths["/api/v1/dead-letters"]
