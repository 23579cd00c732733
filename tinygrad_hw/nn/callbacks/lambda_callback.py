"""LambdaCallback: a callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_hw.nn.callbacks.callback import HOOKS, Callback


class LambdaCallback(Callback):
    """Callback whose methods are the given functions.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end
        Functions of ``epoch, logs``.
    on_train_begin, on_train_end
        Functions of ``logs``.
    on_train_batch_begin, on_train_batch_end
        Functions of ``batch, logs``.
    **kwargs
        Functions for other methods of ``Callback``, by name.

    Raises
    ------
    TypeError
        For the name of no method, or something that is no function.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in functions.items():
            if name not in HOOKS:
                raise TypeError(f"a callback has no {name}; it has {', '.join(HOOKS)}")
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"{name} should be a function, got {function!r}")
            setattr(self, name, function)
