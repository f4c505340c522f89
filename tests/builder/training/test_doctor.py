"""The doctor's findings on made-up courses of the loss: each finds its own illness, none a healthy training."""

import math

import pytest

from builder.training.doctor import diagnose


def rows(train, validation=None, accuracy=0.5):
    course = [
        {"epoch": k, "learning_rate": 0.1, "train": {"loss": loss, "accuracy": accuracy}}
        for k, loss in enumerate(train, 1)
    ]
    for row, loss in zip(course, validation or [], strict=False):
        row["validation"] = {"loss": loss}
    return course


COURSES = {
    "diverging": ([1.0, 0.8, 1.0, 1.5, 4.0], None),
    "learning_rate_too_high": ([1.0, 3.0, 0.9, 2.8, 1.1, 3.1, 0.8, 2.9], None),
    "no_progress": ([math.log(3)] * 6, None),
    "overfitting": ([1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05], [1.0, 0.8, 0.7, 0.75, 0.8, 0.9, 1.0]),
    "still_improving": ([1.0, 0.8, 0.6, 0.5, 0.4, 0.3], [1.0, 0.85, 0.7, 0.6, 0.5, 0.4]),
}


@pytest.mark.parametrize("code", COURSES)
def test_each_course_has_its_finding(code):
    found = diagnose(rows(*COURSES[code]), task="classification", classes=3)
    assert [advice.code for advice in found] == [code]
    assert all(advice.what and advice.why and advice.fix for advice in found)


def test_a_loss_that_a_run_does_not_tell_is_no_error():
    course = rows([1.0, 0.8, None, 1.5, 4.0], [1.0, None, 0.7, 0.75, 0.8])
    del course[3]["train"]["loss"]
    assert all(advice.what for advice in diagnose(course, task="classification", classes=3))


def test_findings_say_where_it_began_and_with_which_numbers():
    (overfitting,) = diagnose(rows(*COURSES["overfitting"]), task="classification")
    assert overfitting.epoch == 3 and "since epoch 3" in overfitting.what
    (stuck,) = diagnose(rows(*COURSES["no_progress"]), task="classification", classes=3)
    assert "guessing among 3 classes" in stuck.what and "now 0.1" in stuck.fix


def test_a_healthy_training_has_no_finding():
    course = [1.0, 0.5, 0.3, 0.22, 0.201, 0.2, 0.199, 0.1985]
    assert diagnose(rows(course, [loss + 0.05 for loss in course]), task="classification", classes=3) == []
    assert diagnose(rows([0.001] * 5, accuracy=1.0), task="classification", classes=3) == []
    assert diagnose([], task="regression") == []


def test_classes_that_are_never_predicted_are_named():
    confusion = [[5, 0, 0], [2, 0, 0], [0, 0, 0]]
    (advice,) = diagnose([], task="classification", confusion=confusion, class_names=["a", "b", "c"])
    assert advice.code == "classes_never_predicted" and advice.what == "1 of 3 classes are never predicted: b."
