"""The `data` section: where samples come from, how they are split, preprocessed and augmented."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from .shapes import LARGEST, Size2, _pair

Path = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False, strict=True)]
Channels = Annotated[
    Literal[1, 3] | None, Field(description="Read images as grey (1) or RGB (3); as they are if left out.")
]
Outside = Annotated[
    bool,
    Field(
        strict=True,
        description="Whether files outside the source's folder may be read ('..', absolute paths, links).",
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- sources -------------------------------------------------------------------------------------------------------

BuiltinName = Literal[
    "digits",
    "iris",
    "wine",
    "breast_cancer",
    "diabetes",
    "digits_parity",
    "digits_angle",
    "digits_upright",
    "digits_turned",
    "digits_pixels",
]


class Builtin(_Part):
    """A small data set that comes with scikit-learn, values as they are there (digits: 0 to 16).

    Five are made of its digits: even or odd, the angle by which they were turned, half of them upright and the others
    turned, and the class of every pixel.
    """

    type: Literal["builtin"] = "builtin"
    name: BuiltinName = Field(description="Which data set.")


class Idx(_Part):
    """Two files in the MNIST family's IDX format, gzipped or not."""

    type: Literal["idx"] = "idx"
    images: Path = Field(description="File of the inputs, relative to the document.")
    labels: Path = Field(description="File of the labels, relative to the document.")


class Csv(_Part):
    """A table with a header line, or NNC's form: 'x:image,y:label' or 'x__0:a,x__1:b,y:label'.

    Cells are numbers, or paths of png, jpg, bmp, tif, npy or csv files relative to the table's own folder.
    """

    type: Literal["csv"] = "csv"
    path: Path = Field(description="The table, relative to the document.")
    target: ColumnName | Annotated[list[ColumnName], Field(min_length=1, max_length=10_000)] | None = Field(
        None, description="Column (or columns) to predict; left out in NNC's form, where the header's y says it."
    )
    columns: Annotated[list[ColumnName], Field(min_length=1, max_length=1_000_000)] | None = Field(
        None, description="Input columns in order; all but the target when left out."
    )
    delimiter: Literal[",", ";", "\t", "|"] = Field(",", description="What stands between cells.")
    encoding: Literal["utf-8", "cp932", "utf-16"] = Field(
        "utf-8", description="How the text is written; cp932 is what Japanese Excel calls CSV."
    )
    channels: Channels = None
    outside: Outside = False


class Folder(_Part):
    """A folder with one sub-folder of images per class; the sub-folders' names are the class names."""

    type: Literal["folder"] = "folder"
    path: Path = Field(description="The folder, relative to the document.")
    channels: Channels = None
    outside: Outside = False


class Npz(_Part):
    """NumPy arrays in one .npz file. Object arrays are refused: they would need pickle, which can run code."""

    type: Literal["npz"] = "npz"
    path: Path = Field(description="The file, relative to the document.")
    x: ColumnName = Field("x", description="Name of the array of inputs: (N, C, H, W), (N, H, W) or (N, F).")
    y: ColumnName = Field(
        "y",
        description="Name of the array of targets: (N,), (N, outputs), or images (N, H, W) or (N, C, H, W): a class "
        "or a value for every pixel.",
    )
    layout: Literal["NCHW", "NHWC"] = Field("NCHW", description="Order of the axes when an array has four.")


class Masks(_Part):
    """Two folders: images, and for each a mask of the same name, whose pixels say the class (0, 1, 2, …).

    A mask is a grey or a palette image of its image's size; a palette image's numbers are what counts, not its colours.
    Grey masks with two values, such as 0 and 255, say no and yes.
    """

    type: Literal["masks"] = "masks"
    images: Path = Field(description="Folder of the images, relative to the document.")
    masks: Path = Field(description="Folder of the masks, relative to the document; names agree but for the ending.")
    channels: Channels = None


Source = Annotated[Builtin | Idx | Csv | Folder | Npz | Masks, Field(discriminator="type")]


def _share_or_source(value: Any) -> str:
    return "source" if isinstance(value, dict | BaseModel) else "fraction"


Held = Annotated[
    Annotated[Fraction, Tag("fraction")] | Annotated[Source, Tag("source")], Discriminator(_share_or_source)
]
"""A fraction of `source`, or a source of its own."""


# --- preprocessing: for every part, and in predict ----------------------------------------------------------------


class Scale(_Part):
    """Multiply by `factor`, or map the values to `range`.

    With `range`, what is mapped is the values' natural range (0 to 255 for 8-bit images, 0 to 65535 for 16-bit, 0 to
    16 for digits); numbers without one use the training part's smallest and largest, tables column by column.
    """

    type: Literal["Scale"] = "Scale"
    factor: Number | None = Field(None, description="Number to multiply by, e.g. 0.00392156862745098 (1/255).")
    range: tuple[Number, Number] | None = Field(
        None, description="Smallest and largest value after scaling; [0, 1] when both are left out."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Scale:
        if self.factor is not None and self.range is not None:
            raise PydanticCustomError("scale_twice", "Scale takes either factor or range, not both")
        if self.factor == 0:
            raise PydanticCustomError("scale_zero", "factor 0 would make every value 0")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise PydanticCustomError("scale_range", "the first number of range must be smaller than the second")
        return self


Numbers = Annotated[list[Number], Field(min_length=1, max_length=1_000_000)]
Positives = Annotated[list[Positive], Field(min_length=1, max_length=1_000_000)]


def _numbers(value: Any) -> Any:
    """One number means the same for every channel or column."""
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


class Normalize(_Part):
    """Subtract the mean and divide by the standard deviation: per channel of images, per column of tables.

    Both are measured on the training part only, unless they are given here.
    """

    type: Literal["Normalize"] = "Normalize"
    mean: Annotated[Numbers, BeforeValidator(_numbers, json_schema_input_type=Number | Numbers)] | None = Field(
        None, description="Mean, one number or one per channel (column); measured when left out."
    )
    std: Annotated[Positives, BeforeValidator(_numbers, json_schema_input_type=Positive | Positives)] | None = Field(
        None, description="Standard deviation, one number or one per channel (column); measured when left out."
    )


class Resize(_Part):
    """Bring every image to one size."""

    type: Literal["Resize"] = "Resize"
    size: Size2 = Field(description="Height and width, in pixels.")
    fit: Literal["stretch", "crop", "pad"] = Field(
        "stretch",
        description="When proportions differ: stretch, cut the middle out (crop) or add zeros (pad).",
    )
    method: Literal["bilinear", "nearest"] = Field("bilinear", description="How pixels are mixed; bilinear smooths.")


class Grayscale(_Part):
    """Make one channel of three: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""

    type: Literal["Grayscale"] = "Grayscale"


Preprocessing = Annotated[Scale | Normalize | Resize | Grayscale, Field(discriminator="type")]


# --- augmentation: for the training part only, after preprocessing ------------------------------------------------

Chance = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)]
Reach = Annotated[int, Field(ge=0, le=65536, strict=True)]
Fill = Annotated[Number, Field(description="Value of pixels that come from outside the image.")]


class Flip(_Part):
    """Mirror an image by chance."""

    type: Literal["Flip"] = "Flip"
    direction: Literal["horizontal", "vertical", "both"] = Field(
        "horizontal", description="Left-right, up-down, or each by itself."
    )
    p: Chance = Field(0.5, description="Chance that an image is mirrored.")


class Shift(_Part):
    """Move an image by whole pixels, at most `pixels` up or down and left or right."""

    type: Literal["Shift"] = "Shift"
    pixels: Annotated[
        tuple[Reach, Reach], BeforeValidator(_pair, json_schema_input_type=Reach | tuple[Reach, Reach])
    ] = Field((2, 2), description="Most pixels, vertically and horizontally.")
    fill: Fill = 0.0


class Crop(_Part):
    """Cut a random part out and enlarge it to the image's size."""

    type: Literal["Crop"] = "Crop"
    smallest: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = Field(
        0.8, description="Smallest side of the part, as a fraction of the image's side."
    )


class Rotate(_Part):
    """Turn an image around its centre by at most `degrees`, either way."""

    type: Literal["Rotate"] = "Rotate"
    degrees: Annotated[float, Field(gt=0, le=180, allow_inf_nan=False, strict=True)] = Field(
        10.0, description="Largest angle, in degrees."
    )
    fill: Fill = 0.0


class Mixup(_Part):
    """Mix each sample with another one of its batch, and their targets in the same shares.

    Zhang et al. 2018. After all other changes, once for each batch: a share drawn from Beta(alpha, alpha), and a random
    partner for each sample. The loss is the share times that of the sample's target and the rest times that of its
    partner's, which for cross-entropy is the loss of the mixed target. The accuracy of training counts both classes by
    their shares; validation and test see samples as they are.
    """

    type: Literal["Mixup"] = "Mixup"
    alpha: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False, strict=True)] = Field(
        0.2, description="How evenly samples are mixed: near 0 hardly at all, 1 any share alike, above 1 about halves."
    )


Augmentation = Annotated[Flip | Shift | Crop | Rotate | Mixup, Field(discriminator="type")]


# --- the section ---------------------------------------------------------------------------------------------------


class Data(_Part):
    """Where samples come from, and what happens to them before the network sees them."""

    source: Source = Field(description="Where the samples come from.")
    validation: Held = Field(0.1, description="Fraction of the source watched during training, or a source of its own.")
    test: Held = Field(0.2, description="Fraction of the source kept for the final test, or a source of its own.")
    seed: Annotated[int, Field(ge=0, le=LARGEST, strict=True)] = Field(0, description="Seed of the split.")
    stratify: bool = Field(True, strict=True, description="Whether every part gets its share of each class.")
    target: Literal["labels", "input"] = Field(
        "labels",
        description="What is predicted: the source's labels, or the input itself as it is after preprocessing "
        "(autoencoders).",
    )
    classes: Annotated[list[ColumnName], Field(min_length=2, max_length=65536)] | None = Field(
        None, description="Labels in the order of the network's outputs; found in the data when left out."
    )
    preprocessing: Annotated[list[Preprocessing], Field(max_length=100)] = Field(
        [], description="Steps for every sample, in order; they travel with the model."
    )
    augmentation: Annotated[list[Augmentation], Field(max_length=100)] = Field(
        [], description="Random changes of training images, after preprocessing, new in every epoch."
    )
    on_error: Literal["stop", "skip"] = Field(
        "stop", description="What to do with samples that cannot be read: stop, or leave them out and say so."
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Data:
        held = [part for part in (self.validation, self.test) if isinstance(part, float | int)]
        if sum(held) >= 1:
            raise PydanticCustomError("split_too_large", "validation and test must leave something to train on")
        if sum(isinstance(step, Mixup) for step in self.augmentation) > 1:
            raise PydanticCustomError("mixup_twice", "samples are mixed once: Mixup stands twice in augmentation")
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise PydanticCustomError("classes_twice", "a name stands twice in classes")
        return self


__all__ = [
    "Augmentation", "Builtin", "Crop", "Csv", "Data", "Flip", "Folder", "Grayscale", "Idx", "Masks", "Mixup",
    "Normalize", "Npz", "Preprocessing", "Resize", "Rotate", "Scale", "Shift", "Source",
]  # fmt: skip
