"""Expressions of Pointwise: what is understood, what is refused, and that the kernel computes what NumPy computes."""

import math
import warnings

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.compile import expression
from builder.kernels import pointwise
from builder.kernels.codes import KINDS
from schemas import ops
from schemas.errors import UsageError
from schemas.expression import DEEPEST, derive, parse, text as written
from schemas.layer import REGISTRY

HOSTILE = {
    "empty": "",
    "only spaces": "   ",
    "attribute": "x.__class__",
    "call of an attribute": "x.sum()",
    "unknown name": "z",
    "unknown function": "open(x)",
    "import": "__import__('os')",
    "eval": "eval('x')",
    "text": "'x'",
    "bytes": "b'x'",
    "truth": "True",
    "nothing": "None",
    "ellipsis": "...",
    "complex": "2j",
    "list": "[x]",
    "comprehension": "[x for x in y]",
    "lambda": "lambda x: x",
    "walrus": "(x := 1)",
    "statement": "x = 1",
    "two statements": "x; y",
    "lines": "x\ny",
    "subscript": "x[0]",
    "conditional": "x if y else 1",
    "boolean": "x and y",
    "not": "not x",
    "plus": "+x",
    "invert": "~x",
    "matrix product": "x @ y",
    "floor": "x // 2",
    "modulo": "x % 2",
    "shift": "1 << 9",
    "chain": "0 < x < 1",
    "equal": "x == 1",
    "keyword": "max(x, y, default=1)",
    "starred": "max(*x)",
    "too few": "max(x)",
    "too many": "exp(x, y)",
    "called twice": "exp(x)(y)",
    "infinite": "1e999",
    "huge whole number": "1" + "0" * 400,
    "digits beyond Python's limit": "9" * 999,
    "too long": "x+" * 600 + "x",
    "parentheses": "(" * 300 + "x" + ")" * 300,
    "signs": "-" * 900 + "x",
    "nested calls": "exp(" * 40 + "x" + ")" * 40,
    "left-deep sum": "x" + "+x" * 40,
    "null byte": "x\0",
    "f-string": "f'{x}'",
    "await": "await x",
    "generator": "max(x for x in y)",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_by_our_own_error(text):
    with pytest.raises(UsageError, match="expression"):
        expression.parse(text)


def test_names_are_those_that_the_caller_allows():
    with pytest.raises(UsageError, match="'y' is not allowed"):
        expression.parse("x * y", names=("x",))


def test_a_tower_of_powers_is_parsed_without_being_computed():
    program = expression.parse("9 ** 9 ** 9 ** 9 * x")
    assert pointwise.twin_program_forward(program.code, program.constants, np.ones(1)) == np.inf


LEAVES = {
    "0": lambda x, y: np.zeros_like(x),
    "1": lambda x, y: np.ones_like(x),
    "2.5": lambda x, y: np.full_like(x, 2.5),
    "1e3": lambda x, y: np.full_like(x, 1000),
    "pi": lambda x, y: np.full_like(x, np.pi),
    "x": lambda x, y: x,
    "y": lambda x, y: y,
}
NODES = {
    "({} + {})": np.add, "({} - {})": np.subtract, "({} * {})": np.multiply, "({} / {})": np.divide,
    "({} ** {})": np.power,
    "max({}, {})": np.maximum, "min({}, {})": np.minimum, "({} > {})": np.greater, "({} >= {})": np.greater_equal,
    "({} < {})": np.less, "({} <= {})": np.less_equal, "(-{})": np.negative, "exp({})": np.exp, "log({})": np.log,
    "log1p({})": np.log1p, "sqrt({})": np.sqrt, "abs({})": np.abs, "sign({})": np.sign, "tanh({})": np.tanh,
    "sigmoid({})": pointwise.twin_sigmoid_forward, "erf({})": np.vectorize(math.erf, otypes=[float]), "sin({})": np.sin,
    "cos({})": np.cos, "where({}, {}, {})": lambda c, a, b: np.where(c != 0, a, b),
}  # fmt: skip
"""Text of an operation -> what it means."""


def join(template, *parts):
    """Return (text, meaning) of an operation on parts of the same form."""

    def meaning(x, y):
        return np.asarray(NODES[template](*(part(x, y) for _, part in parts)), float)

    return template.format(*(text for text, _ in parts)), meaning


def larger(smaller):
    return st.one_of(
        *(st.builds(join, st.just(template), *[smaller] * template.count("{}")) for template in NODES),
    )


expressions = st.recursive(st.sampled_from(list(LEAVES.items())), larger, max_leaves=12)


@given(expressions, st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_a_program_means_what_the_text_says(drawn, seed):
    text, meaning = drawn
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal(9) * 2, rng.standard_normal(9)
    program = expression.parse(text)
    assert 0 < program.depth <= DEEPEST + 3
    with np.errstate(all="ignore"):
        expected = meaning(x, y)
    np.testing.assert_allclose(
        pointwise.twin_program_forward(program.code, program.constants, x, y), expected, rtol=1e-12
    )


@given(expressions, st.integers(0, 99), st.integers(1, 300))
@settings(deadline=None, max_examples=40)
def test_the_kernel_computes_what_its_twin_computes(drawn, seed, size):
    text = drawn[0].replace("y", "x")
    program = expression.parse(text)
    x = np.random.default_rng(seed).standard_normal((2, size)) * 2
    made = curve(text, "1", size)
    made.feeds.inputs[:] = x
    made.run(1)
    expected = pointwise.twin_program_forward(program.code, program.constants, x)
    huge = np.abs(expected) > 1e300  # pow and exp of the C library and of NumPy may overflow one step apart
    left_out = huge | wavering(program, x)
    np.testing.assert_allclose(
        np.where(left_out, 0, made.output), np.where(left_out, 0, expected), rtol=1e-9, atol=1e-300
    )


def wavering(program, x):
    """Return where a value hangs on the last bits of what it is made from, as that of sin(1000 ** x) does.

    The C library and NumPy may differ in the last bit of a power or a sine: see what some such bits do to the value.
    """
    rng = np.random.default_rng(0)

    def moved(count, function):
        return count, lambda *x: function(*x) * (1 + 1e-15 * rng.uniform(-1, 1, np.shape(x[0])))

    inexact = (np.power, np.exp, np.log, np.log1p, np.tanh, np.sin, np.cos)
    twins = {
        op: (count, f) if isinstance(f, np.ufunc) and f not in inexact else moved(count, f)
        for op, (count, f) in pointwise._TWINS.items()
    }
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(pointwise, "_TWINS", twins)
        values = [pointwise.twin_program_forward(program.code, program.constants, x) for _ in range(4)]
        steady = np.ptp(values, axis=0) <= 1e-10 * np.abs(values[0])
        return ~steady & np.isfinite(values).any(axis=0)


def test_only_values_that_hang_on_last_bits_waver():
    x = np.array([0.3, 4.2])
    assert wavering(expression.parse("sin(1000 ** x)"), x).tolist() == [False, True]
    assert not wavering(expression.parse("exp(x) * sin(x) + log(x) ** 3 - where(x > 1, x, 0)"), x).any()


def curve(function, derivative, size, dtype=np.float64):
    """Return a program of one activation that no registered layer has."""
    checked = engine.checked((size,), [{"type": "Identity", "name": "it"}, *engine.SQUARED])
    graph = engine.lower(checked)
    source = graph.input
    op = ops.Pointwise((source.op,), (size,), function=function, derivative=derivative)
    node = type(source)(op, [source], "it")
    graph.nodes.insert(1, node)
    graph.output = graph.layers["it"] = node
    graph.loss.inputs = [node]
    parameters = engine.Parameters(graph, dtype, 0)
    return engine.Program(graph, parameters, 2, "train", input_gradient=True)


CURVES = {
    "softplus": ("log1p(exp(-abs(x))) + max(x, 0)", "sigmoid(x)"),
    "swish": ("x * sigmoid(x)", "sigmoid(x) + y * (1 - sigmoid(x))"),
    "gelu": ("x * (1 + erf(x / sqrt(2))) / 2", "(1 + erf(x / sqrt(2))) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi)"),
    "elu": ("where(x > 0, x, exp(x) - 1)", "where(x > 0, 1, y + 1)"),
    "sine": ("sin(x) ** 2", "2 * sin(x) * cos(x)"),
    "leaky": ("max(x, 0) + 0.1 * min(x, 0)", "where(x >= 0, 1, 0.1)"),
    "soft sign": ("x / (1 + abs(x))", "1 / (1 + abs(x)) ** 2"),
}


@pytest.mark.parametrize(("function", "derivative"), CURVES.values(), ids=CURVES.keys())
def test_a_new_activation_needs_no_kernel(function, derivative):
    rng = np.random.default_rng(0)
    made = curve(function, derivative, 150)
    x = rng.standard_normal((2, 150))
    engine.fill(made, x + np.sign(x) * 0.05, rng.random((2, 150)))
    engine.assert_gradient(made.parameters, made, rng, 20)


CURVES = [
    kind
    for kind, registration in REGISTRY.items()
    if registration.category == "Activation"
    and registration.cls.arity == (1, 1)
    and "expression" not in registration.cls.model_fields
    and type(registration.cls(type=kind).lower(ops.value((2,)))) is ops.Pointwise
]


@pytest.mark.parametrize("kind", CURVES)
def test_every_activation_s_expressions_agree_with_its_loop(kind):
    """A function with a loop of its own must be what its expression says, and the derivative its slope."""
    op = REGISTRY[kind].cls(type=kind).lower(ops.value((1,)))
    x = np.linspace(-2.973, 3.0571, 40)  # beside the corners at -3, -1, 0, 1 and 3
    term = derive(parse(op.function, ("x",)), "x") if op.derivative is None else parse(op.derivative)
    function, derivative = expression.parse(op.function, ("x",)), expression.program(term)
    y = pointwise.twin_program_forward(function.code, function.constants, x)
    slope = pointwise.twin_program_backward(derivative.code, derivative.constants, x, y, np.ones(40))
    ahead, behind = (pointwise.twin_program_forward(function.code, function.constants, x + s) for s in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-4, atol=1e-6)
    made = curve(op.function, op.derivative, 40)
    made.feeds.inputs[:] = x
    made.run(1)
    np.testing.assert_allclose(made.output[0], y, rtol=1e-12, atol=1e-15)


def test_functions_with_a_loop_of_their_own_are_expressions():
    for text in KINDS:
        assert expression.parse(text, ("x",)).code


def test_a_stray_warning_of_the_parser_is_no_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in ("1if x else 2", "'\\d'", "x is 1"):
            with pytest.raises(UsageError):
                expression.parse(text)


FORMULAS = [
    "x ** 3 - 2 * x", "2 ** x", "x ** x", "exp(-x * x)", "log(x) * sqrt(x)", "1 / (1 + x)", "log1p(x / 2)",
    "tanh(x) * sigmoid(2 * x)", "softplus(x - 1)", "erf(x) + sin(x) * cos(x)", "abs(x - 1)",
    "max(x, 1.3) * min(x, 0.4)",
    "where(x > 1, x * x, x)", "square(relu(x - 0.7))", "clip(x, 0.5, 1.5)", "-(x / (2 - -x))",
    "x * (y + x)", "y / x ** y",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_symbolic_derivative_is_the_slope(text):
    term = parse(text)
    x, y = np.linspace(0.21, 2.17, 23), np.linspace(1.7, 0.3, 23)

    def value(term, x, y):
        made = expression.program(term)
        return pointwise.twin_program_forward(made.code, made.constants, x, y)

    for name, dx, dy in (("x", 1e-6, 0), ("y", 0, 1e-6)):
        slope = (value(term, x + dx, y + dy) - value(term, x - dx, y - dy)) / 2e-6
        np.testing.assert_allclose(value(derive(term, name), x, y), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_term_is_written_as_it_is_read(text):
    term = parse(text)
    assert parse(written(term)) == term
    slope = written(derive(term, "x"))
    assert written(parse(slope)) == slope
