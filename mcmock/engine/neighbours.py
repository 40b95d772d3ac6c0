"""Which sessions stand beside which: those of the same viewer and content, and the one that a viewer began before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from mcmock.core import turns
from mcmock.core.sessions import Session

if TYPE_CHECKING:
    from mcmock.analytics import View

NEAR: Final = 8
"""Sessions of one view that one is compared with, on either side: players try to start one three times."""


class Neighbours:
    """The order of the `sessions` of each viewer. `view_of` looks up whose view a session is, None for one that names nothing."""

    def __init__(self, sessions: Mapping[str, Session], view_of: Callable[[str], View | None]) -> None:
        self._sessions, self._look_up = sessions, view_of
        self.clear()

    def clear(self) -> None:
        """Forget every session."""
        self._views: dict[View, list[str]] = {}  # sessions of the same viewer and content, oldest first
        self._latest: dict[tuple[str, ...], str] = {}  # the latest session of each viewer
        self._previous: dict[str, str] = {}  # the one before a session, of the same viewer
        self._next: dict[str, str] = {}  # the other way round
        self._view_of: dict[str, tuple[View | None, int]] = {}  # which of them a session is

    def remains(self) -> list[object]:
        """Return what of it takes long to let go of."""
        return [*self._view_of.values()]

    def catch_up(self) -> None:
        """Take in the sessions that were opened since the last time."""
        if len(self._view_of) == len(self._sessions):
            return
        for session_id in [one for one in self._sessions if one not in self._view_of]:
            turns.pause()
            if session_id in self._view_of or session_id not in self._sessions:
                continue  # another question was faster, or it is gone
            view = self._look_up(session_id)
            alike = self._views.setdefault(view, []) if view is not None else []
            self._view_of[session_id] = view, len(alike)
            alike.append(session_id)
            if view is not None and view[0][0]:  # it names a viewer
                if (previous := self._latest.get(view[0])) is not None:
                    self._previous[session_id] = previous
                    self._next[previous] = session_id
                self._latest[view[0]] = session_id

    def forget(self, session_id: str) -> None:
        """Forget a session that is gone."""
        view, place = self._view_of.pop(session_id, (None, 0))
        self._next.pop(self._previous.pop(session_id, ""), None)
        self._next.pop(session_id, None)
        if view is None:
            return
        if self._latest.get(view[0]) == session_id:
            del self._latest[view[0]]
        alike = self._views[view]
        alike[place] = ""  # the others keep their places
        while alike and not alike[-1]:
            alike.pop()
        if not alike:
            del self._views[view]

    def before(self, session_id: str) -> tuple[str, str]:
        """Return the session that the same viewer began before this one, of other content, and the one of the same content;
        an empty text for one there is not (any more)."""
        view, place = self._view_of.get(session_id, (None, 0))
        previous = self._previous.get(session_id, "")
        if self._view_of.get(previous, (view,))[0] == view:
            previous = ""
        return previous, self._views[view][place - 1] if view is not None and place else ""

    def beside(self, session_id: str) -> list[str]:
        """Return the nearest sessions of the same view, oldest first, itself among them; nothing where it is the only one."""
        view, place = self._view_of.get(session_id, (None, 0))
        if view is None or len(self._views[view]) < 2:
            return []
        return [one for one in self._views[view][max(0, place - NEAR) : place + NEAR + 1] if one]

    def of(self, session_id: str) -> tuple[str, ...]:
        """Return itself, and all that it is compared with."""
        return session_id, *filter(None, self.before(session_id)), *self.beside(session_id)

    def resting_on(self, session_id: str) -> tuple[str, ...]:
        """Return those that are compared with it."""
        later = self._next.get(session_id)
        return (*self.beside(session_id), later) if later is not None else tuple(self.beside(session_id))
