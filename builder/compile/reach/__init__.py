"""What every row of a tape reads and writes, as byte ranges: found and checked when a plan is made.

A tape holds bare addresses. Each kernel has a function here that reads a row's fields as the kernel does and states the
ranges (`row.REACH`); a row whose ranges leave the buffers that its call names is refused before it ever runs. That the
statements are true is tested by running rows one by one (tests/builder/compile/test_reach.py).
"""

from __future__ import annotations

from . import affine, large, losses, near, passes, pooled, rows, tiles, winograd  # noqa: F401  # they register their kernels
from .regions import BrokenPlan, Regions
from .row import REACH, Range, Row, Tables

__all__ = ["REACH", "BrokenPlan", "Range", "Regions", "Row", "Tables", "ranges"]


def ranges(row: Row) -> list[Range]:
    """Return what the row touches. Raises BrokenPlan where its kernel states nothing or a table is too short."""
    state = REACH.get(row.kernel)
    if state is None:
        raise BrokenPlan(f"The kernel {row.kernel} does not state what it reads and writes; see compile/reach.")
    try:
        state(row)
    except LookupError as error:
        raise BrokenPlan(f"{row.kernel}: {error}.") from None
    return row.ranges
