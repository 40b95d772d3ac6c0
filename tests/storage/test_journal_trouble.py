"""A journal in trouble under a running server: a Change that cannot be written, a file that is gone, or has two names."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mcmock.engine.changes import Delta
from mcmock.storage import journal_batch, open_store, read_journal, sqlite
from mcmock.storage.journal_file import JournalFile
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, post, start
from tests.serving import Client, Serving

PATIENCE = 20.0
"""Seconds after which what should have been noticed has not been."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[McmockServer]:
    with McmockServer(store=f"sqlite:{tmp_path / 'journal.db'}") as running:
        yield running


def health(client: Client) -> tuple[int, str]:
    """The status, and the reason if there is one."""
    status, told, _ = client.ask("GET", "/__admin/health")
    return status, told.get("error", {}).get("message", "")


def refused(client: Client) -> str:
    """Wait until health says what is wrong; the reason."""
    latest = time.monotonic() + PATIENCE
    while (told := health(client))[0] == 200 and time.monotonic() < latest:
        time.sleep(0.01)
    assert told[0] == 503, "it was not noticed"
    return told[1]


def taken_again(client: Client, path: str) -> None:
    """Wait until requests are taken; fail if they are not."""
    latest = time.monotonic() + PATIENCE
    while (status := client.send(path)) == 503 and time.monotonic() < latest:
        time.sleep(0.01)
    assert status == 204
    assert health(client)[0] == 200


# -- what comes from outside ----------------------------------------------------------------------------------------------


def test_no_character_in_a_path_ends_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    paths = ["%FF", "%ED%A0%80", "%00", "%C3%28", "a%0Ab", "%F0%9F%8E%AC"]
    with Serving("--journal", str(journal)) as server:
        with Wire(server.url) as wire:
            for path in paths:
                assert wire.post(f"/api/v1/sessions/{path}/events", body("ping")).startswith(b"HTTP/1.1 404")
        client = Client(server.url)
        path = client.start()
        assert client.send(path) == 204
        assert health(client)[0] == 200
        told = client.admin("GET", "requests")["requests"]
        client.close()
    assert [one.seq for one in read_journal(journal)] == list(range(1, len(paths) + 3))
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        assert client.admin("GET", "requests")["requests"] == told
        assert client.send(path) == 204
        client.close()


# -- a writer that meets what nobody expected ------------------------------------------------------------------------------


class Broken(BaseException):
    """What no `except Exception` catches."""


@pytest.mark.parametrize(
    "error", [RuntimeError("on purpose"), MemoryError(), OSError(5, "I/O error"), UnicodeError("odd")]
)
def test_whatever_the_writer_meets_is_said_and_overcome(
    server: McmockServer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    client = Client(server.url)
    path = client.start()

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(journal_batch.Batch, "write", fail)
        client.send(path)
        reason = refused(client)
        assert "journal.db cannot be written: " in reason
        assert (str(error) or "MemoryError") in reason
        status, told, _ = client.ask("POST", f"{path}/events", {})
        assert (status, reason.partition(";")[0] in told["message"]) == (503, True)
    taken_again(client, path)
    client.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_ends_all_the_same_is_noticed(server: McmockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(server.url)
    path = client.start()

    def end(*_: Any) -> None:
        raise Broken

    monkeypatch.setattr(journal_batch.Batch, "write", end)
    client.send(path)
    assert "its writer has ended" in refused(client)
    assert client.send(path) == 503
    client.close()


def test_a_change_that_cannot_be_written_holds_up_no_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = journal_batch.Batch.write

    def write(self: Any, deltas: list[tuple[Any, Delta]]) -> None:
        if any(row[4] == "/poison" for _, delta in deltas for row in delta.entries.rows):
            raise ValueError("on purpose")
        written(self, deltas)

    monkeypatch.setattr(sqlite, "BATCH_DELAY", 0.2)  # so that all of them are in one batch
    monkeypatch.setattr(journal_batch.Batch, "write", write)
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    for target in [*map(str, range(7)), "/poison", "after"]:
        emulator.handle(post(target, {}))
    emulator.close()
    assert [one.path for one in read_journal(tmp_path / "j")] == list(map(str, range(7)))
    assert "the last 2 changes were not written: ValueError: on purpose" in caplog.text


def test_a_writer_that_hangs_is_held_to_be_unable(server: McmockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "MAX_WAIT", 0.05)
    monkeypatch.setattr(sqlite, "MAX_BEHIND", 0.0)
    client = Client(server.url)
    path = client.start()
    held, written = threading.Event(), journal_batch.Batch.write

    def hang(self: Any, deltas: list[tuple[Any, Delta]]) -> None:
        held.wait(PATIENCE)
        written(self, deltas)

    with monkeypatch.context() as patched:
        patched.setattr(journal_batch.Batch, "write", hang)
        latest = time.monotonic() + PATIENCE
        while client.send(path) == 204 and time.monotonic() < latest:
            pass
        assert "nothing was written for 0.05 seconds" in refused(client)
        held.set()
    taken_again(client, path)
    client.close()


def test_what_is_refused_leaves_nothing_behind_in_the_queue(
    server: McmockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(server.url)
    path = client.start()

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(journal_batch.Batch, "write", full)
        client.send(path)
        refused(client)
        store: Any = server.emulator.backing.store  # type: ignore[union-attr]
        waiting = len(store._queue)
        assert [client.send(path) for _ in range(20)] == [503] * 20
        assert len(store._queue) == waiting
    taken_again(client, path)
    client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not widen the limits of a process that runs")
def test_a_full_disk_refuses_and_loses_nothing_of_what_it_has_answered(tmp_path: Path) -> None:
    import resource

    journal, limit = tmp_path / "journal.db", 500_000
    narrow = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))"
    with Serving("--journal", str(journal), first=narrow) as server:
        client = Client(server.url)
        path = f"{client.start()}/events"
        answered: list[int] = []

        def sent() -> int:
            status, _, _ = client.ask("POST", path, body("ping", len(answered), customMetadata={"text": "x" * 20_000}))
            answered.append(status)
            return status

        while sent() == 204 and len(answered) < 1000:
            pass
        assert answered[-1] == 503
        assert "cannot be written" in refused(client)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        latest = time.monotonic() + PATIENCE
        while sent() == 503 and time.monotonic() < latest:
            time.sleep(0.01)
        client.close()
    assert answered[-1] == 204
    read = list(read_journal(journal))
    assert [one.status for one in read].count(204) == answered.count(204)
    assert [one.status for one in read].count(503) == answered.count(503)
    assert [one.seq for one in read] == list(range(1, len(answered) + 2))


# -- a file that is not the same any more ----------------------------------------------------------------------------------


def deleted(journal: Path) -> None:
    journal.unlink()


def deleted_with_all(journal: Path) -> None:
    for one in journal.parent.glob("journal.db*"):
        one.unlink()


def folder_moved(journal: Path) -> None:
    journal.parent.rename(journal.parent.with_name("moved"))


def replaced(journal: Path) -> None:
    other = journal.with_name("other.db")
    open_store(f"sqlite:{other}").close()
    other.replace(journal)


def copied_over(journal: Path) -> None:
    other = journal.with_name("other.db")
    emulator = open_store(f"sqlite:{other}").emulator()
    for _ in range(100):
        start(emulator)
    emulator.close()
    shutil.copyfile(other, journal)


def emptied(journal: Path) -> None:
    journal.write_bytes(b"")


def log_deleted(journal: Path) -> None:
    journal.with_name("journal.db-wal").unlink()


CHANGES: list[tuple[Callable[[Path], None], str]] = [
    (deleted, "was deleted or moved away"),
    (deleted_with_all, "was deleted or moved away"),
    (folder_moved, "was deleted or moved away"),
    (replaced, "another file was put in its place"),
    (copied_over, "another program has written to the file"),
    (emptied, "another program has written to the file"),
    (log_deleted, "journal.db-wal beside it was deleted or replaced"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is open")
@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[one.__name__ for one, _ in CHANGES])
@pytest.mark.parametrize("idle", [True, False], ids=["idle", "busy"])
def test_a_file_that_is_not_the_same_any_more_is_noticed(
    tmp_path: Path, change: Callable[[Path], None], words: str, idle: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Serving("--journal", str(folder / "journal.db")) as server:
        client = Client(server.url)
        path = client.start()
        assert health(client)[0] == 200
        change(folder / "journal.db")
        if not idle:
            client.send(path)
        assert words in refused(client)
        status, told, _ = client.ask("POST", f"{path}/events", {})
        assert (status, words in told["message"], "start mcmock anew" in told["message"]) == (503, True, True)
        client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is open")
def test_a_file_that_is_put_back_is_written_again_and_nothing_is_lost(tmp_path: Path) -> None:
    journal, away = tmp_path / "journal.db", tmp_path / "away"
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        path = client.start()
        journal.rename(away)
        client.send(path, ts=1)
        refused(client)
        away.rename(journal)
        taken_again(client, path)
        told = client.admin("GET", "requests?brief=1")["requests"]
        client.close()
    assert [(one.seq, one.status) for one in read_journal(journal)] == [(one["seq"], one["status"]) for one in told]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of a file that is open")
def test_what_was_answered_follows_a_file_that_was_moved(tmp_path: Path) -> None:
    journal, away = tmp_path / "journal.db", tmp_path / "away.db"
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        path = client.start()
        journal.rename(away)
        client.send(path, ts=1)
        refused(client)
        client.close()
        server.kill()
    assert [one.event_type for one in read_journal(away)] == ["sessionStart", "ping"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no symbolic links for everybody")
def test_a_link_that_leads_elsewhere_is_noticed(tmp_path: Path) -> None:
    first, second, link = tmp_path / "first.db", tmp_path / "second.db", tmp_path / "link.db"
    link.symlink_to(first)
    open_store(f"sqlite:{second}").close()
    with Serving("--journal", str(link)) as server:
        client = Client(server.url)
        client.start()
        link.unlink()
        link.symlink_to(second)
        assert "another file was put in its place" in refused(client)
        client.close()


def test_a_look_from_outside_changes_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with Serving("--journal", str(journal)) as server:
        client = Client(server.url)
        path = client.start()
        for _ in range(5):
            with sqlite3.connect(journal) as other:
                other.execute("SELECT count(*) FROM log").fetchone()
            other.close()
            os.utime(journal)
            list(read_journal(journal))
            assert client.send(path) == 204
        assert health(client)[0] == 200
        client.close()
    assert [one.seq for one in read_journal(journal)] == list(range(1, 7))


AS_NOBODY = """
import fcntl, os, sys
import mcmock.storage.sqlite
from mcmock.storage import open_store, read_journal
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print([one.event_type for one in read_journal(sys.argv[1])])
try:
    open_store("sqlite:" + sys.argv[1])
except ValueError as error:
    print(error)
"""
"""What somebody meets who may not write where root can. All is imported before: nobody may not read the checkout, either."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_journal_in_a_place_that_cannot_be_written_is_read_and_not_served() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, journal = Path(name), Path(name) / "journal.db"
        emulator = open_store(f"sqlite:{journal}").emulator()
        start(emulator)
        emulator.close()
        for one, mode in ((journal, 0o444), (journal.with_name("journal.db.lock"), 0o444), (folder, 0o555)):
            one.chmod(mode)
        before = journal.read_bytes()
        command = [sys.executable, "-c", AS_NOBODY, str(journal)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        folder.chmod(0o755)
        assert told.stdout.splitlines() == [
            "['sessionStart']", f"{journal} cannot be opened as a journal: Permission denied",
        ], told.stderr  # fmt: skip
        assert journal.read_bytes() == before


# -- two names of one file -------------------------------------------------------------------------------------------------


def serve(journal: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", "--journal", str(journal)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def second_name(kind: str, journal: Path) -> Path:
    other = journal.with_name("other.db")
    if kind == "symbolic link":
        other.symlink_to(journal)
    elif kind == "hard link":
        other.hardlink_to(journal)
    elif kind == "link to a link":
        journal.with_name("between.db").symlink_to(journal.name)
        other.symlink_to("between.db")
    else:
        journal.parent.with_name("linked").symlink_to(journal.parent)
        return journal.parent.with_name("linked") / journal.name
    return other


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot tell hard links")
@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "link to a link", "link to the folder"])
@pytest.mark.parametrize("other_first", [False, True], ids=["second by the other name", "first by the other name"])
def test_two_names_of_one_file_are_one_journal(tmp_path: Path, kind: str, other_first: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    journal = folder / "journal.db"
    open_store(f"sqlite:{journal}").emulator().close()
    other = second_name(kind, journal)
    first, second = (other, journal) if other_first else (journal, other)
    with Serving("--journal", str(first)) as server:
        client = Client(server.url)
        path = client.start()
        refusal = serve(second)
        assert (refusal.returncode, "is in use by another mcmock" in refusal.stderr) == (2, True), refusal
        assert len(refusal.stderr.strip().splitlines()) <= 3
        with pytest.raises(ValueError, match="is in use by another mcmock"):
            open_store(f"sqlite:{second}")
        assert client.send(path) == 204
        assert health(client)[0] == 200
        client.close()
    with Serving("--journal", str(second)) as server:
        client = Client(server.url)
        assert client.send(path) == 204
        client.close()
    assert [one.event_type for one in read_journal(first)] == ["sessionStart", "ping", "ping"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no bind mounts")
def test_a_mounted_name_of_the_file_is_the_same_journal(tmp_path: Path) -> None:
    journal, mounted = tmp_path / "journal.db", tmp_path / "elsewhere" / "mounted.db"
    mounted.parent.mkdir()
    mounted.touch()
    store = open_store(f"sqlite:{journal}")
    script = 'mount --bind "$1" "$2" || exit 77; exec "$3" -m mcmock serve --port 0 --journal "$2"'
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        str(journal),
        str(mounted),
        sys.executable,
    ]
    try:
        refusal = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare on this machine")
    finally:
        store.close()
    if refusal.returncode in (1, 77):
        pytest.skip(f"this machine lets nobody mount: {refusal.stderr.strip()}")
    assert (refusal.returncode, "is in use by another mcmock, under another name" in refusal.stderr) == (2, True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot tell hard links")
def test_a_journal_is_read_by_any_name_but_not_past_what_another_name_holds(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    emulator = open_store(f"sqlite:{journal}").emulator()
    hard, soft = second_name("hard link", journal), tmp_path / "soft.db"
    soft.symlink_to(journal)
    start(emulator)
    latest = time.monotonic() + PATIENCE
    while not list(read_journal(soft)) and time.monotonic() < latest:
        time.sleep(0.01)
    assert len(list(read_journal(soft))) == 1
    with pytest.raises(ValueError, match="under another name"):
        list(read_journal(hard))
    emulator.close()
    assert len(list(read_journal(hard))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no symbolic links for everybody")
def test_a_link_to_nothing_makes_the_journal_where_it_leads(tmp_path: Path) -> None:
    link, journal = tmp_path / "link.db", tmp_path / "journal.db"
    link.symlink_to(journal)
    emulator = open_store(f"sqlite:{link}").emulator()
    start(emulator)
    with pytest.raises(ValueError, match="is in use by another mcmock"):
        open_store(f"sqlite:{journal}")
    emulator.close()
    assert len(list(read_journal(journal))) == 1


# -- what is kept ----------------------------------------------------------------------------------------------------------


def test_the_newest_request_stays_whatever_the_bounds_are(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    emulator = open_store(f"sqlite:{journal}", max_bytes=1).emulator()
    for number in range(20):
        emulator.handle(post(f"/{number}", b"x" * 1000))
    emulator.close()
    assert [one.seq for one in read_journal(journal)] == [20]
    emulator = open_store(f"sqlite:{journal}", max_bytes=1).emulator()
    assert [one.seq for one in emulator.requests()] == [20]
    emulator.handle(post("/20", b""))
    emulator.close()
    assert [one.seq for one in read_journal(journal)] == [21]


@pytest.mark.parametrize("how", ["clear_log", "reset"])
def test_what_was_cleared_was_not_evicted(tmp_path: Path, how: str) -> None:
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    for _ in range(5):
        start(emulator)
    getattr(emulator, how)()
    emulator.close()
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    assert (emulator.summary().evicted, emulator.summary().total) == (0, 0)
    start(emulator)
    assert [one.seq for one in emulator.requests()] == [6]
    emulator.close()
    emulator = open_store(f"sqlite:{tmp_path / 'j'}").emulator()
    assert (emulator.summary().evicted, emulator.summary().total) == (0, 1)
    emulator.close()


def test_a_file_emptied_before_it_was_noted_is_not_taken_for_right(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    held = JournalFile(path)
    held.note()
    path.write_bytes(b"")
    held.note()
    happened = held.what_happened()
    held.release()
    assert happened is not None
    assert "another program has written to the file" in happened
