"""Our compiled expressions mean what the jmespath library says they mean."""

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jmespath.visitor import Options

from collectors.mapping.errors import BadDocument
from collectors.mapping.expressions import compile_expression
from collectors.mapping.functions import MappingFunctions

EXPRESSIONS = [
    "a",
    "a.b",
    "a.b.c",
    "a[0]",
    "a[-1].b",
    "a[5]",
    "a[]",
    "a[][]",
    "a[*].b",
    "a[].b[]",
    "a.*",
    "a.*.b",
    "a[1:]",
    "a[::-1]",
    "a[?b]",
    "a[?b == c].b",
    "a[?b != `1`]",
    "a[?b > `0`].c",
    "a || b",
    "a && b",
    "!a",
    "!(a.b)",
    "a == b",
    "a == `true`",
    "a == `1`",
    "a != `null`",
    "a < b",
    "[a, b.c]",
    "{x: a, y: b.c}",
    "a[].{x: b, y: c}",
    "a | b",
    "a[] | [0]",
    "@",
    "`[1, 2]`",
    "'raw'",
    "length(a)",
    "keys(a)",
    "type(a)",
    "to_string(a)",
    "not_null(a, b)",
    "join('-', a)",
    "sort_by(a, &b)",
    "map(&b, a)",
    "max(a)",
    "a[?contains(b, 'x')]",
    "values(a)[0]",
    'a."b"',
]

names = st.sampled_from(["a", "b", "c"])
scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "1", "xy"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def said(evaluate):
    try:
        return evaluate()
    except (JMESPathError, BadDocument, TypeError):
        return "an error"


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(document=st.dictionaries(names, values, max_size=3))
def test_an_expression_gives_what_the_library_gives(text, document):
    functions = MappingFunctions({})
    ours = compile_expression(text, functions, "here")
    theirs = jmespath.compile(text)
    expected = said(lambda: theirs.search(document, Options(custom_functions=functions)))

    found = said(lambda: ours(document))

    assert (found, type(found)) == (expected, type(expected))


def test_what_the_library_cannot_compare_is_the_fault_of_the_document():
    compare = compile_expression("a[?b > `0`].c", MappingFunctions({}), "here")
    with pytest.raises(BadDocument, match="b > `0`"):
        compare({"a": [{"b": ""}]})
