"""Softmax, and the losses: prediction, loss and its gradient in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops
from schemas.expression import derive, parse, split

from ..emit import RULES, Emitter, Rule, slices, values
from ..expression import LOADS, Program, program
from ..fuse import SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Answers, Binder

EXPONENTIALS = 128
"""Values of a unit at least: each costs an exponential, some five nanoseconds."""

LABELLED = (SoftmaxCrossEntropy, ops.CrossEntropy)
PREDICTING = (SoftmaxCrossEntropy, SigmoidBinaryCrossEntropy)
KERNELS: dict[type[ops.Op], str] = {
    SoftmaxCrossEntropy: "softmax_cross_entropy",
    SigmoidBinaryCrossEntropy: "sigmoid_binary_cross_entropy",
    ops.CrossEntropy: "cross_entropy",
    ops.BinaryCrossEntropy: "binary_cross_entropy",
    ops.SquaredError: "squared_error",
}


def softmax_forward(em: Emitter, node: Node) -> None:
    """y = softmax(x) over the channels."""
    x, y = em.value(node.inputs[0]), em.output(node)
    cut = min(x.n * x.h * x.w, slices(values(x), EXPONENTIALS))

    def bind(b: Binder) -> None:
        from ...kernels import losses
        from ..bind import pixels

        b.row(losses, "softmax_forward", cut, SLICES=cut, **pixels(b, X=x, Y=y))

    em.call(node, "softmax", (x, y), bind)


def softmax_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = y * (dy - sum(dy * y))."""
    y = em.value(node)
    cut = min(y.n * y.h * y.w, slices(values(y), EXPONENTIALS))

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import losses
            from ..bind import pixels

            b.row(losses, "softmax_backward", cut, SLICES=cut, **pixels(b, Y=y, DY=dy, DX=dx))

        em.call(node, "softmax backward", (y, dy, dx), bind)

    em.give(node.inputs[0], make)


def _place(em: Emitter, node: Node) -> int:
    """Return the number of a loss among the network's: 0 for the main one."""
    return next(k for k, loss in enumerate(em.graph.losses) if loss is node)


def _common(b: Binder, number: int) -> tuple[Answers, dict[str, int]]:
    """Return what a loss compares with, and the fields that all losses have."""
    answers = b.feeds.answers[number]
    return answers, {
        "TARGET": int(answers.targets.ctypes.data),
        "WEIGHT": int(b.feeds.weights.ctypes.data),
        "TOTAL": int(answers.loss.ctypes.data),
    }


def _later(em: Emitter) -> bool:
    """Say whether another loss comes before, to which this one is added."""
    return any(call.name == "loss" for call in em.calls)


def _total(b: Binder, later: bool, fields: dict[str, int]) -> None:
    """Add the rows that sum up a loss's units: its share of the whole and, where there are several, its own loss."""
    from ...kernels import losses

    b.row(losses, "loss_total", 1, **{**fields, "TOTAL": int(b.feeds.loss.ctypes.data), "ADD": int(later)})
    if len(b.feeds.answers) > 1:
        b.row(losses, "loss_total", 1, **fields)


def loss_forward(em: Emitter, node: Node) -> None:
    """Loss of the batch; in training also the gradient of the loss's input, in the same pass."""
    op = node.op
    assert isinstance(op, ops.Loss)
    source, number, later = node.inputs[0], _place(em, node), _later(em)
    x = em.value(source)
    y = em.tensor(source.op.shape) if isinstance(op, PREDICTING) else None
    if y is not None and number == 0:
        em.prediction = y
    dx = [em.tensor(source.op.shape)] if em.needs(source) else []
    pixels_ = x.n * x.h * x.w
    cut = min(pixels_, slices(values(x), EXPONENTIALS))
    part = em.scratch(cut, 8)
    touches = [t for t in (x, y, *dx, part) if t is not None]

    def bind(b: Binder) -> None:
        from ...kernels import losses
        from ..bind import pixels

        answers, common = _common(b, number)
        fields = pixels(b, X=x, **({"Y": y} if y is not None else {}), **({"DX": dx[0]} if dx else {})) | common
        fields |= {"SLICES": cut, "PART": b.arena + part.offset}
        count = pixels_ if isinstance(op, LABELLED) else values(x)
        if isinstance(op, ops.CrossEntropy):
            fields |= {
                "LABEL": int(answers.labels.ctypes.data),
                "OTHER": int(answers.others.ctypes.data),
                "SHARES": int(b.feeds.shares.ctypes.data),
                "MIXED": int(b.feeds.mixed.ctypes.data),
                "SMOOTH": b.keep([op.smoothing], np.float64),
            }
            if op.ignore is not None:
                count, fields["COUNTED"] = 1, int(answers.counted.ctypes.data)
        fields["GAIN"] = b.keep([op.scale / count], np.float64)
        b.row(losses, KERNELS[type(op)], cut, **fields)
        _total(b, later, fields)

    em.call(node, "loss", touches, bind)
    for share in dx:  # only now that it is made: it may be added to another loss's
        em.accept(source, share, own=True)


def expression_forward(em: Emitter, node: Node) -> None:
    """Loss of the batch from its formula; in training also the gradient, from the formula's derivatives."""
    op = node.op
    assert isinstance(op, ops.ExpressionLoss)
    source, number, later = node.inputs[0], _place(em, node), _later(em)
    x = em.value(source)
    dx = [em.tensor(source.op.shape)] if em.needs(source) else []
    cut = min(x.n, slices(values(x), EXPONENTIALS))
    part = em.scratch(cut, 8)
    outer, found = split(parse(op.formula, ("y", "t"), reductions=True))
    places = {f"R{k}": k for k in range(len(found))}
    loads = {"y": LOADS["x"], "t": LOADS["y"]}
    inner = [program(r.inner, loads) for r in found]
    slopes = [program(derive(r.inner, "y"), loads) for r in found]
    outers = [program(term, {}, places) for term in (outer, *(derive(outer, name) for name in places))]

    def bind(b: Binder) -> None:
        from ...kernels import expression_loss
        from ..bind import pixels

        def table(programs: list[Program]) -> int:
            rows = []
            for k, p in enumerate(programs):
                mean = k < len(found) and found[k].kind == "mean"
                held = b.keep([*p.constants, 0.0], np.float64)
                rows += [b.keep(p.code), len(p.code) // 2, held, len(p.constants), int(mean)]
            return b.keep(rows)

        fields = pixels(b, X=x, **({"DX": dx[0]} if dx else {}))
        shared = _common(b, number)[1]
        shared |= {
            "SLICES": cut,
            "PART": b.arena + part.offset,
            "GAIN": b.keep([op.scale / x.n], np.float64),
        }
        deepest = max(p.depth for p in (*inner, *slopes, *outers))
        most = max(len(p.constants) for p in outers) + 1
        programs = {"COUNT": len(found), "PARTS": table(inner), "SLOPES": table(slopes), "OUTER": table(outers)}
        b.row(expression_loss, "expression_loss", cut, **fields, **shared, **programs, DEPTH=deepest, CONSTANTS=most)
        _total(b, later, shared)

    em.call(node, "loss", [t for t in (x, *dx, part) if t is not None], bind)
    for share in dx:
        em.accept(source, share, own=True)


RULES[ops.ExpressionLoss] = Rule(expression_forward)
RULES[ops.Softmax] = Rule(softmax_forward, softmax_backward)
for _op in KERNELS:
    RULES[_op] = Rule(loss_forward)
