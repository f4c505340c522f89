"""Each rewrite rule alone: the network computes the same with it and without it."""

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from builder.compile.fuse import IN_USE, RULES, fuse
from schemas import ops

BINARY = engine.layers("Sigmoid", "BinaryCrossEntropy")
BRANCHED = [
    engine.conv(4, padding=1, name="c"),
    {"type": "BatchNormalization"},
    {"type": "ReLU", "name": "r"},
    {"type": "MaxPooling", "kernel_size": 3, "stride": 1, "padding": 1},
    {"type": "Add", "inputs": ["c", "r"]},
    {"type": "ReLU"},
    {"type": "Dropout", "p": 0.0},
    {"type": "MaxPooling"},
    {"type": "Flatten"},
    engine.affine(3),
]
NETS = {
    "classification": [*BRANCHED, *engine.HEAD],
    "binary": [*BRANCHED, *BINARY],
    "regression": [*BRANCHED, *engine.SQUARED],
    "conv, norm, activation, pooling": [
        engine.conv(6, padding=1),
        *engine.layers("BatchNormalization", "ReLU", "MaxPooling"),
        engine.conv(9),
        *engine.layers("BatchNormalization", "Tanh", "AveragePooling"),
        engine.affine(3),
        *engine.HEAD,
    ],
    "conv, pooling": [
        engine.conv(5, 2),
        *engine.layers("ReLU", "MaxPooling"),
        engine.conv(17, (1, 2)),
        *engine.layers("MaxPooling"),
        engine.affine(3),
        *engine.HEAD,
    ],
    "norm, pooling of a first layer": [
        engine.conv(18, padding=1),
        *engine.layers("BatchNormalization", "MaxPooling"),
        engine.affine(3),
        *engine.HEAD,
    ],
    "activations": [
        engine.conv(6, padding=1),
        *engine.layers("ReLU"),
        engine.conv(4, stride=2),
        {"type": "ReLU", "name": "r"},
        engine.affine(9),
        *engine.layers("ReLU"),
        engine.affine(3),
        *engine.HEAD,
    ],
    "activation, norm": [
        engine.conv(6, padding=1),
        *engine.layers("ReLU", "BatchNormalization"),
        engine.conv(5, stride=2),
        *engine.layers("ReLU", "BatchNormalization", "ReLU", "MaxPooling"),
        engine.affine(3),
        *engine.HEAD,
    ],
    "residual": [
        engine.conv(4, padding=1, name="a"),
        {"type": "BatchNormalization", "name": "n"},
        {"type": "Add", "inputs": ["n", "a"]},
        {"type": "ReLU"},
        {"type": "BatchNormalization", "name": "m"},
        {"type": "Add", "inputs": ["a", "m"]},
        {"type": "MaxPooling", "kernel_size": 3, "stride": 2, "padding": 1},
        {"type": "BatchNormalization"},
        {"type": "ReLU", "trainable": False},
        engine.affine(3),
        *engine.HEAD,
    ],
    "frozen": [
        engine.conv(4, padding=1),
        {"type": "BatchNormalization", "trainable": False},
        {"type": "ReLU"},
        {"type": "MaxPooling"},
        engine.conv(3, trainable=False),
        {"type": "ReLU"},
        engine.affine(3),
        *engine.SQUARED,
    ],
    "pooling, activation": [
        engine.conv(6, bias=False),
        *engine.layers("MaxPooling", "Sigmoid", "BatchNormalization"),
        engine.affine(3),
        *engine.HEAD,
    ],
}
APPLIES = {
    "drop_nothing": "classification",
    "loss_takes_logits": "binary",
    "normalisation_folds": "conv, norm, activation, pooling",
    "pooling_joins_convolution": "conv, pooling",
    "pooling_normalises": "conv, norm, activation, pooling",
    "normalisation_activates": "classification",
    "relu_is_stored": "activations",
}
"""Rule -> a network of NETS that it changes. A rule without a row fails."""


def outcome(stack, without, mode="train", shape=(2, 9, 9), batch=4, dtype=np.float64, dx=True):
    options = {"input_gradient": True} if mode == "train" and dx else {}
    parameters, made = engine.program(shape, stack, batch, mode, dtype, without=frozenset(without), **options)
    rng = np.random.default_rng(1)
    engine.stir(parameters, rng)
    engine.fill(made, rng.standard_normal((batch, *shape)).astype(dtype), engine.some_targets(made, rng))
    loss = made.run(1)
    found = {"loss": np.array(loss), "output": made.output.copy()}
    if mode == "train":
        found |= engine.gradients(parameters) | ({"dx": engine.input_gradient(made)} if dx else {})
        found |= {key: parameters[key] for key in parameters if key.endswith(("mean", "variance"))}
    return found


def assert_equal_outcome(a, b):
    assert a.keys() == b.keys()
    for key in a:
        scale = max(1.0, float(np.abs(b[key]).max(initial=0)))
        np.testing.assert_allclose(a[key], b[key], rtol=1e-9, atol=1e-11 * scale, err_msg=key)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("mode", ["predict", "evaluate", "train"])
def test_a_rule_changes_no_result(rule, net, mode):
    assert_equal_outcome(outcome(NETS[net], [], mode), outcome(NETS[net], [rule], mode))


POOLED = {
    "one channel, many maps": ((1, 15, 14), [engine.conv(30, 5)], 5),
    "padding and stride": ((3, 23, 21), [engine.conv(8, 3, padding=1, stride=2)], 3),
    "bands of rows": ((2, 41, 60), [engine.conv(5, 2)], 2),
    "normalised, even": ((3, 12, 10), [engine.conv(20, padding=1), *engine.layers("BatchNormalization")], 5),
    "normalised, odd": ((1, 11, 10), [engine.conv(6, padding=1), *engine.layers("BatchNormalization")], 5),
    "normalised, frozen": ((1, 8, 8), [engine.conv(6), {"type": "BatchNormalization", "trainable": False}], 3),
    "without bias": ((2, 9, 9), [engine.conv(7, bias=False)], 4),
    "no ReLU": ((2, 9, 9), [engine.conv(7), {"type": "Identity"}], 4),
    "dilated": ((2, 14, 14), [engine.conv(7, dilation=2)], 4),
    "windows beyond the image": ((3, 13, 11), [engine.conv(8, padding=1)], 3),
}


@pytest.mark.parametrize("case", POOLED)
def test_a_first_layer_and_its_pooling_in_one_pass_have_the_same_gradients(case):
    shape, stack, batch = POOLED[case]
    pooling = {"type": "MaxPooling", "ceil_mode": case == "windows beyond the image"}
    stack = [*stack, *engine.layers("ReLU" if case != "no ReLU" else "Identity", pooling)]
    stack = [*stack, engine.affine(3), *engine.HEAD]
    without = ["pooling_joins_convolution"]
    joined, apart = (outcome(stack, w, "train", shape, batch, dx=False) for w in ([], without))
    assert_equal_outcome(joined, apart)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_network_that_it_changes(rule):
    assert rule in APPLIES, f"add a row for {rule} to APPLIES"
    graph = engine.lower(engine.checked((2, 9, 9), NETS[APPLIES[rule]]))

    def described(without):
        fused = fuse(graph, rule not in IN_USE, frozenset(without))
        kinds = [(type(n.op), getattr(n.op, "joined", False)) for n in fused.nodes]
        return [(kind, [fused.nodes.index(i) for i in n.inputs]) for kind, n in zip(kinds, fused.nodes, strict=True)]

    assert described([rule]) != described([])


@given(st.data(), st.sampled_from(["predict", "evaluate", "train"]))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_all_rules_together_change_no_result_of_any_graph(data, mode):
    shape, stack = engine.some_stack(data.draw, st)
    plain, fused = outcome(stack, RULES, mode, shape, 2), outcome(stack, [], mode, shape, 2)
    probabilities = stack[-1]["type"] != "SquaredError"
    # A probability that is cut off at 1e-12 has another loss and no gradient; the fused loss, on logits, needs no cut.
    inside = plain["output"].min() > 1e-9 and (1 - plain["output"]).min() > 1e-9
    assume(mode == "predict" or not probabilities or inside)
    assert_equal_outcome(fused, plain)


RESHAPES = [["Flatten"], [{"type": "Reshape", "shape": [-1, 3]}, "Flatten"], ["Flatten", {"type": "Dropout"}]]


@pytest.mark.parametrize("between", RESHAPES, ids=["flatten", "twice", "with dropout"])
@pytest.mark.parametrize("mode", ["predict", "evaluate"])
def test_a_reshape_before_affine_changes_no_result(between, mode):
    """Affine's weight follows (C, H, W) order, whatever stands between it and the image."""
    plain = [engine.conv(6), engine.affine(3), *engine.HEAD]
    reshaped = [engine.conv(6), *engine.layers(*between), engine.affine(3), *engine.HEAD]
    assert_equal_outcome(outcome(plain, [], mode), outcome(reshaped, [], mode))


def test_rewriting_leaves_the_graph_as_it_was():
    graph = engine.lower(engine.checked((2, 9, 9), NETS["classification"]))
    before = [(node, node.op, list(node.inputs)) for node in graph.nodes]
    fuse(graph, True)
    fuse(graph, False)
    assert before == [(node, node.op, list(node.inputs)) for node in graph.nodes]


def test_a_softmax_that_others_read_keeps_its_value():
    """The prediction is read twice, so softmax and loss must not become one."""
    stack = [
        engine.affine(3),
        {"type": "Softmax", "name": "s"},
        {"type": "Multiply", "inputs": ["s", "s"]},
        {"type": "CategoricalCrossEntropy"},
    ]
    assert_equal_outcome(outcome(stack, []), outcome(stack, RULES))


def test_a_network_in_use_has_neither_loss_nor_dropout():
    stack = [{"type": "Dropout"}, engine.affine(3), {"type": "Dropout"}, *engine.HEAD]
    graph = engine.lower(engine.checked((4,), stack))
    assert [type(n.op) for n in fuse(graph, False).nodes] == [ops.Input, ops.Affine, ops.Softmax]


def test_what_nobody_needs_is_not_computed():
    stack = [
        engine.affine(3, name="a"),
        engine.affine(4, name="dead"),
        {"type": "Softmax", "inputs": ["a"]},
        engine.HEAD[1],
    ]
    graph = engine.lower(engine.checked((4,), stack))
    assert "dead" not in [n.layer for n in fuse(graph, True).nodes]
