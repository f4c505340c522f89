"""How Numba's functions become one kernel: typed once for any whole numbers, optimised and translated as a whole.

Only processes that compile import this file (jit.py). What Numba does by itself costs two fifths more: ways in from
Python, a function anew for each constant that a call names, and machine code for each function on its own, though it
runs in none but kernels, where all is done again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from numba.core import config, types as _types
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import CPUDispatcher, cpu_target

types: Any = _types  # its names are made at run time


class Helper(CPUDispatcher):
    """A function that kernels call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        options = {"nopython": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        super().__init__(function, targetoptions=options)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return how a call is typed: a constant as any whole number."""
        return super().get_call_template([_any_number(kind) for kind in args], kws)


def _any_number(kind: Any) -> Any:
    if isinstance(kind, types.BaseTuple):
        return types.BaseTuple.from_types([_any_number(one) for one in kind])
    return types.unliteral(kind) if isinstance(kind, types.IntegerLiteral) else kind


class Part(JITCodeLibrary):
    """LLVM's code of a function and all that it calls."""

    def finalize(self) -> None:
        """Take in what the function calls; nothing more is done before `machine_code`."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: nothing runs in this process."""
        self._ensure_finalized()
        return 0

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def machine_code(self) -> bytes:
        """Return the object file of a kernel."""
        options = llvm.create_pipeline_tuning_options(speed_level=int(config.OPT))
        options.loop_vectorization, options.slp_vectorization = True, False
        builder = llvm.create_pass_builder(self._codegen._tm, options)
        passes = builder.getModulePassManager()
        passes.add_refprune_pass()
        passes.run(self._final_module, builder)
        return bytes(self._codegen._tm.emit_object(self._final_module))


_codegen = cpu_target.target_context.codegen()
_codegen._library_class = Part
_codegen.set_env = lambda name, environment: None  # what a function would need that Python calls
