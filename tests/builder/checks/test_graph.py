"""Expansion, names and order of the graph."""

from __future__ import annotations

import networkx as nx
import pytest
from check_documents import END, RELU, affine, conv, document, layer, repeat, resnet50, unit

import builder
from builder.graph import build
from schemas.document import Document


def test_a_plain_stack_is_a_chain() -> None:
    graph = build(document([conv(4), RELU, conv(8), *END]))
    names = ["Convolution_1", "ReLU_1", "Convolution_2", "Affine_1", "Softmax_1", "CategoricalCrossEntropy_1"]
    assert list(graph.order) == names
    assert list(graph.net.edges) == list(zip(["Input", *names], names, strict=False))
    assert graph.net.nodes["ReLU_1"]["pointer"] == "/model/layers/1"
    assert graph.net.nodes["ReLU_1"]["layer"].type == "ReLU"
    assert graph.problems == ()


def test_repeat_and_unit_expand_with_pointers_to_their_source() -> None:
    block = [conv("$channels", padding=1, name="c"), layer("Add", inputs=["c", "Input"])]
    graph = build(
        document(
            [conv(4), repeat(2, [unit("Block", arguments={"channels": 4})], name="stage"), unit("Block"), *END],
            units={"Block": {"arguments": {"channels": 4}, "layers": block}},
        )
    )
    assert list(graph.order)[:7] == [
        "Convolution_1", "stage/1/Unit_1/c".replace("stage/1/Unit_1", graph.blocks[1].name), "Add_1",
        f"{graph.blocks[2].name}/c", "Add_2", f"{graph.blocks[3].name}/c", "Add_3",
    ]  # fmt: skip
    assert [block.name for block in graph.blocks] == ["stage", "Unit_1", "Unit_2", "Unit_3"]
    assert graph.net.nodes["Add_2"]["pointer"] == "/model/units/Block/layers/1"
    assert graph.net.nodes["Add_2"]["inputs"] == ("Unit_2/c", "Add_1")
    assert graph.net.nodes["Affine_1"]["inputs"] == ("Add_3",)


def test_named_layers_in_rounds_carry_name_and_number() -> None:
    inner = repeat(2, [conv(4, padding=1, name="c")], name="inner")
    graph = build(document([repeat(2, [inner], name="outer"), *END]))
    assert list(graph.order)[:4] == [
        "outer/1/inner/1/c", "outer/1/inner/2/c", "outer/2/inner/1/c", "outer/2/inner/2/c",
    ]  # fmt: skip


def test_a_repeat_sees_what_stands_before_it_and_its_name_means_its_output() -> None:
    body = [conv(4, padding=1), layer("Add", inputs=["Convolution_1", "stem"])]
    graph = build(
        document([conv(4, padding=1, name="stem"), repeat(1, body, name="r"), layer("Add", inputs=["r", "stem"]), *END])
    )
    assert graph.net.nodes["Add_1"]["inputs"] == ("Convolution_1", "stem")
    assert graph.net.nodes["Add_2"]["inputs"] == ("Add_1", "stem")
    assert graph.problems == ()


def test_a_unit_sees_only_its_own_layers() -> None:
    units = {"u": {"layers": [conv(4, padding=1), layer("Add", inputs=["Convolution_1", "stem"])]}}
    report = builder.check(document([conv(4, padding=1, name="stem"), unit("u"), *END], units=units))
    assert [problem.code for problem in report.problems] == ["unknown_input"]
    assert "elsewhere" in report.problems[0].why


def test_layers_may_read_later_ones_as_long_as_there_is_no_loop() -> None:
    report = builder.check(
        document([layer("ReLU", name="late", inputs=["early"]), conv(4, name="early", inputs=["Input"]),
                  affine(10, inputs=["late"]), *END[1:]])
    )  # fmt: skip
    assert report.ok and [info.name for info in report.layers[:2]] == ["early", "late"]


def test_automatic_names_leave_given_ones_alone() -> None:
    graph = build(document([conv(4, name="Convolution_2"), conv(4), conv(4), *END]))
    assert list(graph.order)[:3] == ["Convolution_2", "Convolution_1", "Convolution_3"]


def test_rendering_keeps_every_name() -> None:
    raw = document([conv(4), repeat(2, [conv(4, padding=1)]), conv(4), layer("MaxPooling"), affine(10)])
    report = builder.check(raw)
    again = builder.check(report.document)
    assert [info.name for info in again.layers] == [info.name for info in report.layers]
    assert again.problems == ()
    assert builder.check(again.document).document == again.document


def test_order_is_that_of_networkx() -> None:
    graph = build(resnet50())
    assert nx.is_directed_acyclic_graph(graph.net)
    place = {name: index for index, name in enumerate(("Input", *graph.order))}
    assert all(place[source] < place[target] for source, target in graph.net.edges)


def test_documents_dicts_and_files_give_the_same(tmp_path) -> None:
    from schemas.document import dump

    raw = document([conv(4), *END])
    path = tmp_path / "a b.json"
    path.write_text(dump(raw), encoding="utf-8")
    expected = builder.check(raw).to_json()
    assert builder.check(path).to_json() == expected
    assert builder.check(str(path)).to_json() == expected
    assert builder.check(Document.model_validate(raw)).to_json() == expected


def test_what_is_no_document_is_a_report_too(tmp_path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"format": 1, "model": {"layers": [', encoding="utf-8")
    report = builder.check(path)
    assert not report.ok and report.problems
    for odd in ([], 3, None, "x" * 10, {"model": 3}, {"model": {"layers": 5}}, {"model": {"layers": [3, None, []]}}):
        if not isinstance(odd, str):
            assert not builder.check(odd).ok


@pytest.mark.parametrize("depth", [40, 300])
def test_deep_nesting_is_refused(depth: int) -> None:
    layers = [RELU]
    for _ in range(depth):
        layers = [repeat(1, layers)]
    raw = document(END)
    raw["model"]["layers"] = [*layers, *END]  # not through document(), which copies
    report = builder.check(raw)
    assert not report.ok and len(report.errors) == 1
    units = {f"u{i}": {"layers": [unit(f"u{i + 1}")]} for i in range(depth)} | {f"u{depth}": {"layers": [RELU]}}
    report = builder.check(document([unit("u0"), *END], units=units))
    assert [problem.code for problem in report.errors] == ["nested_too_deep"]


def test_units_that_double_each_other_are_counted_not_built() -> None:
    units = {f"u{i}": {"layers": [unit(f"u{i + 1}"), unit(f"u{i + 1}")]} for i in range(30)} | {
        "u30": {"layers": [RELU]}
    }
    report = builder.check(document([unit("u0"), *END], units=units))
    assert [problem.code for problem in report.errors] == ["too_many_layers"]
    assert report.layers == ()
