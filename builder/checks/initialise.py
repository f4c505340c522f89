"""The `initialise` section: the source is there, the layers that it names exist, and their parameters fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix, TsumikiError
from schemas.patch import join
from schemas.say import say
from schemas.suggest import did_you_mean

from .found import Found, found, put

if TYPE_CHECKING:
    from builder.transfer.match import Row
    from schemas.initialise import Initialise

    from .report import Report


def check(section: Initialise, report: Report, base: Path) -> Iterator[Found]:
    """Yield what is wrong, for a network whose shapes are known. A source that is not there is only a warning: the
    document can be right although the run lies on another machine."""
    from builder.transfer.match import by_layer, match
    from builder.transfer.source import Source

    here = _shapes(report)
    names = list(by_layer(here))
    wrong = list(_unknown(section, names, {info.name for info in report.layers}))
    yield from wrong
    try:
        there = Source(Path(base, section.from_)).shapes
    except TsumikiError as error:
        yield found(
            "initialise_unreadable",
            say("The weights to start from cannot be read: {error}", error=error),
            say("So the model was checked without them. Training would stop here."),
            pointer="/initialise/from",
            warning=True,
        )
        return
    sources = list(by_layer(there))
    for name in section.rename:
        if name not in sources:
            yield found(
                "initialise_no_layer",
                say("There is no layer {name} with parameters in {source}.", name=name, source=section.from_),
                say("rename says what a layer of the other network is called here."),
                pointer=join("/initialise/rename", name),
                propose=partial(_renamed, section, name, sources),
            )
    rows = match(section, here, there)
    for row in rows:
        if row.named and not row.copied and (row.there in sources or row.there not in section.rename):
            yield _does_not_fit(section, row, report, there)
    if not wrong and not any(row.copied or row.named for row in rows):
        yield found(
            "initialise_nothing",
            say("No layer of this network fits one of {source}.", source=section.from_),
            say("A layer starts from the one of the same name whose parameters have the same shapes."),
            pointer="/initialise",
            warning=True,
            propose=lambda: [Fix(say("Leave out initialise"), ({"op": "remove", "path": "/initialise"},))],
        )


def _shapes(report: Report) -> dict[str, tuple[int, ...]]:
    """Return parameter key -> shape."""
    from builder.compile.lower import lower

    graph = lower(report.network)
    return {graph.key(p): p.shape for node in graph.nodes for p in node.op.parameters}


def _unknown(section: Initialise, names: list[str], every: set[str]) -> Iterator[Found]:
    """Yield a problem for each name of this network that it does not have."""
    asked = [(name, join("/initialise/layers", place)) for place, name in enumerate(section.layers or ())]
    asked += [(new, join("/initialise/rename", old)) for old, new in section.rename.items()]
    for name, pointer in asked:
        if "*" in name or name in names:
            continue
        if name in every:
            what = say("{name} has no parameters that it could start from.", name=name)
        else:
            what = say("initialise names {name}, but this network has no such layer.", name=name)

        def propose(name: str = name, pointer: str = pointer) -> Iterator[Fix]:
            for other in did_you_mean(name, names):
                yield Fix(say("Write {name}", name=other), ({"op": "replace", "path": pointer, "value": other},))
            if len(section.layers or ()) == 1 and pointer.startswith("/initialise/layers"):
                yield Fix(say("Leave out initialise"), ({"op": "remove", "path": "/initialise"},))
            else:
                yield Fix(say("Leave out {name}", name=name), ({"op": "remove", "path": pointer},))

        why = say("Layers within a Repeat or a Unit are called like Unit_1/Affine_1.")
        yield found("initialise_unknown_layer", what, why, pointer=pointer, propose=propose)


def _renamed(section: Initialise, name: str, sources: list[str]) -> Iterator[Fix]:
    new = section.rename[name]
    for other in did_you_mean(name, sources):
        rename = {key: value for key, value in section.rename.items() if key != name} | {other: new}
        yield Fix(say("Write {name}", name=other), (put("/initialise/rename", rename),))
    yield Fix(say("Leave out {name}", name=name), ({"op": "remove", "path": join("/initialise/rename", name)},))


def _does_not_fit(section: Initialise, row: Row, report: Report, there: Mapping[str, tuple[int, ...]]) -> Found:
    def propose() -> Iterator[Fix]:
        info = next(info for info in report.layers if info.name == row.layer)
        fields = {"Affine": ("out_features", 1), "Convolution": ("out_channels", 0)}
        if info.type in fields and info.pointer:
            field, axis = fields[info.type]
            shape = there.get(f"{row.there}/weight")
            if shape is not None and len(shape) > axis:
                title = say("Set {field} to {value}", field=field, value=shape[axis])
                yield Fix(title, (put(join(info.pointer, field), shape[axis]),))
        if section.layers and row.layer in section.layers:
            rest: list[Any] = [name for name in section.layers if name != row.layer]
            patch = put("/initialise/layers", rest) if rest else {"op": "remove", "path": "/initialise"}
            yield Fix(say("Leave {name} as it is drawn", name=row.layer), (patch,))

    return found(
        row.code,
        say("{layer} cannot start from {there}: {why}.", layer=row.layer, there=row.there, why=row.why),
        say("Parameters are copied where they have the same shape."),
        pointer="/initialise/layers",
        layer=row.layer,
        propose=propose,
    )
