"""Did you mean: which known word was meant, by its letters, by similarity, and by what other frameworks call it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

LONGEST_WORD = 100
"""Longer words are not compared: similarity costs the square of the length, and nobody means anything by them."""

TYPES: dict[str, tuple[str, ...]] = {
    "Convolution": ("conv", "conv2d", "convolution2d", "convolutional", "convolve", "kernelconv"),
    "DepthwiseConvolution": ("depthwiseconv", "depthwiseconv2d", "dwconv", "depthwise"),
    "SeparableConvolution": ("separableconv", "separableconv2d", "depthwiseseparableconvolution", "separable"),
    "Deconvolution": (
        "convtranspose", "convtranspose2d", "conv2dtranspose", "transposedconvolution", "transposeconvolution",
        "deconv", "deconv2d", "deconvolution2d", "upconv", "fractionallystridedconvolution",
    ),
    "Affine": ("dense", "linear", "fullyconnected", "fc", "gemm", "innerproduct", "perceptron"),
    "BatchNormalization": ("batchnorm", "batchnorm1d", "batchnorm2d", "bn", "bnorm", "normalization"),
    "LayerNormalization": ("layernorm", "ln"),
    "GroupNormalization": ("groupnorm", "gn"),
    "InstanceNormalization": ("instancenorm", "instancenorm1d", "instancenorm2d"),
    "RMSNormalization": ("rmsnorm", "rms"),
    "L2Normalization": ("l2norm", "normalize", "l2normalize", "unitnormalization", "lpnormalization", "unitnorm"),
    "LRN": ("localresponsenorm", "localresponsenormalization", "localresponsenormalisation"),
    "ReLU": ("rectifier", "rectifiedlinear", "rectifiedlinearunit", "ramp"),
    "Sigmoid": ("logistic", "expit"),
    "Tanh": ("hyperbolictangent",),
    "Softmax": ("softmax2d", "softargmax"),
    "MaxPooling": ("maxpool", "maxpool2d", "maxpooling2d", "pool", "pooling", "pool2d"),
    "AveragePooling": (
        "avgpool", "avgpool2d", "avgpooling", "averagepool", "averagepooling2d", "meanpooling", "meanpool",
    ),
    "SumPooling": ("sumpool", "sumpool2d"),
    "Subsampling": ("subsample", "subsampling2d"),
    "GlobalMaxPooling": ("globalmaxpool", "globalmaxpooling2d", "adaptivemaxpool", "adaptivemaxpool2d", "gmp"),
    "Unpooling": ("unpool", "maxunpool", "maxunpool2d", "repeatpixels", "upsamplenearest"),
    "Upsample": ("upsampling", "upsampling2d", "resize", "interpolate", "upsamplebilinear", "bilinear", "resample"),
    "GlobalAveragePooling": (
        "globalaveragepool", "globalaveragepooling2d", "globalavgpool", "globalavgpooling", "globalpooling", "gap",
        "adaptiveavgpool", "adaptiveavgpool2d", "adaptiveaveragepooling",
    ),
    "Dropout": ("dropout1d", "alphadropout"),
    "SpatialDropout": ("dropout2d", "spatialdropout2d", "channeldropout"),
    "GaussianNoise": ("noise", "addnoise", "randnoise"),
    "Add": ("add2", "plus", "residual", "skip", "shortcut", "elementwiseadd", "eltwise"),
    "SoftmaxCrossEntropy": ("softmaxwithloss", "crossentropywithlogits"),
    "SigmoidCrossEntropy": ("bcewithlogits", "bcewithlogitsloss"),
    "AbsoluteError": ("mae", "l1", "l1loss", "meanabsoluteerror"),
    "Huber": ("huberloss", "smoothl1", "smoothl1loss"),
    "EpsilonInsensitive": ("svr", "epsilonloss"),
    "KLDivergence": ("kl", "kldiv", "kldivloss", "klmultinomial"),
    "Focal": ("focalloss", "sigmoidfocalcrossentropy"),
    "Dice": ("diceloss", "f1loss"),
    "Hinge": ("hingeloss", "svm"),
    "CosineSimilarity": ("cosine", "cosineloss", "cosineembeddingloss"),
    "CustomLoss": ("lambdaloss", "expressionloss", "lossfunction"),
    "CustomActivation": ("lambda", "expression", "formula"),
    "LeakyReLU": ("lrelu", "leakyrectifier"),
    "PReLU": ("parametricrelu",),
    "ELU": ("exponentiallinear", "exponentiallinearunit"),
    "SELU": ("scaledelu", "selfnormalizing"),
    "CReLU": ("concatenatedrelu", "concatrelu"),
    "ReLU6": ("cappedrelu", "clippedrelu"),
    "HardSigmoid": ("hsigmoid",),
    "HardTanh": ("htanh", "hardtangent"),
    "Softplus": ("smoothrelu",),
    "SoftSign": ("elliotsig",),
    "HardSwish": ("hswish", "hardsilu"),
    "GELU": ("gaussianerrorlinear", "gaussianerrorlinearunit"),
    "Mish": ("mishactivation",),
    "Abs": ("absolute", "absolutevalue", "magnitude"),
    "Maxout": ("featurepooling",),
    "LogSoftmax": ("logprobabilities",),
    "Exp": ("exponentialfunction",),
    "Log": ("ln", "naturallog", "logarithm"),
    "Sqrt": ("squareroot", "root"),
    "Split": ("chunk", "unstack"),
    "Broadcast": ("expand", "broadcastto", "tile"),
    "Swish": ("silu", "swish1"),
    "Subtract": ("sub", "sub2", "minus", "difference"),
    "Divide": ("div", "div2", "quotient", "truediv"),
    "Power": ("pow", "powscalar"),
    "Square": ("sqr", "squared"),
    "Clip": ("clamp", "clipbyvalue"),
    "Mean": ("reducemean", "average"),
    "Sum": ("reducesum", "total"),
    "Max": ("reducemax", "amax"),
    "Min": ("reducemin", "amin"),
    "MatMul": ("bmm", "batchmatmul", "dot"),
    "Transpose": ("permute", "swapaxes"),
    "Slice": ("narrow", "stridedslice"),
    "Pad": ("zeropadding", "zeropadding2d", "constantpad"),
    "Multiply": ("mul", "mul2", "product", "times", "hadamard"),
    "Concatenate": ("concat", "cat", "join", "merge", "stack"),
    "Flatten": ("flat", "ravel"),
    "Reshape": ("view", "unflatten"),
    "Identity": ("passthrough", "noop", "linearactivation"),
    "CategoricalCrossEntropy": (
        "crossentropy", "crossentropyloss", "sparsecategoricalcrossentropy",
        "nll", "nllloss", "negativeloglikelihood", "logloss",
    ),
    "BinaryCrossEntropy": (
        "bce", "bceloss", "binarycrossentropyloss",
    ),
    "SquaredError": ("mse", "mseloss", "meansquarederror", "l2loss", "squareerror", "sumsquarederror", "euclideanloss"),
    "Repeat": ("loop", "repeatstart", "block", "sequential", "for"),
    "Unit": ("network", "subnetwork", "module", "macro", "function"),
    # Outside the layers
    "Momentum": ("momentumsgd", "sgdm", "sgdmomentum", "heavyball"),
    "Nesterov": ("nag", "nesterovmomentum", "nesterovsgd"),
    "SGD": ("gradientdescent", "stochasticgradientdescent", "gd"),
    "Constant": ("none", "fixed", "constantlr"),
    "Step": ("steplr", "multistep", "multisteplr", "piecewise", "stepdecay"),
    "Exponential": ("exp", "exponentiallr", "exponentialdecay"),
    "Cosine": ("cosineannealing", "cosineannealinglr", "cosinedecay"),
    "Polynomial": ("poly", "polynomiallr", "polynomialdecay", "lineardecay"),
    "he_normal": ("he", "kaiming", "kaimingnormal", "msra", "henormal"),
    "he_uniform": ("kaiminguniform", "heuniform"),
    "glorot_normal": ("xaviernormal", "glorotnormal"),
    "glorot_uniform": ("xavier", "glorot", "xavieruniform", "glorotuniform"),
    "gaussian": ("normal", "randomnormal", "randn"),
    "zeros": ("zero",),
    "builtin": ("sklearn", "scikitlearn", "toy", "internal"),
    "idx": ("mnist", "ubyte"),
    "csv": ("table", "tsv", "excel"),
    "folder": ("directory", "dir", "images", "imagefolder"),
    "npz": ("npy", "numpy"),
    "Normalize": ("standardize", "standardise", "standardscaler", "zscore", "meanstd"),
    "Scale": ("rescale", "minmax", "minmaxscaler", "divide"),
    "Grayscale": ("gray", "grey", "greyscale", "monochrome"),
    "Flip": ("mirror", "horizontalflip", "randomflip", "verticalflip"),
    "Shift": ("translate", "randomshift", "translation"),
    "Crop": ("randomcrop", "zoom"),
    "Rotate": ("rotation", "randomrotation"),
    "classification": ("multiclass", "classify", "categorical", "classifier"),
    "binary": ("binaryclassification", "twoclass", "yesno", "logistic"),
    "regression": ("regress", "regressor", "numeric"),
}  # fmt: skip
"""Known word -> what it is called elsewhere (Keras, PyTorch, Caffe, scikit-learn, NNC), letters and digits only."""

FIELDS: dict[str, tuple[str, ...]] = {
    "out_channels": (
        "filters", "outmaps", "channels", "numfilters", "nfilters", "numoutput", "outputchannels", "outputmaps",
        "features", "nbfilter", "outputs", "maps", "outfeatures", "planes",
    ),
    "out_features": (
        "units", "outputs", "numoutputs", "nout", "hidden", "neurons", "outshape", "outputdim", "nodes", "features",
        "outchannels", "outputfeatures", "hiddenunits", "nunits", "width", "size", "outputsize",
    ),
    "kernel_size": (
        "kernel", "kernelshape", "filtersize", "ksize", "poolsize", "poolshape", "pool", "window", "windowsize", "size",
        "filtershape", "kernelsizes",
    ),
    "stride": ("strides", "step", "steps", "subsample", "hop"),
    "padding": ("pad", "pads", "border", "zeropadding", "margin", "bordermode"),
    "dilation": ("dilations", "dilationrate", "dilate", "atrous"),
    "groups": ("group", "numgroups", "cardinality"),
    "multiplier": ("depthmultiplier", "depthwisemultiplier", "channelmultiplier"),
    "output_padding": ("outputpad", "outpad", "adj"),
    "scale": ("scalefactor", "factor", "upscalefactor", "scales", "zoom"),
    "mode": ("interpolation", "method", "upsamplemode"),
    "over": ("axis", "axes", "dim", "normalizedshape"),
    "affine": ("elementwiseaffine", "learnable"),
    "bias": ("usebias", "withbias", "hasbias", "biasterm"),
    "p": ("rate", "prob", "probability", "drop", "droprate", "dropout", "ratio", "dropoutratio"),
    "epsilon": ("eps", "epsilonvalue"),
    "momentum": ("decayrate", "mom", "beta"),
    "ceil_mode": ("ceil", "coverall", "ceiling"),
    "include_padding": ("countincludepad", "includingpad", "includepad"),
    "axis": ("dim", "dimension", "concataxis"),
    "shape": ("targetshape", "size", "newshape", "outshape", "dims"),
    "weight_initializer": (
        "kernelinitializer", "initializer", "initialiser", "weightinit", "init", "weightinitialiser", "initialize",
    ),
    "bias_initializer": ("biasinit", "biasinitialiser", "binit"),
    "inputs": ("input", "in", "from", "bottom", "sources", "parents", "reads"),
    "name": ("id", "label", "title", "filename", "dataset"),
    "type": ("layer", "kind", "class", "classname", "op", "layertype", "method"),
    "trainable": ("requiresgrad", "train", "learn", "frozen"),
    "learning_rate_factor": (
        "lrfactor", "lrmult", "lrmultiplier", "lrscale", "learningratemultiplier", "learningratescale", "learningrate",
    ),
    "n": ("times", "count", "num", "repeats", "repeat", "iterations", "number"),
    "layers": ("children", "body", "modules", "stack", "blocks", "nodes", "layer", "sequence"),
    "unit": ("of", "ref", "use", "module", "definition"),
    "arguments": ("args", "params", "parameters", "kwargs", "values"),
    "units": ("modules", "definitions", "blocks", "functions", "subnetworks"),
    "input": ("inputshape", "inputsize", "inputdim", "shape", "inshape"),
    "format": ("version", "schema", "formatversion", "schemaversion"),
    "task": ("problem", "goal", "objective", "tasktype"),
    "model": ("network", "net", "architecture", "graph"),
    "data": ("dataset", "datasets", "datasource"),
    "training": ("train", "trainer", "fit", "trainingconfig", "hyperparameters"),
    "description": ("comment", "note", "notes", "about", "doc", "memo"),
    "expect": ("expected", "expectedmetrics", "target"),
    "epochs": ("epoch", "numepochs", "nepochs", "maxepochs", "nbepoch", "iterations"),
    "batch_size": ("batch", "minibatch", "minibatchsize", "bs", "batchsz"),
    "optimizer": ("optimiser", "updater", "solver", "optim", "optimizers"),
    "schedule": ("scheduler", "lrscheduler", "lrschedule", "learningrateschedule", "schedules"),
    "learning_rate": ("lr", "alpha", "eta", "stepsize", "rate", "lrate"),
    "beta1": ("b1", "betaone"),
    "beta2": ("b2", "betatwo"),
    "decay": ("rho", "alpha", "gamma"),
    "gamma": ("factor", "decay", "rate", "multiplier"),
    "weight_decay": ("l2", "wd", "decay", "regularization", "regularisation", "l2regularization"),
    "clip_norm": ("clipnorm", "gradclip", "maxnorm", "gradientclipping", "maxgradnorm", "clip", "clipgradnorm"),
    "accumulate": ("gradaccumulation", "accumulation", "accumulationsteps", "gradientaccumulation"),
    "early_stopping": ("earlystop", "stopearly"),
    "class_weights": ("classweight", "weights"),
    "top_k": ("topk", "k"),
    "seed": ("randomstate", "randomseed", "rng"),
    "threads": ("numthreads", "njobs", "workers", "nthreads"),
    "validation": ("val", "valid", "validationsplit", "validationfraction", "dev"),
    "test": ("testsplit", "testsize", "testfraction", "holdout"),
    "source": ("from", "dataset", "origin", "src"),
    "path": ("file", "filename", "folder", "directory", "dir", "location", "uri"),
    "target": ("label", "y", "labels", "targetcolumn", "classcolumn", "output"),
    "columns": ("features", "inputs", "inputcolumns", "x"),
    "images": ("image", "data", "x", "inputs"),
    "labels": ("label", "y", "targets", "target"),
    "preprocessing": ("preprocess", "transforms", "transform", "prep"),
    "augmentation": ("augment", "augmentations", "aug", "dataaugmentation"),
    "on_error": ("onerrors", "errors", "badrows"),
    "classes": ("classnames", "labelnames", "categories"),
    "degrees": ("angle", "maxangle", "rotation"),
    "pixels": ("shift", "distance", "maxshift"),
}  # fmt: skip
"""Known field -> what it is called elsewhere, letters and digits only."""


def plain(word: str) -> str:
    """Keep the letters and digits, in lower case.

    >>> plain("Kernel-Size"), plain("out_channels")
    ('kernelsize', 'outchannels')
    """
    return "".join(character for character in word.lower() if character.isalnum())


def _stem(word: str) -> str:
    """Cut what names carry elsewhere: 'MaxPool2DLayer' -> 'maxpool'."""
    return re.sub(r"(layer|loss|unit|op|block|module|[123]d|_)+$", "", word) or word


def did_you_mean(word: str, choices: Iterable[str], elsewhere: Mapping[str, Iterable[str]] = TYPES) -> list[str]:
    """Return the choices that `word` may stand for, the likeliest first, at most three.

    >>> did_you_mean("Conv2D", ["Affine", "Convolution"]), did_you_mean("Convolutoin", ["Affine", "Convolution"])
    (['Convolution'], ['Convolution'])
    >>> did_you_mean("filters", ["kernel_size", "out_channels"], FIELDS)
    ['out_channels']
    """
    if not isinstance(word, str) or not 0 < len(word) <= LONGEST_WORD:
        return []
    names = {plain(choice): choice for choice in choices}
    synonyms = {synonym: choice for choice in reversed(names.values()) for synonym in elsewhere.get(choice, ())}
    wanted = plain(word)
    for form in (wanted, _stem(wanted)):
        found = names.get(form) or synonyms.get(form)
        if found:
            return [found]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.65)
    meant = [names[name] for name in close]
    for synonym in difflib.get_close_matches(wanted, [s for s in synonyms if len(s) > 3], n=2, cutoff=0.8):
        if synonyms[synonym] not in meant:
            meant.append(synonyms[synonym])
    if not meant and len(wanted) >= 4:
        meant = [
            name for key, name in names.items() if len(key) >= 4 and (key.startswith(wanted) or wanted.startswith(key))
        ]
    return meant[:3]
