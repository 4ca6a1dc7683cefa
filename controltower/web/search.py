"""Search: any identifier, whole or its beginning, an e-mail address or a trace id; one hit opens itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flask import Blueprint, Response, render_template, request

from controltower.store.engine import reading
from controltower.store.search import Hit, search
from controltower.web.deps import deps
from controltower.web.formatting import masked
from controltower.web.htmx import go_to, page
from controltower.web.letter_cards import LetterCard, list_letter_cards
from controltower.web.roles import may, requires

bp = Blueprint("search", __name__)

MOST_HITS = 50
SUGGESTED = 7
LONGEST = 256
SHORTEST_SUGGESTED = 2


class Why(NamedTuple):
    """The value that matched, cut where the typed text ends."""

    kind: str
    before: str
    typed: str
    after: str


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit with the reason why it is one, and where it leads."""

    hit: Hit
    url: str
    why: Why
    is_exact: bool
    card: LetterCard | None = None  # of a dead letter, on the page of all hits


@dataclass(frozen=True, slots=True)
class HitGroup:
    """Hits that matched in the same way."""

    title: str
    hits: tuple[HitView, ...]


@bp.get("/search")
@requires("viewer")
def find() -> Response:
    """What the text names; a single journey or trace is opened at once."""
    text = _text()
    hits = _hits(text, MOST_HITS)
    if len({hit.url for hit in hits}) == 1:
        return go_to(hits[0].url)
    groups = group_hits(_with_cards(hits))
    return page(
        "pages/search/index.html", "frag_hits", text=text, groups=groups, most=MOST_HITS, total=len(hits)
    )


@bp.get("/search/suggest")
@requires("viewer")
def suggest() -> Response:
    """The first hits as a short list under the search field."""
    text = _text()
    if len(text) < SHORTEST_SUGGESTED:
        return Response("", headers={"Vary": "HX-Request"})
    hits = _hits(text, SUGGESTED)
    return Response(render_template("partials/suggestions.html", text=text, hits=hits))


def group_hits(hits: Sequence[HitView]) -> list[HitGroup]:
    """Exact hits, those that begin with the text, and traces, each in their order."""
    groups = (
        ("Exactly this", [hit for hit in hits if hit.hit.kind == "journey" and hit.is_exact]),
        ("Begins with this", [hit for hit in hits if hit.hit.kind == "journey" and not hit.is_exact]),
        ("Dead letters", [hit for hit in hits if hit.hit.kind == "dead_letter"]),
        ("Traces", [hit for hit in hits if hit.hit.kind == "trace"]),
    )
    return [HitGroup(title, tuple(members)) for title, members in groups if members]


def explain(hit: Hit, text: str, *, whole_names: bool) -> Why:
    """Why `hit` was found for `text`."""
    value = hit.value if whole_names else masked(hit.value)
    typed = text.removeprefix("#").strip()
    start = value.casefold().find(typed.casefold()) if typed else -1
    kind = hit.label_kind.replace("_", " ")
    if start < 0:
        return Why(kind, value, "", "")
    end = start + len(typed)
    return Why(kind, value[:start], value[start:end], value[end:])


def _text() -> str:
    return request.args.get("q", "")[:LONGEST].strip()


def _hits(text: str, most: int) -> list[HitView]:
    if not text:
        return []
    with reading(deps().db) as c:
        found = search(c, text, limit=most)
    whole_names = may("support")
    return [_view(hit, text, whole_names=whole_names) for hit in found]


def _with_cards(hits: Sequence[HitView]) -> list[HitView]:
    letters = [hit.hit.letter for hit in hits if hit.hit.letter is not None]
    if not letters:
        return list(hits)
    with reading(deps().db) as c:
        cards = {card.letter.id: card for card in list_letter_cards(c, letters, deps().processes)}
    return [replace(hit, card=cards[hit.hit.letter.id]) if hit.hit.letter else hit for hit in hits]


def _view(hit: Hit, text: str, *, whole_names: bool) -> HitView:
    plain = text.removeprefix("#").strip().casefold()
    return HitView(
        hit=hit,
        url=_url(hit),
        why=explain(hit, text, whole_names=whole_names),
        is_exact=hit.value.removeprefix("#").casefold() == plain,
    )


def _url(hit: Hit) -> str:
    if hit.letter is not None:
        return f"/dead-letters/{hit.letter.id.hex()}"
    if hit.kind == "trace" and hit.trace_id is not None:
        return f"/traces/{hit.trace_id.hex()}"
    return f"/journeys/{hit.journey.id.hex()}" if hit.journey else "/search"
