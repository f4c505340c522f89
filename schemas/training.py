"""The `training` section: how long, in which batches, with which optimizer and schedule, when to stop, what to keep.

    "training": {"epochs": 20, "batch_size": 64, "optimizer": {"type": "Adam", "learning_rate": 0.001}, "seed": 0}

Every field has a default, so `{}` is a valid section. What the records mean is computed in builder/training.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1e6, strict=True, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

Monitor = Literal["loss", "accuracy", "top_k_accuracy", "mean_iou", "mae", "rmse", "r2"]
"""A value of the validation part that best checkpoint and early stopping look at; mean_iou is of pixels."""

MONITORS: dict[str, tuple[Monitor, ...]] = {
    "classification": ("loss", "accuracy", "top_k_accuracy", "mean_iou"),
    "binary": ("loss", "accuracy", "mean_iou"),
    "regression": ("loss", "mae", "rmse", "r2"),
}
"""Which values exist for which task."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- optimizers: g is the gradient, w the weights, all element by element ------------------------------------------


class SGD(_Record):
    """Plain gradient descent: w -= learning_rate * g."""

    type: Literal["SGD"] = "SGD"
    learning_rate: Positive = Field(0.01, description="Size of a step.")


class Momentum(_Record):
    """Gradient descent with a velocity (Polyak 1964): v = momentum * v - learning_rate * g; w += v."""

    type: Literal["Momentum"] = "Momentum"
    learning_rate: Positive = Field(0.01, description="Size of a step.")
    momentum: Rate = Field(0.9, description="Share of the velocity kept at each step.")


class Nesterov(_Record):
    """Momentum with a look ahead (Nesterov 1983): v = momentum * v - learning_rate * g; w += momentum * v - lr * g."""

    type: Literal["Nesterov"] = "Nesterov"
    learning_rate: Positive = Field(0.01, description="Size of a step.")
    momentum: Rate = Field(0.9, description="Share of the velocity kept at each step.")


class Adam(_Record):
    """Adaptive moments with bias correction (Kingma and Ba 2015)."""

    type: Literal["Adam"] = "Adam"
    learning_rate: Positive = Field(0.001, description="Size of a step.")
    beta1: Rate = Field(0.9, description="Decay of the mean of the gradient.")
    beta2: Rate = Field(0.999, description="Decay of the mean of the squared gradient.")
    epsilon: Positive = Field(1e-8, description="Added to the root, against division by zero.")


class AdamW(_Record):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): w -= learning_rate * weight_decay * w as well."""

    type: Literal["AdamW"] = "AdamW"
    learning_rate: Positive = Field(0.001, description="Size of a step.")
    beta1: Rate = Field(0.9, description="Decay of the mean of the gradient.")
    beta2: Rate = Field(0.999, description="Decay of the mean of the squared gradient.")
    epsilon: Positive = Field(1e-8, description="Added to the root, against division by zero.")


class RMSprop(_Record):
    """Divide by a moving root mean square (Tieleman and Hinton 2012).

    s = decay * s + (1 - decay) * g^2; w -= learning_rate * g / (sqrt(s) + epsilon).
    """

    type: Literal["RMSprop"] = "RMSprop"
    learning_rate: Positive = Field(0.001, description="Size of a step.")
    decay: Rate = Field(0.9, description="Decay of the mean of the squared gradient.")
    epsilon: Positive = Field(1e-8, description="Added to the root, against division by zero.")


class AdaGrad(_Record):
    """Divide by the root of all squared gradients so far (Duchi et al. 2011).

    s += g^2; w -= learning_rate * g / (sqrt(s) + epsilon).
    """

    type: Literal["AdaGrad"] = "AdaGrad"
    learning_rate: Positive = Field(0.01, description="Size of a step.")
    epsilon: Positive = Field(1e-8, description="Added to the root, against division by zero.")


Optimizer = Annotated[
    SGD | Momentum | Nesterov | Adam | AdamW | RMSprop | AdaGrad,
    Field(discriminator="type"),
]


# --- schedules: a factor on the optimizer's learning rate ----------------------------------------------------------


class _Schedule(_Record):
    warmup_epochs: Annotated[float, Field(ge=0, le=1_000_000, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Epochs (parts of one allowed) in which the learning rate rises in a line to its full value."
    )
    warmup_start: Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Factor on the learning rate before the first step of the warm-up."
    )


class Constant(_Schedule):
    """Keep the learning rate."""

    type: Literal["Constant"] = "Constant"


class Step(_Schedule):
    """Multiply the learning rate by gamma after every step_size epochs, or at the given milestones."""

    type: Literal["Step"] = "Step"
    step_size: Count = Field(10, description="Epochs between two drops.")
    gamma: Factor = Field(0.1, description="Factor of each drop.")
    milestones: Annotated[list[Count], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Numbers of epochs after which to drop, instead of every step_size."
    )


class Exponential(_Schedule):
    """Multiply the learning rate by gamma after every epoch."""

    type: Literal["Exponential"] = "Exponential"
    gamma: Factor = Field(0.95, description="Factor of each epoch.")


class Cosine(_Schedule):
    """Fall along half a cosine to `minimum` at the last step (Loshchilov and Hutter 2017, without restarts)."""

    type: Literal["Cosine"] = "Cosine"
    minimum: NotNegative = Field(0.0, description="Learning rate at the end.")


class Polynomial(_Schedule):
    """Fall as (1 - progress) ** power to `minimum` at the last step; power 1 is a straight line."""

    type: Literal["Polynomial"] = "Polynomial"
    power: Annotated[float, Field(gt=0, le=100, strict=True, allow_inf_nan=False)] = Field(1.0, description="Exponent.")
    minimum: NotNegative = Field(0.0, description="Learning rate at the end.")


Schedule = Annotated[Constant | Step | Exponential | Cosine | Polynomial, Field(discriminator="type")]


# --- the section ---------------------------------------------------------------------------------------------------


class EarlyStopping(_Record):
    """Stop when the monitored value has not improved for `patience` epochs."""

    patience: Count = Field(5, description="Epochs without improvement before training stops.")
    min_delta: NotNegative = Field(0.0, description="Smallest change that counts as an improvement.")
    monitor: Monitor | None = Field(None, description="The value to watch; the section's own `monitor` when left out.")


class Training(_Record):
    """How the network is trained."""

    epochs: Count = Field(20, description="Passes over the training part.")
    batch_size: Annotated[int, Field(ge=1, le=65_536, strict=True)] = Field(64, description="Samples in one step.")
    optimizer: Optimizer = Field(default_factory=Adam, description="How a gradient changes the weights.")
    schedule: Schedule = Field(default_factory=Constant, description="How the learning rate changes over time.")
    weight_decay: NotNegative | None = Field(
        None,
        description="Pull of the weights towards zero (biases and normalisation are left alone): an L2 term of the "
        "gradient, decoupled for AdamW. When left out: 0, for AdamW 0.01.",
    )
    clip_norm: Positive | None = Field(
        None, description="Largest Euclidean norm of the whole gradient; a longer one is scaled down to it."
    )
    accumulate: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Field(
        1, description="Steps whose gradients are averaged before the weights change."
    )
    early_stopping: EarlyStopping | None = Field(None, description="When to stop before the last epoch.")
    monitor: Monitor = Field("loss", description="Value of the validation part by which the best epoch is chosen.")
    class_weights: (
        Literal["balanced"] | Annotated[list[NotNegative], Field(min_length=2, max_length=1_000_000)] | None
    ) = Field(
        None,
        description="Weight of each class in the loss: a list in class order, or 'balanced' for "
        "samples / (classes * samples of the class).",
    )
    top_k: Annotated[int, Field(ge=2, le=1_000_000, strict=True)] | None = Field(
        None, description="Also report how often the true class is among the k most probable ones."
    )
    shuffle: Annotated[bool, Field(strict=True)] = Field(
        True, description="Draw a new order of samples for every epoch."
    )
    drop_last: Annotated[bool, Field(strict=True)] = Field(
        False, description="Leave out the last, incomplete batch of each training epoch (never of an evaluation)."
    )
    evaluation_batch_size: Annotated[int, Field(ge=1, le=65_536, strict=True)] = Field(
        256, description="Samples evaluated at once in validation and test; changes speed and memory only."
    )
    checkpoint_seconds: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        60.0, description="Save at the latest after this many seconds, besides the end of every epoch."
    )
    checkpoint_steps: Count | None = Field(None, description="Also save after every so many steps.")
    seed: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)] = Field(
        0, description="Fixes weights, order, augmentation and dropout: the same seed gives the same bytes."
    )
    threads: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(
        None, description="Threads of the kernels; all cores when left out. Does not change any result."
    )
    exact: Annotated[bool, Field(strict=True)] = Field(
        False, description="Compute convolutions directly, without Winograd's faster but less exact form."
    )

    @property
    def decay(self) -> float:
        """The weight decay that applies: as given, else 0.01 for AdamW (Loshchilov and Hutter 2019) and 0 otherwise."""
        if self.weight_decay is not None:
            return self.weight_decay
        return 0.01 if self.optimizer.type == "AdamW" else 0.0
