"""Browser code that others wrote: htmx from the build step, plotly.js from the plotly package."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from flask import Blueprint, Response, request, url_for

from controltower.web.paths import STATIC
from controltower.web.roles import public

bp = Blueprint("vendor", __name__, url_prefix="/vendor")

FOR_EVER = "public, max-age=31536000, immutable"


@bp.get("/plotly.min.js")
@public
def plotly() -> Response:
    """plotly.js, compressed once; its address carries the version, so that browsers may keep it."""
    version = importlib.metadata.version("plotly")
    headers = {"Vary": "Accept-Encoding", "ETag": f'"plotly-{version}"'}
    headers["Cache-Control"] = FOR_EVER if request.args.get("v") == version else "no-cache"
    if request.if_none_match.contains(f"plotly-{version}"):
        return Response(status=304, headers=headers)
    compressed = _plotly_gzip()
    if request.accept_encodings.quality("gzip") > 0:
        headers["Content-Encoding"] = "gzip"
        return Response(compressed, mimetype="text/javascript", headers=headers)
    return Response(gzip.decompress(compressed), mimetype="text/javascript", headers=headers)


@lru_cache(maxsize=1)
def _plotly_gzip() -> bytes:
    script = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return gzip.compress(script, compresslevel=6, mtime=0)


@lru_cache(maxsize=1)
def htmx_integrity() -> str:
    """The integrity value that the build step wrote down for htmx; "" when it did not run."""
    manifest = STATIC / "vendor" / "manifest.json"
    if not manifest.is_file():
        return ""
    return str(json.loads(manifest.read_text(encoding="utf-8")).get("htmx.min.js", ""))


def asset(path: str) -> str:
    """The address of a static file; it changes with the content, so that browsers never show an old one."""
    file = STATIC / path
    if not file.is_file():
        return url_for("static", filename=path)
    return url_for("static", filename=path, v=_fingerprint(path, file.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def _fingerprint(path: str, _modified_ns: int) -> str:
    return sha256((STATIC / path).read_bytes()).hexdigest()[:12]
