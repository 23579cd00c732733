"""``grad`` and its family: a function in, its derivative out.

    >>> grad(lambda x: x**3)(2.0)
    12.0

The function is called once, on Values, and the graph that it leaves is walked: backward for
``grad`` and ``vjp``, forward for ``jvp``. Arguments and results may be numbers, arrays, Values, or
tuples, lists and dicts of them, nested as you like; a derivative has its argument's structure.

Numbers in, numbers out; Values in, Values out, with a history. Inside a function that is being
differentiated everything is recorded: so ``grad(grad(f))`` is the second derivative, and a Value
over which the inner function only closes is seen as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api
from tinygrad_hw.engine.call_site import package_depth
from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.backward import accumulate, seed_for
from tinygrad_hw.engine.core.chain_rule import push
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node, raw, read_data, to_data
from tinygrad_hw.engine.core.state import setting, state
from tinygrad_hw.engine.transforms.pytree import leaves_of, rebuilt, structure
from tinygrad_hw.engine.value import Value

Argnums = int | tuple[int, ...]
Function = Callable[..., Any]


def grad(function: Function, argnums: Argnums = 0) -> Function:
    """Make the function that gives the gradient of ``function``, which must return a scalar.

    Parameters
    ----------
    function
        Any function of numbers, arrays, or nested tuples, lists and dicts of them.
    argnums
        Which argument to differentiate by, or a tuple of them for a tuple of gradients.

    Returns
    -------
    A function of the same arguments. Its result has the structure of the argument; 0 where the
    function does not depend on it.

    Raises
    ------
    ValueError
        When called, if the result is not a scalar: ``jacobian`` or ``vjp`` are for those.
    """
    derivative = value_and_grad(function, argnums)
    return lambda *args, **options: derivative(*args, **options)[1]


def value_and_grad(function: Function, argnums: Argnums = 0) -> Function:
    """Make the function that gives the pair (value, gradient): see ``grad``."""

    def evaluate(*args: Any, **options: Any) -> tuple[Any, Any]:
        trace = _RecordedCall(function, args, options, argnums)
        shapes = [shape_of(result) for result in trace.results]
        if shapes != [()]:
            raise ValueError(
                f"grad needs a function that returns one scalar, got {_text(shapes)}; "
                "reduce it with sum() or mean(), or use jacobian or vjp"
            )
        return trace.value(), trace.by_argument(trace.pull_back([1.0]))

    return evaluate


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """Make the function that gives d result / d argument: shape of the result + of the argument.

    Where the result is a structure, the Jacobian has it too, with the argument's inside. Taken row
    by row backward, or column by column forward, whichever are fewer.
    """

    def evaluate(*args: Any, **options: Any) -> Any:
        trace = _RecordedCall(function, args, options, argnums)
        results, inputs = trace.results, trace.inputs
        forward = _size(inputs) < _size(results)
        along, move = (inputs, trace.push_forward) if forward else (results, trace.pull_back)
        lines = [[move(basis) for basis in _bases(along, k)] for k in range(len(along))]

        def block(r: int, i: int) -> Any:
            of, other, axis = (i, r, -1) if forward else (r, i, 0)
            return trace.stacked([line[other] for line in lines[of]], axis, r, i)

        by_result = [
            trace.by_argument([block(r, i) for i in range(len(inputs))])
            for r in range(len(results))
        ]
        return rebuilt(trace.result, by_result)

    return evaluate


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """Make the function that gives the second derivatives of a scalar function, as a Jacobian."""
    return jacobian(grad(function, argnums), argnums)


def vjp(function: Function, *primals: Any) -> tuple[Any, Function]:
    """Give f(primals), and the function that takes a vector v back through f: vᵀJ.

    That function takes v in the structure of the result and gives a tuple, one gradient for each
    argument. It may be called many times.
    """
    trace = _RecordedCall(function, primals, {}, tuple(range(len(primals))))

    def pull_back(vector: Any) -> Any:
        seeds = _matching(vector, trace.result, "vjp got a vector", "the result")
        return trace.by_argument(trace.pull_back(seeds))

    return trace.value(), pull_back


def jvp(function: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Give f(primals) and, by forward mode, J · tangents: how f moves when the primals do.

    Parameters
    ----------
    function
        Any function; its result may have any structure.
    primals, tangents
        A tuple with an entry for each argument, or the one argument itself; and in the same
        structure the direction in which they move.
    """
    primals, tangents = ((x,) if _is_single_argument(x) else x for x in (primals, tangents))
    directions = _matching(tangents, primals, "jvp got tangents", "the primals")
    trace = _RecordedCall(function, primals, {}, tuple(range(len(primals))))
    return trace.value(), rebuilt(trace.result, trace.push_forward(directions))


def hvp(function: Function, primals: Any, tangents: Any) -> Any:
    """Give H · tangents, for the second derivatives H of a scalar function, without making H.

    Forward mode over reverse. Primals and tangents are those of ``jvp``; the result is in their
    structure.
    """
    argnums = 0 if _is_single_argument(primals) else tuple(range(len(primals)))
    return jvp(grad(function, argnums), primals, tangents)[1]


class _RecordedCall:
    """One call of a function, recorded from the arguments that it is differentiated by."""

    def __init__(
        self, function: Function, args: tuple[Any, ...], options: dict[str, Any], argnums: Argnums
    ) -> None:
        self.alone = isinstance(argnums, int)
        chosen = (argnums,) if isinstance(argnums, int) else argnums
        if not all([-len(args) <= i < len(args) for i in chosen]):
            raise ValueError(f"argnums is {argnums}, but the function was given {len(args)} values")
        if len({i % len(args) for i in chosen}) < len(chosen):
            raise ValueError(f"argnums is {argnums}, which names an argument twice")
        self.arguments = [args[i] for i in chosen]
        given = list(leaves_of(self.arguments))
        everything = leaves_of([args, options])
        self.as_values = state.nested or any([isinstance(x, Node) for x in everything])
        with setting(recording=True, nested=True):
            self.inputs = [_variable(x) for x in given]
            fresh = iter(rebuilt(self.arguments, self.inputs))
            traced = {i % len(args): next(fresh) for i in chosen}
            self.result = function(*[traced.get(i, x) for i, x in enumerate(args)], **options)
        if self.result is None:
            raise TypeError("the function gave None: is a return missing?")
        self.results = [x if isinstance(x, Node) else to_data(x) for x in leaves_of(self.result)]
        if not any(isinstance(x, Node) for x in self.results):
            warnings.warn(
                "the result does not depend on the argument: its derivative is 0 (was a number "
                "taken out of a Value, by float() or .data?)",
                stacklevel=package_depth() + 1,
            )
        self.order: list[Node] = []  # the nodes that depend on the inputs
        self.reached = {id(x) for x in self.inputs}  # their ids, and those of the inputs
        self._follow()

    def _follow(self) -> None:
        inputs = set(self.reached)
        roots = [x for x in self.results if isinstance(x, Node)]
        for node in topological_order(*roots, stop=lambda node: id(node) in inputs):
            if id(node) not in inputs and any([id(x) in self.reached for x in node.inputs]):
                self.reached.add(id(node))
                self.order.append(node)

    def value(self) -> Any:
        """The result, as it is given back: plain where plain numbers were given."""
        return rebuilt(self.result, [self._to_caller(x, self.as_values) for x in self.results])

    def by_argument(self, leaves: list[Any]) -> Any:
        """Derivatives in the structure of the argument, or a tuple of those of several."""
        trees = rebuilt(self.arguments, leaves)
        return trees[0] if self.alone else tuple(trees)

    def pull_back(self, seeds: list[Any]) -> list[Any]:
        """The gradient by each input, from the upstream gradient of each result (None for 0)."""
        as_values = self.as_values or any(isinstance(x, Node) for x in seeds)
        totals: dict[int, Any] = {}
        for result, seed in zip(self.results, seeds, strict=True):
            if seed is not None and isinstance(result, Node):
                upstream = _like(result, seed, as_values)
                before = totals.get(id(result))
                totals[id(result)] = upstream if before is None else before + upstream
        accumulate(self.order, totals, self.reached)
        return [self._to_caller(totals.get(id(x)), as_values, x) for x in self.inputs]

    def push_forward(self, directions: list[Any]) -> list[Any]:
        """The tangent of each result, from the tangent of each input (None for 0)."""
        as_values = self.as_values or any(isinstance(x, Node) for x in directions)
        moved = {
            id(x): _like(x, direction, as_values)
            for x, direction in zip(self.inputs, directions, strict=True)
            if direction is not None
        }
        send = state.anomaly.push if state.anomaly else push
        for node in self.order:
            tangent = send(node, [moved.get(id(x)) for x in node.inputs])
            if tangent is not None:
                moved[id(node)] = tangent
        return [self._to_caller(moved.get(id(x)), as_values, x) for x in self.results]

    def stacked(self, parts: list[Any], axis: int, result: int, x: int) -> Any:
        """Rows or columns of a Jacobian in one, of the result's and the input's shape."""
        shape = shape_of(self.results[result]) + self.inputs[x].shape
        if shape == ():
            return parts[0]
        if not parts:
            return self._to_caller(np.zeros(shape, self.inputs[x].dtype), self.as_values)
        return ops.reshape(numpy_api.stack(parts, axis), shape)

    def _to_caller(self, found: Any, as_values: bool, like: Any = None) -> Any:
        """A derivative or value in the caller's kind; zeros where there is none; never shared."""
        if found is None:
            data = raw(like)
            found = 0.0 if type(data) is float else np.zeros_like(data)[()]
        if as_values:
            node: Any = found if isinstance(found, Node) else Value(found, constant=True)
            if node.constant or not state.recording:
                return node.detach()
            return node if node.operation else ops.pos(node)
        found = raw(found)
        return found.copy() if isinstance(found, np.ndarray) else found


def _variable(given: Any) -> Value:
    """A node to differentiate by: a new one, which depends on the Value that was given, if any."""
    if isinstance(given, Node) and not given.constant:
        copy: Value = ops.pos(given)
        return copy
    return Value(read_data(given))


def _like(node: Any, seed: Any, as_values: bool) -> Any:
    if isinstance(seed, Node):
        return seed
    data = seed_for(node, seed)
    return Value(data, constant=True) if as_values else data


def _is_single_argument(primals: Any) -> bool:
    """Whether it is the one argument itself, and not a tuple of all; a namedtuple is one."""
    return not isinstance(primals, tuple) or hasattr(primals, "_fields")


def _matching(tree: Any, like: Any, what: str, of: str) -> list[Any]:
    """The leaves of one structure, in the order of another, which must be the same."""
    given, wanted = structure(tree), structure(like)
    if given != wanted:
        raise ValueError(f"{what} of structure {given} for {of} of {wanted}; give the same")
    leaves = list(leaves_of(tree, like))
    shapes, others = ([np.shape(raw(x)) for x in part] for part in (leaves, leaves_of(like)))
    if shapes != others:
        raise ValueError(f"{what} of {_text(shapes)} for {of} of {_text(others)}; give the same")
    return leaves


def _text(shapes: list[tuple[int, ...]]) -> str:
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {shapes}"


def _size(leaves: list[Any]) -> int:
    return int(sum([np.size(raw(x)) for x in leaves]))


def _bases(leaves: list[Any], position: int) -> Iterator[list[Any]]:
    """For each element of one leaf: 1 there, 0 elsewhere; None for the other leaves."""
    shape = shape_of(leaves[position])
    for index in np.ndindex(shape):
        basis = np.zeros(shape)
        basis[index] = 1.0
        yield [basis if i == position else None for i in range(len(leaves))]
