"""Faults of a server that was started with them: `--faults`, `--preset`, `[[fault]]`, `--watch`, and wrong files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", "--log-format", "json", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), cwd=folder
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def ask(url: str, method: str = "GET") -> Any:
    with urlopen(Request(url, method=method), timeout=5) as answer:
        return json.loads(answer.read())


def effects(url: str) -> list[str]:
    return [fault["effect"]["type"] for fault in ask(f"{url}/__admin/faults")["faults"]]


def test_a_server_begins_with_its_faults_and_goes_back_to_them(tmp_path: Path) -> None:
    (tmp_path / "mcmock.toml").write_text('[[fault]]\neffect = "hang"\nmatch = { event = "ping" }\n')
    (tmp_path / "more.json").write_text('[{"effect": "close", "match": {"event": "play"}}]')
    with serving(tmp_path, "--faults", "more.json", "--preset", "outage") as (url, _):
        assert effects(url) == ["hang", "close", "status"]
        ask(f"{url}/__admin/faults", "DELETE")
        assert effects(url) == []
        ask(f"{url}/__admin/reset", "POST")
        assert effects(url) == ["hang", "close", "status"]


def test_a_watched_file_is_read_again_and_a_bad_one_is_told_and_left(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\neffect = "hang"\n')
    with serving(tmp_path, "--faults", str(path), "--watch") as (url, process):
        assert process.stdout is not None
        path.write_text('[[fault]]\neffect = "reset"\n# another length\n')
        assert "was read again" in process.stdout.readline()
        assert effects(url) == ["reset"]
        path.write_text('[[fault]]\neffect = "explode"\n')
        line = process.stdout.readline()
        assert "effect.type must be one of status, delay" in line
        assert "the faults stay as they were" in line
        assert effects(url) == ["reset"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--faults", "none.toml"), "none.toml"),
        (("--faults", "bad.toml"), "fault 1: effect.type must be one of status"),
        (("--preset", "storm"), "storm"),
    ],
)
def test_a_wrong_start_is_one_line_and_exit_2(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    (tmp_path / "bad.toml").write_text('[[fault]]\neffect = "explode"\n')
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=tmp_path, timeout=30)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
