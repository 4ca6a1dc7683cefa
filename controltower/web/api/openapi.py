"""The API description, made from the routes and from the classes of their answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app
from werkzeug.routing import Rule

from controltower import __version__
from controltower.web.api import schemas
from controltower.web.api.described import Description, Parameter, describes, description_of
from controltower.web.api.ingest_routes import INGEST_PATHS
from controltower.web.roles import PUBLIC, public, required_role, takes_posters

bp = Blueprint("api_openapi", __name__)

_SCHEMA_AT = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"<(?:\w+:)?(\w+)>")
_ERRORS = {
    "400": "Not understood",
    "401": "Not signed in",
    "403": "The role is too low",
    "503": "The store does not answer",
}


@bp.get("/openapi.json")
@public
@describes(None)
def openapi() -> Response:
    """This description."""
    return Response(msgspec.json.encode(build_description(current_app)), mimetype="application/json")


def build_description(app: Flask) -> dict[str, Any]:
    """An OpenAPI 3.1 document of every route that describes itself, and of the ways in."""
    paths: dict[str, dict[str, Any]] = {}
    gives: set[type[msgspec.Struct]] = {schemas.Problem}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        description = description_of(view)
        if description is None:
            continue
        if description.gives is not None:
            gives.add(description.gives)
        role = required_role(view) or "admin"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = paths.setdefault(_PLACEHOLDER.sub(r"{\1}", rule.rule), {})
            path[method.lower()] = _operation(rule, description, view.__doc__ or "", role)
            if takes_posters(view):
                path[method.lower()]["description"] += " A token that may post facts is enough."
    for where, operations in INGEST_PATHS.items():
        paths.setdefault(where, {}).update(operations)
    _, components = msgspec.json.schema_components(
        sorted(gives, key=lambda kind: kind.__name__), ref_template=_SCHEMA_AT
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control tower",
            "version": __version__,
            "description": "Everything that the screens show. Programs send `Authorization: Bearer <token>`; "
            "ids are 32 lower-case hexadecimal digits; lists are paged by key.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "controltower_session"},
            },
        },
    }


def _operation(rule: Rule, description: Description, summary: str, role: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.removeprefix("api_").replace(".", "_"),
        "summary": summary.strip().splitlines()[0] if summary else "",
        "parameters": [
            *(_in_path(name) for name in sorted(rule.arguments)),
            *(_parameter(one) for one in description.parameters),
        ],
        "responses": {"200": _answer(description), **_errors(rule)},
        "security": [] if role == PUBLIC else [{"token": []}, {"session": []}],
    }
    if role != PUBLIC:
        operation["description"] = f"Needs the role {role}, or a higher one."
    if description.body:
        operation["requestBody"] = {
            "description": description.body,
            "content": {"application/octet-stream": {"schema": {}}},
        }
    return operation


def _parameter(one: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": one.kind}
    if one.values:
        schema["enum"] = list(one.values)
    if one.format:
        schema["format"] = one.format
    return {
        "name": one.name,
        "in": "query",
        "description": one.text,
        "required": one.is_required,
        "schema": schema,
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _answer(description: Description) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if description.gives is not None:
        schema = {"$ref": _SCHEMA_AT.format(name=description.gives.__name__)}
    return {"description": "The answer", "content": {description.media: {"schema": schema}}}


def _errors(rule: Rule) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _SCHEMA_AT.format(name="Problem")}}}
    found = {status: {"description": text, "content": content} for status, text in _ERRORS.items()}
    if rule.arguments:
        found["404"] = {"description": "There is no such thing", "content": content}
    return found
