"""Adobe's Media Collection API: its paths, bodies, responses and schemas.

routes.py       the paths, and where a request leads
body.py         from the bytes of a body to a judgement of it
schemas.py      whether a body fits its schema, and how to say that it does not
lint.py         what is worth saying about a body that fits
templates.py    bodies that differ in digits alone from one that was judged
events.py       the events that a body holds
responses.py    every header line of every response
known_forms.py  the requests that are known by their form
recorded.py     what a recorded request says
operations.py   the API as an OpenAPI document describes it
protocol.py     all of it, as the engine sees it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.protocols.media_collection import operations, recorded, writing
    from mcmock.protocols.media_collection.protocol import MediaCollection
else:
    __getattr__ = handing_over(__name__, operations="", recorded="", writing="", protocol="MediaCollection")

__all__ = ["MediaCollection", "operations", "recorded", "writing"]
