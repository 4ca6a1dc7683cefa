"""The poster keeps every event until the tower has taken it."""

import time

import pytest

from controltower.demo.events_out import Connection, EventPoster
from tests.demo.receiver import receiving


def an_event(number):
    return {"specversion": "1.0", "id": str(number), "source": "/test", "type": "t"}


def posted(receiver, count, *, patience=5.0, token=""):
    poster = EventPoster(Connection(f"{receiver.url}/api/v1/events", token))
    poster.start()
    for number in range(count):
        poster.put(an_event(number))
    poster.close(patience)
    return poster


def test_events_arrive_once_and_in_order():
    with receiving() as receiver:
        poster = posted(receiver, 250)
    assert [event["id"] for event in receiver.events] == [str(number) for number in range(250)]
    assert (poster.accepted, poster.refused, poster.unsent) == (250, 0, 0)


@pytest.mark.parametrize("status", [429, 503, 500, 502])
def test_an_unwell_tower_gets_the_same_batch_again(status):
    with receiving() as receiver:
        receiver.unwell = [(status, {"Retry-After": "1"})]
        poster = posted(receiver, 5)
    assert len(receiver.events) == 5
    assert poster.accepted == 5


def test_the_tower_says_how_long_to_wait():
    with receiving() as receiver:
        receiver.unwell = [(429, {"Retry-After": "1"})]
        poster = EventPoster(Connection(f"{receiver.url}/api/v1/events", ""))
        begun_at = time.monotonic()
        poster.start()
        poster.put(an_event(1))
        while not poster.accepted and time.monotonic() - begun_at < 10:
            time.sleep(0.02)
        poster.close(1)
    assert time.monotonic() - begun_at > 1


def test_what_the_tower_refuses_is_counted_and_not_sent_again():
    with receiving() as receiver:
        receiver.unwell = [(400, {})]
        poster = posted(receiver, 5)
    assert (receiver.events, poster.refused) == ([], 5)


def test_a_tower_that_never_answers_is_given_up_on_when_closing():
    with receiving() as receiver:
        receiver.unwell = [(503, {"Retry-After": "30"})] * 10
        poster = posted(receiver, 5, patience=0.3)
    assert poster.unsent == 5


def test_a_tower_that_is_not_there_yet_is_not_ready():
    with receiving() as receiver:
        connection = Connection(f"{receiver.url}/api/v1/events", "")
        assert connection.is_tower_ready()
        connection.close()
    assert not connection.is_tower_ready()


def test_the_token_goes_with_every_request():
    with receiving() as receiver:
        posted(receiver, 1, token="s3cret")
    assert receiver.headers[0]["Authorization"] == "Bearer s3cret"
    assert receiver.headers[0]["Content-Type"] == "application/cloudevents-batch+json"
