"""The `initialise` section: start from the learned weights of another run, all of them or some layers'.

    "initialise": {"from": "runs/digits/1", "layers": ["conv", "Unit_*"], "rename": {"conv1": "conv"}}

Layers are copied whole, with running statistics, where every parameter has the same shape; builder/transfer says what
was copied and what was not. What starts from another run can stay as it is (`trainable: false`) or learn more slowly
(`learning_rate_factor`): both are fields of the layer.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Source = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
LayerName = Annotated[str, Field(min_length=1, max_length=1000)]


class Initialise(BaseModel):
    """Where the first weights come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_: Source = Field(
        alias="from",
        description="Run folder, or a file that a network was saved to, relative to the document.",
    )
    layers: Annotated[list[LayerName], Field(min_length=1, max_length=10_000)] | None = Field(
        None,
        description="Layers of this network that start from there; * stands for any letters. When left out: every "
        "layer whose parameters fit.",
    )
    rename: Annotated[dict[LayerName, LayerName], Field(max_length=10_000)] = Field(
        default_factory=dict, description="Layers that are called otherwise there: {name there: name here}."
    )
