"""The same bits for any number of threads, and what two runs at once do."""

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import engine_harness as engine
import numpy as np
import pytest

import builder.session as session_module
from builder.compile import program
from builder.kernels import crew, machine
from schemas import training

ROOT = Path(engine.__file__).parents[2]


@pytest.fixture(autouse=True)
def _however_small(monkeypatch):
    """Let all threads work on what is too small to be worth it."""
    monkeypatch.setattr(program, "ALONE", 0)
    monkeypatch.setattr(session_module, "ALONE", 0)


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


@pytest.mark.parametrize("name", NETS)
def test_any_number_of_threads_gives_the_same_bits(name):
    assert 1 == len({digest(name, threads) for threads in (1, 2, 3, 8)})


def test_two_networks_at_once_give_the_same_bits_as_one_after_the_other():
    wanted = {name: digest(name, 1) for name in ("deep", "wide")}
    found: dict[str, str] = {}

    def train(name):
        found[name] = digest(name, 3)

    both = [threading.Thread(target=train, args=(name,)) for name in wanted]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert wanted == found


def test_a_run_beside_another_has_no_helpers():
    helpers = [thread for thread in threading.enumerate() if thread.name == "tsumiki-helper"]
    with crew.CREW._taken:
        digest("deep", 9)
    assert len(helpers) == len([thread for thread in threading.enumerate() if thread.name == "tsumiki-helper"])


def _soon(said):
    end = time.monotonic() + 20
    while not said() and time.monotonic() < end:
        time.sleep(0.002)
    return said()


def test_a_helper_goes_to_sleep_and_is_woken_again():
    digest("deep", 2)
    helper = crew.CREW._helpers[0]
    for _ in range(3):
        assert _soon(lambda: helper._own[crew.ASLEEP] == 1)
        helper.call()
        assert helper._own[crew.ASLEEP] == 0 or _soon(lambda: helper._own[crew.ASLEEP] == 1)
        helper.call()  # once more than is needed, perhaps: it must not harm
    assert digest("deep", 2) == digest("deep", 1)


def test_a_forked_process_has_a_crew_of_its_own():
    digest("deep", 2)
    code = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "import numpy as np, builder\n"
        "from builder.compile import program\n"
        "program.ALONE = 0\n"
        "net = builder.compile('examples/digits.json', threads=2)\n"
        "net.threads, x = 2, np.ones((3, 1, 8, 8))\n"
        "y = net.predict(x)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(y, net.predict(x)) else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120, check=False).returncode == 0


def test_a_row_has_room_for_so_many_arguments():
    with pytest.raises(ValueError, match="room for"):
        machine.slots(machine.SLOTS)


def test_listeners_hear_only_of_what_is_compiled():
    heard = []
    with machine.listening(lambda name, seconds: heard.append((name, seconds))):
        machine.address("from_nchw", np.float32)
        machine.address("from_nchw", np.float32)
    assert len(heard) <= 1
