"""Program: one recorded run, made ready to be replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.transforms.pytree import leaves_of, rebuilt
from tinygrad_hw.program.emit.batch import BatchWriter
from tinygrad_hw.program.emit.identifiers import Identifiers
from tinygrad_hw.program.emit.numba import is_fusable, wanted
from tinygrad_hw.program.emit.numpy import PythonWriter
from tinygrad_hw.program.emit.runtime import NotFinite, all_finite
from tinygrad_hw.program.guards import Environment
from tinygrad_hw.program.instructions import Fusion, ancestors, base_of
from tinygrad_hw.program.recorder import BACKWARD, BoundValue, Recorder
from tinygrad_hw.program.recording import collector_off, own, record
from tinygrad_hw.program.schedule import Interface, make_schedule
from tinygrad_hw.program.variable import Variable


class SharedArray:
    """An array that the program has in its hands from run to run, since Values are it or see it."""

    def __init__(self, array: Any, variable: Variable, leaf: BoundValue | None) -> None:
        self.array = array
        self.variable = variable
        self.leaf = leaf  # the Value whose data it is; None where Values only have views of it

    def sync(self) -> bool:
        """Take over what the Value holds now; whether it is another array."""
        node = self.leaf.node if self.leaf else None
        if node is None or (node.raw is self.array and not node.saved):
            return False
        self.array = np.array(node.raw, self.array.dtype)
        node.raw, node.saved = self.array, False
        return True


class Program:
    """One recorded run, ready to be replayed.

    Attributes
    ----------
    source
        The program as Python, which is what runs.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        recorder: Recorder,
        given: Any,
        jit: bool | None,
    ) -> None:
        name = getattr(function, "__name__", "")
        self.name = Identifiers({"finite", "Changed", "NotFinite"}).choose([name, "program"])
        self.recorder = recorder
        with collector_off():  # millions of objects, none of them garbage
            self._make(function, given, jit)

    def _make(self, function: Callable[..., Any], given: Any, jit: bool | None) -> None:
        recorder = self.recorder
        self.environment = Environment(function, given)
        self.results, self.leaves, self.tree = record(recorder, function, given, self.environment)
        has_arrays = any(leaf is not None and leaf.shape for leaf in self.leaves)
        self.given = None if has_arrays else given  # to record it again, for another language
        self.bound_values = list(recorder.bound_values.values())
        nodes = [(i, x) for i, x in enumerate(leaves_of(given)) if isinstance(x, Node)]
        self.argument_index = {id(x): i for i, x in reversed(nodes)}
        found = {id(x) for x in self.environment.values}
        self.pinned = [  # given, and found around as well, or part of a larger array
            (i, x)
            for i, x in nodes
            if id(x) in found or (self.leaves[i] is None and self.argument_index[id(x)] == i)
        ]
        self.outside = {id(e.node) for e in self.bound_values} - {id(x) for _, x in nodes}
        self.compiles = wanted(jit)
        self._classify()
        self.interface = Interface(
            self.name,
            self.inputs,
            self.outputs,
            [*self.new_gradients, *self.new_numbers],
            self.branches,
            self.finite,
        )
        self.writer = PythonWriter(self.schedule, self.interface)
        self.source = self.writer.source
        self._code = compile(self.writer.text_to_run, f"<program of {self.name}>", "exec")
        self._load()

    def _classify(self) -> None:
        """Tell inputs, results, gradients and changed data of Values apart."""
        entered = self.bound_values
        self.outputs = [x.variable for x in self.results if x.variable is not None]
        changed = [e for e in entered if isinstance(e.new, Variable) and e.new is not e.variable]
        whole = {e.variable: e for e in entered if e.variable.function is None}
        arrays = [(e.variable, e.new) for e in changed if e.is_array and e.variable in whole]
        self.changed_numbers = [e for e in changed if not e.is_array]
        self.new_numbers = [e.new for e in self.changed_numbers]
        self.with_gradient = [e for e in entered if e.is_differentiated]
        self.new_gradients = [e.new_gradient for e in self.with_gradient]
        self.cleared = [
            e
            for e in entered
            if e.new_gradient is None and (e.gradient_cleared or e.grad is not None)
        ]
        self.branches = list(dict(self.recorder.branches).items())
        kept = [*self.outputs, *self.new_gradients]
        self.finite = self._ends_of_backward(
            [*kept, *self.new_numbers, *(new for _, new in arrays)]
        )
        checked = [*kept, *self.new_numbers, *(condition for condition, _ in self.branches)]
        checked += self.finite
        self.schedule = make_schedule(
            checked,
            arrays,
            kept,
            self.recorder.data_dependent,
            is_fusable if self.compiles else None,
        )
        used = ancestors([*checked, *self.recorder.data_dependent, *(new for _, new in arrays)])
        written = {old for old, _ in arrays}
        self.shared_arrays = [
            SharedArray(array, variable, whole.get(variable))
            for array, variable in self.recorder.array_inputs
            if variable in written or (variable in used and variable not in whole)
        ]
        in_hand = {shared.variable for shared in self.shared_arrays}
        self.read_values = [
            e
            for e in entered
            if e.variable in used and e.variable in whole and e.variable not in in_hand
            if id(e.node) not in self.argument_index
        ]
        seen_to = {id(e.node) for e in self.read_values} | self.argument_index.keys()
        self.unread_values = [e for e in entered if id(e.node) not in seen_to]
        self.view_values = [e for e in entered if e.variable not in whole and e.is_array]
        self.accumulating = [e for e in entered if e.gradient in used]
        found = {id(x) for x in self.environment.values}
        self.expect_no_gradient = [
            e
            for e in entered
            if e.gradient is None and e.grad is None and not e.gradient_cleared
            if e.is_differentiated or (id(e.node) in found and e.new_gradient is None)
        ]
        self.inputs = [
            *(leaf for leaf in self.leaves if leaf is not None),
            *(e.variable for e in self.read_values),
            *(e.gradient for e in self.accumulating if e.gradient is not None),
        ]

    def _ends_of_backward(self, ends: list[Variable]) -> list[Variable]:
        """What leaves the backward passes: where 0 · inf would be seen as a nan.

        That it is 0 holds for finite local derivatives without looking at each. Should one become
        infinite, then something here is not finite, and the engine itself is asked.
        """
        if not self.recorder.assumed_finite:
            return []
        found = dict.fromkeys(
            x for x in ends if x.phase == BACKWARD or self.recorder.assumed_forward
        )
        for variable in ancestors(ends):
            if variable.phase != BACKWARD:
                found.update(dict.fromkeys(x for x in variable.needs if x.phase == BACKWARD))
        floats = [x for x in found if np.result_type(x.value).kind == "f" and not x.constant]
        return sorted(floats, key=lambda x: x.number)

    def _load(self) -> None:
        self.replay = self._loaded()

    def _loaded(self) -> Callable[..., Any]:
        """The function with buffers of its own, on the arrays that the Values hold now."""
        namespace = dict(self.writer.namespace)
        for shared in self.shared_arrays:
            namespace[self.writer.name_of(shared.variable)] = shared.array
        exec(self._code, namespace)  # our own text: labels in it have been made safe
        return cast(Callable[..., Any], namespace[self.name])

    def load_batch(self) -> None:
        """Make the function that takes an array for each number."""
        self.batch_writer = BatchWriter(self.schedule, self.interface)
        namespace = dict(self.batch_writer.namespace)
        exec(compile(self.batch_writer.source, f"<batch of {self.name}>", "exec"), namespace)
        self._replay_batch = namespace[self.name]

    def run_batch(self, arguments: Any, points: int) -> Any:
        """Replay for many points at once: see ``Captured.batch``."""
        given = [
            np.asarray(x, np.float64) if isinstance(x, np.ndarray) else raw(x)
            for x, leaf in zip(leaves_of(arguments), self.leaves, strict=True)
            if leaf is not None
        ]
        computed = self._replay_batch(points, *given, *(e.node.raw for e in self.read_values))
        results, sums = computed[: len(self.outputs)], computed[len(self.outputs) :]
        if not all_finite(*sums):
            raise NotFinite
        for e, gradient in zip(self.with_gradient, sums, strict=True):
            node = self._node(e.node, (arguments, {}))
            node.grad = gradient if node.grad is None else node.grad + gradient
        parts = iter(results)
        leaves = [
            np.array(
                np.broadcast_to(
                    raw(self._node(x.given, (arguments, {})))
                    if x.variable is None
                    else next(parts),
                    points,
                )
            )
            for x in self.results
        ]
        return rebuilt(self.tree, leaves)

    def is_valid_for(self, given: Any, gradients: bool = True) -> bool:
        """Whether everything is as it was when the program was captured, gradients too or not."""
        if not self.environment.unchanged():
            return False
        if self.argument_index and not self._same_aliases(list(leaves_of(given))):
            return False
        for e in self.read_values:
            data, before = e.node.raw, e.raw
            if type(data) is not type(before) or e.node.constant is not e.constant:
                return False
            if isinstance(data, np.ndarray) and not _alike(data, before):
                return False
        if any([e.node.constant is not e.constant for e in self.unread_values]):
            return False
        if not gradients:
            return True
        if any([self._node(e.node, given).grad is not None for e in self.expect_no_gradient]):
            return False
        return all([self._node(e.node, given).grad is not None for e in self.accumulating])

    def _same_aliases(self, leaves: list[Any]) -> bool:
        """Return whether the Values among the arguments are the same, distinct ones as before."""
        nodes = [x for x in leaves if isinstance(x, Node)]
        if any([leaves[i] is not x for i, x in self.pinned]):
            return False
        pinned = {id(x) for _, x in self.pinned}
        return not any([id(x) in self.outside and id(x) not in pinned for x in nodes])

    def run(self, given: Any) -> Any:
        """Replay."""
        self._sync()
        return self._deliver(given, self.replay(*self._arguments(given)))

    @property
    def changes_values(self) -> bool:
        """Whether it does more than compute its results."""
        return bool(
            self.schedule.updates or self.changed_numbers or self.with_gradient or self.cleared
        )

    def map_threads(self, given: Sequence[Any], threads: int) -> list[Any]:
        """Replay for each of these arguments, so many at a time, if it changes no Value."""
        self._sync()
        results: list[Any] = [None] * len(given)
        todo = deque(enumerate(given))

        def work(replay: Callable[..., Any]) -> None:
            while todo:
                try:
                    i, one = todo.popleft()
                except IndexError:  # another thread was quicker
                    return
                results[i] = replay(*self._arguments(one))

        with ThreadPoolExecutor(threads - 1) as pool:
            try:
                others = [  # each under the caller's np.errstate
                    pool.submit(copy_context().run, work, self._loaded())
                    for _ in range(threads - 1)
                ]
                work(self.replay)
                for other in others:
                    other.result()
            finally:
                todo.clear()  # should one fail, nobody goes on
        return [self._deliver(one, computed) for one, computed in zip(given, results, strict=True)]

    def _sync(self) -> None:
        """Bring to where the program reads what Values have been given since."""
        for e in self.view_values:
            if e.node.raw is not e.raw:
                np.copyto(cast(Any, e.raw), cast(Any, e.node.raw))
                e.node.raw = e.raw
        if any([shared.sync() for shared in self.shared_arrays]):
            self._load()

    def _arguments(self, given: Any) -> list[Any]:
        arguments = [
            x.raw if isinstance(x, Node) else x
            for x, leaf in zip(leaves_of(given), self.leaves, strict=True)
            if leaf is not None
        ]
        arguments += [e.node.raw for e in self.read_values]
        arguments += [self._node(e.node, given).grad for e in self.accumulating]
        return arguments

    def deliver_recorded_run(self, given: Any) -> Any:
        """What the recorded run itself computed, delivered as that of a replay will be."""
        for shared in self.shared_arrays:
            shared.sync()
        arrays = {shared.variable: shared.array for shared in self.shared_arrays}
        values = [own(variable.value) for variable in (*self.outputs, *self.new_numbers)]
        news = [(arrays[old], new.value.copy()) for old, new in self.schedule.updates]
        for old, new in news:
            np.copyto(old, new)
        self._load()
        gradients = [self._copy_to_buffer(variable) for variable in self.new_gradients]
        values[len(self.outputs) : len(self.outputs)] = gradients
        self._release()
        return self._deliver(given, values)

    def _release(self) -> None:
        """Let go of the recorded run's graph and arrays: the program has its own."""
        self.recorder.release()
        for instruction in self.schedule.instructions:
            for variable in (
                instruction.members if isinstance(instruction, Fusion) else [instruction]
            ):
                variable.value = None

    def _copy_to_buffer(self, gradient: Variable) -> Any:
        """A gradient of the recorded run, in the buffer where those of a replay will be."""
        buffer = self.schedule.buffers.get(base_of(gradient))
        if buffer is None or buffer.parent is None:
            return own(gradient.value)
        buffer = self.replay.__globals__[self.writer.name_of(gradient)]
        np.copyto(buffer, gradient.value)
        return buffer

    def _deliver(self, given: Any, computed: Any) -> Any:
        """Hand out results, set gradients, change the Values that are numbers."""
        parts = iter(computed)
        leaves = [
            self._node(x.given, given)
            if isinstance(x.given, Node)
            else x.to_caller(None if x.variable is None else next(parts))
            for x in self.results
        ]
        for e in self.with_gradient:
            self._node(e.node, given).grad = next(parts)
        for e in self.cleared:
            self._node(e.node, given).grad = None
        for e in self.changed_numbers:
            self._node(e.node, given).raw = next(parts)
        return rebuilt(self.tree, leaves)

    def _node(self, node: Node, given: Any) -> Node:
        """The Value that is meant: in this run's arguments, another one than when captured."""
        if id(node) not in self.argument_index:
            return node
        now: Node = list(leaves_of(given))[self.argument_index[id(node)]]
        return now


def _alike(data: Any, before: Any) -> bool:
    return bool(
        data.shape == before.shape
        and data.dtype == before.dtype
        and data.flags.c_contiguous == before.flags.c_contiguous
    )
