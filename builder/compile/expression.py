"""From the terms of schemas/expression.py to the stack programs that kernels/pointwise.py runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas import expression
from schemas.expression import Term

from ..kernels import codes

_CODES: dict[str, int] = {
    "+": codes.ADD, "-": codes.SUBTRACT, "*": codes.MULTIPLY, "/": codes.DIVIDE, "**": codes.POWER,
    ">": codes.GREATER, ">=": codes.GREATER_EQUAL, "<": codes.LESS, "<=": codes.LESS_EQUAL,
    "max": codes.MAXIMUM, "min": codes.MINIMUM, "where": codes.WHERE, "neg": codes.NEGATE,
    "exp": codes.EXP, "log": codes.LOG, "log1p": codes.LOG1P, "sqrt": codes.SQRT,
    "abs": codes.ABS, "sign": codes.SIGN, "tanh": codes.TANH_OF, "sigmoid": codes.SIGMOID_OF,
    "erf": codes.ERF, "sin": codes.SIN, "cos": codes.COS,
}  # fmt: skip
LOADS = {"x": codes.LOAD_X, "y": codes.LOAD_Y}


@dataclass
class Program:
    """(operation, argument) pairs in postfix order, the constants they name, and the stack they need."""

    code: list[int] = field(default_factory=list)
    constants: list[float] = field(default_factory=list)
    depth: int = 0


def program(term: Term, loads: Mapping[str, int] = LOADS, places: Mapping[str, int] | None = None) -> Program:
    """Return the program of a term. `loads` says which operand a name is; a name in `places` stands in the constants
    at that number, where the kernel puts it."""
    made = Program()
    held = dict(places or {})
    made.constants = [0.0] * len(held)

    def emit(here: Term, depth: int) -> None:
        """Leave the term's value on the stack, which holds `depth` values already."""
        made.depth = max(made.depth, depth + 1)
        if here.op == "number":
            made.code += [codes.CONSTANT, len(made.constants)]
            made.constants.append(here.value)
        elif here.op == "softplus":  # log(1 + exp(a)) without overflow
            a = here.args[0]
            small = Term("log1p", (Term("exp", (Term("neg", (Term("abs", (a,)),)),)),))
            emit(Term("+", (Term("max", (a, expression.ZERO)), small)), depth)
        elif here.op == "name":
            made.code += [codes.CONSTANT, held[here.name]] if here.name in held else [loads[here.name], 0]
        else:
            for i, argument in enumerate(here.args):
                emit(argument, depth + i)
            made.code += [_CODES[here.op], 0]

    emit(term, 0)
    return made


def parse(text: str, names: tuple[str, ...] = ("x", "y")) -> Program:
    """Return the program of an expression, or raise UsageError that says which part is not understood.

    >>> parse("max(x, 0)").depth
    2
    """
    return program(expression.parse(text, names))
