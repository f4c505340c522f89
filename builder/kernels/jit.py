"""Numba's names for the files of this folder: the real ones where kernels are compiled, stand-ins everywhere else.

Kernels are compiled by processes of their own (compiling.py), once per machine. Every other process loads their machine
code (objects.py) and needs from these files only the numbers of slots: so it starts half a second sooner, and takes
80 MB less, than with Numba.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

if os.environ.get("TSUMIKI_COMPILES"):
    # LLVM's third level takes a fifth more time and made no training faster (VGG-16, ResNet-20 and two small nets).
    os.environ.setdefault("NUMBA_OPT", "2")
    import numba
    from numba.core import cgutils as _cgutils
    from numba.extending import intrinsic as _intrinsic

    from .translate import Helper as _Helper

    carray: Any = numba.carray
    cfunc: Any = numba.cfunc
    cgutils: Any = _cgutils
    intrinsic: Any = _intrinsic
    njit: Any = _Helper
    types: Any = numba.types
    uint64: Any = numba.uint64
else:

    def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    carray = cfunc = cgutils = types = None
    intrinsic = njit = _as_it_is
    uint64 = int
