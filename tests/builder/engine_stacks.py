"""Stacks that between them meet every kernel, odd sizes, strides, dilation, groups and borders."""

import engine_harness as engine

STRIDED = [
    engine.conv(24, (3, 2), stride=(2, 3), padding=1, dilation=(2, 1), groups=2),
    *engine.layers("BatchNormalization", "ReLU"),
    {"type": "MaxPooling", "ceil_mode": True},
    engine.conv(5, 2, padding="same", stride=2),
    {"type": "AveragePooling", "kernel_size": 2, "stride": 1, "padding": 1, "include_padding": True},
    engine.affine(7),
    *engine.HEAD,
]
WIDE = [engine.conv(33, padding=1), *engine.layers("ReLU", "MaxPooling"), engine.affine(73), *engine.HEAD]
FORMULAS = [
    engine.conv(8, padding=1, name="a"),
    {"type": "PReLU", "name": "p"},
    {"type": "Mean", "axes": [1, 2], "keep_axes": True},
    {"type": "Swish", "name": "w"},
    {"type": "Multiply", "inputs": ["p", "w"], "name": "m"},
    {"type": "Max", "axes": [0], "keep_axes": True, "name": "top"},
    {"type": "Subtract", "inputs": ["m", "top"]},
    {"type": "Transpose", "axes": [2, 0, 1]},
    {"type": "Maxout"},
    engine.conv(5, padding=2),
    {"type": "Pad", "before": [0, 1, 2], "value": 1.0},
    {"type": "Slice", "axis": 1, "step": 2},
    {"type": "Scale", "learned": True},
    engine.affine(4),
    *engine.HEAD,
]
PAINTED = [
    {"type": "DepthwiseConvolution", "kernel_size": (3, 5), "stride": 2, "padding": "same"},
    *engine.layers("LRN", "Unpooling"),
    {"type": "Deconvolution", "out_channels": 35, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"type": "GroupNormalization", "groups": 5},
    {"type": "SeparableConvolution", "out_channels": 6, "kernel_size": 3, "padding": 1},
    {"type": "LayerNormalization"},
    {"type": "Deconvolution", "out_channels": 6, "groups": 3, "dilation": 2, "padding": 1},
    {"type": "LayerNormalization", "over": "channels"},
    *engine.layers("Subsampling", "InstanceNormalization"),
    {"type": "Upsample", "mode": "bilinear"},
    {"type": "RMSNormalization", "over": "sample"},
    *engine.layers("L2Normalization", "SumPooling"),
    engine.affine(4),
    *engine.HEAD,
]
ROW = [
    engine.conv(20, 5, stride=2, padding=2),
    {"type": "DepthwiseConvolution", "kernel_size": 5, "dilation": 2, "padding": "same"},
    *engine.layers("BatchNormalization", "ReLU", "MaxPooling"),
    {"type": "Deconvolution", "out_channels": 17, "kernel_size": 4, "stride": 2, "padding": 1},
    *engine.layers("GlobalMaxPooling"),
    engine.affine(4),
    *engine.HEAD,
]
SHARED = [
    engine.conv(5, padding=1, name="a"),
    {"type": "BatchNormalization", "name": "n"},
    engine.conv(5, padding=1, name="b"),
    *engine.layers("ReLU"),
    {**engine.conv(5, padding=1), "share": "b"},
    {"type": "BatchNormalization", "share": "n"},
    engine.affine(180, name="w"),
    {**engine.affine(180), "share": "w"},
    engine.affine(4),
    *engine.HEAD,
]
LONG = [engine.affine(40), *engine.layers("Tanh"), engine.affine(3), *engine.HEAD]
