"""Replay: a program, loaded, with the memory that it runs on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.batch import emit_batch
from tinygrad_hw.program.emit.loading import compile_function
from tinygrad_hw.program.emit.numpy import Listing
from tinygrad_hw.program.emit.runtime import NotFinite, all_finite
from tinygrad_hw.program.interrupts import interrupts_deferred
from tinygrad_hw.program.recording import BoundValue
from tinygrad_hw.program.schedule import Schedule
from tinygrad_hw.program.variable import Variable


class SharedArray:
    """An array that Values hold or view, and that a program reads or changes in place."""

    def __init__(self, array: Any, variable: Variable, value: BoundValue | None) -> None:
        self.array = array
        self.variable = variable
        self.value = value  # the Value whose data it is; None where Values only have views of it

    def sync(self) -> bool:
        """Take the array that the Value holds now; return whether it is another one."""
        node = self.value.node if self.value else None
        if node is None or (node.raw is self.array and not node.saved):
            return False
        if node.saved:  # a graph holds it
            node.raw, node.saved = np.array(node.raw), False
        self.array = node.raw
        return True


class Replay:
    """A program, loaded: see ``run``.

    Attributes
    ----------
    schedule, listing
        The program, and its text.
    function
        The loaded text, with buffers of its own.
    """

    def __init__(self, schedule: Schedule, listing: Listing) -> None:
        self.schedule, self.listing = schedule, listing
        self.recording = recording = schedule.recording
        values = recording.values
        by_input = {value.data: value for value in values if not value.is_view}
        self._changed = changed = {old for old, _ in schedule.updates}
        used = schedule.used
        self._shared = [
            SharedArray(array, variable, by_input.get(variable))
            for array, variable in recording.arrays
            if variable in changed or (variable in used and variable not in by_input)
        ]
        self._taken = [i for i, leaf in enumerate(recording.leaves) if leaf is not None]
        self._arguments = [value for value in values if value.position is not None]
        self._code = compile_function(listing.text_to_run, f"program of {recording.name}")
        self.function = self._load()
        self._batch: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        lines = len(self.schedule.instructions)
        return f"<replay of {self.recording.name}: {lines} instructions>"

    def _load(self) -> Callable[..., Any]:
        """Return the function with buffers of its own, on the arrays that the Values hold now."""
        namespace = dict(self.listing.namespace)
        for shared in self._shared:
            namespace[self.listing.names[shared.variable]] = shared.array
        kept = {id(x) for x in self.listing.namespace.values()}
        kept |= {id(x.array) for x in self._shared if x.variable not in self._changed}
        exec(self._code, namespace)  # our own text: labels in it have been made safe
        arrays = [_owner(x) for x in namespace.values() if isinstance(x, np.ndarray)]
        self._written = {id(x) for x in arrays} - kept
        return cast(Callable[..., Any], namespace[self.recording.name])

    def writes_into(self, leaves: Sequence[Any]) -> bool:
        """Return whether the program writes into an array that a call passes.

        It may be the data of a Value, or a gradient that an earlier run has left in a buffer.
        """
        arrays = [x for x in leaves if isinstance(x, np.ndarray)]
        return any([id(_owner(x)) in self._written for x in arrays])

    # --- One call ---------------------------------------------------------------------------------

    def run(self, leaves: Sequence[Any]) -> Any:
        """Replay for the leaves of a call, change its Values, and return the function's result.

        Raises
        ------
        Changed
            If a branch is taken another way; NotFinite if the rule 0 · inf = 0 may be needed.
        """
        self._sync()
        with interrupts_deferred():
            return self._deliver(leaves, self.function(*self._inputs_of(leaves)))

    @property
    def changes_values(self) -> bool:
        """Return whether the program changes Values or their gradients."""
        schedule = self.schedule
        return bool(schedule.updates or schedule.numbers or schedule.gradients or schedule.cleared)

    def map_threads(self, calls: Sequence[Sequence[Any]], threads: int) -> list[Any]:
        """Replay for several calls on several threads; the program must not change Values."""
        self._sync()
        results: list[Any] = [None] * len(calls)
        queue = deque(enumerate(calls))

        def work(function: Callable[..., Any]) -> None:
            while queue:
                try:
                    i, leaves = queue.popleft()
                except IndexError:  # another thread was quicker
                    return
                results[i] = function(*self._inputs_of(leaves))

        with ThreadPoolExecutor(threads - 1) as pool:
            try:
                others = [  # each under the caller's np.errstate
                    pool.submit(copy_context().run, work, self._load()) for _ in range(threads - 1)
                ]
                work(self.function)
                for other in others:
                    other.result()
            finally:
                queue.clear()  # if one fails, the others stop
        return [
            self._deliver(leaves, computed) for leaves, computed in zip(calls, results, strict=True)
        ]

    def _sync(self) -> None:
        """Load the program anew if Values hold other arrays now."""
        if any([shared.sync() for shared in self._shared]):
            self.function = self._load()

    def _inputs_of(self, leaves: Sequence[Any]) -> list[Any]:
        inputs = [leaves[i] for i in self._taken]
        if self._arguments:
            inputs = [x.raw if isinstance(x, Node) else x for x in inputs]
        inputs += [value.node.raw for value in self.schedule.read]
        inputs += [self._node(value, leaves).grad for value in self.schedule.accumulating]
        return inputs

    def _deliver(self, leaves: Sequence[Any], computed: Any) -> Any:
        """Set gradients, change the Values that are numbers, and return the results."""
        parts = iter(computed)
        returned = [
            self._returned(x.returned, leaves)
            if isinstance(x.returned, Node)
            else x.to_caller(None if x.variable is None else next(parts))
            for x in self.recording.results
        ]
        for value in self.schedule.gradients:
            self._node(value, leaves)._grad = next(parts)
        for value in self.schedule.cleared:
            node = self._node(value, leaves)
            node._grad = node.no_gradient
        for value in self.schedule.numbers:
            self._node(value, leaves).raw = next(parts)
        return unflatten(self.recording.structure, returned)

    @staticmethod
    def _node(value: BoundValue, leaves: Sequence[Any]) -> Node:
        """Return the Value that this call passes in place of a recorded one."""
        node: Node = value.node if value.position is None else leaves[value.position]
        return node

    def _returned(self, node: Node, leaves: Sequence[Any]) -> Node:
        known = [value for value in self.recording.values if value.node is node]
        return self._node(known[0], leaves) if known else node

    # --- Many points ------------------------------------------------------------------------------

    def run_batch(self, arguments: Any, points: int) -> Any:
        """Replay for many points at once, see ``Captured.batch``."""
        if self._batch is None:
            listing = emit_batch(self.schedule)
            namespace = dict(listing.namespace)
            code = compile_function(listing.text_to_run, f"batch of {self.recording.name}")
            exec(code, namespace)
            self._batch = namespace[self.recording.name]
        leaves = list(leaves_of(arguments))
        inputs = [
            np.asarray(leaves[i], np.float64)
            if isinstance(leaves[i], np.ndarray)
            else raw(leaves[i])
            for i in self._taken
        ]
        read = [value.node.raw for value in self.schedule.read]
        try:  # where Python raises for one point, or NumPy warns, each point is for itself
            with np.errstate(divide="raise", over="raise", invalid="raise"):
                computed = self._batch(points, *inputs, *read)
        except (ArithmeticError, ValueError):
            raise NotFinite from None
        count = len(self.schedule.interface.outputs)
        results, sums = computed[:count], computed[count:]
        if not all_finite(*sums):
            raise NotFinite
        for value, gradient in zip(self.schedule.gradients, sums, strict=True):
            node = self._node(value, leaves)
            node.grad = gradient if node.grad is None else node.grad + gradient
        columns = iter(results)
        returned = [
            raw(x.returned) if x.variable is None else next(columns) for x in self.recording.results
        ]
        spread = [np.array(np.broadcast_to(leaf, points)) for leaf in returned]
        return unflatten(self.recording.structure, spread)


def _owner(array: Any) -> Any:
    """Return the array whose memory an array is a part of."""
    return array if array.base is None else array.base
