"""VGG (Simonyan and Zisserman 2015): 3×3 convolutions two to four times, then pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import affine, classifier, document, layer, max_pool, repeat, unit

STAGES: dict[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Number of weighted layers -> convolutions of each stage; three Affine layers follow."""

CHANNELS = (64, 128, 256, 512, 512)


def vgg(
    depth: int = 16,
    input_dim: Sequence[int] = (3, 224, 224),
    classes: int = 1000,
    *,
    batch_norm: bool = False,
    hidden_size: int = 4096,
    p: float = 0.5,
    **more: Any,
) -> dict[str, Any]:
    """Return VGG-11, 13, 16 or 19; 138,357,544 (16) and 143,667,240 (19) parameters at 1000 classes.

    Raises ValueError for another depth.

    >>> len(vgg(16)["model"]["layers"])
    19
    """
    if depth not in STAGES:
        raise ValueError(f"vgg has a depth of {', '.join(map(str, STAGES))}, but received {depth}.")
    norm = [layer("BatchNormalization")] if batch_norm else []
    block = [layer("Convolution", out_channels="$channels", kernel_size=3, padding=1), *norm, layer("ReLU")]
    layers = []
    for channels, times in zip(CHANNELS, STAGES[depth], strict=True):
        layers += [*repeat(times, unit("Block", channels=channels)), max_pool()]
    for _ in range(2):
        layers += [affine(hidden_size), layer("ReLU"), layer("Dropout", p=p)]
    units = {"Block": {"arguments": {"channels": None}, "layers": block}}
    return document(f"vgg{depth}", input_dim, layers + classifier(classes), units=units, **more)
