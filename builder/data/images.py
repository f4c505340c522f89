"""One file, one sample: png, jpg, bmp and tif by Pillow, npy and csv by NumPy. Nothing is trusted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from schemas.say import Said, say

from .files import IMAGES, SAMPLES, read_bytes, regular
from .finding import BadData, bad
from .npy import read_npy

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
PIXELS = 1 << 26
"""Most pixels of one image (8192 × 8192); more is taken for an attempt to fill the memory."""

NOTES: dict[str, Callable[[int], Said]] = {
    "alpha": lambda n: say("{count} images have transparent parts, which are laid over white.", count=n),
    "depth_reduced": lambda n: say("{count} colour images of 16 bits per channel are read with 8.", count=n),
    "turned": lambda n: say("{count} images are turned as their camera noted (EXIF orientation).", count=n),
    "several_frames": lambda n: say("{count} files hold several pictures; the first is used.", count=n),
}


@dataclass(frozen=True)
class Decoded:
    """A sample (C, H, W) or (F,): uint8, uint16 or float32. `depth` is '8', '16' or 'float'."""

    values: np.ndarray
    depth: str
    digest: bytes
    notes: tuple[str, ...] = ()


def pillow() -> ModuleType:
    """Return PIL.Image, told to raise where it would only warn of a decompression bomb.

    Its other warnings (an odd EXIF field, say) help nobody who has a folder of photographs: what cannot be decoded
    raises anyway.
    """
    from PIL import Image

    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    return Image


def decode_file(path: Path, channels: int | None = None) -> Decoded:
    """Read one sample from a file; `channels` 1 or 3 makes images grey or RGB. Raises BadData."""
    ending = path.suffix.lower()
    if ending not in SAMPLES:
        raise bad(
            "unknown_format",
            say("{ending!r} is none of {endings}.", ending=ending or "No ending", endings=", ".join(sorted(SAMPLES))),
            path,
        )
    data = read_bytes(path)
    digest = blake2b(data, digest_size=16).digest()
    if ending in IMAGES:
        values, notes = decode_image(data, path, channels)
    elif ending == ".npy":
        values, notes = _sample(read_npy(io.BytesIO(data), len(data), path)), ()
    else:
        values, notes = _matrix(data, path), ()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise bad("not_finite", say("The file holds NaN or infinity."), path)
    depth = {"uint8": "8", "uint16": "16"}.get(values.dtype.name, "float")
    return Decoded(values, depth, digest, notes)


def _sample(values: np.ndarray) -> np.ndarray:
    """Return (C, H, W) or (F,): a matrix is an image of one channel."""
    if values.ndim == 2:
        values = values[None]
    if values.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        with np.errstate(over="ignore"):  # becomes infinite, which is reported
            values = values.astype(np.float32)
    return values.reshape(1) if values.ndim == 0 else np.ascontiguousarray(values)


def _matrix(data: bytes, path: Path) -> np.ndarray:
    """Read a CSV file of numbers: a matrix is an image of one channel, a single row or column a vector."""
    if b"\x00" in data:
        raise bad("nul_byte", say("The file holds a NUL byte, so it is no text."), path)
    rows: list[list[float]] = []
    try:
        for line in data.decode("utf-8-sig").splitlines():
            if line.strip():
                rows.append([float(cell) for cell in line.split(",")])
    except ValueError as error:
        raise bad(
            "not_a_number",
            say("Row {count} holds something other than numbers ({reason}).", count=len(rows) + 1, reason=str(error)),
            path,
        ) from None
    if len({len(row) for row in rows}) != 1:
        raise bad(
            "wrong_columns",
            say("The rows have different numbers of cells.") if rows else say("The file is empty."),
            path,
        )
    values = np.array(rows)
    return _sample(values.reshape(-1) if 1 in values.shape else values)


def _open(data: bytes, path: Path) -> Image.Image:
    """Open an image and check the size it claims, before any pixel is decoded."""
    image = pillow().open(io.BytesIO(data), formats=FORMATS)
    width, height = image.size
    if width * height > PIXELS:
        raise _too_many(path, f"{width:,} × {height:,}")
    return image


def _too_many(path: Path, size: str) -> Exception:
    return bad(
        "image_too_large",
        say("The image claims {size} pixels; at most {pixels:,} are read.", size=size, pixels=PIXELS),
        path,
        "",
        say("Make it smaller."),
    )


def probe(path: Path, channels: int | None = None) -> tuple[int, ...]:
    """Return the shape of a sample's file from its header. Raises BadData."""
    if path.suffix.lower() not in IMAGES:
        return tuple(decode_file(path).values.shape)
    regular(path)
    try:
        with pillow().open(path, formats=FORMATS) as image:
            width, height = image.size
            if image.getexif().get(0x0112, 1) >= 5:  # these four orientations lie on their side
                width, height = height, width
            transparent = "transparency" in image.info
            grey = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")
            if transparent and image.mode == "L":
                grey = True
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them stumble over
        raise _broken(error, path) from None
    return (channels or (1 if grey else 3), height, width)


def probe_any(paths: Iterable[Path], channels: int | None = None) -> tuple[int, ...] | None:
    """Return the shape of the first of a few files that can be read, or None."""
    for path in islice(paths, 20):
        try:
            return probe(path, channels)
        except BadData:
            continue  # reading the data names it
    return None


def decode_image(data: bytes, path: Path, channels: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return an image as (C, H, W) uint8, uint16 or float32, and notes. Raises BadData."""
    try:
        with _open(data, path) as image:
            return _pixels(image, data, channels)
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them stumble over
        raise _broken(error, path) from None


def decode_classes(data: bytes, path: Path) -> np.ndarray:
    """Return a mask's class numbers (H, W) uint8: grey values, or the numbers of a palette image. Raises BadData."""
    try:
        with _open(data, path) as image:
            if image.mode not in ("1", "L", "P"):
                raise bad(
                    "mask_mode",
                    say("The mask is a {mode} image; grey (8 bits) or palette images say classes.", mode=image.mode),
                    path,
                    say("A colour is no class number."),
                    say("Save the mask as a palette or a grey image whose values are 0, 1, 2, …"),
                )
            return np.asarray(image).astype(np.uint8)
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them stumble over
        raise _broken(error, path) from None


def _broken(error: Exception, path: Path) -> Exception:
    if isinstance(error, BadData):
        return error
    if "Decompression" in type(error).__name__:
        return _too_many(path, say("far too many"))
    text = " ".join(str(error).split())[:200]
    if "cannot identify" in text:
        return bad("corrupt_image", say("The file is no readable PNG, JPEG, BMP or TIFF image."), path)
    cut = any(word in text.lower() for word in ("truncated", "incomplete", "not enough"))
    code = "truncated_image" if cut else "corrupt_image"
    reason = text or type(error).__name__
    return bad(
        code,
        say("The image is cut off ({reason}).", reason=reason)
        if cut
        else say("The image is damaged ({reason}).", reason=reason),
        path,
    )


def _pixels(image: Image.Image, data: bytes, channels: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("several_frames")
    if data[:4] == b"\x89PNG" and len(data) > 25 and data[24] == 16 and data[25] in (2, 6):
        notes.append("depth_reduced")
    image.load()
    if image.getexif().get(0x0112, 1) > 1:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
        notes.append("turned")
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        values = np.asarray(image)
        if mode.startswith("I;16"):
            values = values.astype(np.uint16)
        elif mode == "I" and values.min(initial=0) >= 0 and values.max(initial=0) <= 65535:
            values = values.astype(np.uint16)  # older Pillow opens 16-bit PNG this way
        else:
            values = values.astype(np.float32)
        return np.ascontiguousarray(np.broadcast_to(values, (channels or 1, *values.shape))), tuple(notes)
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey = mode in ("LA", "La", "L", "1")
        image, seen = _on_white(image.convert("RGBA"))
        image = image.convert("L") if grey else image
        if seen:
            notes.append("alpha")
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    values = np.asarray(image)
    return np.ascontiguousarray(values[None] if values.ndim == 2 else values.transpose(2, 0, 1)), tuple(notes)


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return an RGBA image laid over white, as RGB, and whether anything was transparent."""
    pil = pillow()
    low, _ = image.getchannel("A").getextrema()
    if low == 255:
        return image.convert("RGB"), False
    white = pil.new("RGBA", image.size, (255, 255, 255, 255))
    return pil.alpha_composite(white, image).convert("RGB"), True
