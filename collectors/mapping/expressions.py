"""JMESPath expressions, compiled once.

The `jmespath` library parses every expression and decides what each means. Evaluating through its visitor
costs microseconds for each node, so the kinds of nodes that mappings use most become closures here; all
others are left to the library. A property test holds the two side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import Options, TreeInterpreter

from collectors.mapping.errors import BadDocument, BadMapping
from collectors.mapping.functions import MappingFunctions, arity_of

MAX_EXPRESSION = 4096

Node = dict[str, Any]
Evaluate = Callable[[Any], Any]


class Expression:
    """A compiled expression; call it with the scope that it is evaluated in."""

    __slots__ = ("_evaluate", "node", "text")

    def __init__(self, text: str, node: Node, evaluate: Evaluate) -> None:
        self.text = text
        self.node = node
        self._evaluate = evaluate

    def __call__(self, scope: object) -> Any:
        """Its value; raises BadDocument when a function cannot take what the document has."""
        try:
            return self._evaluate(scope)
        # The library lets the TypeError of a comparison such as '' > 0 through.
        except (JMESPathError, TypeError) as exc:
            raise BadDocument("bad_expression", f"{self.text}: {_first_line(exc)}") from exc
        except BadDocument as exc:
            raise BadDocument(exc.reason, f"{self.text}: {exc}") from exc

    def members(self) -> Iterator[str]:
        """The members of the scope that it reads."""
        return _leading_fields(self.node)

    def children_of(self, member: str) -> Iterator[str]:
        """The members of a member of the scope that it names, as in ``_headers."x-topic"``."""
        return _fields_under(self.node, member)


def compile_expression(text: str, functions: MappingFunctions, where: str) -> Expression:
    """Read an expression; raises BadMapping naming `where` it stands and what is wrong with it."""
    if len(text) > MAX_EXPRESSION:
        raise BadMapping(f"{where}: the expression is longer than {MAX_EXPRESSION} characters")
    try:
        node: Node = dict(jmespath.compile(text).parsed)
    except JMESPathError as exc:
        what = f"expected a JMESPath expression, found {text!r}: {_first_line(exc)}"
        raise BadMapping(f"{where}: {what}") from exc
    except RecursionError as exc:
        raise BadMapping(f"{where}: the expression is nested too deep") from exc
    _check_calls(node, functions, where)
    return Expression(text, node, _Compiler(functions).compiled(node))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].removesuffix(", for expression:")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("children", ()):
        if isinstance(child, dict):
            yield from _nodes(child)


def _check_calls(node: Node, functions: MappingFunctions, where: str) -> None:
    """What the library would only find out for each document, or not at all."""
    for call in _nodes(node):
        if call["type"] == "subexpression" and call["children"][0]["type"] == "not_expression":
            raise BadMapping(f"{where}: !a.b means (!a).b, which is never true: write !(a.b)")
        if call["type"] != "function_expression":
            continue
        name, arguments = call["value"], call["children"]
        arity = arity_of(name)
        if arity is None:
            raise BadMapping(f"{where}: there is no function {name}()")
        needed, takes_more = arity
        if len(arguments) < needed or (len(arguments) > needed and not takes_more):
            raise BadMapping(f"{where}: {name}() takes {needed} arguments, found {len(arguments)}")
        if name == "lookup" and arguments[0]["type"] == "literal":
            table = arguments[0]["value"]
            if table not in functions.tables:
                raise BadMapping(f"{where}: lookup(): there is no table {table!r} under [tables]")


# The children of these are evaluated in the value of their first child, not in the scope.
_CHAINS = frozenset(
    ("subexpression", "index_expression", "pipe", "projection", "filter_projection", "value_projection")
)


def _leading_fields(node: Node) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
        return
    children = [child for child in node.get("children", ()) if isinstance(child, dict)]
    for child in children[:1] if node["type"] in _CHAINS else children:
        yield from _leading_fields(child)


def _fields_under(node: Node, member: str) -> Iterator[str]:
    for chain in _nodes(node):
        if chain["type"] != "subexpression":
            continue
        first, second = chain["children"][:2]
        if first == {"type": "field", "children": [], "value": member} and second["type"] == "field":
            yield second["value"]


class _Compiler:
    def __init__(self, functions: MappingFunctions) -> None:
        self._functions = functions
        visitor: Any = TreeInterpreter(Options(custom_functions=functions))
        self._visit: Callable[[Node, Any], Any] = visitor.visit

    def compiled(self, node: Node) -> Evaluate:
        build = _BUILDERS.get(node["type"])
        if build is not None:
            return build(self, node)
        visit = self._visit
        return lambda value: visit(node, value)

    def children(self, node: Node) -> list[Evaluate]:
        return [self.compiled(child) for child in node["children"]]

    def field(self, node: Node) -> Evaluate:
        name = node["value"]
        return lambda value: value.get(name) if isinstance(value, dict) else None

    def index(self, node: Node) -> Evaluate:
        place = node["value"]

        def evaluate(value: Any) -> Any:
            if isinstance(value, list) and -len(value) <= place < len(value):
                return value[place]
            return None

        return evaluate

    def literal(self, node: Node) -> Evaluate:
        constant = node["value"]
        return lambda _value: constant

    def current(self, _node: Node) -> Evaluate:
        return lambda value: value

    def chain(self, node: Node) -> Evaluate:
        steps = self.children(node)
        if len(steps) == 2:
            first, second = steps
            return lambda value: second(first(value))

        def evaluate(value: Any) -> Any:
            for step in steps:
                value = step(value)
            return value

        return evaluate

    def comparator(self, node: Node) -> Evaluate:
        if node["value"] not in ("eq", "ne"):
            visit = self._visit
            return lambda value: visit(node, value)
        left, right = self.children(node)
        if node["value"] == "eq":
            return lambda value: _is_same(left(value), right(value))
        return lambda value: not _is_same(left(value), right(value))

    def either(self, node: Node) -> Evaluate:
        left, right = self.children(node)

        def evaluate(value: Any) -> Any:
            found = left(value)
            return right(value) if is_false(found) else found

        return evaluate

    def both(self, node: Node) -> Evaluate:
        left, right = self.children(node)

        def evaluate(value: Any) -> Any:
            found = left(value)
            return found if is_false(found) else right(value)

        return evaluate

    def negation(self, node: Node) -> Evaluate:
        (operand,) = self.children(node)
        return lambda value: is_false(operand(value))

    def call(self, node: Node) -> Evaluate:
        name, arguments = node["value"], self.children(node)
        function = self._functions.untyped(name)
        if function is not None and len(arguments) == 1:
            (only,) = arguments
            return lambda value: function(only(value))
        if function is not None:
            return lambda value: function(*[argument(value) for argument in arguments])
        apply = self._functions.call_function
        return lambda value: apply(name, [argument(value) for argument in arguments])

    def projection(self, node: Node) -> Evaluate:
        base, each = self.children(node)

        def evaluate(value: Any) -> Any:
            items = base(value)
            if not isinstance(items, list):
                return None
            return [found for item in items if (found := each(item)) is not None]

        return evaluate

    def filtered(self, node: Node) -> Evaluate:
        base, each, condition = self.children(node)

        def evaluate(value: Any) -> Any:
            items = base(value)
            if not isinstance(items, list):
                return None
            chosen = (each(item) for item in items if not is_false(condition(item)))
            return [found for found in chosen if found is not None]

        return evaluate

    def flattened(self, node: Node) -> Evaluate:
        (base,) = self.children(node)

        def evaluate(value: Any) -> Any:
            items = base(value)
            if not isinstance(items, list):
                return None
            merged: list[Any] = []
            for item in items:
                merged += item if isinstance(item, list) else (item,)
            return merged

        return evaluate

    def object(self, node: Node) -> Evaluate:
        members = [(pair["value"], self.compiled(pair["children"][0])) for pair in node["children"]]
        return lambda value: None if value is None else {name: read(value) for name, read in members}

    def array(self, node: Node) -> Evaluate:
        items = self.children(node)
        return lambda value: None if value is None else [read(value) for read in items]


_BUILDERS: dict[str, Callable[[_Compiler, Node], Evaluate]] = {
    "field": _Compiler.field,
    "index": _Compiler.index,
    "literal": _Compiler.literal,
    "current": _Compiler.current,
    "identity": _Compiler.current,
    "subexpression": _Compiler.chain,
    "index_expression": _Compiler.chain,
    "pipe": _Compiler.chain,
    "comparator": _Compiler.comparator,
    "or_expression": _Compiler.either,
    "and_expression": _Compiler.both,
    "not_expression": _Compiler.negation,
    "function_expression": _Compiler.call,
    "projection": _Compiler.projection,
    "filter_projection": _Compiler.filtered,
    "flatten": _Compiler.flattened,
    "multi_select_dict": _Compiler.object,
    "multi_select_list": _Compiler.array,
}


def is_false(value: object) -> bool:
    """JMESPath's falsehood: null, false, "", and an empty list or object. Zero is true."""
    return value is None or value is False or value == "" or value == [] or value == {}


def _is_same(left: object, right: object) -> bool:
    """JMESPath's equality: unlike in Python, true is not 1."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right
