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
from tinygrad_hw.program.recorder import Recorder
from tinygrad_hw.program.recording import collector_off, owned_copy, record
from tinygrad_hw.program.schedule import Interface, make_schedule
from tinygrad_hw.program.variable import BACKWARD, BoundValue, Variable


class SharedArray:
    """An array that Values hold or view, and that a program reads or changes in place."""

    def __init__(self, array: Any, variable: Variable, leaf: BoundValue | None) -> None:
        self.array = array
        self.variable = variable
        self.leaf = leaf  # the Value whose data it is; None where Values only have views of it

    def sync(self) -> bool:
        """Copy the Value's data if it holds another array now; return whether it does."""
        node = self.leaf.node if self.leaf else None
        if node is None or (node.raw is self.array and not node.saved):
            return False
        self.array = np.array(node.raw, self.array.dtype)
        node.raw, node.saved = self.array, False
        return True


class Program:
    """One recorded run, ready to be replayed.

    A call is a pair: the positional arguments, and the keyword arguments.

    Parameters
    ----------
    function
        The user's function, which is run once.
    recorder
        Records that run.
    call
        The arguments of that run.
    jit
        As in ``capture``.

    Attributes
    ----------
    source
        The program as Python, as it runs.
    schedule, interface
        Its instructions, and its inputs and outputs.
    results, structure
        The leaves of the function's result, and the containers around them.
    read_values
        The Values outside the function whose data are passed to the program in every run.
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
        self.pinned = [  # arguments that are also read from outside, or view a larger array
            (i, x)
            for i, x in nodes
            if id(x) in found or (self.leaves[i] is None and self.argument_index[id(x)] == i)
        ]
        self.outside = {id(b.node) for b in self.bound_values} - {id(x) for _, x in nodes}
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
        """Sort the run's Values and Variables by how a replay reads or delivers them."""
        bound_values = self.bound_values
        self.outputs = [x.variable for x in self.results if x.variable is not None]
        changed = [
            b for b in bound_values if isinstance(b.new, Variable) and b.new is not b.variable
        ]
        by_input = {b.variable: b for b in bound_values if b.variable.function is None}
        updates = [(b.variable, b.new) for b in changed if b.is_array and b.variable in by_input]
        self.changed_numbers = [b for b in changed if not b.is_array]
        self.new_numbers = [b.new for b in self.changed_numbers]
        self.with_gradient = [b for b in bound_values if b.is_differentiated]
        self.new_gradients = [b.new_gradient for b in self.with_gradient]
        self.cleared = [
            b
            for b in bound_values
            if b.new_gradient is None and (b.gradient_cleared or b.grad is not None)
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
            b
            for b in bound_values
            if b.variable in used and b.variable in by_input and b.variable not in shared
            if id(b.node) not in self.argument_index
        ]
        passed = {id(b.node) for b in self.read_values} | self.argument_index.keys()
        self.unread_values = [b for b in bound_values if id(b.node) not in passed]
        self.view_values = [b for b in bound_values if b.variable not in by_input and b.is_array]
        self.accumulating = [b for b in bound_values if b.gradient in used]
        found = {id(x) for x in self.environment.values}
        self.expect_no_gradient = [
            b
            for b in bound_values
            if b.gradient is None and b.grad is None and not b.gradient_cleared
            if b.is_differentiated or (id(b.node) in found and b.new_gradient is None)
        ]
        self.inputs = [
            *(leaf for leaf in self.leaves if leaf is not None),
            *(b.variable for b in self.read_values),
            *(b.gradient for b in self.accumulating if b.gradient is not None),
        ]

    def _ends_of_backward(self, ends: list[Variable]) -> list[Variable]:
        """Return the results of backward passes that a replay checks to be finite.

        The rule 0 · inf = 0 changes nothing while local derivatives are finite. If one is not, one
        of these results is not finite either, and the function itself is run.
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
        computed = self._replay_batch(points, *inputs, *(b.node.raw for b in self.read_values))
        results, sums = computed[: len(self.outputs)], computed[len(self.outputs) :]
        if not all_finite(*sums):
            raise NotFinite
        for b, gradient in zip(self.with_gradient, sums, strict=True):
            node = self._node(b.node, call)
            node.grad = gradient if node.grad is None else node.grad + gradient
        columns = iter(results)
        leaves = [
            raw(self._node(x.returned, call)) if x.variable is None else next(columns)
            for x in self.results
        ]
        leaves = [np.array(np.broadcast_to(leaf, points)) for leaf in leaves]
        return unflatten(self.structure, leaves)

    def is_valid_for(self, call: Any, gradients: bool = True) -> bool:
        """Return whether guarded data, and gradients if asked, are as they were when recorded."""
        if not self.environment.unchanged():
            return False
        if self.argument_index and not self._same_aliases(list(leaves_of(call))):
            return False
        for b in self.read_values:
            data, before = b.node.raw, b.raw
            if type(data) is not type(before) or b.node.constant is not b.constant:
                return False
            if isinstance(data, np.ndarray) and not _has_same_layout(data, before):
                return False
        if any([b.node.constant is not b.constant for b in self.unread_values]):
            return False
        if not gradients:
            return True
        if any([self._node(b.node, call).grad is not None for b in self.expect_no_gradient]):
            return False
        return all([self._node(b.node, call).grad is not None for b in self.accumulating])

    def _same_aliases(self, leaves: list[Any]) -> bool:
        """Return whether each Value is passed where it was, and distinct ones are distinct."""
        nodes = [x for x in leaves if isinstance(x, Node)]
        if any([leaves[i] is not x for i, x in self.pinned]):
            return False
        pinned = {id(x) for _, x in self.pinned}
        return not any([id(x) in self.outside and id(x) not in pinned for x in nodes])

    def run(self, call: Any) -> Any:
        """Replay the program for a call, and return the function's result."""
        self._sync()
        return self._deliver(call, self.replay(*self._inputs_of(call)))

    @property
    def changes_values(self) -> bool:
        """Return whether the program changes Values or their gradients."""
        return bool(
            self.schedule.updates or self.changed_numbers or self.with_gradient or self.cleared
        )

    def map_threads(self, calls: Sequence[Any], threads: int) -> list[Any]:
        """Replay for several calls, on several threads; the program must not change Values."""
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
        """Copy new data of Values into the arrays that the program reads."""
        for b in self.view_values:
            if b.node.raw is not b.raw:
                np.copyto(cast(Any, b.raw), cast(Any, b.node.raw))
                b.node.raw = b.raw
        if any([shared.sync() for shared in self.shared_arrays]):
            self.replay = self._load()

    def _inputs_of(self, call: Any) -> list[Any]:
        inputs = [
            x.raw if isinstance(x, Node) else x
            for x, leaf in zip(leaves_of(call), self.leaves, strict=True)
            if leaf is not None
        ]
        inputs += [b.node.raw for b in self.read_values]
        inputs += [self._node(b.node, call).grad for b in self.accumulating]
        return inputs

    def deliver_recorded_run(self, call: Any) -> Any:
        """Deliver the results of the recorded run, as a replay would."""
        for shared in self.shared_arrays:
            shared.sync()
        arrays = {shared.variable: shared.array for shared in self.shared_arrays}
        values = [owned_copy(variable.value) for variable in (*self.outputs, *self.new_numbers)]
        copies = [(arrays[old], new.value.copy()) for old, new in self.schedule.updates]
        for old, new in copies:
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
        """Return a gradient of the recorded run, copied to the buffer that replays write."""
        buffer = self.schedule.buffers.get(base_of(gradient))
        if buffer is None or buffer.parent is None:
            return owned_copy(gradient.value)
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
        for b in self.with_gradient:
            self._node(b.node, call).grad = next(parts)
        for b in self.cleared:
            node = self._node(b.node, call)
            node.grad = node.no_gradient
        for b in self.changed_numbers:
            self._node(b.node, call).raw = next(parts)
        return unflatten(self.structure, leaves)

    def _node(self, node: Node, call: Any) -> Node:
        """Return the Value that this call passes in place of a recorded one."""
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
