"""The process map as its page, its CSV and the API show it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from controltower.domain.process_map import END, START, Activity, ProcessMap, Transition, Variant
from controltower.domain.thinning import strongest
from controltower.services.process_maps import ProcessReading
from controltower.store.engine import Connection
from controltower.store.journey_rows import JourneyRow
from controltower.store.membership import rows_in
from controltower.web.drawings import Drawing, Edge, Node, draw, level_of
from controltower.web.map_words import brief
from controltower.web.windows import EVENTS

MOST_LINES = 45
SHARE_DRAWN = 0.97  # of all that follows anything
LISTED_VARIANTS = 10
LISTED_JOURNEYS = 25

Choice = tuple[str, str]  # ("variant", its id) or (before, after)


@dataclass(frozen=True, slots=True)
class TransitionLine:
    """A transition in the table."""

    transition: Transition
    before: str
    after: str
    is_drawn: bool
    is_chosen: bool
    url: str


@dataclass(frozen=True, slots=True)
class VariantLine:
    """A variant in the list."""

    variant: Variant
    rank: int
    share: float
    steps: tuple[str, ...]  # titles
    url: str
    compare_url: str  # its newest journey beside the newest of the most frequent variant; "" for that one
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ChosenJourneys:
    """The journeys of a variant or of a transition, newest started first."""

    title: str
    journeys: tuple[JourneyRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ProcessView:
    """Everything that the page shows of a process map."""

    drawing: Drawing
    activities: tuple[tuple[Activity, str], ...]  # with their titles
    left_out: tuple[str, ...]  # titles
    transitions: tuple[TransitionLine, ...]
    lines_drawn: int
    variants: tuple[VariantLine, ...]


def view_process(
    reading: ProcessReading,
    titles: Mapping[str, str],
    fields: Mapping[str, str],
    choice: Choice | None,
    *,
    everything: bool,
) -> ProcessView:
    """The map, drawn; `fields` are what addresses of its parts repeat."""
    found = reading.map
    counts = {(one.before, one.after): one.count for one in found.transitions}
    marked = _marked(found, choice) & counts.keys()
    drawn = set(counts) if everything else marked | strongest(counts, most=MOST_LINES, share=SHARE_DRAWN)
    lines = tuple(_transition_line(one, titles, fields, drawn, marked) for one in found.transitions)
    nodes = _nodes(found, titles)
    return ProcessView(
        drawing=draw(nodes, [_edge(line) for line in lines if line.is_drawn], "down"),
        activities=tuple((activity, titles[activity.name]) for activity in found.activities),
        left_out=tuple(titles[name] for name in found.left_out),
        transitions=lines,
        lines_drawn=len(drawn),
        variants=list_variants(found, titles, fields, choice),
    )


def list_variants(
    found: ProcessMap, titles: Mapping[str, str], fields: Mapping[str, str], choice: Choice | None
) -> tuple[VariantLine, ...]:
    """Every variant with its share, most frequent first."""
    return tuple(
        VariantLine(
            variant=variant,
            rank=rank,
            share=len(variant.journeys) / found.journeys,
            steps=tuple(titles[name] for name in variant.activities),
            url=_url(fields, variant=variant.id),
            compare_url=_compare_url(found, variant, fields) if rank > 1 else "",
            is_chosen=choice == ("variant", variant.id),
        )
        for rank, variant in enumerate(found.variants, 1)
    )


def journeys_of(reading: ProcessReading, choice: Choice) -> list[bytes]:
    """The journeys of a variant or transition, newest started first; none for what is not on the map."""
    kind, name = choice
    if kind == "variant":
        return list(next((one.journeys for one in reading.map.variants if one.id == name), ()))
    return [journey_id for journey_id, pairs in reading.walked.items() if choice in pairs]


def list_rows(c: Connection, ids: Sequence[bytes]) -> list[JourneyRow]:
    """These journeys in their order, as far as they are still there."""
    rows = rows_in(c, ids)
    return [rows[journey_id] for journey_id in ids if journey_id in rows]


def list_chosen(
    c: Connection, reading: ProcessReading, titles: Mapping[str, str], choice: Choice
) -> ChosenJourneys:
    """The journeys of a variant or transition as the page lists them."""
    ids = journeys_of(reading, choice)
    rows = list_rows(c, ids[:LISTED_JOURNEYS])
    kind, name = choice
    title = f"{titles.get(kind, kind)} → {titles.get(name, name)}"
    if kind == "variant":
        rank = next((r for r, variant in enumerate(reading.map.variants, 1) if variant.id == name), None)
        title = f"Variant {rank}" if rank else "This variant is not in the sample"
    return ChosenJourneys(title, tuple(rows), max(len(ids) - LISTED_JOURNEYS, 0))


def _marked(found: ProcessMap, choice: Choice | None) -> set[tuple[str, str]]:
    """The transitions that the choice is about."""
    if choice is None:
        return set()
    kind, name = choice
    if kind != "variant":
        return {choice}
    names = {activity.name for activity in found.activities}
    of = next((variant.activities for variant in found.variants if variant.id == name), ())
    path = [START, *(activity for activity in of if activity in names), END]
    return set(pairwise(path)) if of else set()


def _nodes(found: ProcessMap, titles: Mapping[str, str]) -> list[Node]:
    most = max((activity.journeys for activity in found.activities), default=1)
    nodes = [
        Node(
            key=activity.name,
            title=titles[activity.name],
            detail=_activity_detail(activity),
            kind="failed" if activity.is_failed else "",
            level=0 if activity.is_failed else level_of(activity.journeys, most),
        )
        for activity in found.activities
    ]
    ends = {name for one in found.transitions for name in (one.before, one.after)} & {START, END}
    return nodes + [Node(key=name, title=titles[name], kind="mark") for name in sorted(ends)]


def _activity_detail(activity: Activity) -> str:
    again = activity.steps - activity.journeys
    return f"{activity.journeys:,} journeys" + (f", {again:,} again" if again else "")


def _transition_line(
    one: Transition,
    titles: Mapping[str, str],
    fields: Mapping[str, str],
    drawn: Collection[tuple[str, str]],
    marked: Collection[tuple[str, str]],
) -> TransitionLine:
    pair = (one.before, one.after)
    return TransitionLine(
        transition=one,
        before=titles[one.before],
        after=titles[one.after],
        is_drawn=pair in drawn,
        is_chosen=pair in marked,
        url=_url(fields, before=_plain(one.before), after=_plain(one.after)),
    )


def _edge(line: TransitionLine) -> Edge:
    one = line.transition
    time = brief(one.gap.p50_us) if one.gap else ""
    words = f"{line.before} to {line.after}: {one.count:,} times"
    if time:
        words += f", half within {time}"
    return Edge(
        key=f"{one.before}\1{one.after}",
        source=one.before,
        target=one.after,
        count=one.count,
        lines=(f"{one.count:,} · {time}" if time else f"{one.count:,}",),
        words=f"{words}. Show its journeys",
        href=line.url,
        kind="quiet" if not time else "",
        is_chosen=line.is_chosen,
    )


def _plain(name: str) -> str:
    """Beginnings and ends as addresses spell them."""
    return name.replace("\0", "~")


def read_choice(args: Mapping[str, str]) -> Choice | None:
    """The variant or transition that an address names; None when it names none."""
    if args.get("variant"):
        return "variant", args["variant"]
    before, after = args.get("before", ""), args.get("after", "")
    return (before.replace("~", "\0"), after.replace("~", "\0")) if before and after else None


def _compare_url(found: ProcessMap, variant: Variant, fields: Mapping[str, str]) -> str:
    ends = {"a": found.variants[0].journeys[0].hex(), "b": variant.journeys[0].hex()}
    return f"/compare?{urlencode({**ends, 'by': fields.get('by', EVENTS)})}"


def _url(fields: Mapping[str, str], **more: str) -> str:
    return f"/process-map?{urlencode({**fields, **more})}#journeys"


def variant_rows(lines: Sequence[VariantLine]) -> list[tuple[str, ...]]:
    """The variants as lines of a CSV file."""
    return [
        (
            str(line.rank),
            line.variant.id,
            str(len(line.variant.journeys)),
            f"{line.share:.6f}",
            f"{line.variant.duration.p50_us / 1_000_000:.3f}",
            f"{line.variant.duration.p95_us / 1_000_000:.3f}",
            str(len(line.variant.activities)),
            " > ".join(line.variant.activities),
            line.variant.journeys[0].hex(),
        )
        for line in lines
    ]
