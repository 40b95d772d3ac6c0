"""What came on a connection and was not yet given to aiohttp, and where to cut it: it parses nothing.

aiohttp keeps a part of a head or of a body to itself, tells nobody how much, and forgets the whole requests of a packet
that ends in something it cannot read. So it is never given more at once than one head, or one body: whoever feeds it knows
after every piece what it has made of it, and what it still waits for. An HTTP/1 head ends at its first empty line; a body
ends after the bytes that aiohttp has said it has, or, in chunks, at an empty line, too, though not at each.
"""

from __future__ import annotations

_END = b"\r\n\r\n"


class Pieces:
    """Bytes in the order in which they came; false when there are none."""

    __slots__ = ("_at", "_before", "_data")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._before = (
            b""  # the last bytes of the same head or body that were handed out: its empty line may begin there
        )

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def __len__(self) -> int:
        return len(self._data) - self._at

    def add(self, data: bytes) -> None:
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def start_afresh(self) -> None:
        """From here on it is another head, or another body."""
        self._before = b""

    def up_to(self, count: int) -> bytes:
        """Return the next `count` bytes, or as many as there are."""
        piece = self._data[self._at : self._at + count]
        self._at += len(piece)
        return piece

    def up_to_empty_line(self) -> bytes:
        """Return what comes up to the end of the next empty line, or all there is."""
        found = (self._before + self._data[self._at : self._at + 3]).find(_END) if self._before else -1
        if found >= 0:
            piece = self.up_to(found + len(_END) - len(self._before))
        else:
            end = self._data.find(_END, self._at)
            piece = self.up_to(len(self) if end < 0 else end + len(_END) - self._at)
        self._before = (self._before + piece[-3:])[-3:]
        return piece

    def rest(self) -> bytes:
        """Return all there is."""
        return self.up_to(len(self))
