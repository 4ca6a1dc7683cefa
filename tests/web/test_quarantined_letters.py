"""Dead letters that were held back: put right in quarantine, they are taken over like any other."""

import json
from collections.abc import Callable

from collectors.dead_letters.taking import EDGE, held_decoder
from controltower.domain.facts import Quarantined
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import FactBatch
from controltower.services.quarantine import Decoder
from controltower.services.tokens import create_token
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import list_letters
from controltower.store.quarantine import list_held
from tests.collectors.dead_letters.letters import a_document, encoded
from tests.web.tower import Tower


def held(tower: Tower, payload: bytes) -> str:
    """The id of what was held back."""
    item = Quarantined(EDGE, "bad_time", "failed_at: expected RFC 3339", "application/json", payload)
    tower.ingest.submit(FactBatch(quarantined=[item])).result(timeout=10)
    with reading(tower.db) as c:
        return list_held(c)[0].id.hex()


def test_a_corrected_letter_is_taken_over(make_tower: Callable[..., Tower]):
    decoders: dict[str, Decoder] = {}
    tower = make_tower(decoders=decoders)
    intake = LetterIntake(tower.db, tower.ingest, RuleShelf(), tower.clock.now_us)
    decoders[EDGE] = held_decoder(intake, {})
    item = held(tower, encoded(a_document(failed_at="yesterday")))
    token = create_token(tower.db, "mender", "support", tower.clock())
    path, headers = f"/api/v1/quarantine/{item}/resubmit", {"Authorization": f"Bearer {token}"}

    refused = tower.client().post(path, headers=headers)
    corrected = encoded(a_document(failed_at="2025-12-31T23:00:00Z"))
    reply = tower.client().post(path, data=corrected, headers=headers)

    assert refused.status_code == 400 and "failed_at" in json.dumps(refused.get_json())
    assert (reply.status_code, reply.get_json()["events_stored"]) == (200, 1)
    with reading(tower.db) as c:
        assert [one.message_id for one in list_letters(c, LetterFilter(), tower.clock())] == ["m-1001"]
