"""Searching the bytes finds the same identifiers as decoding every span."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from collectors.otlp.traces import decode_traces
from controltower.domain.identifiers import Identifier
from tests.collectors.trace_bytes import (
    TRACES,
    attributes,
    figures_in,
    figures_of,
    part,
    requests,
    span_bytes,
)

RULES = LinkRules({**DEFAULT_ATTRIBUTES, "order.number": "order", "order.name": "order_name"})
TRACE, SPAN = TRACES[0], b"spanspan"

names = st.sampled_from([*RULES.attributes, "correlation.ids", "x.order.id", "order.i"])
# Short and long (whose length takes two bytes), equal up to the end, and such as look like a name inside.
long_text = "1" * 126
texts = st.sampled_from(
    ["1001", "1002", " 1001 ", "", "N/A", "0", "€", "1" * 125, long_text, long_text + "2", long_text + "3",
     "2" * 256, "2" * 257, "\n\x0ecorrelation.id", "\n\x08order.id\x12\x03\n\x01x"]
)  # fmt: skip
values = st.one_of(
    texts.map(lambda value: AnyValue(string_value=value)),
    st.sampled_from([0, 1001, -1, 2**63 - 1]).map(lambda value: AnyValue(int_value=value)),
    st.sampled_from(
        [
            AnyValue(),
            AnyValue(bool_value=True),
            AnyValue(double_value=1.5),
            AnyValue(bytes_value=b"1001"),
            AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="1001")])),
        ]
    ),
)
linking = st.builds(KeyValue, key=names, value=values)
carried = st.one_of(st.lists(linking, max_size=3), attributes)


@st.composite
def value_first_spans(draw: st.DrawFn) -> bytes:
    """Spans of a writer that puts the value of an attribute before its name, or some of them."""
    raw = draw(span_bytes(st.just([])))
    for attribute in draw(st.lists(linking, max_size=3)):
        parts = [part(1, attribute.key.encode()), part(2, attribute.value.SerializeToString())]
        raw += part(9, b"".join(draw(st.permutations(parts))))
    return raw


def check(body: bytes, rules: LinkRules = RULES) -> None:
    """Every segment names what its spans name, and no set of identifiers twice."""
    facts = decode_traces(body, rules)
    wanted = figures_of(ExportTraceServiceRequest.FromString(body), rules)
    assert {s.trace_id: figures_in(s).links for s in facts.segments} == {
        trace: figures.links for trace, figures in wanted.items()
    }
    assert all(len(set(segment.links)) == len(segment.links) for segment in facts.segments)


def a_request(*spans: bytes) -> bytes:
    return part(1, part(2, b"".join(part(2, span) for span in spans)))


def a_span(*pairs: tuple[str, str], event: tuple[str, str] | None = None) -> bytes:
    return Span(
        trace_id=TRACE,
        span_id=SPAN,
        attributes=[_pair(*pair) for pair in pairs],
        events=[Span.Event(attributes=[_pair(*event)])] if event else [],
    ).SerializeToString()


def _pair(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def links_of(*spans: bytes, rules: LinkRules = RULES) -> set[tuple[Identifier, ...]]:
    (segment,) = decode_traces(a_request(*spans), rules).segments
    return set(segment.links)


@given(requests(span_bytes(carried)))
@example(a_request(a_span(event=("order.id", "1001")), a_span(("order.id", "1001"))))
def test_the_search_finds_what_decoding_every_span_finds(body: bytes):
    check(body)


@given(requests(value_first_spans()))
def test_the_search_finds_values_that_stand_before_their_names(body: bytes):
    check(body)


def test_an_identifier_is_found_in_any_span_of_a_trace():
    assert links_of(a_span(), a_span(("order.id", "1001")), a_span()) == {(Identifier("order", "1001"),)}


def test_what_one_span_names_stays_together():
    spans = a_span(("order.id", "1"), ("shipment.id", "S1")), a_span(("order.id", "2"), ("shipment.id", "S2"))
    assert links_of(*spans) == {
        (Identifier("order", "1"), Identifier("shipment", "S1")),
        (Identifier("order", "2"), Identifier("shipment", "S2")),
    }


@pytest.mark.parametrize("length", [1, 120, 126, 127, 128, 200, 256])
def test_values_of_any_length_that_may_link_are_told_apart(length: int):
    first, second = "1" * length, "1" * (length - 1) + "2"
    found = links_of(a_span(("order.id", first)), a_span(("order.id", second)))
    assert found == {(Identifier("order", first),), (Identifier("order", second),)}


def test_an_attribute_of_an_event_links_nothing():
    assert links_of(a_span(event=("order.id", "1001"))) == set()


@pytest.mark.parametrize("swapped", [False, True])
def test_an_attribute_of_an_event_does_not_hide_the_same_one_of_a_span(swapped: bool):
    spans = [a_span(event=("order.id", "1001")), a_span(("order.id", "1001"))]
    assert links_of(*(reversed(spans) if swapped else spans)) == {(Identifier("order", "1001"),)}


def test_whole_numbers_are_identifiers_and_other_values_are_not():
    numbered = Span(
        trace_id=TRACE,
        span_id=SPAN,
        attributes=[
            KeyValue(key="order.id", value=AnyValue(int_value=2**63 - 1)),
            KeyValue(key="order.number", value=AnyValue(double_value=1.5)),
            KeyValue(key="order.name", value=AnyValue(bool_value=True)),
        ],
    )
    assert links_of(numbered.SerializeToString()) == {(Identifier("order", str(2**63 - 1)),)}


@pytest.mark.parametrize("value", ["N/A", "0", "2026-01-01", "", " ", "x" * 257])
def test_values_that_would_melt_journeys_link_nothing(value: str):
    assert links_of(a_span(("order.id", value))) == set()


def test_attributes_whose_kind_only_labels_link_nothing():
    rules = LinkRules({"customer.email": "email", "rma.id": "rma"})
    found = links_of(a_span(("customer.email", "a@b.example"), ("rma.id", "R1")), rules=rules)
    assert found == {(Identifier("rma", "R1"),)}


@pytest.mark.parametrize("length", [1, 127, 128, 300])
def test_an_attribute_with_a_name_of_any_length_may_link(length: int):
    name = "n" * length
    assert links_of(a_span((name, "1001")), rules=LinkRules({name: "order"})) == {
        (Identifier("order", "1001"),)
    }
