"""The forms that payloads come in, found by looking at them: senders get their content types wrong."""

from __future__ import annotations

from typing import Literal
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from controltower.domain.errors import BadPayload

Form = Literal["JSON", "XML", "form", "text", "bytes"]


def form_of(body: bytes, content_type: str) -> Form:
    """What a payload is."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes"
    plain = text.lstrip("\ufeff \t\r\n")
    if plain[:1] in ("{", "[") and not _mistake_in_json(body):
        return "JSON"
    if plain[:1] == "<" and not _mistake_in_xml(body):
        return "XML"
    return "form" if "x-www-form-urlencoded" in content_type.casefold() else "text"


def check_form(before: bytes, after: bytes) -> None:
    """Raises BadPayload when an edit makes JSON or XML into something that is not."""
    kind = form_of(before, "")
    mistake = {"JSON": _mistake_in_json, "XML": _mistake_in_xml}.get(kind)
    found = mistake(after) if mistake else ""
    if found:
        raise BadPayload(f"payload: it was {kind} and no longer is: {found}")


def _mistake_in_json(text: bytes) -> str:
    try:
        msgspec.json.format(text)  # is strict, and builds nothing
    except RecursionError:
        return "it is nested too deeply"
    except msgspec.DecodeError as exc:
        return str(exc)
    return ""


def _mistake_in_xml(text: bytes) -> str:
    try:
        fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as exc:
        return str(exc) or type(exc).__name__
    return ""
