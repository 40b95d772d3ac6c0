"""Recordings by their file names; those that come with mcmock are found inside the installed package, too."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import click

from mcmock.recordings import files as saved
from mcmock.recordings import formats
from mcmock.recordings.formats import Recording


def recording(name: str) -> Recording:
    """Return what is in a file; in one of mcmock's own where there is none of that name. Raises click.UsageError."""
    try:
        return read(name)
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None
    except OSError as error:
        own = "no such file; mcmock itself has fixtures/timelines/… (conformance, clients, edge)"
        said = (error.strerror or "cannot be read") if Path(name).exists() else own
        raise click.UsageError(f"{name}: {said}") from None


def read(name: str) -> Recording:
    """Return the same. Raises OSError if it cannot be read, and ValueError, naming the line, if it is no recording."""
    path = Path(name)
    return saved.read(path) if path.exists() else formats.read(_packaged(name))


def fixtures() -> Any:
    """Return the folder of the project's recordings: inside the installed package, or beside it in a checkout."""
    packaged = resources.files("mcmock").joinpath("fixtures_data")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "fixtures"


def _packaged(name: str) -> bytes:
    parts = Path(name).parts
    if parts[:1] != ("fixtures",) or ".." in parts:
        raise FileNotFoundError(2, "No such file or directory")
    text: bytes = fixtures().joinpath(*parts[1:]).read_bytes()
    return text
