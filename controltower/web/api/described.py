"""What a view tells the API description about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from controltower.domain.errors import BadPayload

View = TypeVar("View", bound=Callable[..., object])
_ATTRIBUTE = "api_description"
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    text: str
    kind: str = "string"
    values: tuple[str, ...] = ()
    is_required: bool = False
    format: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What the route gives and takes."""

    gives: type[msgspec.Struct] | None
    parameters: tuple[Parameter, ...] = ()
    body: str = ""  # what to send, for a route that takes a body
    media: str = "application/json"  # of the answer


LIMIT = Parameter("limit", f"How many at most, up to {MAX_LIMIT}.", kind="integer")


def describes(
    gives: type[msgspec.Struct] | None,
    *parameters: Parameter,
    body: str = "",
    media: str = "application/json",
) -> Callable[[View], View]:
    """Describe the view; its docstring is the summary."""

    def describe(view: View) -> View:
        setattr(view, _ATTRIBUTE, Description(gives, parameters, body, media))
        return view

    return describe


def description_of(view: Callable[..., object]) -> Description | None:
    """The description of a view; None when it gave none."""
    return getattr(view, _ATTRIBUTE, None)


def read_limit(text: str | None, default: int = 50) -> int:
    """The `limit` of a request. Raises BadPayload unless it is a whole number from 1 to MAX_LIMIT."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise BadPayload(f"limit: expected a whole number from 1 to {MAX_LIMIT}, found {text[:40]!r}")
    return int(text)
