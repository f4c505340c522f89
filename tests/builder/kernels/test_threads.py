"""The same bits for any number of threads, in processes of their own where Numba must know the number beforehand."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import engine_harness as engine
import numpy as np
import pytest

import builder.session as session_module
from builder.compile import program
from builder.kernels import machine
from schemas import training

ROOT = Path(engine.__file__).parents[2]
NETS = {
    "residual": (
        (3, 24, 24),
        [
            engine.conv(16, padding=1, name="a"),
            *engine.layers("BatchNormalization"),
            {"type": "ReLU", "name": "r"},
            engine.conv(16, padding=1),
            {"type": "BatchNormalization", "name": "n"},
            {"type": "Add", "inputs": ["n", "r"]},
            *engine.layers("ReLU", "MaxPooling", "Dropout"),
            engine.conv(33, stride=2, groups=1),
            *engine.layers("Tanh"),
            engine.affine(50),
            *engine.layers("BatchNormalization", "Sigmoid"),
            engine.affine(5),
            *engine.HEAD,
        ],
    ),
    "wide": (
        (1, 40, 61),
        [
            engine.conv(8, 5),
            *engine.layers("BatchNormalization", "ReLU", "MaxPooling", "AveragePooling"),
            {"type": "Concatenate", "inputs": ["AveragePooling_1", "AveragePooling_1"]},
            engine.conv(16, groups=2),
            *engine.layers("Softmax", "GlobalAveragePooling"),
            engine.affine(5),
            *engine.HEAD,
        ],
    ),
    "painted": (
        (6, 20, 22),
        [
            {"type": "DepthwiseConvolution", "multiplier": 3, "padding": 1},
            {"type": "DepthwiseConvolution", "kernel_size": 5, "stride": 2, "padding": "same"},
            {"type": "GroupNormalization", "groups": 6},
            *engine.layers("ReLU", "LRN"),
            {"type": "Deconvolution", "out_channels": 20, "kernel_size": 4, "stride": 2, "padding": 1},
            {"type": "LayerNormalization", "over": "channels"},
            *engine.layers("Subsampling", "LayerNormalization"),
            {"type": "Upsample", "mode": "bilinear"},
            engine.affine(5),
            *engine.HEAD,
        ],
    ),
    "formulas": (
        (4, 30, 40),
        [
            engine.conv(12, padding=1),
            {"type": "PReLU", "name": "p"},
            {"type": "Mean", "axes": [1, 2], "keep_axes": True},
            {"type": "Mish", "name": "w"},
            {"type": "Multiply", "inputs": ["p", "w"]},
            {"type": "Transpose", "axes": [1, 0, 2]},
            {"type": "Maxout"},
            {"type": "Slice", "axis": 1, "step": 2, "name": "s"},
            {"type": "Transpose", "axes": [0, 2, 1], "name": "t"},
            {"type": "MatMul", "inputs": ["s", "t"]},
            {"type": "Pad", "before": [0, 1, 1]},
            {"type": "Max", "axes": [0]},
            engine.affine(5),
            *engine.HEAD,
        ],
    ),
    "deep": ((1200,), [engine.affine(300), *engine.layers("ReLU"), engine.affine(5), *engine.HEAD]),
}


def digest(name, threads):
    """Train three steps and hash everything that came of them."""
    shape, stack = NETS[name]
    program.ALONE = session_module.ALONE = 0  # also what is too small to be worth it
    net = engine.network(shape, stack)
    net.threads = threads
    session = net.session(20, training.Adam(), clip_norm=1.0, weight_decay=0.01)
    rng, found = np.random.default_rng(0), hashlib.sha256()
    for n in (20, 20, 13):
        x, t = rng.standard_normal((n, *shape)).astype(np.float32), rng.integers(0, 5, n)
        found.update(np.float64(session.step(x, t, learning_rate=0.01)).tobytes() + session.prediction.tobytes())
    x, t = rng.standard_normal((9, *shape)).astype(np.float32), rng.integers(0, 5, 9)
    found.update(np.float64(net.loss(x, t)).tobytes() + net.predict(x).tobytes())
    for key in net.params:
        found.update(net.params[key].tobytes())
    for key, value in session.state().items():
        found.update(key.encode() + value.tobytes())
    return found.hexdigest()


def main():
    """Print {network: [digest for 1, 2, ... threads]}; the process below runs this file."""
    most = int(os.environ["NUMBA_NUM_THREADS"])
    print(json.dumps({name: [digest(name, n) for n in range(1, most + 1)] for name in NETS}))


def test_one_to_four_threads_give_the_same_bits():
    code = (
        "import importlib.util, sys\n"
        "for name, place in zip(('engine_harness', 'threads'), sys.argv[1:]):\n"
        "    spec = importlib.util.spec_from_file_location(name, place)\n"
        "    module = sys.modules[name] = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n"
        "sys.modules['threads'].main()\n"
    )
    environment = os.environ | {"NUMBA_NUM_THREADS": "4", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, engine.__file__, __file__]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    for name, digests in found.items():
        assert len(digests) == 4
        assert set(digests) == {digest(name, 1)}, name


def test_the_number_of_threads_of_others_is_left_as_it_was():
    import numba

    shape, stack = NETS["deep"]
    net = engine.network(shape, stack)
    net.threads = min(2, numba.config.NUMBA_NUM_THREADS)
    before = numba.get_num_threads()
    net.predict(np.zeros((3, *shape)))
    assert numba.get_num_threads() == before


def test_a_row_has_room_for_so_many_arguments():
    with pytest.raises(ValueError, match="room for"):
        machine.slots(machine.SLOTS)


def test_listeners_hear_only_of_what_is_compiled():
    heard = []
    with machine.listening(lambda name, seconds: heard.append((name, seconds))):
        machine.address("from_nchw", np.float32)
        machine.address("from_nchw", np.float32)
    assert len(heard) <= 1
