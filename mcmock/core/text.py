"""Text of files as people's editors and shells write it: with a byte order mark, with CRLF, as UTF-16 where Windows made it."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def utf8(data: bytes) -> bytes:
    """Return the bytes of a file as UTF-8 without a byte order mark; without a mark they are taken for UTF-8.

    Raises ValueError where a mark promises what does not follow.
    """
    form = next((form for mark, form in _MARKS if data.startswith(mark)), None)
    return data if form is None else data.decode(form).encode()


def decoded(data: bytes) -> str:
    """Return the text of a file. Raises ValueError where it is not UTF-8, nor what its byte order mark promises."""
    return utf8(data).decode().replace("\r\n", "\n")
