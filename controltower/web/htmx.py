"""The one place that reads and writes HX-* headers; htmx 4 changes several of them."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, redirect, render_template, request
from htmx_flask.requests import HtmxHeaders
from jinja2_fragments.flask import render_block

_VARY = "HX-Request"


def _htmx() -> HtmxHeaders:
    return cast(HtmxHeaders, cast(Any, request).htmx)


def is_htmx() -> bool:
    """True for every request that htmx sends, boosted ones included."""
    return bool(_htmx())


def wants_fragment() -> bool:
    """True when htmx asked for a part of a page.

    Boosted navigation and history restoration replace the whole page, and so need all of it.
    """
    htmx = _htmx()
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def page(template: str, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """Render the page, or only its block `fragment` when htmx asked for part of it."""
    if wants_fragment():
        body = render_block(template, fragment, **context)
    else:
        body = render_template(template, **context)
    return Response(body, status=status, headers={"Vary": _VARY})


def go_to(url: str) -> Response:
    """Send the browser to `url` with a GET, also when htmx would otherwise swap the answer into a part."""
    if wants_fragment():
        return Response(status=204, headers={"HX-Redirect": url, "Vary": _VARY})
    return cast(Response, redirect(url, code=303))


def show_in_whole_page(response: Response) -> Response:
    """Make a boosted request replace the whole page, whatever the status of the answer."""
    if is_htmx() and not wants_fragment():
        response.headers["HX-Retarget"] = "body"
        response.headers["HX-Reswap"] = "innerHTML"
    return response
