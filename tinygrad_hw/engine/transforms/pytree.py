"""Nested tuples, lists and dicts: what arguments and results may come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def leaves_of(tree: Any, like: Any = None) -> Iterator[Any]:
    """The leaves in order; in the order of another's keys, where one of that structure is given."""
    if isinstance(tree, dict):
        for key in tree if like is None else like:
            yield from leaves_of(tree[key], None if like is None else like[key])
    elif isinstance(tree, tuple | list):
        for i, part in enumerate(tree):
            yield from leaves_of(part, None if like is None else like[i])
    else:
        yield tree


def structure(tree: Any) -> Any:
    """The same containers with no leaves; two dicts are equal whatever the order of their keys."""
    return rebuilt(tree, [None] * len(list(leaves_of(tree))))


def rebuilt(tree: Any, parts: Iterable[Any]) -> Any:
    """The same structure with other leaves."""
    given = iter(parts)
    if isinstance(tree, dict):
        return {key: rebuilt(part, given) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [rebuilt(part, given) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return next(given)
