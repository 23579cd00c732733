"""``flatten``: a nested structure of numbers and arrays as one vector, and back.

    >>> vector, unflatten = flatten({"w": np.ones((2, 2)), "b": 3.0})
    >>> vector
    array([3., 1., 1., 1., 1.])

For optimizers that know vectors alone, such as SciPy's. Both directions are differentiable.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node, raw, to_data
from tinygrad_hw.engine.transforms import pytree


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return (vector, unflatten) of nested tuples, lists and dicts of numbers and arrays.

    Dicts are taken in the order of their sorted keys, so that equal ones give equal vectors. Every
    leaf gets back its shape, and its dtype; a number is a NumPy scalar then.
    """
    leaves = [x if isinstance(x, Node) else to_data(x) for x in pytree.leaves_of(tree)]
    numbered = pytree.unflatten(tree, range(len(leaves)))
    order = list(pytree.leaves_of(numbered, _with_sorted_keys(numbered)))
    shapes, kinds = [shape_of(x) for x in leaves], [np.result_type(raw(x)) for x in leaves]
    stops = list(accumulate([int(np.prod(shapes[i])) for i in order], initial=0))
    kind = np.result_type(*map(raw, leaves)) if leaves else np.float64
    rows = [_cast(numpy_api.ravel(leaves[i]), kind) for i in order]

    def unflatten(vector: Any) -> Any:
        if shape_of(vector) != (stops[-1],):
            raise ValueError(
                f"unflatten got shape {shape_of(vector)} for a structure of {stops[-1]} numbers; "
                f"give a vector of shape ({stops[-1]},)"
            )
        parts = dict.fromkeys(range(len(leaves)))
        for i, start, stop in zip(order, stops[:-1], stops[1:], strict=True):
            part = _cast(ops.reshape(vector[start:stop], shapes[i]), kinds[i])
            parts[i] = part if isinstance(part, Node) else to_data(part)
        return pytree.unflatten(tree, parts.values())

    return numpy_api.concatenate(rows or [np.zeros(0)]), unflatten


def _cast(x: Any, kind: Any) -> Any:
    return x if np.result_type(raw(x)) == kind else ops.astype(x, kind)


def _with_sorted_keys(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _with_sorted_keys(tree[key]) for key in sorted(tree)}
    if isinstance(tree, tuple | list):
        return [_with_sorted_keys(part) for part in tree]
    return tree
