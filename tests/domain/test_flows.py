"""Flows: messages between systems, told by events and spans."""

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.flows import SIGNALS, Call, Hop, hops_of_calls, hops_of_trails, map_flows
from controltower.domain.steps import Trail
from tests.builders import NOW, us
from tests.domain.trails import MINUTE, a_trail, some_trails

TRACE = bytes(16)
EVER = (0, 2**62)

calls = st.lists(
    st.builds(
        Call,
        st.sampled_from([TRACE, b"t" * 16]),
        st.sampled_from([b"", b"1", b"2", b"3", b"4"]),
        st.sampled_from([b"", b"1", b"2", b"3", b"9"]),
        st.sampled_from(["shop", "erp", "wms"]),
        st.integers(0, 50),
        st.integers(0, 50),
        st.booleans(),
    ),
    max_size=12,
)


def a_call(span: str, parent: str, service: str, start: int = 0, end: int = 0, error: bool = False) -> Call:
    """A span; times in microseconds."""
    return Call(TRACE, span.encode(), parent.encode(), service, start * 1000, end * 1000, error)


@given(some_trails(), calls, st.data())
def test_the_order_of_journeys_and_spans_does_not_change_the_map(
    trails: list[Trail], spans: list[Call], data: st.DataObject
):
    def mapped(some: list[Trail], others: list[Call]):
        return map_flows([*hops_of_trails(some, *EVER), *hops_of_calls(others)])

    shuffled = mapped(data.draw(st.permutations(trails)), data.draw(st.permutations([*spans, *spans])))
    assert shuffled == mapped(trails, spans)


@given(calls)
def test_no_message_takes_negative_time_or_stays_within_a_service(spans: list[Call]):
    for hop in hops_of_calls(spans):
        assert hop.took_us >= 0
        assert hop.sender != hop.receiver


@given(some_trails())
def test_what_is_sent_is_received(trails: list[Trail]):
    found = map_flows(hops_of_trails(trails, *EVER))
    messages = sum(flow.count for flow in found.flows)
    assert sum(s.sent for s in found.systems) == sum(s.received for s in found.systems) == messages
    assert all(0 <= flow.failed <= flow.count for flow in found.flows)


def test_a_journey_that_changes_systems_sends_a_message():
    hops = list(hops_of_trails([a_trail(7, "a", "b", "c", minutes=2, systems="XXY")], *EVER))
    at_us = us(NOW) + 4 * MINUTE
    assert hops == [Hop("events", "X", "Y", at_us, 2 * MINUTE, False, (7).to_bytes(16, "big"))]


def test_only_messages_received_in_the_window_count():
    trail = a_trail(1, "a", "b", "c", minutes=10, systems="XYZ")
    since_us = us(NOW) + 5 * MINUTE
    assert [hop.receiver for hop in hops_of_trails([trail], since_us, since_us + 5 * MINUTE)] == []
    assert [hop.receiver for hop in hops_of_trails([trail], since_us, since_us + 6 * MINUTE)] == ["Y"]


def test_a_span_of_another_service_than_its_parent_is_a_message():
    spans = [
        a_call("1", "", "shop", 0, 900),
        a_call("2", "1", "shop", 100, 800),
        a_call("3", "2", "erp", 200, 700, error=True),
        a_call("4", "missing", "wms", 0, 1),
    ]
    assert list(hops_of_calls(spans)) == [Hop("spans", "shop", "erp", 200, 600, True, TRACE)]


def test_a_message_that_waited_counts_from_when_it_was_sent():
    spans = [a_call("1", "", "shop", 0, 10), a_call("2", "1", "mailer", 5_000, 5_100)]
    (hop,) = hops_of_calls(spans)
    assert hop.took_us == 5_100


def test_a_flow_has_its_share_of_errors_and_its_times():
    hops = [Hop("events", "shop", "erp", 0, took, took == 40, b"") for took in (10, 20, 30, 40)]
    (flow,) = map_flows(hops).flows
    assert (flow.count, flow.failed, flow.error_share) == (4, 1, 0.25)
    assert (flow.time.p50_us, flow.time.p95_us) == (25, 38)
    shop, erp = sorted(map_flows(hops).systems, key=lambda system: system.received)
    assert (shop.sent, erp.received, erp.failed) == (4, 4, 1)


def test_events_and_spans_between_the_same_systems_stay_apart():
    hops = [Hop(signal, "shop", "erp", 0, 1, False, b"") for signal in SIGNALS]
    assert [flow.signal for flow in map_flows(hops).flows] == ["events", "spans"]
