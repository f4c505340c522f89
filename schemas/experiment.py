"""An experiment: one document trained in several variants, over a grid of settings and several seeds.

    {"experiment": 1, "name": "compare", "document": "digits.json",
     "variants": {"with": {}, "without": {"set": {"model.layers.1": {"type": "Identity"}}}},
     "grid": {"training.optimizer.learning_rate": [0.001, 0.01]}, "seeds": [0, 1, 2]}

A variant sets fields of the document, by paths as on the command line. `start_from` names another variant from whose
network, of the same seed and grid, it starts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

Path = Annotated[str, Field(min_length=1, max_length=1000)]
VariantName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^/\\:*?\"<>|.~\x00-\x1f\x7f-\x9f]+$")]
Metric = Annotated[str, Field(min_length=1, max_length=100)]
MOST_TRIALS = 10_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Part):
    """One way to train the document."""

    set: dict[Path, JsonValue] = Field(default_factory=dict, max_length=1000, description="Fields and their values.")
    start_from: VariantName | None = Field(
        None, description="Variant whose network this one starts from, for the same seed and grid."
    )
    only_source: bool = Field(
        False, strict=True, description="Whether others start from it, but it is no part of the comparison."
    )


class Experiment(_Part):
    """Variants, grid and seeds; every combination is one run."""

    experiment: Literal[1] = Field(description="Version of the form.")
    name: VariantName = Field(description="Name of the experiment, and of the folder for its runs.")
    description: Annotated[str, Field(max_length=10_000)] | None = Field(None, description="For people.")
    document: Path | dict[str, JsonValue] = Field(
        description="The document: a file relative to the experiment's, or the document itself."
    )
    variants: Annotated[dict[VariantName, Variant], Field(min_length=1, max_length=100)] = Field(
        description="Name -> what is different."
    )
    grid: Annotated[
        dict[Path, Annotated[list[JsonValue], Field(min_length=1, max_length=100)]], Field(max_length=10)
    ] = Field(default_factory=dict, description="Path of a field -> the values that it takes, in every variant.")
    seeds: Annotated[list[Annotated[int, Field(ge=0, strict=True)]], Field(min_length=1, max_length=1000)] = Field(
        [0, 1, 2], description="Seeds of the trainings; mean and standard deviation are over them."
    )
    metric: Metric | None = Field(None, description="What is compared; accuracy, or for a regression r2, if left out.")
    reach: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = Field(
        None, description="Validation value of the metric; the table says after how many epochs it was reached."
    )

    @model_validator(mode="after")
    def _sound(self) -> Experiment:
        names = list(self.variants)
        for name, variant in self.variants.items():
            source = variant.start_from
            if source is not None and (source not in names or names.index(source) >= names.index(name)):
                raise PydanticCustomError(
                    "variant_order",
                    "{name} starts from {source}, which must be a variant that stands before it",
                    {"name": name, "source": source},
                )
        if all(variant.only_source for variant in self.variants.values()):
            raise PydanticCustomError("nothing_compared", "every variant is only_source, so nothing is compared")
        if len(set(self.seeds)) != len(self.seeds):
            raise PydanticCustomError("seeds_twice", "a seed stands twice in seeds")
        count: Any = len(self.variants) * len(self.seeds)
        for values in self.grid.values():
            count *= len(values)
        if count > MOST_TRIALS:
            raise PydanticCustomError("too_many_trials", "these are more than 10000 trainings")
        return self
