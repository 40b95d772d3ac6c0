"""Who a request is from: the ECID that it names, the organization whose cookies it has, and the cookies it gets.

The value of the identity cookie is that of the one recorded answer: base64 of a protobuf message with the ECID in field 1, and
in field 10 the time and the region.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

IDENTITY_SECONDS: Final = 34_128_000
CLUSTER_SECONDS: Final = 1_800

_COOKIE: Final = re.compile(r"kndctr_([0-9A-Fa-f]{24})_AdobeOrg_(identity|cluster)")
_COOKIE_LINE: Final = re.compile(rb"(kndctr_[0-9A-Fa-f]{24}_AdobeOrg_(?:identity|cluster))=([^;\s]+)")
_ECID: Final = re.compile(rb"\n\x26(\d{38})")
_DIGITS: Final = 38
_PLAIN: Final = str.maketrans("-_", "+/")


def cookies_in(meta: Any, cookie_line: bytes | None) -> dict[str, str]:
    """Return the Edge Network's own cookies: those in `meta.state.entries`, and those of a Cookie line."""
    found = (
        {} if cookie_line is None else {k.decode(): v.decode("latin-1") for k, v in _COOKIE_LINE.findall(cookie_line)}
    )
    state = meta.get("state") if isinstance(meta, dict) else None
    entries = state.get("entries") if isinstance(state, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        key, value = (entry.get("key"), entry.get("value")) if isinstance(entry, dict) else (None, None)
        if isinstance(key, str) and isinstance(value, str) and _COOKIE.fullmatch(key):
            found[key] = value
    return found


def org_in(cookies: Mapping[str, str]) -> str | None:
    """Return the organization that the cookies are of."""
    found = next((match for name in cookies if (match := _COOKIE.fullmatch(name))), None)
    return f"{found[1]}@AdobeOrg" if found is not None else None


def ecid_of(xdm: Any, whole: Any, cookies: Mapping[str, str]) -> str | None:
    """Return the ECID that an event, its request, or an identity cookie names."""
    for holder in (xdm, whole):
        if (named := next(_ecids(holder), None)) is not None:
            return named
    return next(
        (ecid for name, value in cookies.items() if name.endswith("_identity") and (ecid := _decoded(value))), None
    )


def _ecids(holder: Any) -> Iterator[str]:
    if not isinstance(holder, dict):
        return
    for key in ("identityMap", "identitymap"):  # Roku's SDK writes it in small letters
        named = holder.get(key)
        listed = named.get("ECID") if isinstance(named, dict) else None
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]:
                yield one["id"]


def _decoded(value: str) -> str | None:
    try:
        text = base64.b64decode(value.translate(_PLAIN) + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return None
    found = _ECID.match(text)
    return found[1].decode() if found is not None else None


def made_up(words: str) -> str:
    """Return an ECID for a visitor who has none yet: 38 digits, the same ones for the same words."""
    number = int.from_bytes(hashlib.sha256(f"ecid {words}".encode("utf-8", "surrogatepass")).digest())
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def cookie_value(ecid: str, region: str, now: float) -> str:
    """Return the value of the identity cookie of a visitor; `now` is in seconds."""
    ms, text = _varint(int(now * 1000)), region.upper().encode("latin-1", "replace")
    inner = b"\x08" + ms + b"\x18\x01*" + _varint(len(text)) + text
    name = ecid.encode("utf-8", "replace")
    whole = b"\n" + _varint(len(name)) + name + b"R" + _varint(len(inner)) + inner + b"\xf0\x01" + ms
    return base64.urlsafe_b64encode(whole).decode()


def _varint(number: int) -> bytes:
    """Return a whole number as protobuf writes it: seven bits a byte, the lowest first."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
