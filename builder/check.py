"""The one check: every independent problem of a document with tried fixes, and every shape and cost that is known.

    report = check("examples/digits.json")     a path, a dict or a schemas Document
    report.ok, report.problems                 Problem: code, severity, pointer, layer, what, why, fixes
    report.layers, report.totals               LayerInfo per layer of the expanded network, and their sums
    report.document                            the document with head and loss filled in
    report.network                             what the compiler takes; raises DocumentError where there are errors
    glance(document).shapes, .settled()        the same in two steps, for an editor: what is seen at once, then the rest

One root cause is one problem. What depends on something broken is unknown; all else keeps its shape and cost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.document import Document, Sections, parse, plain
from schemas.errors import Problem, TsumikiError
from schemas.patch import copy
from schemas.say import say
from schemas.shapes import Shape

from . import heads
from .checks import auxiliary, data as data_checks, formulas, heads as head_checks, memory, mixing, sharing, untrained
from .checks.ending import Ending
from .checks.found import Found, found
from .checks.report import Report
from .checks.shapes import Shapes
from .cost import Settings, estimate, machine_bytes
from .fixes import Checked as Seen, offer
from .graph import Graph

if TYPE_CHECKING:
    from .data.facts import DataFacts


def check(
    document: str | os.PathLike[str] | Mapping[str, Any] | Document,
    *,
    facts: DataFacts | None = None,
    base: Path | str | None = None,
) -> Report:
    """Check a document: a path, a dict or a schemas Document.

    `facts` says what is known of the data; when left out, the data section's headers are read, with paths relative to
    `base` (the document's own folder, or the current one). Raises UsageError where there is no such file. A document
    that cannot be read at all gives a report whose problems say why.

    >>> model = {"input": [4], "layers": [{"type": "Affine", "out_features": 1}]}
    >>> report = check({"format": 1, "task": "regression", "model": model})
    >>> report.ok, report.shapes["Affine_1"], report.totals["parameters"]
    (True, (1,), 5)
    """
    return glance(document, facts=facts, base=base).settled()


def glance(
    document: str | os.PathLike[str] | Mapping[str, Any] | Document,
    *,
    facts: DataFacts | None = None,
    base: Path | str | None = None,
) -> Report:
    """Check a document as `check` does, but leave what takes most of the time to `settled()`.

    Shapes, costs and problems are there. Fixes are not tried yet, so problems have none, and whether training fits into
    memory is told from the estimate instead of the engine's plan.
    """
    raw, unreadable, base = _read(document, base)
    look = _Look(raw, facts, base, unreadable, scale=1.0)
    first = look.seen().problems
    return replace(
        look.report(tuple(sorted((replace(problem, fixes=()) for problem in first), key=_rank))),
        untried=bool(first),
        _settle=cache(lambda work: _settled(look, raw, facts, base, unreadable, work)),
    )


def _settled(
    look: _Look, raw: Any, facts: DataFacts | None, base: Path, unreadable: tuple[Problem, ...], work: int
) -> Report:
    """Look again where the engine's plan has to say whether training fits into memory, and try fixes."""
    if look.close:
        look = _Look(raw, look.facts, base, unreadable)
    seen = look.seen()
    size = max(len(look.graph.nodes), 1)

    def again(patched: Any) -> Seen:
        same = not isinstance(patched, dict) or not isinstance(raw, dict) or patched.get("data") == raw.get("data")
        known = look.facts if same or facts is not None else None
        return _Look(patched, known, base, (), look_at_data=not same, scale=look.scale).seen()

    # The patches of fixes are paths into the document as it was given, so that is what they are tried on.
    offered, short = offer(raw, look.found, seen, again, size, work) if look.found else ([], False)
    settle = cache(lambda more: _settled(look, raw, facts, base, unreadable, more)) if short else None
    return replace(look.report(tuple(sorted(offered, key=_rank))), untried=short, _settle=settle)


def render(
    document: str | os.PathLike[str] | Mapping[str, Any] | Document, *, base: Path | str | None = None
) -> dict[str, Any]:
    """Return the document with task, input, names, head and loss filled in. Raises DocumentError for errors."""
    report = check(document, base=base)
    report.raise_for_errors()
    return report.document


def _rank(problem: Problem) -> tuple[bool, tuple[tuple[int, str], ...]]:
    """Sort errors before warnings, and each by their place."""
    return problem.severity != "error", _place(problem)


def _place(problem: Problem) -> tuple[tuple[int, str], ...]:
    """Sort problems by their place in the document, positions in lists as numbers."""
    return tuple(
        (int(step), "") if step.isdecimal() and len(step) < 10 else (-1, step) for step in problem.pointer.split("/")
    )


def _read(
    document: str | os.PathLike[str] | Mapping[str, Any] | Document, base: Path | str | None
) -> tuple[Any, tuple[Problem, ...], Path]:
    """Return the document as JSON values, what was wrong with reading it, and the folder that its paths start from."""
    if isinstance(document, str | os.PathLike):
        from schemas.reader import scan_file

        scan = scan_file(document)
        return scan.raw, tuple(scan.problems), Path(base) if base is not None else Path(document).parent
    raw = plain(document) if isinstance(document, Document) else document
    return raw, (), Path(base) if base is not None else Path()


class _Look:
    """One look at a document, without fixes."""

    def __init__(
        self,
        raw: Any,
        facts: DataFacts | None,
        base: Path,
        unreadable: Iterable[Problem],
        look_at_data: bool = True,
        scale: float | None = None,
    ) -> None:
        sections, problems = parse(raw)
        told = {(problem.code, problem.pointer) for problem in unreadable}
        self.sections: Sections = sections
        self.raw: dict[str, Any] = sections.raw
        self.found = [Found(problem) for problem in unreadable]
        if isinstance(raw, Mapping) or not told:  # else nothing could be read, and what is missing is no other mistake
            self.found += [Found(problem) for problem in problems if (problem.code, problem.pointer) not in told]
        parsed = tuple(item.problem.pointer for item in self.found if item.problem.severity == "error")
        self.facts = facts
        if facts is None and look_at_data:
            self._look_at_data(base)
        self.graph = Graph(self.raw)
        self._add(self.graph.wiring, parsed)
        self.input_shape = self._input()
        self.state = Shapes(self.graph, self.input_shape)
        known = self.facts.shape if self.facts is not None else None
        if self.state.errors and known is not None and tuple(known) != self.input_shape:
            # The model's input is wrong; layers that would fit the data are not.
            other = Shapes(self.graph, tuple(known))
            if len(other.errors) < len(self.state.errors):
                self.input_shape, self.state = tuple(known), other
        self._add(self.state.found, ())
        self._add(sharing.check(self.state), parsed)
        self._end()
        if not any(item.problem.severity == "error" for item in self.found):
            self.found += untrained.untrained(self.state)
        self.scale = scale
        self._memory()
        self._initialise(base)

    def _add(self, items: Iterable[Found], parsed: tuple[str, ...]) -> None:
        """Add findings, but not about what the parser has told already."""
        self.found += [item for item in items if not any(_same_place(item.problem, pointer) for pointer in parsed)]

    def _look_at_data(self, base: Path) -> None:
        """Read the headers of the data, if the document names some that are sound."""
        if self.sections.data is None:
            return
        from .data.facts import facts

        task = heads.stated_task(self.raw)
        try:
            self.facts = facts(self.sections.data, base, task, heads.ignored(self.raw))  # type: ignore[arg-type]  # stated_task gives only tasks
        except TsumikiError as error:
            self.found.append(found(
                "data_unreadable",
                say("The data cannot be looked at: {error}", error=error.args[0] if error.args else str(error)),
                say("So the model was checked without them. Training would stop here."),
                pointer="/data/source",
                warning=True,
            ))  # fmt: skip

    def _input(self) -> Shape | None:
        """Return the network's input shape: the model's, else the data's."""
        model = self.raw.get("model")
        stated = self.sections.input
        self.found += data_checks.check_input(self.raw, stated, self.facts)
        if stated is not None:
            return tuple(stated)
        given = model.get("input") if isinstance(model, dict) else None
        known = self.facts.shape if self.facts is not None else None
        return tuple(known) if known is not None and given is None else None

    def _end(self) -> None:
        """Check the network's end, and fill in what it lacks."""
        head = heads.read(self.state)
        self.task = heads.task_of(self.raw, head, self.facts)
        filled = heads.filling(head, self.task, self.facts)
        unread = self.facts is None and isinstance(self.raw.get("data"), dict)
        end = Ending(self.state, self.raw, self.task, head, filled, self.facts, unread)
        problems, comparable = head_checks.check(end)
        self.found += problems
        self.filled = filled.entries
        if filled.entries and not any(item.problem.code in ("several_losses", "loss_not_last") for item in problems):
            for entry in filled.entries:
                node = self.graph.append(dict(entry))
                self.state.add(node)
            self.graph.wire()
        whole = heads.read(self.state)
        self.output = whole.prediction.name if whole is not None and whole.loss is not None else None
        if comparable and whole is not None:
            end = Ending(self.state, self.raw, self.task, whole, filled, self.facts)
            self.found += data_checks.check_outputs(end, whole)
        self.found += mixing.check(end, self.sections.data)
        self.found += formulas.check(end)
        if whole is not None and whole.loss is not None:
            self.found += auxiliary.check(replace(end, head=whole), whole)

    def _memory(self) -> None:
        """Add a problem where training would take too much memory.

        A rough estimate is enough where it is far from what the machine has; else the engine's own plan decides. As
        that takes longer than all the rest, `scale` (planned by estimated bytes) stands for it when fixes are tried.
        """
        rough = estimate(list(self.state.infos.values()), self.input_shape or (), Settings.of(self.raw))
        self.close = rough > memory.SURELY_FITS and machine_bytes() // 4 < rough < machine_bytes() * 16
        if self.scale is None:
            self.scale = (self.planned or rough) / rough if self.close else 1.0
        problem = memory.check(self.state, self.raw, int(rough * self.scale))
        if problem is not None:
            self.found.append(problem)

    def _initialise(self, base: Path) -> None:
        """Compare the network with the one that it starts from, once its shapes are known."""
        section = self.sections.initialise
        unknown = self.output is None or any(info.output_shape is None for info in self.state.infos.values())
        if section is None or unknown or any(item.problem.severity == "error" for item in self.found):
            return
        from .checks import initialise

        self.found += initialise.check(section, self.bare(), base)

    @cached_property
    def planned(self) -> int | None:
        """The peak memory of the engine's own plan, or None where there is no plan: after errors, or without data."""
        unknown = self.output is None or any(info.output_shape is None for info in self.state.infos.values())
        if unknown or any(item.problem.severity == "error" for item in self.found):
            return None
        from .compile.memory import peak_bytes

        to = Settings.of(self.raw)
        return peak_bytes(
            self.bare().network, to.batch, to.optimizer, to.accumulate, evaluation_batch_size=to.evaluation
        )

    def bare(self) -> Report:
        """Return the report without problems, document and memory."""
        layers = tuple(self.state.infos[name] for name in self.graph.order)
        return Report((), layers, {}, self.task, self.input_shape, self.facts, self.output)

    def seen(self) -> Seen:
        """Return what the trial of fixes compares."""
        unknown = {node.pointer for node in self.graph.nodes.values() if self.state.shapes.get(node.name) is None}
        if any(node.type in ("Repeat", "Unit") for node in self.graph.nodes.values()):
            unknown.add("/model/units")
        if self.graph.stacks.refused or not self.graph.nodes:
            unknown.add("/model/layers")
        return Seen(tuple(item.problem for item in self.found), frozenset(unknown))

    def report(self, problems: tuple[Problem, ...]) -> Report:
        """Return the report, with the problems as they are offered."""
        return replace(self.bare(), problems=problems, document=self._document(), _peak=lambda: self.planned)

    def _document(self) -> dict[str, Any]:
        """Return the document with task, input, names of the outer layers, head and loss written out."""
        document: dict[str, Any] = copy(self.raw)
        model = document.get("model")
        if not isinstance(model, dict) or not isinstance(model.get("layers"), list) or not self.graph.root.items:
            return document
        document["task"] = self.task
        if self.input_shape is not None:
            model["input"] = list(self.input_shape)
        model["layers"] += [dict(entry) for entry in self.filled]
        for entry, item in zip(model["layers"], self.graph.root.items, strict=False):
            if isinstance(entry, dict) and isinstance(entry.get("type"), str) and "name" not in entry:
                entry["name"] = item.name
        model["layers"] = [_in_order(entry) for entry in model["layers"]]
        return _in_order(document)


def _in_order(value: Any) -> Any:
    """Return an object with what says what it is in front: format, name, task, and a layer's type."""
    if not isinstance(value, dict):
        return value
    front = [key for key in ("format", "type", "name", "task") if key in value]
    return {key: value[key] for key in (*front, *(key for key in value if key not in front))}


def _same_place(problem: Problem, pointer: str) -> bool:
    """Tell whether the parser's problem at `pointer` is the one that the graph has found too."""
    return problem.pointer == pointer or problem.pointer.startswith(pointer + "/")


__all__ = ["Report", "check", "glance", "render"]
