"""Which account the passing time belongs to, as one table and the few events that move it. No numbers are kept here.

Rules of this file:

1. Main content and an ad break have a playback state each. A break leaves the state of the content as it was, and gives
   it back: content "has remained playing" through the break (timeline 1, action 10).
2. Every moment of a session has exactly one label, so that the labels' times add up to the session's.
3. An ad outside its break is ignored and its time goes to main content (events/ads): such a stray ad makes the content
   play for as long as it lasts, and says nothing else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STARTING: Final = "starting"
PLAYING: Final = "playing"
PAUSED: Final = "paused"
BUFFERING: Final = "buffering"
COMPLETED: Final = "completed"

PLAYBACK_EVENTS: Final[dict[str, str]] = {
    # event       state after it             source
    "play": PLAYING,  #                      events/playback/play: first frame, return from pause, buffer or error
    "pauseStart": PAUSED,  #                 events/playback/pause-start; a seek is reported as pauseStart … play
    "bufferStart": BUFFERING,  #             events/playback/buffer-start; the newest state wins
}

LABELS: Final[dict[tuple[str, str], str]] = {
    # where      state        label
    ("content", STARTING): "starting",
    ("content", PLAYING): "content",
    ("content", PAUSED): "pause",
    ("content", BUFFERING): "buffer",
    ("content", COMPLETED): "completed",
    ("ad", PLAYING): "ad",
    ("ad", PAUSED): "pause",  #              C-59: pause time counts, ad time stops
    ("ad", BUFFERING): "buffer",
    ("gap", PLAYING): "gap",  #              C-29: in a break with no ad open, credited to nobody
    ("gap", PAUSED): "pause",
    ("gap", BUFFERING): "buffer",
}

ALL_LABELS: Final = ("content", "ad", "pause", "buffer", "stall", "starting", "gap", "completed")
UNATTRIBUTED: Final = ("starting", "gap", "completed")
"""Before the first play, in a break between its ads, and after sessionComplete: time that is in no metric."""


class Playback(NamedTuple):
    """Where a session stands: what the content does, and what the ad break does while one is open."""

    main: str = STARTING
    in_break: bool = False
    in_ad: bool = False
    inner: str = PLAYING
    before_stray: str | None = None  # the content's state before an ad outside a break

    @property
    def where(self) -> str:
        if not self.in_break:
            return "content"
        return "ad" if self.in_ad else "gap"

    @property
    def state(self) -> str:
        return self.inner if self.in_break else self.main

    @property
    def declared(self) -> str:
        """The state as the player put it, which an ad outside a break may hide."""
        return self.state if self.in_break or self.before_stray is None else self.before_stray

    @property
    def label(self) -> str:
        return LABELS[self.where, self.state]

    @property
    def plays(self) -> bool:
        """Whether time goes to main content."""
        return not self.in_break and self.main == PLAYING

    @property
    def watching(self) -> bool:
        """Whether main content plays with no stray ad in front of it: when the playhead is expected to move."""
        return self.plays and self.before_stray is None

    def switch(self, state: str) -> Playback:
        if self.in_break:
            return self._replace(inner=state)
        return self._replace(main=state, before_stray=None)

    def open_break(self) -> Playback:
        return self.end_stray()._replace(in_break=True, in_ad=False, inner=PLAYING)

    def close_break(self) -> Playback:
        return self._replace(in_break=False, in_ad=False, inner=PLAYING)

    def open_ad(self) -> Playback:
        """The service switches to playing by itself on adStart: no play is sent inside ads."""
        return self._replace(in_ad=True, inner=PLAYING)

    def close_ad(self) -> Playback:
        return self._replace(in_ad=False, inner=PLAYING)

    def open_stray(self) -> Playback:
        return self if self.before_stray is not None else self._replace(main=PLAYING, before_stray=self.main)

    def end_stray(self) -> Playback:
        return self if self.before_stray is None else self._replace(main=self.before_stray, before_stray=None)

    def complete(self) -> Playback:
        """sessionComplete: nothing of the content plays any more, though the session stays open (C-21)."""
        return self._replace(main=COMPLETED, before_stray=None)
