"""Program: a recorded run, ready to be replayed on other arguments."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.batch import BatchWriter
from tinygrad_hw.program.emit.identifiers import Identifiers
from tinygrad_hw.program.emit.loading import compile_function
from tinygrad_hw.program.emit.numba import is_fusable, is_wanted
from tinygrad_hw.program.emit.numpy import PythonWriter
from tinygrad_hw.program.emit.runtime import NotFinite, all_finite
from tinygrad_hw.program.guards import Environment
from tinygrad_hw.program.instructions import Fusion, ancestors, base_of
from tinygrad_hw.program.recorder import BoundValue, Recorder
from tinygrad_hw.program.recording import collector_off, own, record
from tinygrad_hw.program.schedule import Interface, make_schedule
from tinygrad_hw.program.variable import BACKWARD, Variable


class SharedArray:
    """An array that a program reads or changes in place, and Values hold or are views of."""

    def __init__(self, array: Any, variable: Variable, leaf: BoundValue | None) -> None:
        self.array = array
        self.variable = variable
        self.leaf = leaf  # the Value whose data it is; None where Values only have views of it

    def sync(self) -> bool:
        """Take over the data that the Value holds now; return whether they are another array."""
        node = self.leaf.node if self.leaf else None
        if node is None or (node.raw is self.array and not node.saved):
            return False
        self.array = np.array(node.raw, self.array.dtype)
        node.raw, node.saved = self.array, False
        return True


class Program:
    """One recorded run, ready to be replayed.

    A call is a pair: the arguments by position, and those by keyword.

    Parameters
    ----------
    function
        The user's function, which is run once.
    recorder
        Records that run.
    call
        What it is called with.
    jit
        As in ``capture``.

    Attributes
    ----------
    source
        The program as Python, which is what runs.
    schedule, interface
        Its instructions, and what goes in and comes out.
    results, structure
        The leaves of what the function returns, and the containers around them.
    read_values
        The Values found around the function whose data are passed to the program in every run.
    shared_arrays
        The arrays of Values that the program has in its namespace.
    with_gradient, cleared, changed_numbers
        The Values that get a gradient, lose theirs, or become another number.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        recorder: Recorder,
        call: Any,
        jit: bool | None,
    ) -> None:
        name = getattr(function, "__name__", "")
        self.name = Identifiers({"finite", "Changed", "NotFinite"}).choose([name, "program"])
        self.recorder = recorder
        with collector_off():  # millions of objects, none of them garbage
            self._record(function, call, jit)

    def _record(self, function: Callable[..., Any], call: Any, jit: bool | None) -> None:
        recorder = self.recorder
        self.environment = Environment(function, call)
        self.results, self.leaves, self.structure = record(
            recorder, function, call, self.environment
        )
        has_arrays = any(leaf is not None and leaf.shape for leaf in self.leaves)
        self.first_call = None if has_arrays else call  # to record it again, for another language
        self.bound_values = list(recorder.bound_values.values())
        nodes = [(i, x) for i, x in enumerate(leaves_of(call)) if isinstance(x, Node)]
        self.argument_index = {id(x): i for i, x in reversed(nodes)}
        found = {id(x) for x in self.environment.values}
        self.pinned = [  # arguments that are found around too, or are part of a larger array
            (i, x)
            for i, x in nodes
            if id(x) in found or (self.leaves[i] is None and self.argument_index[id(x)] == i)
        ]
        self.outside = {id(e.node) for e in self.bound_values} - {id(x) for _, x in nodes}
        self.compiles = is_wanted(jit)
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
        self._code = compile_function(self.writer.text_to_run, f"program of {self.name}")
        self.replay = self._load()

    def _classify(self) -> None:
        """Sort what the run has used and changed by how a replay reads or delivers it."""
        bound = self.bound_values
        self.outputs = [x.variable for x in self.results if x.variable is not None]
        changed = [e for e in bound if isinstance(e.new, Variable) and e.new is not e.variable]
        by_input = {e.variable: e for e in bound if e.variable.function is None}
        updates = [(e.variable, e.new) for e in changed if e.is_array and e.variable in by_input]
        self.changed_numbers = [e for e in changed if not e.is_array]
        self.new_numbers = [e.new for e in self.changed_numbers]
        self.with_gradient = [e for e in bound if e.is_differentiated]
        self.new_gradients = [e.new_gradient for e in self.with_gradient]
        self.cleared = [
            e
            for e in bound
            if e.new_gradient is None and (e.gradient_cleared or e.grad is not None)
        ]
        self.branches = list(dict(self.recorder.branches).items())
        returned = [*self.outputs, *self.new_gradients]
        new_arrays = [new for _, new in updates]
        self.finite = self._ends_of_backward([*returned, *self.new_numbers, *new_arrays])
        conditions = [condition for condition, _ in self.branches]
        checked = [*returned, *self.new_numbers, *conditions, *self.finite]
        self.schedule = make_schedule(
            checked,
            updates,
            returned,
            self.recorder.data_dependent,
            is_fusable if self.compiles else None,
        )
        used = ancestors([*checked, *self.recorder.data_dependent, *new_arrays])
        changed_arrays = {old for old, _ in updates}
        self.shared_arrays = [
            SharedArray(array, variable, by_input.get(variable))
            for array, variable in self.recorder.array_inputs
            if variable in changed_arrays or (variable in used and variable not in by_input)
        ]
        shared = {x.variable for x in self.shared_arrays}
        self.read_values = [
            e
            for e in bound
            if e.variable in used and e.variable in by_input and e.variable not in shared
            if id(e.node) not in self.argument_index
        ]
        passed = {id(e.node) for e in self.read_values} | self.argument_index.keys()
        self.unread_values = [e for e in bound if id(e.node) not in passed]
        self.view_values = [e for e in bound if e.variable not in by_input and e.is_array]
        self.accumulating = [e for e in bound if e.gradient in used]
        found = {id(x) for x in self.environment.values}
        self.expect_no_gradient = [
            e
            for e in bound
            if e.gradient is None and e.grad is None and not e.gradient_cleared
            if e.is_differentiated or (id(e.node) in found and e.new_gradient is None)
        ]
        self.inputs = [
            *(leaf for leaf in self.leaves if leaf is not None),
            *(e.variable for e in self.read_values),
            *(e.gradient for e in self.accumulating if e.gradient is not None),
        ]

    def _ends_of_backward(self, ends: list[Variable]) -> list[Variable]:
        """Return what leaves the backward passes, to be checked for being finite.

        The rule 0 · inf = 0 needs no care while local derivatives are finite. If one is not, then
        one of these is not finite either, and the function itself is run.
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

    def _load(self) -> Callable[..., Any]:
        """Return the function with buffers of its own, on the arrays that the Values hold now."""
        namespace = dict(self.writer.namespace)
        for shared in self.shared_arrays:
            namespace[self.writer.name_of(shared.variable)] = shared.array
        exec(self._code, namespace)  # our own text: labels in it have been made safe
        return cast(Callable[..., Any], namespace[self.name])

    def load_batch(self) -> None:
        """Load the function that takes an array for each number."""
        writer = BatchWriter(self.schedule, self.interface)
        namespace = dict(writer.namespace)
        exec(compile_function(writer.source, f"batch of {self.name}"), namespace)
        self._replay_batch = namespace[self.name]

    def run_batch(self, arguments: Any, points: int) -> Any:
        """Replay for many points at once, see ``Captured.batch``."""
        call: Any = (arguments, {})
        inputs = [
            np.asarray(x, np.float64) if isinstance(x, np.ndarray) else raw(x)
            for x, leaf in zip(leaves_of(arguments), self.leaves, strict=True)
            if leaf is not None
        ]
        computed = self._replay_batch(points, *inputs, *(e.node.raw for e in self.read_values))
        results, sums = computed[: len(self.outputs)], computed[len(self.outputs) :]
        if not all_finite(*sums):
            raise NotFinite
        for e, gradient in zip(self.with_gradient, sums, strict=True):
            node = self._node(e.node, call)
            node.grad = gradient if node.grad is None else node.grad + gradient
        columns = iter(results)
        leaves = [
            raw(self._node(x.returned, call)) if x.variable is None else next(columns)
            for x in self.results
        ]
        leaves = [np.array(np.broadcast_to(leaf, points)) for leaf in leaves]
        return unflatten(self.structure, leaves)

    def is_valid_for(self, call: Any, gradients: bool = True) -> bool:
        """Return whether the world, and the gradients if asked, are as they were when recorded."""
        if not self.environment.unchanged():
            return False
        if self.argument_index and not self._same_aliases(list(leaves_of(call))):
            return False
        for e in self.read_values:
            data, before = e.node.raw, e.raw
            if type(data) is not type(before) or e.node.constant is not e.constant:
                return False
            if isinstance(data, np.ndarray) and not _has_same_layout(data, before):
                return False
        if any([e.node.constant is not e.constant for e in self.unread_values]):
            return False
        if not gradients:
            return True
        if any([self._node(e.node, call).grad is not None for e in self.expect_no_gradient]):
            return False
        return all([self._node(e.node, call).grad is not None for e in self.accumulating])

    def _same_aliases(self, leaves: list[Any]) -> bool:
        """Return whether the Values among the arguments are the same, distinct ones as before."""
        nodes = [x for x in leaves if isinstance(x, Node)]
        if any([leaves[i] is not x for i, x in self.pinned]):
            return False
        pinned = {id(x) for _, x in self.pinned}
        return not any([id(x) in self.outside and id(x) not in pinned for x in nodes])

    def run(self, call: Any) -> Any:
        """Replay the program for a call, and return what the function would return."""
        self._sync()
        return self._deliver(call, self.replay(*self._inputs_of(call)))

    @property
    def changes_values(self) -> bool:
        """Return whether it does more than compute its results."""
        return bool(
            self.schedule.updates or self.changed_numbers or self.with_gradient or self.cleared
        )

    def map_threads(self, calls: Sequence[Any], threads: int) -> list[Any]:
        """Replay for each of these calls, on several threads; it must not change any Value."""
        self._sync()
        results: list[Any] = [None] * len(calls)
        queue = deque(enumerate(calls))

        def work(replay: Callable[..., Any]) -> None:
            while queue:
                try:
                    i, call = queue.popleft()
                except IndexError:  # another thread was quicker
                    return
                results[i] = replay(*self._inputs_of(call))

        with ThreadPoolExecutor(threads - 1) as pool:
            try:
                others = [  # each under the caller's np.errstate
                    pool.submit(copy_context().run, work, self._load()) for _ in range(threads - 1)
                ]
                work(self.replay)
                for other in others:
                    other.result()
            finally:
                queue.clear()  # if one fails, the others stop
        return [
            self._deliver(call, computed) for call, computed in zip(calls, results, strict=True)
        ]

    def _sync(self) -> None:
        """Copy data that Values have been given since into the arrays that the program reads."""
        for e in self.view_values:
            if e.node.raw is not e.raw:
                np.copyto(cast(Any, e.raw), cast(Any, e.node.raw))
                e.node.raw = e.raw
        if any([shared.sync() for shared in self.shared_arrays]):
            self.replay = self._load()

    def _inputs_of(self, call: Any) -> list[Any]:
        inputs = [
            x.raw if isinstance(x, Node) else x
            for x, leaf in zip(leaves_of(call), self.leaves, strict=True)
            if leaf is not None
        ]
        inputs += [e.node.raw for e in self.read_values]
        inputs += [self._node(e.node, call).grad for e in self.accumulating]
        return inputs

    def deliver_recorded_run(self, call: Any) -> Any:
        """Deliver what the recorded run computed, as a replay would."""
        for shared in self.shared_arrays:
            shared.sync()
        arrays = {shared.variable: shared.array for shared in self.shared_arrays}
        values = [own(variable.value) for variable in (*self.outputs, *self.new_numbers)]
        news = [(arrays[old], new.value.copy()) for old, new in self.schedule.updates]
        for old, new in news:
            np.copyto(old, new)
        self.replay = self._load()
        gradients = [self._copy_to_buffer(variable) for variable in self.new_gradients]
        values[len(self.outputs) : len(self.outputs)] = gradients
        self._release()
        return self._deliver(call, values)

    def _release(self) -> None:
        """Drop the recorded run's graph and arrays: the program has its own."""
        self.recorder.release()
        for instruction in self.schedule.instructions:
            for variable in (
                instruction.members if isinstance(instruction, Fusion) else [instruction]
            ):
                variable.value = None

    def _copy_to_buffer(self, gradient: Variable) -> Any:
        """Return a gradient of the recorded run in the buffer where a replay's will be."""
        buffer = self.schedule.buffers.get(base_of(gradient))
        if buffer is None or buffer.parent is None:
            return own(gradient.value)
        buffer = self.replay.__globals__[self.writer.name_of(gradient)]
        np.copyto(buffer, gradient.value)
        return buffer

    def _deliver(self, call: Any, computed: Any) -> Any:
        """Set gradients, change the Values that are numbers, and return the results."""
        parts = iter(computed)
        leaves = [
            self._node(x.returned, call)
            if isinstance(x.returned, Node)
            else x.to_caller(None if x.variable is None else next(parts))
            for x in self.results
        ]
        for e in self.with_gradient:
            self._node(e.node, call).grad = next(parts)
        for e in self.cleared:
            self._node(e.node, call).grad = None
        for e in self.changed_numbers:
            self._node(e.node, call).raw = next(parts)
        return unflatten(self.structure, leaves)

    def _node(self, node: Node, call: Any) -> Node:
        """Return the Value in this call that stands where a recorded one stood."""
        if id(node) not in self.argument_index:
            return node
        argument: Node = list(leaves_of(call))[self.argument_index[id(node)]]
        return argument


def _has_same_layout(data: Any, before: Any) -> bool:
    return bool(
        data.shape == before.shape
        and data.dtype == before.dtype
        and data.flags.c_contiguous == before.flags.c_contiguous
    )
