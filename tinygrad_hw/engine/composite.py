"""Composites: operations written with other operations, which need no rule."""

from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import group


class Composite(Operation):
    """An operation written with other operations, recorded inside a group of its name."""

    __slots__ = ()

    def __init__(
        self, name: str, compute: Callable[..., Any], *, arity: int = 1, **options: Any
    ) -> None:
        super().__init__(name, compute, arity=arity, **options)

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Compute the body inside a group, which a drawing folds."""
        operands, attributes = self.bind(operands, attributes)
        with group(self.name):
            return self.compute(*operands, **attributes)
