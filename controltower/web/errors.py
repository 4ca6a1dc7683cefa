"""Errors as pages, fragments and JSON; each says what happened and what to do next."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Flask, Response, make_response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from controltower.domain import errors as domain
from controltower.domain.errors import ControlTowerError
from controltower.services.sign_in import TooManyAttempts
from controltower.web.auth import Unauthorized, is_api
from controltower.web.htmx import go_to, page, show_in_whole_page, wants_fragment
from controltower.web.security import UnknownHost

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What a status means here, and what a person does next."""

    title: str
    detail: str
    next: str


WORDS = {
    400: Words("That request cannot be understood", "Something in it is missing or malformed.",
               "Go back, check what you entered, and try again."),
    401: Words("Please sign in", "This is for people and programs that the tower knows.",
               "Sign in at /sign-in, or send a token as `Authorization: Bearer <token>`."),
    403: Words("Your role does not allow this", "You are signed in, but this needs another role.",
               "Ask an administrator to change your role on the Users page."),
    404: Words("Nothing is here", "There is no such page, or what it showed is gone.",
               "Check the address, or search for the order, shipment or trace."),
    405: Words("That is not how this address works", "The address exists, but not for this kind of request.",
               "Open it from a link or a form of the tower."),
    409: Words("Somebody was faster", "What you wanted to change has changed meanwhile.",
               "Reload the page to see how it is now."),
    413: Words("That is too large", "The request is larger than the tower accepts.",
               "Send less at once; large files go in with `controltower import`."),
    415: Words("That kind of content is not accepted", "The content type is not one this address takes.",
               "Send application/json, or what the API description names."),
    429: Words("Too much at once", "The tower has to catch its breath.", "Wait a moment, then try again."),
    500: Words("The tower made a mistake", "Nothing you did caused this.",
               "Try again. If it stays, give the reference below to whoever runs the tower."),
    503: Words("The store does not answer", "Nothing is lost: what was accepted is on disk.",
               "Try again in a few seconds. If it stays, run `controltower doctor`."),
}  # fmt: skip

_STATUS: dict[type[ControlTowerError], int] = {
    UnknownHost: 400,
    domain.BadPayload: 400,
    Unauthorized: 401,
    domain.Forbidden: 403,
    domain.NotFound: 404,
    domain.Conflict: 409,
    domain.PayloadTooLarge: 413,
    domain.UnsupportedMedia: 415,
    TooManyAttempts: 429,
    domain.Overloaded: 429,
    domain.StoreUnavailable: 503,
}
_FOR_MACHINES = ("/healthz", "/readyz", "/metrics", "/openapi.json")
_NEXT: dict[type[Exception], str] = {
    UnknownHost: "Use an address of this server that it knows, or have the name added to "
    "CONTROLTOWER_ALLOWED_HOSTS.",
    CSRFError: "Reload the page and send the form again; it belonged to a session that has ended.",
}


def status_of(error: ControlTowerError) -> int:
    """The HTTP status of an error of ours; 500 for one that nobody placed."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def init_errors(app: Flask) -> None:
    """Answer every error in the form that its caller reads."""
    app.register_error_handler(ControlTowerError, _on_our_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_defect)


def _on_our_error(error: ControlTowerError) -> Response:
    status = status_of(error)
    if status >= 500:
        _log.error("%s: %s", error.reason, error)
    if isinstance(error, Unauthorized) and not is_api():
        return _to_sign_in()
    response = _answer(status, str(error), reason=error.reason, retryable=error.retryable, cause=type(error))
    retry_after = getattr(error, "retry_after", 5 if error.retryable else None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _on_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    detail = str(error.description) if isinstance(error, CSRFError) else ""
    response = _answer(status, detail, reason=_reason(error), cause=type(error))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _on_defect(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    _log.error("reference %s: %s %s failed", reference, request.method, request.path, exc_info=error)
    return _answer(500, "", reason="internal", reference=reference)


def _reason(error: HTTPException) -> str:
    return "csrf" if isinstance(error, CSRFError) else error.name.casefold().replace(" ", "_")


def _to_sign_in() -> Response:
    """Where strangers go; a GET is remembered, so that signing in leads back to it."""
    url = "/sign-in"
    if request.method == "GET" and not wants_fragment() and request.path != "/":
        url += "?" + urlencode({"next": request.full_path.rstrip("?")})
    return go_to(url)


def _answer(
    status: int,
    detail: str,
    *,
    reason: str,
    retryable: bool = False,
    reference: str = "",
    cause: type[Exception] | None = None,
) -> Response:
    words = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    detail, next_step = detail or words.detail, _NEXT.get(cause or Exception, words.next)
    if is_api() or request.path in _FOR_MACHINES:
        body = {
            "type": "about:blank",
            "title": words.title,
            "status": status,
            "detail": detail,
            "reason": reason,
            "next": next_step,
            "retryable": retryable,
            **({"reference": reference} if reference else {}),
        }
        return _problem(status, body)
    response = page(
        "errors/error.html",
        "frag_error",
        status=status,
        code=status,
        title=words.title,
        detail=detail,
        next_step=next_step,
        reference=reference,
        as_toast=wants_fragment(),
    )
    return show_in_whole_page(response)


def _problem(status: int, body: Mapping[str, Any]) -> Response:
    """An error as RFC 9457 problem details, with the reason as a fixed word and what to do next."""
    response = Response(msgspec.json.encode(body), status=status, mimetype="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="controltower"'
    return response
