"""What a trained network sees: in an image, and in examples of the kind that it was trained on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data.source import data_error
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets.examples import Part, class_numbers
from tinygrad_hw.nn.datasets.images import converted, is_colored, opened
from tinygrad_hw.nn.models import Model, load_model


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network, with what its file says about its data.

    Attributes
    ----------
    model
        The model.
    source
        The file.
    class_names, feature_names, takes_bytes, background
        As in ``Examples.description``.
    """

    model: Model
    source: str
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None
    takes_bytes: bool
    background: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.model.input_shape[1:])

    def probabilities(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the probabilities of all classes, (n, classes)."""
        outputs = self.model.predict(x, verbose=0)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[-1] == 1 else outputs


def read_network(path: str | os.PathLike[str]) -> Network:
    """Return the network of a file that ``tinygrad-hw train`` saved.

    Raises
    ------
    InputError
        If the file is none, or does not say what the model was trained on.
    """
    model = load_model(path)
    about: Any = model.trained_on if isinstance(model.trained_on, Mapping) else {}
    names: Any = about.get("class_names")
    features: Any = about.get("feature_names")
    if not _are_texts(names) or not (features is None or _are_texts(features)):
        raise InputError(
            f"{path} does not say which classes it was trained on; save it with tinygrad-hw train, "
            "or set model.trained_on before model.save"
        )
    if not isinstance(model.input_shape, tuple):
        raise InputError(f"{path} takes several inputs at once; give a model of one")
    outputs = model.output_shape[1:]
    if outputs not in ((len(names),), (1,)) or (outputs == (1,) and len(names) != 2):
        raise InputError(
            f"{path} has outputs of shape {outputs}, and names {len(names)} classes; train it again"
        )
    background = about.get("background")
    return Network(
        model,
        str(path),
        tuple(names),
        None if features is None else tuple(features),
        about.get("bytes") is True,
        background if background in (0, 255) else None,
    )


def _are_texts(names: Any) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(n, str) for n in names)


def fitting(network: Network, part: Part, feature_names: Sequence[str] | None) -> Part:
    """Return examples as a network takes them; columns of a table are found by their names.

    Raises
    ------
    DataError
        If the examples are of another kind or shape, or have other labels.
    """
    x, wanted = part.x, network.feature_names
    if (wanted is None) != (feature_names is None):
        kind = "a table" if wanted is not None else "no table"
        raise data_error(
            part.source,
            "is of another kind",
            f"{kind}, as {network.source} was trained on",
            "give one",
        )
    if wanted is not None and feature_names is not None:
        names = list(feature_names)
        for name in [*wanted, *names]:
            if (name in wanted) != (name in names):
                has = "has a column" if name in names else "lacks the column"
                raise data_error(
                    part.source,
                    f"{has} {name!r:.60}",
                    f"the columns that {network.source} was trained on",
                    "give the same columns, by the same names",
                )
        x = x[:, [names.index(name) for name in wanted]]
    if x.shape[1:] != network.shape:
        raise data_error(
            part.source,
            f"has examples of shape {x.shape[1:]}",
            f"{network.shape}, as {network.source} takes them",
            "give data of that shape",
        )
    if (x.dtype == np.uint8) != network.takes_bytes:
        other = "bytes 0 to 255" if network.takes_bytes else "numbers that are no bytes"
        raise data_error(
            part.source,
            f"holds {x.dtype}",
            f"{other}, as {network.source} was trained on",
            "convert",
        )
    if part.labels is not None:
        class_numbers(replace(part, labels=part.labels.astype(str)), _sorted(network))
    return replace(part, x=x)


def _sorted(network: Network) -> npt.NDArray[Any]:
    return np.sort(np.array(network.class_names))


def prepared(network: Network, path: Path) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Return an image as a network takes it, and what was done to it.

    The image is brought to the network's size, with a border in the color of its own where its
    proportions are others; in gray or color as the network takes it. Where all training images have
    a dark background and this one a light one, or the other way round, it is inverted.

    Raises
    ------
    InputError
        If the network does not take images, or the file is none.
    """
    shape = network.shape
    if not (network.takes_bytes and len(shape) in (2, 3) and shape[2:] in ((), (1,), (3,))):
        raise InputError(
            f"{network.source} takes {' × '.join(map(str, shape))} numbers, no image; give data of "
            "the kind that it was trained on"
        )
    in_color = shape[2:] == (3,)
    done = []
    with opened(path) as image:
        if is_colored(image) and not in_color:
            done.append("made gray")
        picture = converted(image, in_color)
    done.insert(0, f"{picture.width} × {picture.height} pixels")
    picture, fitted = _resized(picture, shape[1], shape[0])
    done += fitted
    pixels = np.asarray(picture)
    level = border_level(pixels)
    if network.background is not None and level is not None and level != network.background:
        pixels = 255 - pixels
        words = {0: "dark", 255: "light"}
        done.append(
            f"inverted, since its background is {words[level]} and that of the training images "
            f"{words[network.background]}"
        )
    return pixels.reshape(shape), done


def _resized(picture: Any, width: int, height: int) -> tuple[Any, list[str]]:
    """Return a picture of a size, without distortion, and what was done for it."""
    from PIL import Image

    if picture.size == (width, height):
        return picture, []
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    done = [f"resized to {size[0]} × {size[1]}"]
    if size != (width, height):
        pixels = np.asarray(small)
        color = np.median(_border(pixels), axis=0).astype(int)
        filling = int(color) if color.ndim == 0 else tuple(map(int, color))
        whole = Image.new(small.mode, (width, height), filling)
        whole.paste(small, ((width - size[0]) // 2, (height - size[1]) // 2))
        small = whole
        done.append(f"set into {width} × {height}")
    return small, done


def _border(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def border_level(pixels: npt.NDArray[Any]) -> int | None:
    """Return 0 or 255 if most of an image's border is nearer to black, or to white; else None."""
    border = _border(pixels)
    dark, light = (border < 96).mean(), (border >= 160).mean()
    return 0 if dark > 0.5 else 255 if light > 0.5 else None
