"""Adobe's Media Edge API: media events as XDM, sent to the Edge Network.

routes.py      the paths, and where a request leads
events.py      the events that a body holds
fields.py      what mediaCollection calls what the rest of mcmock knows by its Media Collection name
times.py       date and time with an offset, and milliseconds
identity.py    who a request is from, and the cookies that it gets
body.py        from the bytes of a body to a judgement of it
problems.py    what is said of a request that is refused
responses.py   every header line of every response
protocol.py    all of it, as the engine sees it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.protocols.media_edge import body, events, fields, identity, operations, recorded, schemas, writing
    from mcmock.protocols.media_edge.protocol import MediaEdge
else:
    __getattr__ = handing_over(
        __name__, body="", events="", fields="", identity="", operations="", recorded="", schemas="", writing="",
        protocol="MediaEdge",
    )  # fmt: skip

__all__ = ["MediaEdge", "body", "events", "fields", "identity", "operations", "recorded", "schemas", "writing"]
