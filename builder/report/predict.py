"""Predictions as a table: one row per sample, with the class or value and the probabilities, as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import maps


def prediction_rows(
    task: str, prediction: np.ndarray, samples: Sequence[str], class_names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Return a row per sample from predictions (N, outputs).

    classification  {"sample", "prediction": class name, "probability", "probabilities": {class name: number}}
    binary          the same for one output; for several, "prediction" and "probability" are lists, one per output
    regression      {"sample", "prediction": number, or a list for several outputs}
    images          {"sample", "height", "width", "pixels": {class name: share}} or, for values, {"min", "mean", "max"}
    """
    if prediction.ndim > 2 and np.prod(prediction.shape[2:]) > 1:
        return maps.rows(task, prediction, samples, class_names)
    values = np.asarray(prediction, dtype=np.float64).reshape(len(samples), -1)
    if task == "regression":
        plain = values[:, 0].tolist() if values.shape[1] == 1 else values.tolist()
        return [{"sample": name, "prediction": value} for name, value in zip(samples, plain, strict=True)]
    if task == "binary" and values.shape[1] > 1:
        return [
            {"sample": name, "prediction": (row >= 0.5).astype(int).tolist(), "probability": row.tolist()}
            for name, row in zip(samples, values, strict=True)
        ]
    if task == "binary":
        values = np.hstack([1 - values, values])
        # At one half the answer is class 1, as in the metrics; argmax would say class 0.
        best = (values[:, 1] >= 0.5).astype(np.int64)
    else:
        best = values.argmax(axis=1)
    count = values.shape[1]
    names = [str(k) for k in range(count)]
    if class_names is not None and len(class_names) == count:
        names = list(class_names)
    return [
        {
            "sample": name,
            "prediction": names[k],
            "probability": float(row[k]),
            "probabilities": dict(zip(names, row.tolist(), strict=True)),
        }
        for name, row, k in zip(samples, values, best, strict=True)
    ]


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as CSV with a header; probabilities become the columns `p:<class name>`."""
    flat = [_flatten(row) for row in rows]
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in flat for name in row)) or ["sample", "prediction"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a JSON list, one row per line."""
    lines = (json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n" if rows else "[]\n"


def _flatten(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found.update({f"p:{name}": number for name, number in value.items()})
        elif isinstance(value, list):
            found.update({f"{key}:{k}": item for k, item in enumerate(value)})
        else:
            found[key] = value
    return found


def _finite(value: Any) -> Any:
    """Make NaN and infinity None: JSON does not know them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def predict_files(
    run: str | Path, files: Sequence[str | Path], images: Path | None = None
) -> list[dict[str, Any]]:
    """Return a row for every image, table row or array entry in the files, from a run's best network.

    `images`: where to write predictions that are images, an .npz file or a folder for PNGs (see maps.py). The run's own
    preprocessing is applied. Raises DataError where a file is not what the network was trained on.
    """
    from builder.data import Pipeline
    from builder.training import Run

    opened = Run(run)
    pipeline = Pipeline.from_json(opened.data["pipeline"])
    rows: list[dict[str, Any]] = []
    writer = None if images is None else maps.Writer(images, opened.network.task, opened.network.output_shape)
    for x, places in pipeline.batches(files):
        prediction = opened.network.predict(x)
        if writer is not None:
            writer.add(prediction, places)
        rows += prediction_rows(opened.network.task, prediction, places, opened.data["class_names"])
    if writer is not None:
        writer.close()
    return rows
