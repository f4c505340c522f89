"""Layers of one's own. Each case is a process of its own, since what documents may say is settled once per process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = """
from typing import Literal
import numpy as np
import builder
"""
SNAKE = """
@builder.layer(category="Activation")
class Snake(builder.Elementwise):
    '''Keep values and add a wave: y = x + sin(x)^2.'''
    type: Literal["Snake"] = "Snake"
    def function(self):
        return "x + sin(x) * sin(x)"
"""
USE = """
layers = [{"type": "Snake"}, {"type": "SquaredError"}]
net = builder.compile({"format": 1, "task": "regression", "model": {"input": [3], "layers": layers}})
x = np.array([[-2.0, 0.5, 3.0]])
assert np.allclose(net.predict(x), x + np.sin(x) ** 2)
print("done")
"""
LATE = "builder.check({'format': 1, 'model': {'input': [3], 'layers': [{'type': 'ReLU'}]}})\n"


def run(code):
    command = [sys.executable, "-W", "error", "-c", START + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_registered_layer_is_a_layer():
    answer = run(SNAKE + USE)
    assert answer.stdout == "done\n", answer.stderr


@pytest.mark.parametrize(("code", "why"), [
    (LATE + SNAKE, "comes too late"),
    (SNAKE.replace("Snake", "ReLU"), "There is a layer 'ReLU' already"),
    (SNAKE.replace('    type: Literal["Snake"] = "Snake"\n', ""), "needs a field"),
])  # fmt: skip
def test_what_cannot_be_registered_says_why(code, why):
    answer = run(code)
    assert "UsageError" in answer.stderr and why in answer.stderr
