"""The JSON of each noun, its schema, and the log as NDJSON and HAR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.serialization import json_shapes as json_shapes
else:
    __getattr__ = handing_over(__name__, json_shapes="")
