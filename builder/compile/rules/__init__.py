"""How each operation runs: its calls forward and backward, and the rows they become. One file per family."""

from importlib import import_module

FAMILIES = (
    "convolution", "deconvolution", "affine", "pooling", "resample", "batch_norm", "normalize", "pointwise", "binary",
    "strided", "joints", "norm_act", "reshape", "losses",
)  # fmt: skip


def load() -> None:
    """Register every rule. Kernels themselves load later, when a program is bound."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
