"""The file of a journal as the system knows it: one server at a time holds it, and notices when it is not the same any more.

A file is what it is by device and inode, whatever it is called: through a symbolic link, a hard link or a bind mount it is
the same journal. It knows no tables and no SQLite; `sqlite` reads and writes them.

Rules of this file:

1. The descriptor that holds the file stays open until SQLite has let go of it: a process that closes any descriptor of a file
   loses all its POSIX locks on it, SQLite's among them.
2. Nothing is written to it here.
3. Each question to the system has the writer wait for Python's lock, on a server at work: there are as few as will do.
"""

from __future__ import annotations

import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from mcmock.storage.base import JOURNAL

HEADER = 100
"""Bytes at the beginning by which SQLite knows a file, and how much is in it."""

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside the file while it is open. Without them, what was written last is in no file that has a name."""

ANEW = "start mcmock anew"

_FAR = 1 << 62
"""The byte that is locked: far beyond those that SQLite locks, and any that it writes."""

_Mark = tuple[int, int]
"""Device and inode."""


class JournalFile:
    """The file at `path`, made if there is none, held until it is released. Raises ValueError, in one line, if it cannot be."""

    def __init__(self, path: Path) -> None:
        self._given = Path.cwd() / path
        self.path = real(path)
        self._lock = _hold_beside(path, self.path)
        try:
            self._file = _hold(path, self.path)
        except BaseException:
            _close(self._lock)
            raise
        held = os.fstat(self._file)
        self._mark = held.st_dev, held.st_ino
        self._written = (0, b"")
        self._beside: dict[str, _Mark] = {}

    def note(self) -> None:
        """Take the file for right as it is now: it was we who wrote to it."""
        found = self._size_and_header()
        if found[1].startswith(JOURNAL):  # else somebody has emptied or overwritten it since we wrote
            self._written = found
        if not self._beside:
            self._beside = {suffix: mark for suffix in BESIDE if (mark := _mark(self._beside_named(suffix)))}

    def what_happened(self) -> str | None:
        """Return what has become of the file behind our back since `note`, in words; None if it is as it was."""
        try:
            found = self._given.stat()
        except (FileNotFoundError, NotADirectoryError):
            return f"the file was deleted or moved away: put it back, or {ANEW}"
        except OSError as error:
            return str(error.strerror)
        if (found.st_dev, found.st_ino) != self._mark:
            return f"another file was put in its place: put the first one back, or {ANEW}"
        if (found.st_size, _header(self._file)) != self._written:
            return f"another program has written to the file: {ANEW}"
        for suffix, known in self._beside.items():
            if _mark(self._beside_named(suffix)) != known:
                return f"{self._beside_named(suffix).name} beside it was deleted or replaced: {ANEW}"
        return None

    def is_whole(self) -> bool:
        """Return whether nobody else has written to the file that is held, whatever its name is by now."""
        return self._size_and_header() == self._written

    def release(self) -> None:
        """Rule 1."""
        os.close(self._file)
        _close(self._lock)

    def _beside_named(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _size_and_header(self) -> tuple[int, bytes]:
        return os.fstat(self._file).st_size, _header(self._file)


def real(path: Path) -> Path:
    """Return the path without symbolic links: what stands beside the file is the same by whatever name it was opened."""
    return Path(os.path.realpath(path))


def is_beside(path: Path) -> bool:
    """Return whether there is anything beside the file that SQLite keeps there while it is open, or left when it was killed."""
    return any(path.with_name(path.name + suffix).exists() for suffix in BESIDE)


def refuse_other_name(path: Path) -> None:
    """Raise ValueError if a server holds the file by another name, beside which it keeps what it has written last."""
    if sys.platform != "linux" or _is_locked(_beside(real(path))):  # by this very name: rule 1, if it is this process
        return
    with suppress(OSError), path.open("rb") as opened:
        if _is_held(opened.fileno()):
            _in_use_elsewhere(path)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _header(file: int) -> bytes:
    if sys.platform == "win32":  # it has no pread
        os.lseek(file, 0, os.SEEK_SET)
        return os.read(file, HEADER)
    return os.pread(file, HEADER, 0)


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _hold(path: Path, real_path: Path) -> int:
    """Return a descriptor of the file, locked where the system can: by this, other names of it are found out."""
    try:
        held = os.open(real_path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    except OSError as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error.strerror}") from None
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(held, fcntl.F_OFD_SETLK, _lock_of(fcntl.F_WRLCK))
        except BlockingIOError:
            os.close(held)
            _in_use_elsewhere(path)
        except OSError:  # a file system without such locks: the one beside it holds among those who use the same name
            pass
    return held


def _in_use_elsewhere(path: Path) -> NoReturn:
    raise ValueError(f"{path} is in use by another mcmock, under another name: choose another file") from None


def _is_held(opened: int) -> bool:
    """Return whether somebody has locked the file."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            told = fcntl.fcntl(opened, fcntl.F_OFD_GETLK, _lock_of(fcntl.F_WRLCK))
            return bool(struct.unpack(_FLOCK, told)[0] != fcntl.F_UNLCK)
    return False


_FLOCK = "@hhqqi0q"  # type, whence, start, length, process: struct flock, as the compiler lays it out


def _lock_of(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, _FAR, 1, 0)


def _hold_beside(path: Path, real_path: Path) -> IO[Any] | None:
    """Hold the file's name for this process: two servers on one journal would each miss what the other does."""
    try:
        import fcntl
    except ImportError:  # Windows: SQLite's own locks keep the file sound
        return None
    try:
        held = _beside(real_path).open("a+")
    except OSError as error:
        raise ValueError(f"{path} cannot be opened as a journal: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        owner = held.read().strip()
        held.close()
        raise ValueError(f"{path} is in use by another mcmock (process {owner}): choose another file") from None
    with suppress(OSError):
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
    return held


def _is_locked(beside: Path) -> bool:
    import fcntl

    try:
        with beside.open() as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _close(lock: IO[Any] | None) -> None:
    if lock is not None:
        lock.close()
