"""Networks for the engine's tests, straight from layers: no document and no check stand between test and engine."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

import builder  # noqa: F401  # first, so that `schemas` is the one beside it
from builder.answers import fill
from builder.compile.lower import lower
from builder.compile.parameters import Parameters
from builder.compile.program import Program
from builder.kernels import optimizers as twins
from builder.kernels.tiles import twin_conv2d_backward, twin_conv2d_forward
from builder.network import Network
from schemas import ops, training
from schemas.layer import REGISTRY
from schemas.loss import Loss

HEAD = [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}]
SQUARED = [{"type": "SquaredError"}]

TWINS = {
    training.SGD(): (twins.twin_sgd_update, 0, {}),
    training.Momentum(momentum=0.8): (twins.twin_momentum_update, 1, {"momentum": 0.8}),
    training.Nesterov(momentum=0.7): (twins.twin_nesterov_update, 1, {"momentum": 0.7}),
    training.Adam(): (twins.twin_adam_update, 2, {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    training.AdamW(beta1=0.8): (twins.twin_adamw_update, 2, {"beta1": 0.8, "beta2": 0.999, "epsilon": 1e-8}),
    training.RMSprop(decay=0.85): (twins.twin_rmsprop_update, 1, {"share": 0.85, "epsilon": 1e-8}),
    training.AdaGrad(epsilon=1e-6): (twins.twin_adagrad_update, 1, {"epsilon": 1e-6}),
}
"""Optimizer -> (twin, how many arrays it keeps per parameter, the twin's settings)."""


def conv(channels, kernel=3, **fields):
    return {"type": "Convolution", "out_channels": channels, "kernel_size": kernel, **fields}


def affine(features, **fields):
    return {"type": "Affine", "out_features": features, **fields}


def layers(*types):
    """Turn names into layers without fields; dicts stay as they are."""
    return [{"type": t} if isinstance(t, str) else t for t in types]


def checked(shape, stack, task="classification"):
    """Return what `check` would say of a stack: each layer with its name and inputs."""
    found, shapes, counts, before = [], {"Input": tuple(shape)}, {}, "Input"
    for given in layers(*stack):
        layer = REGISTRY[given["type"]].cls.model_validate(given)
        counts[layer.type] = counts.get(layer.type, 0) + 1
        name = layer.name or f"{layer.type}_{counts[layer.type]}"
        inputs = tuple(layer.inputs or [before])
        shapes[name] = layer.infer(*(shapes[i] for i in inputs))
        found.append(SimpleNamespace(name=name, layer=layer, inputs=inputs, shape=shapes[name], share=layer.share))
        before = name
    rest = tuple(item.name for item in found[:-1] if isinstance(item.layer, Loss))
    return SimpleNamespace(
        layers=tuple(found),
        input_shape=tuple(shape),
        output=found[-1].inputs[0],
        loss=before,
        task=task,
        shapes=shapes,
        auxiliary=rest,
    )


def checked_op(shape, stack, name):
    """Return the operation that the named layer of the stack lowers to, before any rewriting."""
    return lower(checked(shape, stack)).layers[name].op


def network(shape, stack, threads=1, dtype="float32", seed=0, task="classification", training=None):
    """Return a Network of the stack."""
    report = SimpleNamespace(network=checked(shape, stack, task), document={"training": training or {}})
    return Network(report, seed, threads, dtype)


def convolved(shape, convolution, act, samples, dtype, threads=1, seed=0, spoilt=None):
    """Run a convolution and the layers `act` on random samples; `spoilt` is (index, value) of one value of them.

    Return the network's prediction, what the twin of the convolution alone gives, and the names of the kernels.
    """
    net = network(shape, [{**convolution, "name": "c"}, *act, *SQUARED], threads, dtype)
    rng = np.random.default_rng(seed)
    stir(net.params, rng)
    x = rng.standard_normal((samples, *shape)).astype(dtype)
    if spoilt is not None:
        x[spoilt[0]] = spoilt[1]
    made = net.program(samples, "predict")
    op = made.graph.nodes[1].op
    bias = net.params["c/bias"] if convolution.get("bias", True) else None
    y = twin_conv2d_forward(x, net.params["c/weight"], bias, op.stride, op.padding, op.dilation)
    return net.predict(x), y, set(made.binder.names)


def program(shape, stack, batch, mode="train", dtype=np.float64, seed=0, **options):
    """Return (parameters, program) of the stack."""
    graph = lower(checked(shape, stack))
    parameters = Parameters(graph, dtype, seed)
    made = Program(graph, parameters, batch, mode, **options)
    made.momenta(1.0)
    return parameters, made


def stir(parameters, rng):
    """Give every parameter random values, so that no bias, scale or statistic is trivial and no output is huge."""
    for key, slot in parameters.slots.items():
        values = rng.standard_normal(parameters[key].shape) / slot.parameter.fan[0] ** 0.5
        if key.endswith(("gamma", "variance")):
            values = 0.5 + np.abs(values)
        parameters[key] = values


def some_targets(made, rng):
    """Return random targets that a program's loss accepts: class numbers, or values between 0 and 1."""
    batch, head = made.batch, made.output.shape[1:]
    if isinstance(made.loss_op, ops.CrossEntropy):
        sites = tuple(n for n in head[1:] if n != 1)
        return rng.integers(0, head[0], (batch, *sites))
    return rng.random((batch, *head))


def gradients(parameters):
    """Return the public gradients of all trained parameters."""
    return {
        key: parameters.public(key, parameters.gradients)
        for key, slot in parameters.slots.items()
        if slot.parameter.trainable and not slot.parameter.statistic
    }


def input_gradient(made):
    """Return d loss / d input of a program made with input_gradient=True, in the user's shape."""
    tensor = made.emitted.gradients[id(made.graph.input)]
    return made.view(tensor).reshape(made.feeds.inputs.shape).copy()


def numeric(run, values, rng, count, step=1e-5):
    """Return [(index, central difference)] of run() for a few entries of `values`, which are changed in place."""
    flat, found = values.reshape(-1), []
    for i in rng.choice(flat.size, min(count, flat.size), replace=False):
        kept = flat[i]
        flat[i] = kept + step
        above = run()
        flat[i] = kept - step
        below = run()
        flat[i] = kept
        found.append((int(i), (above - below) / (2 * step)))
    return found


def assert_gradient(parameters, made, rng, count=4):
    """Compare input and parameter gradients of a filled program with central differences."""
    made.run(1)
    found = {key: value.copy() for key, value in gradients(parameters).items()}
    dx = input_gradient(made)
    for i, slope in numeric(lambda: made.run(1), made.feeds.inputs, rng, 2 * count):
        np.testing.assert_allclose(dx.reshape(-1)[i], slope, rtol=1e-3, atol=1e-5, err_msg=f"input {i}")
    for key, gradient in found.items():
        values = parameters[key]

        def run(key=key, values=values):
            parameters[key] = values
            return made.run(1)

        for i, slope in numeric(run, values, rng, count):
            np.testing.assert_allclose(gradient.reshape(-1)[i], slope, rtol=1e-3, atol=1e-5, err_msg=f"{key} {i}")
        parameters[key] = values


def some_stack(draw, st):
    """Draw (input shape, stack) with hypothesis: an acyclic graph of image layers with several readers per value.

    Layers keep height and width, so that any two values with as many channels may meet at an Add.
    """
    shape = (draw(st.integers(1, 6)), draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    channels, stack = {"Input": shape[0]}, []
    for number in range(draw(st.integers(1, 9))):
        names = list(channels)
        # Two of the latest are likelier: real networks are deep rather than wide.
        source = draw(st.sampled_from(names[-2:] + names))
        equal = [n for n in names if channels[n] == channels[source]]
        kind = draw(
            st.sampled_from(
                [
                    "Convolution",
                    "BatchNormalization",
                    "ReLU",
                    "Sigmoid",
                    "Tanh",
                    "MaxPooling",
                    "AveragePooling",
                    "Dropout",
                    "Add",
                    "Multiply",
                    "Concatenate",
                    "Softmax",
                    "Identity",
                    "Reshape",
                    "DepthwiseConvolution",
                    "SeparableConvolution",
                    "Deconvolution",
                    "SumPooling",
                    "LRN",
                    "GroupNormalization",
                    "LayerNormalization",
                    "L2Normalization",
                ]
            )
        )
        fields, inputs, count = {}, [source], channels[source]
        if kind == "Convolution":
            count = draw(st.integers(1, 20))
            size = draw(st.sampled_from([1, 3, 5]))
            fields = {"out_channels": count, "kernel_size": size, "padding": size // 2, "bias": draw(st.booleans())}
        elif kind in ("MaxPooling", "AveragePooling", "SumPooling"):
            fields = {"kernel_size": 3, "stride": 1, "padding": 1}
        elif kind == "DepthwiseConvolution":
            fields = {"padding": draw(st.sampled_from([1, "same"]))}
        elif kind in ("SeparableConvolution", "Deconvolution"):
            count = draw(st.integers(1, 20))
            fields = {"out_channels": count, "padding": 1, "bias": draw(st.booleans())}
        elif kind == "GroupNormalization":
            fields = {"groups": draw(st.sampled_from([g for g in range(1, count + 1) if count % g == 0]))}
        elif kind == "LayerNormalization":
            fields = {"over": "sample"}
        elif kind == "Dropout":
            fields = {"p": draw(st.sampled_from([0.0, 0.3]))}
        elif kind in ("Add", "Multiply"):
            inputs = [source, *draw(st.lists(st.sampled_from(equal), min_size=1, max_size=2))]
        elif kind == "Concatenate":
            inputs = [source, *draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))]
            count = sum(channels[i] for i in inputs)
        elif kind == "Reshape":
            fields = {"shape": [count, *shape[1:]]}
        if count > 60:
            continue
        channels[f"v{number}"] = count
        stack.append({"type": kind, "name": f"v{number}", "inputs": inputs, **fields})
    head = draw(st.sampled_from([HEAD, SQUARED, [{"type": "Sigmoid"}, {"type": "BinaryCrossEntropy"}]]))
    return shape, [
        *stack,
        *([{"type": "Flatten"}] if draw(st.booleans()) else []),
        affine(draw(st.integers(1, 20))),
        *head,
    ]


__all__ = [
    "HEAD",
    "SQUARED",
    "Parameters",
    "Program",
    "affine",
    "assert_gradient",
    "checked",
    "checked_op",
    "conv",
    "fill",
    "gradients",
    "input_gradient",
    "layers",
    "lower",
    "network",
    "numeric",
    "program",
    "some_stack",
    "some_targets",
    "stir",
]


def convolution(shape, layer, batch, dtype, threads=1, seed=0, **options):
    """Run one convolution and its gradients; return the kernels' names, the results and what NumPy gives: y, dx,
    dweight, dbias, and the sum of the absolute values of dy."""
    parameters, made = program(shape, [layer, *SQUARED], batch, dtype=dtype, input_gradient=True, **options)
    rng = np.random.default_rng(seed)
    stir(parameters, rng)
    x = np.maximum(rng.standard_normal((batch, *shape)), 0).astype(dtype)
    t = rng.standard_normal(made.output.shape).astype(dtype)
    fill(made, x, t)
    made.run(threads)
    found = [made.output.copy(), input_gradient(made), *gradients(parameters).values()]
    w, b = (parameters[k].astype(np.float64) for k in parameters)
    op = made.graph.output.op
    how = {"stride": op.stride, "padding": op.padding, "dilation": op.dilation, "groups": op.groups}
    wide = x.astype(np.float64)
    y = twin_conv2d_forward(wide, w, b, **how)
    dy = 2 * (y - t) / y.size
    return made.binder.names, found, [y, *twin_conv2d_backward(wide, w, dy, **how), np.abs(dy).sum()]
