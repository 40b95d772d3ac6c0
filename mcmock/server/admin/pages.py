"""The inspector page: its routes, its files, and the headers a page of ours is sent with. It knows no recorded data.

A file is found by its name in a listing made once, never by joining paths, so no request can name a file outside it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from aiohttp import web

from mcmock import serialization
from mcmock.core.wording import shown
from mcmock.server.admin.request import AdminError, AdminRequest, Reply
from mcmock.server.endpoint import PREFIX

INDEX = "index.html"

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""No inline script or style, nothing from elsewhere, no frame around us: whatever was recorded stays text."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


async def handle_page(asked: AdminRequest) -> Reply:
    query = asked.request.rel_url.raw_query_string
    return redirect(PREFIX[1:] + "/" + (f"?{query}" if query else ""))  # relative, so that a scope's prefix stays


async def handle_file(asked: AdminRequest) -> Reply:
    name = asked.arguments.get("file", INDEX)
    response = file(name)
    if response is None:
        raise AdminError(404, "no-file", f"the inspector has no file {shown(name)}")
    return response


async def handle_vocabulary(asked: AdminRequest) -> Reply:
    return serialization.json_shapes.vocabulary_to_json()


@cache
def contents() -> dict[str, bytes]:
    """Return the package's own files by name; they do not change while we run."""
    folder = Path(__file__).parents[2] / "inspector"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in TYPES}


def file(name: str) -> web.Response | None:
    """Return the page's file of that name, or None if it has no such file."""
    content = contents().get(name)
    return page(content, TYPES[name.rpartition(".")[2]]) if content is not None else None


def page(content: bytes, content_type: str = TYPES["html"]) -> web.Response:
    """`content` with the headers that every page of ours has."""
    return web.Response(body=content, headers={**HEADERS, "Content-Type": content_type})


def redirect(target: str) -> web.Response:
    return web.Response(status=307, headers={**HEADERS, "Location": target})
