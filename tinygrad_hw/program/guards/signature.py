"""The key of a call's arguments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.data import refuse_other_rules
from tinygrad_hw.engine.core.node import Node

_PLAIN = frozenset((bool, int, complex, str, bytes, type(None), type(...), slice, range))


def signature(call: Any) -> tuple[Any, ...]:
    """Return the key of a call's arguments, positional and by keyword, that a program is valid for.

    Floats, arrays and Values count by their kind (type, shape, dtype); integers, texts and flags by
    their value, since they may be axes or lengths; other objects by identity. Containers count by
    their contents, in order.

    Raises
    ------
    TypeError
        If an argument is an ``np.matrix`` or a masked array, whose rules are not ours.
    """
    args, options = call
    if not options and all([type(x) in _FLAT for x in args]):  # the same keys, sooner
        return tuple([float if type(x) is float else _of_array(x) for x in args])
    return tuple(_parts(call, []))


_FLAT = (float, np.ndarray)


def _of_array(array: Any) -> tuple[Any, ...]:
    kind = array.dtype
    if array.flags.c_contiguous:
        return (array.shape, kind.num, kind.itemsize, kind.isnative)
    return (array.shape, kind.num, kind.itemsize, kind.isnative, array.strides)


class ById:
    """Part of a key that stands for one object, which the key keeps alive."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one

    def __hash__(self) -> int:
        return id(self.one)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.one is self.one


def _parts(tree: Any, nodes: list[Any]) -> Iterator[Any]:
    kind = type(tree)
    if kind is float:
        yield float
    elif isinstance(tree, np.ndarray):
        if kind is not np.ndarray:
            refuse_other_rules(tree)
        yield kind, *_of_array(tree), tree.dtype
    elif isinstance(tree, np.floating):
        yield kind
    elif isinstance(tree, Node):
        same = [i for i, node in enumerate(nodes) if node is tree]  # passed twice
        nodes.append(tree)
        yield kind, tree.constant, *same[:1]
        yield from _parts(tree.raw, nodes)
    elif kind in (tuple, list):
        yield kind, len(tree)
        for part in tree:
            yield from _parts(part, nodes)
    elif kind in (set, frozenset, deque):  # whose numbers the function gets as they are
        yield kind, *map(_exact, tree)
    elif kind is dict:
        yield kind, *map(_exact, tree)
        for part in tree.values():
            yield from _parts(part, nodes)
    elif kind in _PLAIN or isinstance(tree, np.generic):
        yield kind, repr(tree) if kind in (complex, slice) else tree
    elif isinstance(tree, tuple | list | dict):  # a subclass: a namedtuple, a defaultdict
        yield ById(tree) if not isinstance(tree, tuple) else kind
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _parts(part, nodes)
    else:
        yield ById(tree)


def _exact(part: Any) -> Any:
    """Return a key for one element, equal for what is the same to the last bit."""
    if type(part) in (tuple, frozenset):
        return type(part), tuple(map(_exact, part))
    is_plain = type(part) is float or type(part) in _PLAIN
    return (type(part), repr(part)) if is_plain else ById(part)
