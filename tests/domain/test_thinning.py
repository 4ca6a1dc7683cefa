"""Which edges are drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.thinning import strongest

names = st.sampled_from("abcde")
graphs = st.dictionaries(st.tuples(names, names), st.integers(1, 50), max_size=15)
shares = st.sampled_from([0.0, 0.5, 0.97, 1.0])


@given(graphs, st.integers(0, 12), shares, st.data())
def test_the_order_of_edges_does_not_matter(counts, most: int, share: float, data: st.DataObject):
    shuffled = dict(data.draw(st.permutations(list(counts.items()))))
    assert strongest(shuffled, most=most, share=share) == strongest(counts, most=most, share=share)


@given(graphs, st.integers(0, 12), shares)
def test_every_node_keeps_a_way_in_and_a_way_out(counts, most: int, share: float):
    drawn = strongest(counts, most=most, share=share)
    between = {edge for edge in counts if edge[0] != edge[1]}
    assert {source for source, _ in between} == {source for source, target in drawn if source != target}
    assert {target for _, target in between} == {target for source, target in drawn if source != target}


@given(graphs, shares)
def test_what_is_drawn_stands_for_the_share(counts, share: float):
    drawn = strongest(counts, most=100, share=share)
    assert sum(counts[edge] for edge in drawn) >= share * sum(counts.values())


@pytest.mark.parametrize(
    ("most", "share", "drawn"),
    [(0, 1.0, {"ab", "bc", "ca"}), (4, 1.0, {"ab", "bc", "ca", "ac"}), (4, 0.5, {"ab", "bc", "ca"})],
)
def test_the_most_frequent_come_first(most: int, share: float, drawn: set[str]):
    counts = {("a", "b"): 9, ("b", "c"): 8, ("a", "c"): 7, ("c", "a"): 1, ("c", "c"): 1}
    assert strongest(counts, most=most, share=share) == {(edge[0], edge[1]) for edge in drawn}
