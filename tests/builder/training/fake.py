"""A linear softmax network, its session, and data, in plain NumPy, by the contract of builder/training/protocols.py.

With them the loop, the checkpoints and the faults are tested in milliseconds, without a kernel. They have all that
makes resuming hard: dropout, augmentation, shuffling, momentum, accumulation. As a script it trains in its own process:

    python fake.py train OUT '{"epochs": 3}'        python fake.py resume RUN
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from builder import training
from builder.training.events import Events
from builder.training.job import Job
from builder.training.runfolder import find
from builder.training.signals import Interrupts
from schemas.errors import TsumikiError
from schemas.training import Training

SAMPLES, FEATURES, CLASSES = 30, 4, 3


def draw(*key):
    return np.random.default_rng([7, *key])


class Network:
    def __init__(self, seed=0, threads=1, pause=0.0, poison=None, bad_weights=None):
        self.params = {
            "Affine_1/weight": draw(seed, 1).normal(size=(FEATURES, CLASSES)).astype(np.float32) * 0.1,
            "Affine_1/bias": np.zeros(CLASSES, np.float32),
        }
        self.seed, self.threads, self.pause, self.poison, self.bad_weights = seed, threads, pause, poison, bad_weights

    def session(self, batch_size, optimizer, weight_decay=0.0, clip_norm=None, accumulate=1):
        return Session(self, optimizer, weight_decay, accumulate)

    def forward(self, x):
        z = x @ self.params["Affine_1/weight"] + self.params["Affine_1/bias"]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def evaluated(self, x, t, batch_size=256):
        y = self.forward(x)
        return float(-np.log(y[np.arange(len(t)), t].astype(np.float64)).mean()), y


class Session:
    def __init__(self, net, optimizer, weight_decay, accumulate):
        self.net, self.optimizer, self.weight_decay, self.accumulate = net, optimizer, weight_decay, accumulate
        self.velocity = {key: np.zeros_like(value) for key, value in net.params.items()}
        self.gathered = {key: np.zeros_like(value) for key, value in net.params.items()}
        self.steps = self.pending = 0
        self.prediction = np.zeros((0, CLASSES), np.float32)
        self.losses = {}

    def step(self, x, t, weights=None, *, learning_rate):
        time.sleep(self.net.pause)
        x = x * (draw(self.net.seed, 2, self.steps).random(x.shape) > 0.2)
        y = self.prediction = self.net.forward(x.astype(np.float32))
        self.steps += 1
        losses = -np.log(y[np.arange(len(t)), t].astype(np.float64)) * (1 if weights is None else weights)
        if self.net.poison is not None and self.steps == self.net.poison:
            return float("nan")
        d = ((y - np.eye(CLASSES)[t]) * (1 if weights is None else weights[:, None]) / len(t)).astype(np.float32)
        self.gathered["Affine_1/weight"] += x.T.astype(np.float32) @ d
        self.gathered["Affine_1/bias"] += d.sum(axis=0)
        self.pending += 1
        if self.pending == self.accumulate:
            self.flush(learning_rate)
        if self.net.bad_weights is not None and self.steps == self.net.bad_weights:
            self.net.params["Affine_1/bias"] = np.full(CLASSES, np.nan, np.float32)
        return float(losses.mean())

    def flush(self, learning_rate):
        if not self.pending:
            return
        for key, gradient in self.gathered.items():
            self.velocity[key] = (
                np.float32(0.9) * self.velocity[key] - np.float32(learning_rate / self.pending) * gradient
            )
            self.net.params[key] = self.net.params[key] + self.velocity[key]
            gradient[:] = 0
        self.pending = 0

    def state(self):
        arrays = {f"velocity/{key}": value.copy() for key, value in self.velocity.items()}
        arrays |= {f"gathered/{key}": value.copy() for key, value in self.gathered.items()}
        return {**arrays, "counters": np.array([self.steps, self.pending], np.int64)}

    def load_state(self, state):
        self.velocity = {key: state[f"velocity/{key}"].copy() for key in self.velocity}
        self.gathered = {key: state[f"gathered/{key}"].copy() for key in self.gathered}
        self.steps, self.pending = (int(number) for number in state["counters"])

    def fault(self):
        return "layer 'Affine_1': its output is not finite"


class Part:
    def __init__(self, count, key):
        self.targets = draw(key, 3).integers(0, CLASSES, count)
        self.x = (draw(key, 4).normal(size=(count, FEATURES)) + np.eye(CLASSES, FEATURES)[self.targets] * 2).astype(
            np.float32
        )

    def __len__(self):
        return len(self.x)

    def read(self, indices):
        return self.x[indices], self.targets[indices]

    def where(self, index):
        return f"fake.csv:{index + 2}"


class Pipeline:
    def to_json(self):
        return {"steps": []}


class Prepared:
    def __init__(self, validation=True, test=True, fingerprint="f" * 64):
        self.train = Part(SAMPLES, 1)
        self.validation = Part(11, 2) if validation else None
        self.test = Part(7, 3) if test else None
        self.fingerprint, self.class_names, self.findings = fingerprint, ("red", "green", "blue"), ()
        self.pipeline = Pipeline()

    def record(self):
        return {"fingerprint": self.fingerprint, "class_names": list(self.class_names), "pipeline": {"steps": []}}


class Loader:
    def __init__(self, part, batch_size, seed, shuffle):
        self.part, self.batch_size, self.seed, self.shuffle = part, batch_size, seed, shuffle

    def batches(self, epoch, start=0):
        count = len(self.part)
        order = draw(self.seed, 5, epoch).permutation(count) if self.shuffle else np.arange(count)
        for batch in range(start, -(-count // self.batch_size)):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            x, t = self.part.read(indices)
            noise = [draw(self.seed, 6, epoch, int(i)).normal(size=FEATURES) * 0.1 for i in indices]
            yield batch, indices, (x + np.array(noise)).astype(np.float32), t


def job(settings=None, *, prepared=None, name="fake", **network):
    settings = {
        "epochs": 3,
        "batch_size": 8,
        "optimizer": {"type": "Momentum", "learning_rate": 0.1},
        **(settings or {}),
    }
    parameters, prepared = Training.model_validate(settings), prepared or Prepared()
    document = {"format": 1, "name": name, "task": "classification", "training": settings}
    loader = Loader(prepared.train, parameters.batch_size, parameters.seed, parameters.shuffle)
    net = Network(parameters.seed, **network)
    return Job(document, parameters, "classification", net, prepared, loader, Path.cwd())


def train(out, settings=None, *, progress=None, stop=None, **more):
    """Train in a new folder under `out`."""
    with Interrupts() as interrupts:
        return training.start(job(settings, **more), Path(out), Events(progress), interrupts, stop)


def resume(path, *, progress=None, stop=None, settings=None, **more):
    """Go on with a run of `train`."""
    folder = find(path)
    with Interrupts() as interrupts, folder.lock:
        settings = settings or folder.read_json("document.json")["training"]
        return training.proceed(job(settings, **more), folder, Events(progress), interrupts, stop)


def main():
    verb, place, *rest = sys.argv[1:]
    options = json.loads(rest[0]) if rest else {}
    pause = options.pop("pause", 0.0)

    def progress(event):
        if event["event"] in ("start", "step"):
            print(event["event"], event.get("run", event["step"]), flush=True)

    try:
        if verb == "train":
            train(place, options, progress=progress, pause=pause)
        else:
            resume(place, progress=progress, pause=pause)
    except TsumikiError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
