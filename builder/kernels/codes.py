"""Operation numbers of the stack programs that pointwise.py runs. Apart, so that they load without Numba."""

(
    CONSTANT, LOAD_X, LOAD_Y, ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, MINIMUM, MAXIMUM, GREATER, GREATER_EQUAL, LESS,
    LESS_EQUAL, WHERE, NEGATE, EXP, LOG, LOG1P, SQRT, ABS, SIGN, TANH_OF, SIGMOID_OF, ERF, SIN, COS,
) = range(27)  # fmt: skip

PROGRAM, RELU, SIGMOID, TANH = 0, 1, 2, 3
KINDS = {"max(x, 0)": RELU, "sigmoid(x)": SIGMOID, "tanh(x)": TANH}
"""Functions with a loop of their own, by their expression."""
