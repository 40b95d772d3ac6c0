"""What mcmock uses of aiohttp's inside: one module names it, and says at start what an aiohttp of another version has moved."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from aiohttp import web, web_protocol

import mcmock
from mcmock.cli import main
from mcmock.server import aiohttp_adapter
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner

SERVER = Path(mcmock.__file__).parent / "server"
OURS_TOO = {"_loop"}
"""Names of aiohttp's that classes of ours have for something of their own."""


async def test_the_installed_aiohttp_has_every_name() -> None:
    assert await aiohttp_adapter.moved_names() == []


async def test_each_name_that_moved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(web.RequestHandler, "_resume_reading_if_drained")
    monkeypatch.delattr(web_protocol, "_ErrInfo")
    assert await aiohttp_adapter.moved_names() == ["RequestHandler._resume_reading_if_drained", "web_protocol._ErrInfo"]


async def test_a_parser_that_takes_other_arguments_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def parser(protocol: object) -> None:
        raise AssertionError("never made")

    monkeypatch.setattr(aiohttp_adapter, "HttpRequestParser", parser)
    [moved] = await aiohttp_adapter.moved_names()
    assert "parser() got an unexpected keyword argument" in moved


def test_a_server_does_not_start_and_says_why_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(web.RequestHandler, "_resume_reading_if_drained")
    with pytest.raises(ValueError, match=r"^aiohttp [\w.]+ has moved RequestHandler\._resume_reading_if_drained, "):
        McmockServer().__enter__()
    result = cli_runner().invoke(main, ["serve", "--port", "0"])
    assert result.exit_code == 2
    assert "has moved RequestHandler._resume_reading_if_drained" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("module", ["app", "connection", "fast_path", "http_io", "listener"])
def test_no_other_module_names_what_is_private_in_aiohttp(module: str) -> None:
    tree = ast.parse((SERVER / f"{module}.py").read_text())
    inside = {*aiohttp_adapter.CONNECTION_NAMES, *aiohttp_adapter.SERVER_NAMES, "_buffer", "_keep_alive"}
    private = {name for name in inside if name.startswith("_")} - OURS_TOO
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("aiohttp")
        for name in node.names
    }
    assert used & private == set()
    assert [name for name in imported if name.startswith("_")] == []
