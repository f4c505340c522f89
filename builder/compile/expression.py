"""Parse the expressions of `ops.Pointwise` by a whitelist and turn them into a stack program. Nothing is ever executed.

Grammar: numbers, `x`, `y` (the function's own value; derivatives only), `pi`; + - * / ** and unary minus; comparisons
(1 where true, else 0); max(a, b), min(a, b), where(condition, a, b), exp, log, log1p, sqrt, abs, sign, tanh, sigmoid,
erf, sin, cos.
"""

from __future__ import annotations

import ast
import math
import sys
from dataclasses import dataclass, field

from schemas.errors import UsageError

from ..kernels import codes

_BINARY: dict[type[ast.operator], int] = {
    ast.Add: codes.ADD,
    ast.Sub: codes.SUBTRACT,
    ast.Mult: codes.MULTIPLY,
    ast.Div: codes.DIVIDE,
    ast.Pow: codes.POWER,
}
_COMPARE: dict[type[ast.cmpop], int] = {
    ast.Gt: codes.GREATER,
    ast.GtE: codes.GREATER_EQUAL,
    ast.Lt: codes.LESS,
    ast.LtE: codes.LESS_EQUAL,
}
_FUNCTIONS: dict[str, tuple[int, int]] = {
    "max": (codes.MAXIMUM, 2), "min": (codes.MINIMUM, 2), "where": (codes.WHERE, 3),
    "exp": (codes.EXP, 1), "log": (codes.LOG, 1), "log1p": (codes.LOG1P, 1), "sqrt": (codes.SQRT, 1),
    "abs": (codes.ABS, 1), "sign": (codes.SIGN, 1), "tanh": (codes.TANH_OF, 1), "sigmoid": (codes.SIGMOID_OF, 1),
    "erf": (codes.ERF, 1), "sin": (codes.SIN, 1), "cos": (codes.COS, 1),
}  # fmt: skip
LONGEST, DEEPEST = 1000, 30
LARGEST = sys.float_info.max


@dataclass
class Program:
    """(operation, argument) pairs in postfix order, the constants they name, and the stack they need."""

    code: list[int] = field(default_factory=list)
    constants: list[float] = field(default_factory=list)
    depth: int = 0


def _number(value: object) -> float | None:
    """Return a literal as a number, or None where it is none (True is none) or too large."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return float(value)
    return None


def parse(text: str, names: tuple[str, ...] = ("x", "y")) -> Program:
    """Return the program of an expression, or raise UsageError that says which part is not understood.

    >>> parse("max(x, 0)").depth
    2
    """
    if len(text) > LONGEST:
        raise UsageError(f"The expression has {len(text)} characters; at most {LONGEST} are allowed.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"The expression {text!r} cannot be read: {error}.") from None
    program = Program()
    loads = {"x": codes.LOAD_X, "y": codes.LOAD_Y}

    def refuse(node: ast.AST, why: str) -> UsageError:
        part = ast.get_source_segment(text.strip(), node) or text
        return UsageError(f"In the expression {text!r}, {part!r} {why}.")

    def constant(value: float) -> None:
        program.code += [codes.CONSTANT, len(program.constants)]
        program.constants.append(value)

    def emit(node: ast.AST, depth: int, level: int) -> None:
        """Leave the node's value on the stack, which holds `depth` values already."""
        if level > DEEPEST:
            raise refuse(node, f"is nested deeper than {DEEPEST} levels")
        program.depth = max(program.depth, depth + 1)
        if isinstance(node, ast.Constant) and _number(node.value) is not None:
            constant(float(_number(node.value) or 0))
        elif isinstance(node, ast.Name) and node.id == "pi":
            constant(math.pi)
        elif isinstance(node, ast.Name) and node.id in names:
            program.code += [loads[node.id], 0]
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            emit(node.left, depth, level + 1)
            emit(node.right, depth + 1, level + 1)
            program.code += [_BINARY[type(node.op)], 0]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            emit(node.operand, depth, level + 1)
            program.code += [codes.NEGATE, 0]
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            emit(node.left, depth, level + 1)
            emit(node.comparators[0], depth + 1, level + 1)
            program.code += [_COMPARE[type(node.ops[0])], 0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            operation, count = _FUNCTIONS[node.func.id]
            if len(node.args) != count or node.keywords:
                raise refuse(node, f"needs {count} argument{'s' if count > 1 else ''}")
            for i, argument in enumerate(node.args):
                emit(argument, depth + i, level + 1)
            program.code += [operation, 0]
        else:
            raise refuse(
                node, f"is not allowed; use numbers, {', '.join(names)}, + - * / ** and {', '.join(_FUNCTIONS)}"
            )

    emit(tree.body, 0, 0)
    return program
