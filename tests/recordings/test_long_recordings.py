"""Recordings that are too long to be held as a whole: read entry by entry, and judged as any other."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mcmock.cli import check_output
from mcmock.recordings import check, files, formats, har_index
from mcmock.recordings.check import Checkup, checkup
from mcmock.recordings.har_index import index
from mcmock.serialization import har, ndjson

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECORDINGS = sorted([*(FIXTURES / "clients").glob("*.jsonl"), *(FIXTURES / "edge").glob("*.jsonl")])
MIB = 2**20


def told(done: Checkup) -> Any:
    return check_output.to_json([done], check_output.Fails()), check_output.text([done], check_output.Fails(), True)


def entries_of(path: Path) -> list[Any]:
    """The requests of a recording as a browser's HAR has them."""
    written = json.loads(b"".join(har.write(one.exchange for one in files.check(path).requests)))["log"]["entries"]
    return [{key: value for key, value in entry.items() if key != "_mcmock"} for entry in written]


ENTRIES = entries_of(RECORDINGS[0])
SOME = json.dumps(ENTRIES[:3])
ONE = json.dumps(ENTRIES[0])


def of(text: str | bytes) -> Checkup:
    return checkup(formats.read(text.encode() if isinstance(text, str) else text), "a file")


# -- memory ---------------------------------------------------------------------------------------------------------------


def padded(entry: Any) -> Any:
    """The same answer to a request of somebody else's, with a page in it."""
    asked = {"method": "GET", "url": "https://cdn.example/app.js", "headers": []}
    answer = {"status": 200, "headers": [], "content": {"text": "x" * 16_000}}
    return {"startedDateTime": entry["startedDateTime"], "request": asked, "response": answer}


def a_long_har(path: Path) -> None:
    parts = (
        json.dumps(one)
        for number in range(2000)
        for one in [ENTRIES[number % 7] if not number % 4 else padded(ENTRIES[0])]
    )
    path.write_text(f'{{"log": {{"entries": [{",".join(parts)}]}}}}')


def a_long_log(path: Path) -> None:
    ours = ndjson.write(one.exchange for one in files.check(RECORDINGS[0]).requests)
    head, *lines = ours
    other = json.loads(lines[0]) | {"method": "GET", "path": "/app.js", "body": None, "responseBody": "x" * 16_000}
    page = json.dumps(other).encode() + b"\n"
    path.write_bytes(head + b"".join(lines[number % 7] if not number % 4 else page for number in range(2000)))


@pytest.mark.parametrize("write", [a_long_har, a_long_log])
def test_a_long_recording_is_never_held_as_a_whole(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "long"
    write(path)
    assert path.stat().st_size > 24 * MIB
    files.check(RECORDINGS[0])  # what is made once and kept, is made before
    tracemalloc.start()
    try:
        done = files.check(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(done.requests), done.others) == (500, 1500)
    assert most < 12 * MIB, "less than the file alone"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_sessions_that_are_judged_anew_each_time_are_judged_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = told(files.check(path))
    monkeypatch.setattr(check, "MAX_REPORTS", 0)
    assert told(files.check(path)) == known


def test_requests_and_sessions_can_be_looked_at_again(tmp_path: Path) -> None:
    done = files.check(RECORDINGS[0])
    assert [one.place for one in done.requests] == [one.place for one in done.requests[:]]
    assert done.requests[-1] == done.requests[len(done.requests) - 1]
    assert [view.id for view in done.sessions] == [*done.session_ids] == [view.id for view in done.sessions[:]]
    assert done.sessions[0] == next(iter(done.sessions))


# -- where the entries are ------------------------------------------------------------------------------------------------

PLAIN = {
    "tight": f'{{"log":{{"entries":{SOME}}}}}',
    "pretty": json.dumps({"log": {"version": "1.2", "entries": ENTRIES[:3], "pages": [{"id": "]}"}]}, "x": {"log": 1}}, indent=2),
    "carriage returns": json.dumps({"log": {"entries": ENTRIES[:2]}}, indent=1).replace("\n", "\r\n"),
    "white space": f' \t\r\n{{ \n"log" \r\n:\t{{ "entries" : [ {ONE}\n,\n {ONE} ] \n}} }} \n\n',
    "a key in escapes": f'{{"l\\u006fg":{{"\\u0065ntries":{SOME}}}}}',
    "keys behind": f'{{"log":{{"entries":{SOME},"version":"1.2","creator":{{"name":"mcmock"}}}},"more":[1,2.5e3,true,null]}}',
    "keys before": f'{{"n":-12.5,"s":"\\"]}}","log":{{"pages":[[[["]"]]]],"entries":{SOME}}}}}',
    "such keys elsewhere": f'{{"a":{{"log":{{"entries":[1]}}}},"log":{{"x":{{"entries":[2]}},"entries":{SOME}}}}}',
    "no entry": '{"log":{"entries":[ ]}}',
    "other letters": f'{{"log":{{"entries":[{ONE[:-1]},"z":"é\u2028\u0085😀"}}]}}}}',
    "half a pair": f'{{"log":{{"entries":[{ONE[:-1]},"z":"\\ud800"}}]}}}}',
    "no number": f'{{"log":{{"x":NaN,"entries":[{ONE[:-1]},"z":-Infinity}}]}}}}',
    "no entries at all": '{"log":{"entries":[1,"two",[3],null,{}]}}',
    "a long one": f'{{"log":{{"entries":[{ONE[:-1]},"z":"{"é" * 300_000}"}},{ONE}]}}}}',
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("chunk", [1, 7, 1000, har_index.CHUNK])
def test_the_entries_are_those_of_the_whole_document(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if chunk == 1 and name == "a long one":
        pytest.skip("it takes as long as it is")
    monkeypatch.setattr(har_index, "CHUNK", chunk)
    for mark in (b"", b"\xef\xbb\xbf"):
        file = io.BytesIO(mark + PLAIN[name].encode("utf-8", "surrogatepass"))
        file.seek(len(mark))
        found = index(file)
        assert found is not None
        whole = json.loads(PLAIN[name])
        assert repr([found.read(file, place) for place in range(len(found.begins))]) == repr(whole["log"]["entries"])
        whole["log"]["entries"] = []
        assert repr(found.document) == repr(whole)


UNUSUAL = {
    "two logs": f'{{"log":{{"entries":{SOME}}},"log":{{"entries":[]}}}}',
    "entries twice": f'{{"log":{{"entries":[1],"entries":{SOME}}}}}',
    "no log": "{}", "a log of text": '{"log":"entries"}', "no entries": '{"log":{}}', "no array": '{"log":{"entries":{}}}',
    "an array": f'[{{"log":{{"entries":{SOME}}}}}]', "something behind": f'{{"log":{{"entries":{SOME}}}}} x',
    "a comma too many": f'{{"log":{{"entries":[{ONE},]}}}}', "none": f'{{"log":{{"entries":[{ONE} {ONE}]}}}}',
    "no colon": f'{{"log"{{"entries":{SOME}}}}}', "another space": f'{{"log":{{\u00a0"entries":{SOME}}}}}',
    "a number as key": f'{{1:2,"log":{{"entries":{SOME}}}}}', "too deep": f'{{"log":{{"entries":[{"[" * 9000}{"]" * 9000}]}}}}',
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("chunk", [1, 7, har_index.CHUNK])
def test_of_anything_unusual_it_says_nothing(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har_index, "CHUNK", chunk)
    assert index(io.BytesIO(UNUSUAL[name].encode())) is None


@pytest.mark.parametrize("text", ["", "{", "nothing", "\0", '{"log":{"entries":[{"a":"\udcff"}]}}'])
def test_what_is_no_json_is_unusual(text: str) -> None:
    assert index(io.BytesIO(text.encode("utf-8", "surrogateescape"))) is None


def test_of_two_logs_the_last_one_counts() -> None:
    assert len(of(UNUSUAL["entries twice"]).requests) == 3
    assert len(of(UNUSUAL["two logs"]).requests) == 0


# -- files with something wrong ------------------------------------------------------------------------------------------


def complaint(content: bytes) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        of(content)
    (line,) = str(caught.value).splitlines()
    return line


def test_wherever_a_har_ends_too_soon_the_line_is_named() -> None:
    text = json.dumps({"log": {"entries": ENTRIES[:2]}}, indent=1).encode()
    for end in range(1, len(text), 97):
        line = text.count(b"\n", 0, end) + 1
        said = complaint(text[:end])
        assert said.startswith(
            ("it is neither", *(f"line {number}: it is not JSON: " for number in range(1, line + 1)))
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"log":{"entries":{}}}', "log.entries must be a JSON array"),
        (f'{{"log":{{"entries":[{ONE},1]}}}}', "log.entries[1] is no HAR entry: 'int' object is not subscriptable"),
        (f'{{"log":{{"entries":[{{"request":{{}}}},{ONE}]}}}}', "log.entries[0] needs the key 'url'"),
        (f'{{"log":{{"entries":{SOME}}},"steps":[]}}', "a timeline has the key 'log'"),
        (f'{{"openapi":1,"paths":{{}},"log":{{"entries":{SOME}}}}}', "it is an OpenAPI document: it holds no request"),
        (f'{{"log":{{"entries":[{{"request":{{}}}},{ONE}', "line 1: it is not JSON: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_as_of_a_short_file(text: str, said: str) -> None:
    assert complaint(text.encode()).startswith(said)


def test_the_first_entry_that_is_none_is_named_whatever_their_times_are() -> None:
    late, early = ({**ENTRIES[0], "request": {}, "startedDateTime": f"20{year}-01-01T00:00:00Z"} for year in (40, 10))
    text = json.dumps({"log": {"entries": [ENTRIES[0], late, early]}})
    assert complaint(text.encode()) == "log.entries[1] needs the key 'url'"


def test_entries_in_no_order_are_judged_in_that_of_time() -> None:
    shuffled = [*ENTRIES]
    random.Random(1).shuffle(shuffled)
    by_time, other = of(json.dumps({"log": {"entries": ENTRIES}})), of(json.dumps({"log": {"entries": shuffled}}))
    assert [one.exchange for one in by_time.requests] == [one.exchange for one in other.requests]
    assert [one.place for one in other.requests] == [f"entries[{shuffled.index(entry)}]" for entry in ENTRIES]


def test_a_har_that_cannot_be_unpacked_is_said_to_be_broken() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.har", PLAIN["tight"])
    content = bytearray(packed.getvalue())
    content[len(content) // 3] ^= 255
    assert complaint(bytes(content)).startswith("it is a .zip that cannot be read: ")


# -- from a pipe ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [0, files.MAX_IN_MEMORY])
def test_what_comes_out_of_a_pipe_is_read_as_from_a_file(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_IN_MEMORY", most)
    for text in (PLAIN["pretty"], RECORDINGS[0].read_text(), '{"steps": [{"at": 0, "send": {}}]}'):
        from_pipe, from_file = files.read_stream(io.BytesIO(text.encode())), formats.read(text.encode())
        assert (from_pipe.kind, from_pipe.length, [*from_pipe.records]) == (
            from_file.kind,
            from_file.length,
            [*from_file.records],
        )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_is_read_by_its_name() -> None:
    text = PLAIN["tight"].encode()
    command = [sys.executable, "-m", "mcmock", "check", "/dev/stdin"]
    ran = subprocess.run(command, input=text, capture_output=True, check=False)
    assert b"a HAR, 3 requests to this API" in ran.stdout
