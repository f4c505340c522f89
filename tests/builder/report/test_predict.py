"""Tables of predictions."""

import csv
import io
import json

import numpy as np

from builder.report.predict import as_csv, as_json, prediction_rows


def test_classification_names_the_most_probable_class() -> None:
    rows = prediction_rows("classification", np.array([[0.25, 0.75], [1, 0]]), ["a.png", "b.png"], ["cat", "犬, あ"])
    assert rows[0] == {
        "sample": "a.png",
        "prediction": "犬, あ",
        "probability": 0.75,
        "probabilities": {"cat": 0.25, "犬, あ": 0.75},
    }
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert read[0] == {
        "sample": "a.png",
        "prediction": "犬, あ",
        "probability": "0.75",
        "p:cat": "0.25",
        "p:犬, あ": "0.75",
    }
    assert rows == json.loads(as_json(rows))


def test_binary_gives_both_classes() -> None:
    rows = prediction_rows("binary", np.array([[0.25], [0.5]]), ["1", "2"], ["no", "yes"])
    assert [(row["prediction"], row["probability"]) for row in rows] == [("no", 0.75), ("yes", 0.5)]
    assert rows[0]["probabilities"] == {"no": 0.75, "yes": 0.25}


def test_several_binary_outputs_are_lists() -> None:
    (row,) = prediction_rows("binary", np.array([[0.25, 0.75]]), ["1"], None)
    assert row == {"sample": "1", "prediction": [0, 1], "probability": [0.25, 0.75]}
    assert as_csv([row]).splitlines()[0] == "sample,prediction:0,prediction:1,probability:0,probability:1"


def test_regression_gives_numbers() -> None:
    assert prediction_rows("regression", np.array([[1.5], [2]]), ["1", "2"], None)[0] == {
        "sample": "1",
        "prediction": 1.5,
    }
    assert prediction_rows("regression", np.array([[1.0, 2.0]]), ["1"], None)[0]["prediction"] == [1.0, 2.0]


def test_nothing_is_an_empty_table() -> None:
    assert as_csv([]) == "sample,prediction\n"
    assert as_json([]) == "[]\n"
    assert "null" in as_json(prediction_rows("regression", np.array([np.nan]), ["1"], None))
