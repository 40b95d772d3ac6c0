"""State that servers share: one Redis (7 or later, or Valkey) holds the log, the sessions and all else of every scope.

Each scope is four keys: a hash of the tables, a stream that is the log, a hash of what the log counts on, and the mark of
its session ids. Two scripts touch them, so that each Change happens whole or not at all, and gets its place in one order.

Rules of this file:

1. A Change is one round trip. The answer brings whatever others did meanwhile, so that whoever changes something is up to
   date afterwards, and whoever was too late knows why.
2. The entry is in the stream before `commit` returns, and so before the first byte of the answer leaves.
3. A Redis that is away is tried again by one thread, and by nobody else: requests are turned away at once.
4. A Redis that was started again may have lost its last Changes, and given their places to others since: everything is
   loaded anew. Each connection asks it which run this is.
5. What Redis holds may be what no mcmock has written. Whoever meets that is told that the store is away, with the reason; the
   thread that follows goes on, and says so to `check`.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from mcmock.core import clock
from mcmock.engine import DEFAULT_SCOPE, Emulator, mark
from mcmock.engine.changes import Change, Row, StoreUnavailable
from mcmock.storage.base import CommitResult, Snapshot
from mcmock.storage.codec import (
    FORMAT,
    VERSION,
    CellTexts,
    cell_from,
    cells_from,
    cells_text,
    deliveries_from,
    deliveries_text,
    entry_from,
    entry_text,
    place_text,
)
from mcmock.storage.optimistic import SharedBacking
from mcmock.storage.worker import BackgroundWorker

_logger = logging.getLogger("mcmock")

PREFIX = "mcmock"
"""What the keys begin with, unless the address has `?prefix=`."""

SCOPE_LIVES = 3600
"""Seconds after its last Change that a named scope's keys are kept; the default scope's are kept for good."""

TIMEOUT = 2.0
"""Seconds that Redis has for an answer, or to take a connection, before it is held to be away."""

RETRY = 0.25
"""Seconds between attempts to reach a Redis that is away."""

COMPARISONS = 5
"""How often its clock is compared with ours; the quickest is the truest."""

LISTENING = 0.5
"""Seconds that one look for news waits for some."""

POLL_INTERVAL = 0.01
"""Seconds between two looks for news: under load, most of it has come with our own Changes by then."""

FLUSH_DELAY = 0.05
"""Seconds that what need not be told at once may wait for company."""

# KEYS: cells, log, counts, mark. ARGV: epoch, since, seconds to live (0: for good), bytes of the log, number of Changes, whether
# news is wanted (1), and place and value of a read that they share. For each Change: weight, number of reads beside that one, of
# writes, whether there are deliveries (1), whether it rests on the shared read (1), and the notice, in one; entry, writes as one
# text unless there is one, deliveries if there are any; then place and value of each read and write, where "" is no value, and
# as a write's place that of the read of the same number. Returns what was new, where the log stood then, and for each Change
# the entry's number (0: it has none), all as one text; or a list that has, for one that came too late, what stands at the
# places of its reads. A full log lets go of a thousandth of itself at once: to read the oldest costs more than to add the newest.
COMMIT = """
local cells, log, counts, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known = redis.call('HMGET', counts, 'epoch', 'position', 'seq', 'bytes', 'evicted')
if known[1] ~= ARGV[1] then return {'lost'} end
local position, seq = tonumber(known[2]), tonumber(known[3])
local bytes, evicted, most = tonumber(known[4]), tonumber(known[5]), tonumber(ARGV[4])
local stood, news, results, is_late, at = position, {}, {}, false, 9
if ARGV[6] == '1' and position > tonumber(ARGV[2]) then news = redis.call('XRANGE', log, (tonumber(ARGV[2]) + 1) .. '-0', '+') end
local shared, standing = ARGV[7], redis.call('HGET', cells, ARGV[7]) or ''

local function look(reads, rests)
  local late, current = false, {}
  if rests then
    current[1] = standing
    late = standing ~= ARGV[8]
  end
  for _ = 1, reads do
    local value = redis.call('HGET', cells, ARGV[at]) or ''
    current[#current + 1] = value
    late = late or value ~= ARGV[at + 1]
    at = at + 2
  end
  return late and current
end

local function write(writes, read_at)
  for i = 1, writes do
    local place, value = ARGV[at], ARGV[at + 1]
    if place == '' then place = ARGV[read_at + 2 * (i - 1)] end
    if value == '' then redis.call('HDEL', cells, place) else redis.call('HSET', cells, place, value) end
    if place == shared then standing = value end
    at = at + 2
  end
end

local function make_room()
  local fits = most - math.floor(most / 1024)
  while bytes > fits do
    local past = nil
    local count = math.min(100, math.ceil((bytes - fits) / 1000) + 1)
    for _, one in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', count)) do
      if bytes <= fits or one[1] == position .. '-0' then break end
      past = one[1]
      for i = 1, #one[2], 2 do
        if one[2][i] == 'b' then bytes, evicted = bytes - tonumber(one[2][i + 1]), evicted + 1 end
      end
    end
    if not past then return end
    redis.call('XTRIM', log, 'MINID', (tonumber(string.match(past, '^%d+')) + 1) .. '-0')
  end
end

for n = 1, tonumber(ARGV[5]) do
  local weight, reads, writes, told, rests, notice = string.match(ARGV[at], '^(%d+) (%d+) (%d+) (%d)(%d)(%a*)$')
  local entry, written, deliveries = ARGV[at + 1], nil, ''
  reads, writes, at = tonumber(reads), tonumber(writes), at + 2
  if writes ~= 1 then written, at = ARGV[at], at + 1 end
  if told == '1' then deliveries, at = ARGV[at], at + 1 end
  local read_at = at
  local current = look(reads, rests == '1')
  if current then
    results[n], at, is_late = current, at + 2 * writes, true
  else
    if notice == 'reset' then
      redis.call('DEL', cells)
      standing = ''
    end
    if notice == 'reset' or notice == 'cleared' then
      redis.call('XTRIM', log, 'MAXLEN', 0)
      bytes, evicted = 0, 0
    end
    local fields = {'w', written}
    if not written then fields = {'p', ARGV[at] == '' and ARGV[read_at] or ARGV[at], 'v', ARGV[at + 1]} end
    write(writes, read_at)
    position = position + 1
    if notice ~= '' then fields[#fields + 1] = 'n'; fields[#fields + 1] = notice end
    if deliveries ~= '' then fields[#fields + 1] = 'd'; fields[#fields + 1] = deliveries end
    if entry ~= '' then
      seq, bytes = seq + 1, bytes + tonumber(weight)
      for _, text in ipairs({'e', entry, 's', seq, 'b', weight}) do fields[#fields + 1] = text end
    end
    redis.call('XADD', log, position .. '-0', unpack(fields))
    results[n] = entry ~= '' and seq or 0
    if bytes > most then make_room() end
  end
end
redis.call('HSET', counts, 'position', position, 'seq', seq, 'bytes', bytes, 'evicted', evicted)
if ARGV[3] ~= '0' then
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[3]) end
end
if not is_late then results = table.concat(results, ' ') end
return {'taken', news, stood, results}
"""

# KEYS as above. ARGV: an epoch to begin with, the format, the scope's name, seconds to live. Returns counts and cells. Servers
# that know an older format alone meet another epoch, and the format when they load it anew.
OPEN = """
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[3], 'epoch', ARGV[1], 'format', ARGV[2], 'position', 0, 'seq', 0, 'bytes', 0, 'evicted', 0)
elseif tonumber(redis.call('HGET', KEYS[3], 'format')) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[3], 'epoch', ARGV[1], 'format', ARGV[2])
end
redis.call('SET', KEYS[4], ARGV[3])
if ARGV[4] ~= '0' then
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[4]) end
end
return {redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[1])}
"""

PAGE = 1000
"""Entries of the stream that are read at once."""


class RedisStore:
    """The Redis at `url`: redis://, rediss:// or unix://, with `?prefix=` for several in one database.

    Raises ValueError for an address that is none, or a Redis of which no mcmock can make use.
    """

    def __init__(self, url: str) -> None:
        address, self._prefix = _without_prefix(url)
        try:
            self._client, self._follower = (
                redis.Redis.from_url(address, decode_responses=True, redis_connect_func=self._connected, **_WAITING)
                for _ in range(2)
            )
        except ValueError as error:
            raise ValueError(f"{_public(url)} is not the address of a Redis: {error}") from None
        self.open, self._commit = (self._client.register_script(text) for text in (OPEN, COMMIT))
        self._committing: Any = None  # the connection on which Changes are committed
        self.name = f"the Redis at {_public(address)}"
        self.failure: str | None = None
        self._broken = ""  # why news could not be taken in, when that was last said
        self._run, self.runs = "", 0
        self._ahead = 0.0
        self._ledgers: dict[str, RedisLedger] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listening: int | None = None
        self._meet()
        self._changes, self._later = (
            BackgroundWorker("mcmock redis changes"),
            BackgroundWorker("mcmock redis soon", rest=FLUSH_DELAY),
        )
        self._news = threading.Thread(target=self._follow, name="mcmock redis news", daemon=True)
        self._news.start()

    def _meet(self) -> None:
        """See that it is a Redis that will do, and how its clock stands to ours."""
        try:
            _, self._ahead = min(self._compare_clocks() for _ in range(COMPARISONS))
            server: Any = self._client.info("server")
        except RedisError as error:
            raise ValueError(f"{self.name} cannot be used: {_why(error)}") from None
        version = str(server.get("redis_version", "0"))
        if int(version.partition(".")[0]) < 7:
            raise ValueError(f"{self.name} is of version {version}; it takes 7 or later")
        if server.get("redis_mode") == "cluster":
            raise ValueError(f"{self.name} is a cluster; it takes a Redis by itself")

    def _connected(self, connection: Any) -> None:
        """Rule 4."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        found = re.search(r"run_id:(\w+)", str(connection.read_response()))
        known, self._run = self._run, found[1] if found else ""
        self.runs += self._run != known

    def _compare_clocks(self) -> tuple[float, float]:
        """Return how long it took, and how many seconds Redis is ahead, give or take half of that."""
        began = clock.wall()
        seconds, micros = self._client.time()
        ended = clock.wall()
        return ended - began, seconds + micros / 1e6 - (began + ended) / 2

    def now(self) -> float:
        """Redis's time: several machines' clocks may differ, and sessions time out by one."""
        return clock.wall() + self._ahead

    def emulator(self, *, lazy: bool = False, **options: Any) -> Emulator:
        return Emulator(backing=SharedBacking(self, lazy=lazy), **options)

    def ledger(self, scope: str, max_log_bytes: int) -> RedisLedger:
        return RedisLedger(self, scope, max_log_bytes, 0 if scope == DEFAULT_SCOPE else SCOPE_LIVES)

    def keys(self, scope: str) -> list[str]:
        """Return a scope's keys; the braces show where its name ends."""
        base = f"{self._prefix}:{{{scope}}}"
        return [f"{base}:cells", f"{base}:log", f"{base}:counts", self._mark_key(mark(scope))]

    def _mark_key(self, wanted: str) -> str:
        return f"{self._prefix}:mark:{wanted}"

    def has_named_scopes(self) -> bool:
        return True  # another server may make one at any time

    def scope_of(self, wanted: str) -> str | None:
        found = self.ask(lambda client: client.get(self._mark_key(wanted)))
        return str(found) if found is not None and found != DEFAULT_SCOPE else None

    def close(self) -> None:
        self._closed.set()
        self._unblock()
        self._later.close(TIMEOUT)  # first: what it is asked for may need a Change
        self._changes.close(TIMEOUT)
        self._news.join(TIMEOUT)
        self._client.close()
        self._follower.close()

    # -- being away ---------------------------------------------------------------------------------------------------

    def check(self) -> None:
        if self._closed.is_set():
            raise StoreUnavailable(f"{self.name} was closed")
        if self.failure is not None:
            raise StoreUnavailable(f"{self.name} is away ({self.failure})")

    def ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        """Return what Redis answers. Raises StoreUnavailable if it refuses, and at once while it is known to be away."""
        self.check()
        try:
            return question(self._client)
        except RedisError as error:
            if isinstance(error, ResponseError) and not _is_passing(error):
                raise StoreUnavailable(f"{self.name} refuses ({_why(error)})") from None
            self.failure = _why(error)
            self._unblock()
            raise StoreUnavailable(f"{self.name} is away ({_why(error)})", asked=True) from None
        except Exception as error:  # what it said is no text, say
            raise self.unreadable(error) from None

    def commit(self, keys: list[str], arguments: list[str]) -> Any:
        """Return what the script says that takes Changes. Not for two threads at once.

        It has a connection of its own: the client and its pool look at each command for longer than all else here takes.
        """
        return self.ask(lambda client: self._committed(client, ["EVALSHA", self._commit.sha, "4", *keys, *arguments]))

    def _committed(self, client: redis.Redis, words: list[str]) -> Any:
        connection = self._committing
        if connection is None:
            connection = self._committing = client.connection_pool.get_connection()
        try:
            return self._said(connection, words)
        except NoScriptError:
            connection.send_command("SCRIPT LOAD", self._commit.script)
            connection.read_response()
            return self._said(connection, words)

    def _said(self, connection: Any, words: list[str]) -> Any:
        try:
            is_fresh = not connection.can_read()  # it connects; what comes unasked can only be the end of it
        except (RedisError, OSError):
            is_fresh = False
        if not is_fresh:
            connection.disconnect()
            connection.connect()
        connection.send_packed_command([_packed(words)], check_health=False)
        return connection.read_response()

    def unreadable(self, error: Exception) -> StoreUnavailable:
        """Rule 5."""
        return StoreUnavailable(
            f"{self.name} holds entries that mcmock did not write ({type(error).__name__}: {_why(error)})", asked=True
        )

    # -- working ------------------------------------------------------------------------------------------------------

    def work(self, call: Callable[[], None]) -> None:
        self._changes.ask(call)

    def soon(self, call: Callable[[], None]) -> None:
        self._later.ask(call)

    # -- hearing of news ----------------------------------------------------------------------------------------------

    def follow(self, ledger: RedisLedger) -> None:
        with self._lock:
            self._ledgers[ledger.log_key] = ledger
        self._unblock()

    def unfollow(self, ledger: RedisLedger) -> None:
        with self._lock:
            if self._ledgers.get(ledger.log_key) is ledger:
                del self._ledgers[ledger.log_key]

    def _unblock(self) -> None:
        """Have the follower look again: there is one stream more, or something has failed."""
        listening = self._listening
        if listening is not None and self.failure is None:
            try:
                self._client.client_unblock(listening)
            except RedisError as error:
                self.failure = _why(error)

    def _follow(self) -> None:
        try:
            while not self._closed.is_set():
                self._closed.wait(self._try_to_look())
        finally:
            self.failure = self.failure or "the thread that follows changes has ended"

    def _try_to_look(self) -> float:
        """Look for news; returns how many seconds to wait until the next look."""
        try:
            self._look()
        except RedisError as error:
            self.failure, self._listening = _why(error), None
            return RETRY
        except Exception as error:  # rule 5, or a bug of ours
            why = f"{type(error).__name__}: {_why(error)}"
            if why != self._broken:
                _logger.exception("cannot apply changes of %s", self.name)
            self.failure = self._broken = why
            self._listening = None
            return RETRY
        return POLL_INTERVAL

    def _look(self) -> None:
        """Wait for news, for a while. A Redis that was away and answers again is loaded anew by those who follow it."""
        if self.failure is not None:
            self._client.ping()
            self.failure = None
            self._wake(list(self._ledgers.values()))
        with self._lock:
            places: dict[Any, Any] = {key: f"{ledger.seen}-0" for key, ledger in self._ledgers.items()}
        if not places:
            self._closed.wait(FLUSH_DELAY)
            return
        if self._listening is None:
            self._listening = int(self._follower.client_id())
        found: Any = self._follower.xread(places, count=1, block=int(LISTENING * 1000))
        places_with_news = found if isinstance(found, dict) else [key for key, _ in found or ()]  # by RESP 3, and by 2
        self._wake([self._ledgers[key] for key in places_with_news if key in self._ledgers])

    def _wake(self, ledgers: list[RedisLedger]) -> None:
        for ledger in ledgers:
            ledger.wake()


class RedisLedger:
    """One scope in Redis."""

    shared: Literal[True] = True

    def __init__(self, store: RedisStore, scope: str, max_log_bytes: int, lives: int) -> None:
        self._store, self._scope, self._lives = store, scope, lives
        self.check, self.work, self.soon = store.check, store.work, store.soon
        self._max_log_bytes = max_log_bytes
        self._keys = store.keys(scope)
        self.log_key = self._keys[1]
        self.seen = 0
        self._texts = CellTexts()
        self._epoch, self._runs = "", -1
        self.wake: Callable[[], None] = lambda: None

    def load(self) -> Snapshot:
        runs = self._store.runs
        arguments: list[Any] = [secrets.token_hex(8), FORMAT, self._scope, self._lives]
        counts, cells = self._store.ask(lambda client: self._store.open(self._keys, arguments, client))
        try:
            held = self._snapshot(_pairs(counts), _pairs(cells), runs)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self._store.unreadable(error)}: choose another ?prefix=") from None
        if held is None:
            raise ValueError(
                f"{self._store.name} is used by a newer mcmock: update this one, or choose another ?prefix="
            )
        return held

    def _snapshot(self, known: dict[str, str], places: dict[str, str], runs: int) -> Snapshot | None:
        if int(known["format"]) > FORMAT:
            return None
        self._epoch, position = known["epoch"], int(known["position"])
        log = self._read(1, position)
        self.seen, self._runs = position, runs
        return Snapshot(
            tuple(cell_from(place, value) for place, value in places.items()), tuple(log),
            int(known["seq"]) + 1, int(known["evicted"]), position,
        )  # fmt: skip

    def _read(self, first: int, last: int) -> list[Change]:
        """Return the stream's Changes of these positions, as far as they are still there."""
        log: list[Change] = []
        while first <= last and (page := self._page(first, last)):
            log += [_change(place, fields) for place, fields in page]
            first = log[-1].position + 1
        return log

    def _page(self, first: int, last: int) -> Any:
        return self._store.ask(lambda client: client.xrange(self.log_key, f"{first}-0", f"{last}-0", PAGE))

    def commit_all(self, changes: list[Change], since: int, news: bool) -> list[CommitResult]:
        """In one round trip."""
        try:
            return self._commit_all(changes, since, news)
        except (KeyError, TypeError, ValueError) as error:
            raise self._store.unreadable(error) from None

    def _commit_all(self, changes: list[Change], since: int, news: bool) -> list[CommitResult]:
        if self._is_of_another_run():
            return [CommitResult(False, lost=True)] * len(changes)
        shared = next((read for change in changes for read in change.reads if read.table == VERSION), None)
        place, value = self._texts(shared) if shared is not None else ("", None)
        arguments = [
            self._epoch, str(since), str(self._lives), str(self._max_log_bytes), str(len(changes)), str(int(news)), place,
            value or "",
        ]  # fmt: skip
        for change in changes:
            arguments += _arguments(change, self._texts, shared)
        answer = self._store.commit(self._keys, arguments)
        if answer[0] == "lost":
            return [CommitResult(False, lost=True)] * len(changes)
        told = list(_told(changes, answer[2], answer[3]))
        if self._is_of_another_run():  # it was started again just now
            return [told[0]._replace(lost=True), *told[1:]]
        if not news:
            return told
        fresh = [_change(place, _pairs(fields)) for place, fields in answer[1]]
        taken = [(change, one) for change, one in zip(changes, told, strict=True) if one.accepted]
        fresh += [change._replace(reads=(), seq=one.seq, position=one.position) for change, one in taken]
        self.seen = max(self.seen, fresh[-1].position if fresh else 0)
        return [told[0]._replace(news=tuple(fresh)), *told[1:]]

    def news(self, since: int) -> CommitResult:
        """In one look that counts and reads at once, for the log may have been begun anew."""
        try:
            return self._news_since(since)
        except (KeyError, TypeError, ValueError) as error:
            raise self._store.unreadable(error) from None

    def _news_since(self, since: int) -> CommitResult:

        def question(client: redis.Redis) -> list[Any]:
            pipe: Any = client.pipeline(transaction=True)
            pipe.hmget(self._keys[2], ["epoch", "position"])
            pipe.xrange(self.log_key, f"{since + 1}-0", "+")
            return list(pipe.execute())

        (epoch, position), found = self._store.ask(question)
        if self._is_of_another_run() or epoch != self._epoch or int(position) < since:
            return CommitResult(True, lost=True)
        news = tuple(_change(place, fields) for place, fields in found)
        if int(position) > (news[-1].position if news else since):
            return CommitResult(True, lost=True)
        self.seen = max(self.seen, int(position))
        return CommitResult(True, news=news)

    def _is_of_another_run(self) -> bool:
        """Rule 4."""
        return self._runs != self._store.runs

    def follow(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self._store.follow(self)

    def leave(self) -> None:
        self._store.unfollow(self)

    def close(self) -> None:
        self._store.unfollow(self)


class _Packer:
    """Commands as Redis reads them. The client's own packer looks at each argument for longer than all else here takes."""

    def pack(self, *command: Any) -> list[bytes]:
        """Return a command, the first argument of which may be of several words, as bytes."""
        words = [one if isinstance(one, bytes) else str(one).encode() for one in (*command[0].split(), *command[1:])]
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            parts += b"$%d\r\n" % len(word), word, b"\r\n"
        return [b"".join(parts)]


def _packed(words: list[str]) -> bytes:
    """Return the words of a command as `_Packer` does, which nearly always are ASCII."""
    text = "".join([f"${len(word)}\r\n{word}\r\n" for word in words])
    if text.isascii():
        return f"*{len(words)}\r\n{text}".encode()
    return _Packer().pack(*words)[0]


# No retries by the client: a Change whose answer was lost may have been taken, and must not be made twice.
_WAITING: dict[str, Any] = {
    "socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "health_check_interval": 0,
    "retry": Retry(NoBackoff(), 0), "retry_on_timeout": False, "command_packer": _Packer(),
}  # fmt: skip


def _told(changes: list[Change], position: int, results: str | list[Any]) -> Iterator[CommitResult]:
    """Yield what became of each, from where the log stood and what the script says."""
    stood = position
    said = map(int, results.split()) if isinstance(results, str) else results
    for change, result in zip(changes, said, strict=True):
        if isinstance(result, list):
            places = zip(change.reads, result, strict=True)
            current = tuple(cell_from(place_text(cell), text or None) for cell, text in places)
            yield CommitResult(False, position=stood, current=current)
        else:
            position += 1
            yield CommitResult(True, result, position=position)


def _arguments(change: Change, texts: CellTexts, shared: Row | None) -> list[str]:
    """Return a Change as the script takes it; `shared` is the read that is told once for all."""
    reads, writes, entry, weight, deliveries, notice, *_ = change
    rests = bool(reads) and reads[0] == shared
    if rests:
        reads = reads[1:]
    arguments = [
        f"{weight} {len(reads)} {len(writes)} {1 if deliveries else 0}{1 if rests else 0}{notice}",
        entry_text(entry) if entry is not None else "",
    ]  # fmt: skip
    if len(writes) != 1:
        arguments.append(cells_text(map(texts, writes)) if writes else "")
    if deliveries:
        arguments.append(deliveries_text(deliveries))
    places = []
    for read in reads:
        place, value = texts(read)
        places.append(place)
        arguments += place, value or ""
    for number, write in enumerate(writes):
        place, value = texts(write)
        is_read = number < len(places) and places[number] == place
        arguments += "" if is_read else place, value or ""
    return arguments


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _change(place: str, fields: dict[str, str]) -> Change:
    """Return the Change that an entry of the stream tells of."""
    position = int(place.partition("-")[0])
    writes = cells_from(fields["w"]) if fields.get("w") else ()
    if "p" in fields:
        writes = (cell_from(fields["p"], fields["v"] or None),)
    deliveries = deliveries_from(fields["d"]) if "d" in fields else ()
    notice = fields.get("n", "")
    if "e" not in fields:
        return Change((), writes, deliveries=deliveries, notice=notice, position=position)
    seq = int(fields["s"])
    entry = entry_from(seq, fields["e"])
    return Change((), writes, entry, int(fields["b"]), deliveries, notice, seq, position)


def _without_prefix(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    prefix = query.pop("prefix", PREFIX)
    return urlunsplit(parts._replace(query=urlencode(query))), prefix


def _public(url: str) -> str:
    """Return an address without its password."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=place, query=""))


def _is_passing(error: ResponseError) -> bool:
    """Return whether Redis answers, but cannot do its work at the moment."""
    return str(error).startswith(("LOADING", "BUSY", "MASTERDOWN", "READONLY", "OOM", "MISCONF", "NOREPLICAS"))


def _why(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
