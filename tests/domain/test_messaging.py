"""Whether a message is still where it was put."""

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.messaging import Handling, newest_untaken

QUEUE = "erp.post"


def put(start: int = 10, span: bytes = b"p", queue: str = QUEUE) -> Handling:
    return Handling(b"t", span, frozenset(), True, frozenset((queue,)), start, "oms")


def took(start: int = 20, *answers: bytes, queue: str = "") -> Handling:
    return Handling(b"t", b"c", frozenset(answers), False, frozenset((queue,) if queue else ()), start, "erp")


def test_a_message_that_nobody_took_waits():
    assert newest_untaken([put()], QUEUE) == put()


def test_a_span_below_it_or_linked_to_it_took_it_whatever_it_calls_the_queue():
    assert newest_untaken([put(), took(5, b"p")], QUEUE) is None


def test_a_later_span_that_names_the_queue_took_it():
    assert newest_untaken([put(), took(10, queue=QUEUE)], QUEUE) is None


def test_an_earlier_one_took_another_message():
    assert newest_untaken([put(), took(9, queue=QUEUE)], QUEUE) == put()


def test_of_several_messages_the_newest_counts():
    first, second = put(10, b"1"), put(30, b"2")
    assert newest_untaken([first, second, took(20, b"1")], QUEUE) == second
    assert newest_untaken([first, second, took(40, b"2")], QUEUE) is None


def test_messages_in_other_queues_do_not_matter():
    assert newest_untaken([put(queue="wms.release")], QUEUE) is None
    assert newest_untaken([put(), took(20, queue="wms.release")], QUEUE) == put()


@given(data=st.data())
def test_the_order_of_spans_does_not_matter(data: st.DataObject):
    handling = st.builds(put, st.integers(0, 9), st.sampled_from((b"1", b"2"))) | st.builds(
        took, st.integers(0, 9), st.sampled_from((b"1", b"2"))
    )
    known = data.draw(st.lists(handling, max_size=6))
    assert newest_untaken(data.draw(st.permutations(known)), QUEUE) == newest_untaken(known, QUEUE)
