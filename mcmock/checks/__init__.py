"""Whether it was so: one check, a sequence of events, a check that waits for arrivals, and the words of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.checks import verdict as verdict
    from mcmock.checks import verification as verification
    from mcmock.checks import waiting as waiting
else:
    __getattr__ = handing_over(
        __name__,
        verdict="",
        verification="",
        waiting="",
    )
