"""The page Data and task: choosing, looking, adapting, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pages_harness as harness
import pytest
from pages_harness import document, labelled, said, sound
from PIL import Image
from streamlit.testing.v1 import AppTest

EMPTY: dict[str, Any] = {"format": 1, "name": "n", "model": {"layers": [{"type": "Affine", "out_features": 8}]}}


@pytest.fixture
def app(tmp_path: Path) -> AppTest:
    return harness.opened("data", tmp_path, EMPTY)


def folder(place: Path, channels: int = 1, classes: tuple[str, ...] = ("猫", "犬 [x](http://y)")) -> None:
    """Make a folder of images, one sub-folder per class."""
    rng = np.random.default_rng(0)
    for name in classes:
        (place / name.replace("/", "_")).mkdir(parents=True)
        for k in range(12):
            shape = (7, 6) if channels == 1 else (7, 6, 3)
            image = Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8))
            image.save(place / name.replace("/", "_") / f"{k}.png")


@pytest.mark.parametrize(
    ("name", "task", "ending"),
    [
        ("digits", "classification", ["Softmax", "CategoricalCrossEntropy"]),
        ("breast_cancer", "binary", ["Sigmoid", "BinaryCrossEntropy"]),
        ("diabetes", "regression", ["Affine", "SquaredError"]),
    ],
)
def test_builtin_data_fit_the_network(app: AppTest, name: str, task: str, ending: list[str]) -> None:
    app.run()
    app.button(key=f"data:use:{name}").click().run()
    sound(app)
    made = document(app)
    assert (task, name) == (made["task"], made["data"]["source"]["name"])
    assert ending == [layer["type"] for layer in made["model"]["layers"]][-2:]
    assert "those of the data" in said(app) and app.session_state["store"].report.ok
    app.session_state["store"].dispatch({"op": "undo"})
    assert document(app) == EMPTY


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_every_language(tmp_path: Path, language: str) -> None:
    app = harness.opened("data", tmp_path, "digits", language).run()
    sound(app)
    assert ".why" not in said(app)


def test_another_task_changes_head_and_loss(app: AppTest) -> None:
    app.run()
    app.button(key="data:use:breast_cancer").click().run()
    app.segmented_control(key="task:chosen").set_value("classification").run()
    sound(app)
    made = document(app)
    assert ("classification", "CategoricalCrossEntropy") == (made["task"], made["model"]["layers"][-1]["type"])
    assert 2 == [layer for layer in made["model"]["layers"] if layer["type"] == "Affine"][-1]["out_features"]


def test_a_loss_that_does_not_suit_is_explained(app: AppTest) -> None:
    app.run()
    app.button(key="data:use:digits").click().run()
    app.selectbox(key="task:loss").set_value("BinaryCrossEntropy").run()
    sound(app)
    assert "BinaryCrossEntropy" == document(app)["model"]["layers"][-1]["type"]
    assert app.error or app.warning
    labelled(app.button, "Fit the network to the data").click().run()
    assert "CategoricalCrossEntropy" == document(app)["model"]["layers"][-1]["type"]
    assert not app.error


def test_a_network_that_does_not_fit_is_adapted_with_one_click(app: AppTest, tmp_path: Path) -> None:
    wrong = harness.example("digits")
    wrong["model"]["input"] = [1, 28, 28]
    app = harness.opened("data", tmp_path, wrong).run()
    labelled(app.button, "Fit the network to the data").click().run()
    sound(app)
    assert [1, 8, 8] == document(app)["model"]["input"] and app.session_state["store"].report.ok


def test_own_images_in_folders(app: AppTest, tmp_path: Path) -> None:
    folder(tmp_path / "写真")
    app.run()
    app.segmented_control(key="data:way").set_value("path").run()
    app.selectbox(key="data:path").set_value("写真").run()
    app.button(key="data:use:path").click().run()
    sound(app)
    made = document(app)
    assert ("folder", "写真", "binary") == (
        made["data"]["source"]["type"],
        made["data"]["source"]["path"],
        made["task"],
    )
    assert "[x](http://y)" not in said(app)  # a link in a class name stays text


def test_a_table_and_its_target(app: AppTest, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{a + b:.3f}" for a, b in rng.random((40, 2))]
    (tmp_path / "家賃.csv").write_text("広さ,築年,家賃\n" + "\n".join(rows) + "\n", encoding="utf-8")
    app.run()
    app.segmented_control(key="data:way").set_value("path").run()
    app.selectbox(key="data:path").set_value("家賃.csv").run()
    app.button(key="data:use:path").click().run()
    sound(app)
    assert ("regression", "家賃") == (document(app)["task"], document(app)["data"]["source"]["target"])
    app.selectbox(key="data:target").set_value("築年").run()
    sound(app)
    assert "築年" == document(app)["data"]["source"]["target"]


@pytest.mark.parametrize("path", ["../../etc", "/etc/passwd", "nothing.csv", "a\x00b"])
def test_paths_that_lead_nowhere_or_outside(app: AppTest, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.ui.pages.data._candidates", lambda workspace: [path])  # AppTest types no new option
    app.run()
    app.segmented_control(key="data:way").set_value("path").run()
    app.selectbox(key="data:path").set_value(path).run()
    app.button(key="data:use:path").click().run()
    sound(app)
    assert app.error
    assert document(app) == EMPTY


def test_broken_samples_are_named_and_can_be_left_out(app: AppTest, tmp_path: Path) -> None:
    folder(tmp_path / "images")
    (tmp_path / "images" / "猫" / "3.png").write_bytes(b"no image")
    made = {**EMPTY, "data": {"source": {"type": "folder", "path": "images"}, "test": 0.2}}
    app = harness.opened("data", tmp_path, made).run()
    sound(app)
    assert "3\\.png" in said(app) or "3.png" in said(app)
    labelled(app.button, "Leave out what cannot be read").click().run()
    sound(app)
    assert "skip" == document(app)["data"]["on_error"]
    assert "Samples" in [heading.value for heading in app.subheader]


def test_preprocessing_and_augmentation(tmp_path: Path) -> None:
    app = harness.opened("data", tmp_path, "digits").run()
    app.multiselect(key="data:augmentation").set_value(["Shift", "Rotate"]).run()
    app.multiselect(key="data:preprocessing").set_value(["Scale", "Resize"]).run()
    sound(app)
    made = document(app)["data"]
    assert [{"type": "Shift"}, {"type": "Rotate", "degrees": 10.0}] == made["augmentation"]
    assert ["Scale", "Resize"] == [step["type"] for step in made["preprocessing"]]
    app.segmented_control(key="data:view").set_value("augmented").run()
    sound(app)
    app.multiselect(key="data:augmentation").set_value([]).run()
    sound(app)
    labelled(app.text_input, "Share for the test").set_value("0.3").run()
    assert 0.3 == document(app)["data"]["test"]


@pytest.mark.parametrize("view", ["raw", "network"])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_every_kind(tmp_path: Path, view: str, channels: int) -> None:
    folder(tmp_path / "images", channels, ("a", "b", "c"))
    made = {**EMPTY, "data": {"source": {"type": "folder", "path": "images"}, "validation": 0.2, "test": 0.2}}
    app = harness.opened("data", tmp_path, made).run()
    app.segmented_control(key="data:view").set_value(view).run()
    app.segmented_control(key="data:part").set_value("test").run()
    labelled(app.button, "Others").click().run()
    sound(app)


@pytest.mark.parametrize("data", [3, {}, {"source": 5}, {"source": {"type": "folder", "path": "nowhere"}}, {"x": [1]}])
def test_a_data_section_that_is_none(tmp_path: Path, data: Any) -> None:
    app = harness.opened("data", tmp_path, {**EMPTY, "data": data}).run()
    sound(app)


def test_uploaded_files(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest cannot upload; what the button calls is called."""
    import io

    from builder.ui import uploads

    place = uploads.keep(tmp_path, [("t.csv", io.BytesIO(b"a,target\n" + b"1,2.5\n3,4.5\n" * 20))])
    app.run()
    store = app.session_state["store"]
    monkeypatch.setattr("builder.ui.pages.data.store", lambda: store)
    from builder.ui.pages import data

    data._use(str(place))
    assert {"type": "csv", "path": "data/t/t.csv"}.items() <= json.loads(store.text)["data"]["source"].items()


def test_a_document_without_layers_gets_a_stack_that_suits(tmp_path: Path) -> None:
    app = harness.opened("data", tmp_path, {"format": 1, "name": "network", "model": {"layers": []}}).run()
    app.button(key="data:use:digits").click().run()
    sound(app)
    made = document(app)
    assert "digits" == made["name"]
    assert "Convolution" == made["model"]["layers"][0]["type"] and 30 == made["training"]["epochs"]
    assert app.session_state["store"].report.ok


def test_a_stack_that_suits_can_take_the_place_of_ones_own(tmp_path: Path) -> None:
    own = [{"type": "Affine", "out_features": 8}, {"type": "ReLU"}, {"type": "Affine", "out_features": 4}]
    app = harness.opened("data", tmp_path, {**EMPTY, "model": {"layers": own}}).run()
    app.button(key="data:use:digits").click().run()
    assert "Affine" == document(app)["model"]["layers"][0]["type"] and "n" == document(app)["name"]
    labelled(app.button, "Put in a network that suits").click().run()
    sound(app)
    assert "Convolution" == document(app)["model"]["layers"][0]["type"]
    assert not [button for button in app.button if button.label == "Put in a network that suits"]


def test_settings_of_steps_and_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n" + "1,2,3\n2,3,5\n4,4,8\n" * 10)
    data = {"source": {"type": "csv", "path": "t.csv", "target": "c"}, "preprocessing": [{"type": "Normalize"}]}
    app = harness.opened("data", tmp_path, {**EMPTY, "task": "regression", "data": data}).run()
    labelled(app.text_input, "Input columns").set_value("b").run()
    sound(app)
    assert ["b"] == document(app)["data"]["source"]["columns"]
    labelled(app.text_input, "Mean").set_value("3").run()
    assert [{"type": "Normalize", "mean": 3}] == document(app)["data"]["preprocessing"]
    labelled(app.toggle, "Same share of each class").set_value(False).run()
    assert document(app)["data"]["stratify"] is False
    sound(app)


def test_the_augmented_samples_are_those_that_the_network_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from builder.data.loader import Loader
    from builder.ui.pages import samples

    made = harness.example("digits")
    made["data"]["augmentation"] = [{"type": "Shift"}]
    made["training"]["seed"] = 5
    app = harness.opened("data", tmp_path, made)
    store = app.session_state["store"]
    prepared, _ = samples._prepared(json.dumps(made["data"], sort_keys=True), "classification", str(tmp_path), 0)
    chosen = np.arange(7)
    seen, _ = samples._seen(store, prepared.train, chosen, "augmented", 3)
    loader = Loader(prepared.train, 64, seed=5, augment=True)
    for _, indices, x, _ in loader.batches(2):
        for k in set(indices.tolist()) & set(chosen.tolist()):
            assert np.array_equal(x[indices.tolist().index(k)], seen[k])
    assert not np.array_equal(seen, samples._seen(store, prepared.train, chosen, "network", 1)[0])


def test_masks_are_shown_beside_their_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 1, 6, 6), dtype=np.float32), rng.integers(0, 3, (20, 6, 6))
    np.savez(tmp_path / "a.npz", x=x, y=y)
    made = {**EMPTY, "task": "classification", "data": {"source": {"type": "npz", "path": "a.npz"}}}
    app = harness.opened("data", tmp_path, made).run()
    sound(app)
    assert "every pixel" in said(app)


def test_several_losses_are_listed_with_their_weights(tmp_path: Path) -> None:
    app = harness.opened("data", tmp_path, "auxiliary_head").run()
    assert not app.exception
    table = next(found.value for found in app.markdown if "SoftmaxCrossEntropy" in found.value and "0.3" in found.value)
    lines = table.splitlines()
    assert len(lines) == 2 + 3
    assert "CategoricalCrossEntropy" in lines[2] and lines[2].endswith("main |")
    assert all("auxiliary" in line for line in lines[3:])


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_samples_are_mixed_before_one_s_eyes(tmp_path: Path, name: str) -> None:
    """Mixup is offered for tables too, and its setting is a field."""
    app = harness.opened("data", tmp_path, name).run()
    app.multiselect(key="data:augmentation").set_value(["Mixup"]).run()
    sound(app)
    assert [{"type": "Mixup"}] == document(app)["data"]["augmentation"]
    app.segmented_control(key="data:view").set_value("augmented").run()
    sound(app)
