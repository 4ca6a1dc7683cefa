"""Building the Flask app: one blueprint for each screen, and the rules that hold for all of them."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response, request
from htmx_flask import Htmx

from controltower.web import (
    account,
    audit,
    auth,
    compare,
    dead_letters,
    errors,
    failures,
    flows,
    formatting,
    home,
    journeys,
    letter_actions,
    letter_item,
    map_words,
    mappings,
    process_map,
    quarantine,
    queue_words,
    queues,
    reconciliations,
    redirects,
    replays,
    roles,
    search,
    security,
    sign_in,
    sources,
    traces,
    users,
    vendor,
)
from controltower.web.api import API_BLUEPRINTS
from controltower.web.deps import EXTENSION, WebDeps
from controltower.web.paths import STATIC, TEMPLATES

SCREENS = (
    formatting,
    home,
    search,
    journeys,
    failures,
    dead_letters,
    letter_actions,
    letter_item,
    traces,
    map_words,
    flows,
    process_map,
    compare,
    queue_words,
    queues,
    quarantine,
    replays,
    redirects,
    audit,
    reconciliations,
    sources,
    mappings,
    sign_in,
    account,
    users,
    vendor,
)
NAVIGATION = (
    ("/", "Home", "viewer"),
    ("/journeys", "Journeys", "viewer"),
    ("/failures", "Failures", "viewer"),
    ("/dead-letters", "Dead letters", "viewer"),
    ("/traces", "Traces", "viewer"),
    ("/flows", "Flows", "viewer"),
    ("/process-map", "Process map", "viewer"),
    ("/queues", "Queues", "viewer"),
    ("/quarantine", "Quarantine", "viewer"),
    ("/replays", "Replays", "viewer"),
    ("/reconciliations", "Reconciliations", "support"),
    ("/sources", "Sources", "viewer"),
    ("/mappings", "Mappings", "operator"),
    ("/audit", "Audit", "operator"),
    ("/users", "Users", "admin"),
)
HTMX_CONFIG = json.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,  # it would write a style element, which the CSP refuses
        "selfRequestsOnly": True,
        "historyCacheSize": 0,  # pages hold personal data; nothing of them stays in the browser's storage
        "refreshOnHistoryMiss": False,
        # Without "style": copying that attribute is what the CSP forbids.
        "attributesToSettle": ["class", "width", "height"],
        "scrollBehavior": "auto",
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},
            {"code": "[45]..", "swap": True, "error": True, "target": "#toasts", "swapOverride": "innerHTML"},
        ],
    }
)


def create_app(deps: WebDeps) -> Flask:
    """The web application over its collaborators."""
    app = Flask("controltower", static_folder=str(STATIC), template_folder=str(TEMPLATES))
    app.extensions[EXTENSION] = deps
    Htmx(app)
    auth.init_auth(app)
    security.init_security(app, deps)
    app.before_request(roles.enforce)
    security.init_csrf(app)
    errors.init_errors(app)
    for screen in SCREENS:
        app.register_blueprint(screen.bp)
    for blueprint in API_BLUEPRINTS:
        app.register_blueprint(blueprint)
    roles.public(app.view_functions["static"])
    app.after_request(_cache_static)
    app.context_processor(_page_values)
    return app


def _page_values() -> dict[str, Any]:
    return {
        "asset": vendor.asset,
        "htmx_config": HTMX_CONFIG,
        "htmx_integrity": vendor.htmx_integrity(),
        "is_here": _is_here,
        "may": roles.may,
        "navigation": NAVIGATION,
        "principal": auth.principal,
        "reason_not": roles.reason_not,
        "theme": account.chosen_theme(),
    }


def _is_here(href: str) -> bool:
    return request.path == href or (href != "/" and request.path.startswith(href + "/"))


def _cache_static(response: Response) -> Response:
    """An address with the fingerprint of its content may be kept for ever; others are asked for again."""
    if request.endpoint == "static":
        response.headers["Cache-Control"] = vendor.FOR_EVER if request.args.get("v") else "no-cache"
    return response
