"""The literature's networks as functions that return a document, with the literature's arguments.

    from builder import families
    families.simple_convnet(hidden_size=50)      a dict, to be changed, checked, compiled, trained or written
    families.resnet(50, classes=10)

Each is what the example of the same name in `examples/` holds; a test compares them. What a document needs beside the
network (data, training) is given as keywords: families.vgg(16, data={...}, training={...}).
"""

from .alexnet import alexbn, alexnet
from .denoising import denoising
from .lenet import lenet, lenet5
from .mlp import mlp
from .resnet import resnet
from .simple_convnet import simple_convnet
from .small import binary_cnn, regression_cnn
from .unet import unet
from .vgg import vgg

__all__ = [
    "alexbn", "alexnet", "binary_cnn", "denoising", "lenet", "lenet5", "mlp", "regression_cnn", "resnet",
    "simple_convnet", "unet", "vgg",
]  # fmt: skip
