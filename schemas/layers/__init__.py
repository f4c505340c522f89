"""One file per layer. Importing this package registers them all, in the order of the palette."""

from importlib import import_module

MODULES = (
    "convolution", "depthwise_convolution", "separable_convolution", "deconvolution",
    "affine",
    "batch_normalization", "layer_normalization", "group_normalization", "instance_normalization", "rms_normalization",
    "l2_normalization", "lrn",
    "relu", "leaky_relu", "prelu", "elu", "selu", "crelu", "relu6", "sigmoid", "hard_sigmoid", "tanh", "hard_tanh",
    "softplus", "softsign", "swish", "hard_swish", "gelu", "mish", "abs", "maxout", "softmax", "log_softmax",
    "custom_activation",
    "max_pooling", "average_pooling", "sum_pooling", "subsampling", "global_average_pooling", "global_max_pooling",
    "unpooling", "upsample",
    "dropout", "spatial_dropout", "gaussian_noise",
    "add", "subtract", "multiply", "divide", "power", "exp", "log", "square", "sqrt", "scale", "clip",
    "sum", "mean", "max", "min", "matmul",
    "concatenate", "slice", "split", "flatten", "reshape", "transpose", "pad", "crop", "broadcast", "constant",
    "identity",
    "categorical_cross_entropy", "softmax_cross_entropy", "binary_cross_entropy", "sigmoid_cross_entropy", "focal",
    "dice", "hinge", "kl_divergence", "squared_error", "absolute_error", "huber", "epsilon_insensitive",
    "cosine_similarity", "custom_loss",
)  # fmt: skip

for _module in MODULES:
    import_module(f"{__name__}.{_module}")
