"""Networks in which training would change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemas.say import listed, say

from .found import Found, changed, found

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes


def untrained(state: Shapes) -> Iterator[Found]:
    """Warn where training would change nothing: no parameter may learn, or there is none."""

    def still(node: Node) -> bool:
        return node.layer is not None and node.layer.learning_rate_factor == 0

    infos = [(node, state.infos.get(node.name)) for node in state.graph.nodes.values()]
    if any(i is None or i.output_shape is None or (i.trainable and not still(node)) for node, i in infos) or not infos:
        return
    frozen = [node for node, info in infos if info is not None and info.parameters]
    last = frozen[-1] if frozen else infos[-1][0]
    names = list(dict.fromkeys(node.name for node in frozen))
    shown = listed(names) if len(names) < 6 else say("{name} and {count} more", name=names[0], count=len(names) - 1)
    learn = {"trainable": True} | ({"learning_rate_factor": 1.0} if still(last) else {})
    yield found(
        "nothing_trained",
        say("Training would change nothing: {names} may not learn.", names=shown)
        if frozen
        else say("Training would change nothing: no layer has parameters."),
        say("A layer learns unless its trainable is false or its learning_rate_factor is 0."),
        pointer=last.pointer,
        layer=last.name,
        warning=True,
        propose=lambda: [changed(last, learn, say("Let {name} learn", name=last.name))] if frozen else [],
    )
