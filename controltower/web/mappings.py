"""What payloads become: every mapping, and a desk to try one on a payload before it is let in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload, NotFound
from controltower.domain.mappings import TriedDocument
from controltower.web.deps import MappingDesk, deps
from controltower.web.htmx import page
from controltower.web.roles import requires

bp = Blueprint("mappings", __name__, url_prefix="/mappings")

TEMPLATE = "pages/mappings/index.html"
MAX_TEXT = 1024 * 1024  # of a mapping or a payload, in characters
SHOWN = 50  # documents of one payload


@bp.get("")
@requires("operator")
def show() -> Response:
    """The mappings; with `name`, the desk with the text of that one."""
    name = request.args.get("name", "")
    text = _desk().text_of(name) if name else ""
    return page(TEMPLATE, "frag_mappings", rows=_desk().rows(), name=name, text=text)


@bp.post("/try")
@requires("operator")
def try_out() -> Response:
    """What the mapping makes of the payload; nothing is stored."""
    name, text, payload, headers = (_field(field) for field in ("name", "text", "payload", "headers"))
    tried: Sequence[TriedDocument] = ()
    error = ""
    try:
        tried = _desk().try_out(text, payload.encode(), _headers(headers))
    except BadPayload as exc:
        error = str(exc)
    return page(
        TEMPLATE,
        "frag_mappings",
        status=422 if error else 200,
        rows=_desk().rows(),
        name=name,
        text=text,
        payload=payload,
        headers=headers,
        error=error,
        tried=tried[:SHOWN],
        more=max(0, len(tried) - SHOWN),
        as_json=_as_json,
    )


def _desk() -> MappingDesk:
    desk = deps().mapping_desk
    if desk is None:
        raise NotFound("This process reads no mappings.")
    return desk


def _field(name: str) -> str:
    text = request.form.get(name, "").replace("\r\n", "\n")  # a browser sends every line end as CR LF
    if len(text) > MAX_TEXT:
        raise BadPayload(f"The {name} is longer than {MAX_TEXT} characters.")
    return text


def _headers(text: str) -> dict[str, str]:
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
