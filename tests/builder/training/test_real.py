"""The real engine and the real data under the same demands: equal bytes, and a stop at every step leaves no trace."""

import json

import numpy as np
import pytest

import builder
from builder.training import checkpoint, tensorfile
from schemas.errors import DataError, DocumentError

LAYERS = [
    {"type": "Convolution", "out_channels": 4, "kernel_size": 3, "padding": "same"}
    | {"learning_rate_factor": 0.5, "weight_decay": 0.02},
    {"type": "BatchNormalization"},
    {"type": "ReLU"},
    {"type": "MaxPooling"},
    {"type": "Dropout", "p": 0.3},
]
OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "Adam", "AdamW", "RMSprop", "AdaGrad"]
FULL = {
    "accumulate": 2,
    "clip_norm": 1.0,
    "class_weights": "balanced",
    "schedule": {"type": "Cosine", "warmup_epochs": 0.5},
    "early_stopping": {"patience": 5, "monitor": "accuracy"},
    "top_k": 2,
}


@pytest.fixture
def data(tmp_path):
    """Write 57 images of 1 × 6 × 6 in 3 classes, and return a function that makes documents about them."""
    random = np.random.default_rng(0)
    t = np.arange(57) % 3
    x = random.normal(size=(57, 1, 6, 6)).astype(np.float32) + t[:, None, None, None]
    np.savez(tmp_path / "images.npz", x=x, y=t)

    def document(**training):
        return {
            "format": 1,
            "name": "small",
            "task": "classification",
            "model": {"input": [1, 6, 6], "layers": LAYERS},
            "data": {
                "source": {"type": "npz", "path": str(tmp_path / "images.npz")},
                "validation": 0.2,
                "test": 0.2,
                "augmentation": [{"type": "Flip"}, {"type": "Shift", "pixels": 1}],
            },
            "training": {"epochs": 2, "batch_size": 10, "seed": 3, **training},
        }

    return document


def saved(run):
    names = ("document.json", "data.json", "metrics.jsonl", "predictions.csv", "report.json")
    files = [run.path / name for name in names] + sorted((run.path / "checkpoints").iterdir())
    return {file.name: file.read_bytes() for file in files}


def in_steps(document, out):
    """Train one step at a time, each in a fresh network."""
    run = builder.train(document, out, stop=lambda: True)
    while not run.finished:
        run = builder.resume(run.path, stop=lambda: True)
    return run


@pytest.mark.parametrize("more", [{}, FULL], ids=["plain", "full"])
def test_a_stop_at_every_step_and_other_threads_leave_no_trace(data, tmp_path, more):
    whole = saved(builder.train(data(**more), tmp_path / "whole", threads=1))
    assert saved(builder.train(data(**more), tmp_path / "again", threads=2)) == whole
    assert saved(in_steps(data(**more), tmp_path / "steps")) == whole


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_goes_on_where_it_stopped(data, tmp_path, kind):
    document = data(optimizer={"type": kind, "learning_rate": 0.01}, epochs=2)
    whole = saved(builder.train(document, tmp_path / "whole"))
    seen = []
    run = builder.train(
        document,
        tmp_path / "stopped",
        progress=lambda event: seen.append(event["event"]),
        stop=lambda: seen.count("step") == 6,
    )
    assert not run.finished and checkpoint.load(run.path / "checkpoints" / "last.safetensors").state.step == 6
    assert saved(builder.resume(run.path)) == whole


@pytest.mark.thorough
@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("more", [{}, FULL], ids=["plain", "full"])
def test_every_optimizer_survives_a_stop_at_every_step(data, tmp_path, kind, more):
    document = data(**more, optimizer={"type": kind, "learning_rate": 0.01}, epochs=3)
    whole = saved(builder.train(document, tmp_path / "whole"))
    assert saved(in_steps(document, tmp_path / "steps")) == whole


def test_the_run_gives_the_best_network_and_so_does_its_file(data, tmp_path):
    run = builder.train(data(), tmp_path)
    x = np.random.default_rng(1).normal(size=(5, 1, 6, 6)).astype(np.float32)
    loaded = builder.load(run.path / "checkpoints" / "best.safetensors")
    assert np.array_equal(loaded.predict(x), run.network.predict(x))
    assert np.array_equal(builder.Run(run.path).network.predict(x), run.network.predict(x))
    assert np.array_equal(builder.load(run.path).predict(x), run.network.predict(x))
    assert run.test["accuracy"] == run.report["metrics"]["accuracy"]
    _, texts = tensorfile.read(run.path / "checkpoints" / "best.safetensors")
    assert json.loads(texts["data"])["pipeline"] == run.data["pipeline"]


def test_a_run_that_blows_up_names_the_layer(data, tmp_path):
    document = data(optimizer={"type": "SGD", "learning_rate": 1e6}, epochs=20)
    document["model"]["layers"] = [
        {"type": "Affine", "out_features": 8},
        {"type": "Affine", "out_features": 3, "name": "top"},
    ]
    document["task"] = "regression"
    document["model"]["layers"][-1]["out_features"] = 1
    with pytest.raises(builder.TrainingError, match="It began in ") as caught:
        builder.train(document, tmp_path)
    assert caught.value.exit_code == 5
    saved_state = checkpoint.load(tmp_path / "small" / "1" / "checkpoints" / "last.safetensors")
    assert all(np.isfinite(value).all() for value in saved_state.parameters.values())


def test_a_document_edited_after_the_start_is_not_resumed(data, tmp_path):
    run = builder.train(data(), tmp_path, stop=lambda: True)
    path = run.path / "document.json"
    document = json.loads(path.read_text())
    document["training"]["batch_size"] = 5
    path.write_text(json.dumps(document))
    with pytest.raises(DocumentError, match="was changed"):
        builder.resume(run.path)


def test_changed_and_missing_data_are_not_resumed(data, tmp_path):
    run = builder.train(data(), tmp_path, stop=lambda: True)
    source = tmp_path / "images.npz"
    content = dict(np.load(source))
    content["x"][0, 0, 0, 0] += 1
    np.savez(source, **content)
    with pytest.raises(DataError, match="The data changed"):
        builder.resume(run.path)
    source.unlink()
    with pytest.raises(DataError):
        builder.resume(run.path)


def test_seed_threads_and_overrides_reach_the_training(data, tmp_path):
    run = builder.train(data(), tmp_path, overrides={"training.epochs": 1}, seed=8, threads=1, stop=lambda: True)
    assert run.document["training"]["epochs"] == 1 and run.document["training"]["seed"] == 8
    assert json.loads((run.path / "environment.json").read_text())["threads"] == 1
    with pytest.raises(builder.UsageError):
        builder.train(17, tmp_path)
    with pytest.raises(DocumentError):
        builder.train({k: v for k, v in data().items() if k != "data"}, tmp_path)
