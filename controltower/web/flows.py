"""The flow map: systems and the messages between them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.domain.flows import SIGNALS, Signal
from controltower.services.flows import FlowReading, load_flows
from controltower.store.engine import reading
from controltower.web.deps import deps, now
from controltower.web.flow_views import list_hops, view_flows
from controltower.web.htmx import page
from controltower.web.map_words import journeys_words, spans_words
from controltower.web.roles import requires
from controltower.web.windows import DEFAULT_SAMPLE, SAMPLES, WINDOWS, Window, read_sample, read_window

bp = Blueprint("flows", __name__)

BOTH = "both"


@bp.get("/flows")
@requires("viewer")
def show() -> Response:
    """The map of a window; with a sender and a receiver, their newest messages as well."""
    window, sample, signals = (
        read_window(request.args, now()),
        read_sample(request.args),
        read_signals(request.args),
    )
    found = load_flows(
        deps().db, deps().processes, window.since_at, window.until_at, most=sample, signals=signals
    )
    fields = _fields(window, sample, request.args.get("signals", ""))
    everything = bool(request.args.get("all"))
    chosen = read_edge(request.args)
    messages = None
    if chosen is not None:
        with reading(deps().db) as c:
            messages = list_hops(c, found, chosen)
    more = {"all": "1"} if everything else {}
    return page(
        "pages/flows/index.html",
        "frag_map",
        view=view_flows(found, {**fields, **more}, chosen, everything=everything),
        window=window,
        windows=[(name, title, _url(fields | {"window": name})) for name, (title, _) in WINDOWS.items()],
        signals=request.args.get("signals", "") or "events",
        signal_urls=[(name, _url(fields | {"signals": name})) for name in (*SIGNALS, BOTH)],
        sample=sample,
        samples=SAMPLES,
        sampled=sampled_words(found),
        messages=messages,
        fields=fields,
        refresh_url=request.full_path if window.is_moving else "",
        all_url="" if everything else _url(fields | {"all": "1"}),
    )


def read_signals(args: Mapping[str, str]) -> tuple[Signal, ...]:
    """What messages are told by: events unless the address says spans or both."""
    wanted = args.get("signals", "") or "events"
    if wanted == BOTH:
        return SIGNALS
    if wanted not in SIGNALS:
        raise BadPayload(f"signals: expected {', '.join(SIGNALS)} or {BOTH}, found {wanted[:40]!r}")
    return tuple(signal for signal in SIGNALS if signal == wanted)


def read_edge(args: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The flow that an address names as (sender, receiver, signal); None when it names none."""
    sender, receiver = args.get("sender", ""), args.get("receiver", "")
    if not sender or not receiver:
        return None
    signal = args.get("signal", "") or "events"
    if signal not in SIGNALS:
        raise BadPayload(f"signal: expected one of {', '.join(SIGNALS)}, found {signal[:40]!r}")
    return sender, receiver, signal


def sampled_words(found: FlowReading) -> tuple[str, ...]:
    """What the map was made of, a sentence for each kind of fact."""
    words = []
    if found.journeys_read is not None:
        words.append(journeys_words(found.journeys_read))
    if found.spans_read is not None:
        words.append(spans_words(found.spans_read))
    return tuple(words)


def _fields(window: Window, sample: int, signals: str) -> dict[str, str]:
    fields = dict(window.fields)
    if signals:
        fields["signals"] = signals
    if sample != DEFAULT_SAMPLE:
        fields["sample"] = str(sample)
    return fields


def _url(fields: Mapping[str, str]) -> str:
    if "window" in fields:
        fields = {name: value for name, value in fields.items() if name not in ("since", "until")}
    return f"/flows?{urlencode(fields)}"
