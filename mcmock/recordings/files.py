"""Recordings as they lie in files, a journal among them. It opens and reads; `mcmock.recordings.formats` knows what they are."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final
from weakref import finalize

from mcmock.analytics.plan_format import as_plan
from mcmock.analytics.views import SessionView
from mcmock.core.wording import shown
from mcmock.engine.policy import mode_of
from mcmock.recordings import formats
from mcmock.recordings.check import Checkup, checkup
from mcmock.recordings.formats import Recording
from mcmock.recordings.har import MAX_ATTACHED
from mcmock.recordings.records import recorded
from mcmock.storage.base import JOURNAL

MAX_IN_MEMORY: Final = 8 * 2**20
"""Bytes of what comes out of a pipe that are held in memory."""


def read(path: Path) -> Recording:
    """Return the recording in a file. Raises OSError if it cannot be read, and ValueError, naming the line, if it is none."""
    if not path.is_file():  # a pipe
        with path.open("rb") as pipe:
            return read_stream(pipe)
    with path.open("rb") as opened:
        if opened.read(len(JOURNAL)) == JOURNAL:
            return _journal(path)
    return formats.read_parts(lambda: path.open("rb"), lambda name: _beside(path, name))


def read_stream(stream: BinaryIO) -> Recording:
    """Return the recording that comes out of a pipe; a long one lies in a file meanwhile. Raises ValueError as `read` does."""
    kept = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115 -- it goes with the recording
    shutil.copyfileobj(stream, kept)

    def opened() -> AbstractContextManager[BinaryIO]:
        kept.seek(0)
        return nullcontext(kept)  # type: ignore[arg-type]

    finalize(opened, kept.close)
    return formats.read_parts(opened)


def _beside(path: Path, name: str) -> bytes | None:
    """Return a file that a HAR names, if it lies beside it, or below."""
    folder = path.parent.resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder) or not file.is_file() or file.stat().st_size > MAX_ATTACHED:
        return None
    return file.read_bytes()


def check(path: str | PathLike[str], *, strict: bool = False, loose: bool = False, plan: object = None) -> Checkup:
    """Judge the recording in a file: a HAR, a log export, a journal, a timeline or a recording of a client.

    `plan` is a tracking plan to judge it by as well: a file, or a mapping. Raises OSError if it cannot be read, and
    ValueError, naming the file and the line, if it is no recording.
    """
    mode = mode_of(strict=strict, loose=loose)
    try:
        return checkup(read(Path(path)), str(path), mode, plan=as_plan(plan))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parted(name: str) -> tuple[str, str]:
    """Return the recording and the session that FILE#SESSION or URL#SESSION names; "" where it names no session."""
    if "#" not in name or Path(name).exists():
        return name, ""
    place, _, session = name.rpartition("#")
    return place, session


def session_in(done: Checkup, session: str = "") -> SessionView:
    """Return the session whose id begins so, or the only one. Raises ValueError if there is none, or more than one."""
    found = [view for view in done.sessions if view.id.startswith(session)]
    if len(found) == 1:
        return found[0]
    if not done.sessions:
        raise ValueError("there is no session in it")
    ids = ", ".join(f"#{view.id[:8]}" for view in (found or done.sessions)[:MAX_NAMED])
    more = f" and {len(found or done.sessions) - MAX_NAMED} more" if len(found or done.sessions) > MAX_NAMED else ""
    if not found:
        raise ValueError(f"there is no session {shown(session)}; there are {ids}{more}")
    raise ValueError(f"there are {len(found)} sessions: say which, by the first letters of its id: {ids}{more}")


MAX_NAMED: Final = 5
"""Sessions that are named where one has to be chosen."""


def session_of(name: str) -> SessionView:
    """Return the session that FILE or FILE#SESSION names. Raises OSError and ValueError as `check` and `session_in` do."""
    path, session = parted(name)
    done = check(path)
    try:
        return session_in(done, session)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _journal(path: Path) -> Recording:
    from mcmock.storage import read_journal

    exchanges = list(read_journal(path))
    return Recording("a journal", map(recorded, exchanges), len(exchanges))
