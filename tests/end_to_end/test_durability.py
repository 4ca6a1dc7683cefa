"""Kill -9 at any moment under load: every acknowledged fact is there, once, and nothing is there by half."""

import os
import random
import signal
import time

import pytest

from tests.end_to_end.hammer import Told, hammering, resend
from tests.end_to_end.kept import everything_in, kept_in
from tests.end_to_end.killable import Tower
from tests.stores import opened

KILLS = 3


@pytest.mark.timeout(240)
def test_what_was_acknowledged_survives_kill_9_and_is_there_once(tower: Tower, database_url: str):
    told = Told()
    moments = random.Random(database_url)
    tower.launch()
    time.sleep(moments.uniform(0.5, 1.5))  # while it creates its tables, if the machine is not slow
    tower.kill()
    tower.start()
    with hammering(tower, told):
        for _ in range(KILLS):
            told.wait_for_stored(20)
            time.sleep(moments.uniform(0.0, 0.8))  # a moment that nothing announces
            tower.kill()
            tower.start()
    assert told.surprises == []
    assert len(told.stored) > KILLS * 20
    assert told.unanswered, "nothing was under way when the tower was killed"
    with opened(database_url) as database:
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_whole(told.unanswered)
        kept.check_journeys()
        before = everything_in(database)
        resend(tower, told.stored)
        assert everything_in(database) == before, "sending again what was acknowledged changed something"
        resend(tower, told.unanswered)
        whole = kept_in(database)
        whole.check_once([*told.stored, *told.unanswered])
        whole.check_journeys()


@pytest.mark.timeout(240)
def test_a_writer_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(
    tower: Tower, database_url: str
):
    told = Told()
    moments = random.Random(database_url)
    tower.start()
    with hammering(tower, told):
        for _ in range(KILLS):
            told.wait_for_stored(20)
            time.sleep(moments.uniform(0.0, 0.5))
            for writer in tower.children():
                os.kill(writer, signal.SIGKILL)
        told.wait_for_stored(40)
    assert told.surprises == []
    assert told.unanswered == [], "the tower itself lived on"
    with opened(database_url) as database:
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_whole(told.refused)
        kept.check_journeys()
    assert tower.terminate(within=20) == 0
