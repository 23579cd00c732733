"""Pytrees: nested tuples, lists and dicts, in which arguments and results may come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def leaves_of(tree: Any, like: Any = None) -> Iterator[Any]:
    """Yield the leaves in order, or in the order of the keys of ``like``."""
    if isinstance(tree, dict):
        for key in tree if like is None else like:
            yield from leaves_of(tree[key], None if like is None else like[key])
    elif isinstance(tree, tuple | list):
        for i, part in enumerate(tree):
            yield from leaves_of(part, None if like is None else like[i])
    else:
        yield tree


def structure(tree: Any) -> Any:
    """Return the containers without leaves, to compare; the order of keys does not count."""
    return unflatten(tree, [None] * len(list(leaves_of(tree))))


def unflatten(tree: Any, leaves: Iterable[Any]) -> Any:
    """Return the same structure with other leaves."""
    remaining = iter(leaves)
    if isinstance(tree, dict):
        return {key: unflatten(part, remaining) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [unflatten(part, remaining) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return next(remaining)
