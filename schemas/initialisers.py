"""How a parameter starts, as data: `{"type": "he_normal"}`. The engine draws from these, seeded per parameter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class _Initialiser(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeNormal(_Initialiser):
    """Normal with variance 2 / fan_in (He et al. 2015), for ReLU."""

    type: Literal["he_normal"] = "he_normal"


class HeUniform(_Initialiser):
    """Uniform in ±sqrt(6 / fan_in) (He et al. 2015)."""

    type: Literal["he_uniform"] = "he_uniform"


class GlorotNormal(_Initialiser):
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010), for Sigmoid and Tanh."""

    type: Literal["glorot_normal"] = "glorot_normal"


class GlorotUniform(_Initialiser):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    type: Literal["glorot_uniform"] = "glorot_uniform"


class Gaussian(_Initialiser):
    """Normal with the given standard deviation (SimpleConvNet's weight_init_std is 0.01)."""

    type: Literal["gaussian"] = "gaussian"
    std: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False, description="Standard deviation.")] = 0.01


class Zeros(_Initialiser):
    """All zero."""

    type: Literal["zeros"] = "zeros"


class Constant(_Initialiser):
    """All the same value."""

    type: Literal["constant"] = "constant"
    value: Annotated[float, Field(strict=True, allow_inf_nan=False, description="The value.")] = 0.0


def _by_name(value: Any) -> Any:
    """ "he_normal" is short for {"type": "he_normal"}."""
    return {"type": value} if isinstance(value, str) else value


InitialiserName = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "gaussian", "zeros", "constant"]
_Tagged = Annotated[
    HeNormal | HeUniform | GlorotNormal | GlorotUniform | Gaussian | Zeros | Constant, Field(discriminator="type")
]
Initialiser = Annotated[_Tagged, BeforeValidator(_by_name, json_schema_input_type=InitialiserName | _Tagged)]
