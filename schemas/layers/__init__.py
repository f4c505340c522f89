"""One file per layer. Importing this package registers them all, in the order of the palette."""

from importlib import import_module

MODULES = (
    "convolution", "affine", "batch_normalization",
    "relu", "sigmoid", "tanh", "softmax",
    "max_pooling", "average_pooling", "global_average_pooling",
    "dropout", "add", "multiply", "concatenate", "flatten", "reshape", "identity",
    "categorical_cross_entropy", "binary_cross_entropy", "squared_error",
)  # fmt: skip

for _module in MODULES:
    import_module(f"{__name__}.{_module}")
