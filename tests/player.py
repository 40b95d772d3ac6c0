"""A player for tests of what people see: it plays over HTTP, and the emulator's clock keeps pace with its own."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS


def posted(url: str, value: Any, *headers: tuple[str, str]) -> Any:
    """POST a value, or bytes as they are; the answer, whatever its status."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    request = Request(
        url, text, {"Content-Type": "application/json", "User-Agent": "ExamplePlayer/2.1", **dict(headers)}
    )
    try:
        with urlopen(request) as answer:
            return answer
    except HTTPError as error:
        error.close()
        return error


def refused(url: str, path: str, value: Any) -> int:
    return int(posted(url + path, value).status)


class Player:
    """Opens a session at once. Moments are seconds since then; the emulator's clock is advanced to each."""

    def __init__(self, server: McmockServer, name: str, player: str = "a player", **params: Any) -> None:
        self._server = server
        self.ts = int(server.clock.now() * 1000)
        self._moment = 0.0
        identity = {"media.name": name, "media.id": name[:20], "media.playerName": player}
        start = self.event(0, "sessionStart", 0, params={**START_PARAMS, **identity, **params})
        location = posted(server.url + "/api/v1/sessions", start).headers["Location"]
        self.id = location.rpartition("/")[2]
        self._events = f"{server.url}{location}/events"

    def event(self, moment: float, event_type: str, playhead: float, **parts: Any) -> dict[str, Any]:
        ts = self.ts + round(moment * 1000)
        return {"eventType": event_type, "playerTime": {"playhead": round(playhead, 3), "ts": ts}, **parts}

    def send(self, moment: float, event_type: str, playhead: float, *, shift: float = 0, **parts: Any) -> int:
        """Send an event; `shift` seconds are added to its `ts` alone. Returns the status."""
        if moment > self._moment:
            self._server.clock.advance(moment - self._moment)
            self._moment = moment
        return self.raw(self.event(moment + shift, event_type, playhead, **parts))

    def raw(self, value: Any, *headers: tuple[str, str]) -> int:
        return int(posted(self._events, value, *headers).status)

    @staticmethod
    def ad(name: str, position: int, length: float = 15) -> dict[str, Any]:
        return {
            "media.ad.id": name.lower(), "media.ad.name": name, "media.ad.length": length,
            "media.ad.podPosition": position, "media.ad.playerName": "a player",
        }  # fmt: skip

    @staticmethod
    def ad_break(index: int, second: float = 0, name: str = "a break") -> dict[str, Any]:
        return {"media.ad.podIndex": index, "media.ad.podSecond": second, "media.ad.podFriendlyName": name}

    @staticmethod
    def chapter(name: str, index: int = 1, offset: float = 0, length: float = 60) -> dict[str, Any]:
        return {
            "media.chapter.index": index, "media.chapter.offset": offset, "media.chapter.length": length,
            "media.chapter.friendlyName": name,
        }  # fmt: skip


class Viewing:
    """A player whose time goes on by itself: `play` for so long, pings included."""

    def __init__(self, player: Player) -> None:
        self.player, self.moment, self.playhead = player, 0.0, 0.0

    def play(self, seconds: float) -> None:
        end = self.moment + seconds
        while self.moment + 10 < end:
            self.still(10)
            self.playhead += 10
            self.send("ping")
        self.playhead += end - self.moment
        self.moment = end

    def still(self, seconds: float) -> None:
        self.moment += seconds

    def send(self, event_type: str, **parts: Any) -> None:
        self.player.send(self.moment, event_type, self.playhead, **parts)

    def ad(self, name: str, position: int, seconds: int, end: str = "adComplete") -> None:
        self.send("adStart", params=self.player.ad(name, position, seconds))
        for _ in range(seconds - 1):
            self.still(1)
            self.send("ping")
        self.still(1)
        self.send(end)
        self.still(0.05)


def evening(server: McmockServer, *, others: bool = False) -> Player:
    """A session with some of everything in it, mistakes included; `others` are played before it."""
    if others:
        _others(server)
    player = Player(
        server, "The Long Tide", "living room TV", **{"media.length": 420.0, "media.channel": "Harbour One"}
    )
    viewing = Viewing(player)
    _opening(viewing)
    _middle(viewing)
    _mistakes(viewing)
    _ending(viewing)
    return player


def _opening(viewing: Viewing) -> None:
    viewing.still(0.1)
    viewing.send("adBreakStart", params=Player.ad_break(0, 0, "pre-roll"))
    viewing.still(0.05)
    viewing.ad("Coffee", 1, 15)
    viewing.ad("Car", 2, 10)
    viewing.send("adBreakComplete")
    viewing.still(0.05)
    viewing.send("chapterStart", params=Player.chapter("Ebb", 1, 0, 120))
    viewing.still(0.05)
    quality = {
        "media.qoe.bitrate": 2400,
        "media.qoe.droppedFrames": 0,
        "media.qoe.framesPerSecond": 50,
        "media.qoe.timeToStart": 900,
    }
    viewing.send("bitrateChange", qoeData=quality)
    viewing.still(0.05)
    viewing.send("play")


def _middle(viewing: Viewing) -> None:
    viewing.play(41)
    viewing.send("bufferStart")
    viewing.still(4.5)
    viewing.send("play")
    viewing.play(13)
    viewing.send("stateStart", params={"media.state.name": "fullScreen"})
    viewing.play(22)
    viewing.send("pauseStart")
    viewing.still(10)
    viewing.send("ping")
    viewing.still(8)
    viewing.send("play")
    viewing.play(10)
    viewing.send("bitrateChange", qoeData={"media.qoe.bitrate": 4800})
    viewing.play(12)
    viewing.send("stateStart", params={"media.state.name": "mute"})
    viewing.play(15)
    viewing.send("stateEnd", params={"media.state.name": "mute"})
    viewing.play(8)
    viewing.send("chapterComplete")
    viewing.still(0.05)
    viewing.send("chapterStart", params=Player.chapter("Flood", 2, 120, 150))


def _mistakes(viewing: Viewing) -> None:
    """A body cut short, a playhead in words, an ad outside its break, half a minute of silence."""
    viewing.play(20)
    viewing.player.raw(b'{"eventType": "ping", "playerTime": {"playhead": ')
    viewing.play(6)
    viewing.player.raw(
        {"eventType": "ping", "playerTime": {"playhead": "soon", "ts": viewing.player.ts + int(viewing.moment * 1000)}}
    )
    viewing.play(8)
    viewing.send("adStart", params=Player.ad("Stray", 1, 10))
    viewing.still(7)
    viewing.send("adComplete")
    viewing.still(0.05)
    viewing.send("play")
    viewing.play(24)
    viewing.still(32)
    viewing.playhead += 32
    viewing.send("ping")


def _ending(viewing: Viewing) -> None:
    viewing.play(18)
    viewing.send("stateEnd", params={"media.state.name": "fullScreen"})
    viewing.still(0.05)
    viewing.send("adBreakStart", params=Player.ad_break(1, 180, "mid-roll"))
    viewing.still(0.05)
    viewing.ad("Phone", 1, 6, "adSkip")
    viewing.send("adBreakComplete")
    viewing.still(0.05)
    viewing.send("play")
    viewing.play(35)
    viewing.send("ping", customMetadata={"note": "<img src=x onerror=alert(1)>"})
    viewing.play(3)
    viewing.send("ping")


def _others(server: McmockServer) -> None:
    news = Player(server, "Evening News", "browser", **{"media.contentType": "live", "media.length": 86400.0})
    news.send(0.2, "play", 40_000)
    for step in range(1, 12):
        news.send(step * 10, "ping", 40_000 + step * 10)
    stories = Player(server, "Kitchen Stories", "tablet")
    stories.send(0.1, "play", 0)
    for step in range(1, 6):
        stories.send(step * 10, "ping", step * 10)
    stories.send(60, "sessionComplete", 60)
    stories.send(60.1, "sessionEnd", 60)
    stories.send(61, "ping", 60)
    refused(
        server.url,
        "/api/v1/sessions",
        {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1}, "params": {}},
    )
    markup = Player(server, "<img src=x onerror=alert(1)>", "phone")
    markup.send(0.1, "play", 0)
    markup.send(10, "pauseStart", 10)
