"""The callbacks of one run, called in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from tinygrad_hw.nn.callbacks.callback import BATCH_HOOKS, HOOKS, Callback, Logs
from tinygrad_hw.nn.callbacks.checkpoints import BackupAndRestore
from tinygrad_hw.nn.callbacks.history import History
from tinygrad_hw.nn.callbacks.progress import ProgbarLogger

_OTHER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList(Callback):
    """List of callbacks with a callback's methods: each calls the method of all, in order.

    For a training loop of one's own::

        callbacks = CallbackList([...], model=model, epochs=5, steps=10, verbose=0)
        try:
            callbacks.on_train_begin()
            ...
        finally:
            callbacks.on_train_end()

    Parameters
    ----------
    callbacks
        A callback, or callbacks in lists and tuples.
    add_history, add_progbar
        Whether to append a ``History`` and a ``ProgbarLogger``, if there is none.
    model
        The model that the callbacks get as ``model``.
    **params
        What they get as ``params``: "verbose", "epochs" and "steps".

    Attributes
    ----------
    callbacks
        All callbacks, in one list.
    needs_batches
        Whether a callback overrides a method that is called for each batch. If not, those need
        not be called, nor their logs made.

    Raises
    ------
    TypeError
        For something that is no Callback, such as a class in place of its instance.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks = list(_flat(callbacks))
        for wanted, kind in ((add_history, History), (add_progbar, ProgbarLogger)):
            if wanted and not any(isinstance(callback, kind) for callback in self.callbacks):
                self.callbacks.append(kind())
        self.callbacks.sort(key=lambda callback: isinstance(callback, BackupAndRestore))  # last
        for callback in self.callbacks:
            if isinstance(callback, BackupAndRestore):
                callback.others = [each for each in self.callbacks if each is not callback]
        self._begun: list[Callback] = []
        self._for_batches = {
            hook: [callback for callback in self.callbacks if _overrides(callback, hook)]
            for hook in BATCH_HOOKS
        }
        self.needs_batches = any(self._for_batches.values())
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def watches(self, kind: str) -> bool:
        """Return whether a callback other than the progress is called for each batch of a kind.

        ``kind`` is "train", "test" or "predict".
        """
        hooks = f"on_{kind}_batch_begin", f"on_{kind}_batch_end"
        listening = [callback for hook in hooks for callback in self._for_batches[hook]]
        return not all(isinstance(callback, ProgbarLogger) for callback in listening)

    def set_model(self, model: Any) -> None:
        """Set ``model`` of all callbacks."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Set ``params`` of all callbacks."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call ``on_train_begin`` of all callbacks."""
        self._begun = []
        for callback in self.callbacks:
            callback.on_train_begin(_numbers(logs))
            self._begun.append(callback)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Call ``on_train_end`` of the callbacks that have begun, even where one of them raises."""
        with ExitStack() as stack:
            for callback in reversed(self._begun):
                stack.callback(callback.on_train_end, _numbers(logs))
            self._begun = []


def _forwarding(hook: str) -> Callable[..., None]:
    """Return a method that calls the same method of all callbacks, with the same dict of logs."""

    def forward(self: CallbackList, *number: int, logs: Logs | None) -> None:
        numbers = _numbers(logs)
        for callback in self._for_batches.get(hook, self.callbacks):
            getattr(callback, hook)(*number, numbers)

    def forward_numbered(self: CallbackList, number: int, logs: Logs | None = None) -> None:
        forward(self, number, logs=logs)

    def forward_plain(self: CallbackList, logs: Logs | None = None) -> None:
        forward(self, logs=logs)

    has_number = "epoch" in hook or "batch" in hook
    method = forward_numbered if has_number else forward_plain
    method.__name__, method.__doc__ = hook, f"Call ``{hook}`` of all callbacks."
    return method


for _hook in HOOKS:
    if _hook not in vars(CallbackList):
        setattr(CallbackList, _hook, _forwarding(_hook))


def _flat(callbacks: Any) -> Iterator[Callback]:
    if isinstance(callbacks, Callback):
        yield callbacks
    elif isinstance(callbacks, list | tuple):
        for callback in callbacks:
            yield from _flat(callback)
    elif callbacks is not None:
        hint = f"; write {callbacks.__name__}(...)" if isinstance(callbacks, type) else ""
        raise TypeError(f"callbacks should be Callback objects, got {callbacks!r}{hint}")


def _overrides(callback: Callback, hook: str) -> bool:
    """Return whether a callback has a method of its own for a moment."""
    method = getattr(callback, hook)
    own = getattr(method, "__func__", method) is not getattr(Callback, hook)
    return own or (hook in _OTHER_NAMES and _overrides(callback, _OTHER_NAMES[hook]))


def _numbers(logs: Logs | None) -> Logs:
    """Return logs as a dict of its own, with plain numbers."""
    numbers = {}
    for name, value in (logs or {}).items():
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):  # an array, or what somebody else has put there
            numbers[name] = value
    return numbers
