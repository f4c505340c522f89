"""One file per layer. Importing this package registers them all, in the order of the palette."""

from importlib import import_module

MODULES = (
    "convolution", "depthwise_convolution", "separable_convolution", "deconvolution",
    "affine",
    "batch_normalization", "layer_normalization", "group_normalization", "instance_normalization", "rms_normalization",
    "l2_normalization", "lrn",
    "relu", "sigmoid", "tanh", "softmax",
    "max_pooling", "average_pooling", "sum_pooling", "subsampling", "global_average_pooling", "global_max_pooling",
    "unpooling", "upsample",
    "dropout", "add", "multiply", "concatenate", "flatten", "reshape", "identity",
    "categorical_cross_entropy", "binary_cross_entropy", "squared_error",
)  # fmt: skip

for _module in MODULES:
    import_module(f"{__name__}.{_module}")
