"""What every answer carries and every request must pass: host names, CSRF, headers against injection."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf import CSRFProtect

from controltower.domain.errors import ControlTowerError
from controltower.web.auth import bearer_token
from controltower.web.deps import WebDeps

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
SESSION_LIFETIME = timedelta(hours=12)  # of silence; a page that updates itself keeps its session
MAX_FORM_BYTES = 16 * 1024 * 1024

_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class UnknownHost(ControlTowerError):
    """The request names a host that this server does not go by, as DNS rebinding makes browsers do."""

    reason = "unknown_host"


class _SessionInUse(SecureCookieSessionInterface):
    """Renews the session cookie where the session was looked at, and so never on files that are cached."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        in_use = session.modified or session.accessed
        return in_use and super().should_set_cookie(app, session)


def init_security(app: Flask, deps: WebDeps) -> None:
    """Configure cookies, limits, host names and headers."""
    app.config.update(
        SECRET_KEY=deps.session_key,
        SESSION_COOKIE_NAME="controltower_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=deps.secure_cookies,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        MAX_FORM_PARTS=100,
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, where we know whether a token speaks for the caller
        WTF_CSRF_TIME_LIMIT=None,  # a form that stayed open all day still works; the session bounds it
    )
    app.session_interface = _SessionInUse()
    app.before_request(lambda: _check_host(deps.allowed_hosts))
    app.after_request(_add_headers)


def init_csrf(app: Flask) -> None:
    """Check CSRF tokens; after the role, so that whoever has to sign in again is told just that."""
    protection: Any = CSRFProtect  # it has no type hints
    csrf = protection(app)

    @app.before_request
    def check_csrf() -> None:
        if bearer_token() is None:  # no other site can make a browser send one
            csrf.protect()


def _check_host(allowed: frozenset[str]) -> None:
    name = _host_name(request.host)
    if "*" in allowed or name in LOOPBACK_NAMES or name in allowed:
        return
    if request.path in ("/healthz", "/readyz"):
        return  # probes call by address, and there is nothing to steal
    raise UnknownHost("This server does not answer to the host name of the request.")


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].casefold().rstrip(".")


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype in ("text/html", "application/json", "application/problem+json"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
