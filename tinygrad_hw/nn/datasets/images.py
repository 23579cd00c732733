"""Examples in image files: a folder for each class, or one image to be recognized."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data.source import data_error, exceeds_limit, open_file, reason_text
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets.examples import Part

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MOST_PIXELS = 50_000_000  # of one image
_GRAY_MODES = ("1", "L", "LA")
_COLOR_MODES = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def import_pillow() -> Any:
    """Return ``PIL.Image``; say how to install Pillow where it is missing."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError(
            "Pillow is not installed, and is needed to read images: "
            "pip install 'tinygrad_hw[image]'"
        ) from None
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it says is raised
    return Image


def is_image(path: Path) -> bool:
    """Return whether a file's name ends as those of images do."""
    return path.suffix.lower() in ENDINGS


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an image, of which the header is read; what is wrong with it is a DataError.

    The image is of no more than ``MOST_PIXELS``, of 8 bits a channel.
    """
    image_module = import_pillow()
    from PIL import UnidentifiedImageError

    with open_file(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata
        try:
            with image_module.open(file) as image:
                if math.prod(image.size) > MOST_PIXELS:
                    raise data_error(
                        path,
                        f"has {image.size[0]} × {image.size[1]} pixels",
                        f"at most {MOST_PIXELS:,}",
                        "make it smaller",
                    )
                if image.mode not in (*_GRAY_MODES, *_COLOR_MODES):
                    raise data_error(
                        path, f"has pixels of mode {image.mode}", "8 bits a channel", "convert it"
                    )
                yield image
        except UnidentifiedImageError:
            raise data_error(path, "is no image", "PNG, JPEG or its like", "look at it") from None
        except InputError:
            raise
        except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:
            raise data_error(
                path,
                f"cannot be read as an image ({reason_text(error)})",
                "a whole image",
                "save it again",
            ) from None


def is_colored(image: Any) -> bool:
    """Return whether an image has colors, by its kind."""
    return image.mode not in _GRAY_MODES


def converted(image: Any, in_color: bool) -> Any:
    """Return an image in gray or in color, upright, what is transparent on white."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB" if in_color else "L")


def read_folder(folder: Path) -> tuple[Part, Part | None]:
    """Return the images of a folder: of its folders, or of those in ``train`` and ``test``."""
    kinds = _folders(folder)
    if {place.name for place in kinds} == {"train", "test"}:
        return read_classes(folder / "train"), read_classes(folder / "test")
    return read_classes(folder), None


def read_classes(folder: Path) -> Part:
    """Return the images of a folder, with the names of the folders in it as labels.

    Raises
    ------
    DataError
        If there is none, if one cannot be read, or has another size than the first.
    """
    found = [
        (path, place.name)
        for place in _folders(folder)
        for path in _listed(place)
        if is_image(path)
    ]
    if not found:
        raise data_error(
            folder,
            "has no images in folders",
            "a folder for each class, with images in it, or MNIST's four IDX files",
            "look at what is in it",
        )
    x = _stacked([path for path, _ in found])
    return Part(x, np.array([label for _, label in found], dtype=np.str_), str(folder))


def images_in(folder: Path) -> list[Path]:
    """Return the images that are in a folder itself, by name."""
    return [path for path in _listed(folder) if is_image(path)]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_dir() and not path.name.startswith(".")]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise data_error(
            folder, f"cannot be listed ({reason_text(error)})", "a folder", "check its name"
        ) from None


def _stacked(paths: list[Path]) -> npt.NDArray[np.uint8]:
    """Return images of one size in one array, (n, rows, columns) or, in color, (…, 3)."""
    in_color = False
    for path in paths:
        with opened(path) as image:
            in_color = in_color or is_colored(image)
    x: Any = None
    for i, path in enumerate(paths):
        with opened(path) as image:
            pixels = np.asarray(converted(image, in_color))
        if x is None:
            shape = (len(paths), *pixels.shape)
            if exceeds_limit(shape):
                raise data_error(
                    path.parent.parent,
                    f"has {len(paths)} images like {os.path.basename(path)}, {pixels.shape[1]} × "
                    f"{pixels.shape[0]}",
                    "at most 1 GiB of pixels",
                    "make them smaller",
                )
            x = np.empty(shape, np.uint8)
        elif pixels.shape != x.shape[1:]:
            raise data_error(
                path,
                f"is {pixels.shape[1]} × {pixels.shape[0]} pixels",
                f"{x.shape[2]} × {x.shape[1]}, as {paths[0]}",
                "bring all images to one size",
            )
        x[i] = pixels
    found: npt.NDArray[np.uint8] = x
    return found
