"""Vectors and matrices on a sheet: their shapes, and what names of their elements stand for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tinygrad_hw.symbolic.arrays import Shape, describe, element_names
from tinygrad_hw.worksheet.sheet.content import Content
from tinygrad_hw.worksheet.sheet.parts import split_partial

MOST_DERIVATIVES = 2_500  # of one array by another

_ELEMENT = re.compile(r"(\w+)\[\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\]")


def shape_of(items: Any, deepest: int = 2) -> Shape | None:
    """Return the shape of a list, or a list of rows; None if it is empty, deeper or ragged."""
    if not isinstance(items, list):
        return ()
    inner = {shape_of(item, deepest - 1) if deepest else None for item in items}
    if len(inner) != 1:
        return None
    [shape] = inner
    return None if shape is None else (len(items), *shape)


def flatten(items: Any) -> Iterator[Any]:
    """Yield what stands in a list, or in a list of rows, row by row."""
    if not isinstance(items, list):
        yield items
        return
    for item in items:
        yield from flatten(item)


def scalar_names(text: str, shapes: Mapping[str, Shape]) -> list[str]:
    """Return the names that a name stands for: all elements of z, one of ``z[1]``; any other, it.

    Both names of a derivative such as ``dE/dW[1,2]`` are looked up; one of more than
    ``MOST_DERIVATIVES`` elements stands for itself, which nothing is called.
    """
    if not shapes:
        return [text]
    if "/d" in text and text.startswith("d"):
        top, bottom = (scalar_names(name, shapes) for name in split_partial(text))
        if len(top) * len(bottom) > MOST_DERIVATIVES:
            return [text]
        return [f"d{one}/d{other}" for one, other in itertools.product(top, bottom)]
    if found := _ELEMENT.fullmatch(text):
        shape = shapes.get(found[1], ())
        place = tuple(int(i) for i in found.groups()[1:] if i)
        places = list(itertools.product(*(range(1, length + 1) for length in shape)))
        is_element = len(place) == len(shape) and place in places
        return [element_names(found[1], shape)[places.index(place)]] if is_element else [text]
    return element_names(text, shapes.get(text, ()))


def scalar_name(text: str, place: Sequence[int], shapes: Mapping[str, Shape]) -> str:
    """Return the name of the element of a list that stands at a place, counted from 0."""
    index = f"[{','.join(str(i + 1) for i in place)}]" if place else ""
    return scalar_names(text + index, shapes)[0]


def with_scalar_names(content: Content, place: str, section: Any) -> Any:
    """Return a section of answers with the elements' names for those of vectors and matrices."""
    if not isinstance(section, dict):
        return section
    answers: dict[str, Any] = {}
    for key, item in section.items():
        is_table = isinstance(item, dict) and "/d" not in key
        inner = with_scalar_names(content, f"{place}.{key}", item) if is_table else item
        names = [key] if is_table else scalar_names(key, content.shapes)
        for name, answer in zip(names, _spread(content, place, key, inner, names), strict=True):
            if name in answers:
                raise content.error(f"{name} is answered twice", place, key)
            answers[name] = answer
    return answers


def _spread(content: Content, place: str, key: str, item: Any, names: list[str]) -> list[Any]:
    """Return the answer to each of several names, from a list of the same shape."""
    if isinstance(item, dict) and "/d" in key:  # the answer to a partial
        named = {what: _factors(content, what, x) for what, x in item.items()}
        if len(names) == 1:
            return [named]
        if named.keys() != {"value"}:
            reason = f"{key} has {len(names)} elements; give factors to each by itself"
            raise content.error(reason, f'{place}."{key}"')
        return [{"value": x} for x in _spread(content, place, key, named["value"], names)]
    if len(names) == 1:
        return [item]
    is_derivative = "/d" in key
    sides = split_partial(key) if is_derivative else (key,)
    shape = sum((content.shapes.get(name, ()) for name in sides), ())
    position = (f'{place}."{key}"', "value") if is_derivative else (place, key)
    if len(shape) > 2:
        raise content.error(f"{key} has {len(names)} elements; answer each by itself", *position)
    if shape_of(item) != shape:
        reason = f"{key} is {describe(shape)}; give a list of answers, of the same shape"
        raise content.error(reason, *position)
    return list(flatten(item))


def _factors(content: Content, what: str, item: Any) -> Any:
    """Return the factors, or the paths, of a partial's answer by the elements' names."""
    if isinstance(item, list) and what == "paths":
        return [_factors(content, "factors", path) for path in item]
    if isinstance(item, dict) and what == "factors":
        return {_factor(key, content.shapes): x for key, x in item.items()}
    return item


def _factor(name: str, shapes: Mapping[str, Shape]) -> str:
    """Return the name of a factor by its elements; that of a whole array as it is."""
    names = scalar_names(name, shapes)
    return names[0] if len(names) == 1 else name
