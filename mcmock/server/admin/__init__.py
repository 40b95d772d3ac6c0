"""The control API under /__admin: one module for each noun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.server.admin import checks as checks
    from mcmock.server.admin import listings as listings
    from mcmock.server.admin import routes as routes
else:
    __getattr__ = handing_over(__name__, checks="", listings="", routes="")
