"""``grad`` and its family: they turn a function into its derivative.

    >>> grad(lambda x: x**3)(2.0)
    12.0

The function is called once, on Values, and the graph that it records is walked: backward for
``grad`` and ``vjp``, forward for ``jvp``. Arguments and results may be numbers, arrays, Values, or
nested tuples, lists and dicts of them; a derivative has its argument's structure.

The derivatives are numbers if all arguments are, else Values with a history. Inside a function
that is being differentiated everything is recorded: so ``grad(grad(f))`` is the second derivative,
also by a Value in the closure of the inner function.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import lean, numpy_api, ops
from tinygrad_hw.engine.call_site import package_depth
from tinygrad_hw.engine.core.backward import accumulate, seed_for
from tinygrad_hw.engine.core.chain_rule import push
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node, raw, read_data, to_data
from tinygrad_hw.engine.core.trace import current, setting
from tinygrad_hw.engine.linearized import NO_SLOPE
from tinygrad_hw.engine.transforms.pytree import leaves_of, structure, unflatten
from tinygrad_hw.engine.transforms.tips import tip_of
from tinygrad_hw.engine.value import Value

Argnums = int | Sequence[int]
Function = Callable[..., Any]


def grad(function: Function, argnums: Argnums = 0, *, argnum: Argnums | None = None) -> Function:
    """Return a function that computes the gradient of ``function``, which returns a scalar.

    Parameters
    ----------
    function
        Any function of numbers, arrays, or nested tuples, lists and dicts of them.
    argnums
        Which argument to differentiate by, or a tuple of them for a tuple of gradients.
    argnum
        The same, under HIPS autograd's name for it; give one of the two.

    Returns
    -------
    A function of the same arguments. Its result has the structure of the argument; 0 where the
    function does not depend on it.

    Raises
    ------
    ValueError
        When called, if the result is not a scalar, nor an array of one element; use ``jacobian`` or
        ``vjp`` then.
    """
    derivative = value_and_grad(function, argnums, argnum=argnum)
    return lambda *args, **options: derivative(*args, **options)[1]


def value_and_grad(
    function: Function, argnums: Argnums = 0, *, argnum: Argnums | None = None
) -> Function:
    """Return a function that computes the pair (value, gradient): see ``grad``."""
    chosen = _one_name(argnums, argnum)

    def evaluate(*args: Any, **options: Any) -> tuple[Any, Any]:
        call = RecordedCall(function, args, options, chosen)
        shapes = [shape_of(result) for result in call.results]
        if [math.prod(shape) for shape in shapes] != [1]:
            raise ValueError(
                f"grad needs a function that returns one scalar, got {_shapes_text(shapes)}; "
                "reduce it with sum() or mean(), or use jacobian or vjp"
            )
        value = call.value()
        return value, call.by_argument(call.pull_back([np.ones(shapes[0])], again=False))

    return evaluate


def jacobian(
    function: Function, argnums: Argnums = 0, *, argnum: Argnums | None = None
) -> Function:
    """Return a function that computes d result / d argument, of shape result's + argument's.

    If the result is a structure, so is the Jacobian, with the argument's structure inside. It is
    computed by rows, backward, or by columns, forward, whichever are fewer.
    """
    chosen = _one_name(argnums, argnum)

    def evaluate(*args: Any, **options: Any) -> Any:
        call = RecordedCall(function, args, options, chosen)
        results, inputs = call.results, call.inputs
        forward = _total_size(inputs) < _total_size(results)
        along, move = (inputs, call.push_forward) if forward else (results, call.pull_back)
        lines = [[move(basis) for basis in _basis_vectors(along, k)] for k in range(len(along))]

        def block(r: int, i: int) -> Any:
            of, other, axis = (i, r, -1) if forward else (r, i, 0)
            return call.stacked([line[other] for line in lines[of]], axis, r, i)

        by_result = [
            call.by_argument([block(r, i) for i in range(len(inputs))]) for r in range(len(results))
        ]
        return unflatten(call.result, by_result)

    return evaluate


def hessian(function: Function, argnums: Argnums = 0, *, argnum: Argnums | None = None) -> Function:
    """Return a function that computes the second derivatives of a scalar function."""
    return jacobian(grad(function, argnums, argnum=argnum), argnums, argnum=argnum)


def vjp(function: Function, *primals: Any) -> tuple[Any, Function]:
    """Return f(primals), and the function that takes a vector v back through f: vᵀJ.

    That function takes v in the structure of the result and gives a tuple, one gradient for each
    argument. It may be called many times.
    """
    call = RecordedCall(function, primals, {}, tuple(range(len(primals))))
    return call.value(), call.vector_times_jacobian


def jvp(function: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Return f(primals) and, by forward mode, the directional derivative J · tangents.

    Parameters
    ----------
    function
        Any function; its result may have any structure.
    primals, tangents
        The arguments as a tuple, or the one argument itself; and, in the same structure, the
        direction of the derivative.
    """
    primals, tangents = ((x,) if _is_single_argument(x) else x for x in (primals, tangents))
    call = RecordedCall(function, primals, {}, tuple(range(len(primals))))
    return call.value(), call.jacobian_times_vector(tangents)


def hvp(function: Function, primals: Any, tangents: Any) -> Any:
    """Return the Hessian of a scalar function times tangents, without computing the Hessian.

    It is forward mode over reverse mode. Primals and tangents are those of ``jvp``; the result has
    their structure.
    """
    argnums = 0 if _is_single_argument(primals) else tuple(range(len(primals)))
    return jvp(grad(function, argnums), primals, tangents)[1]


class RecordedCall:
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
        self.arguments = tuple([args[i] for i in chosen])
        leaves = list(leaves_of(self.arguments))
        everything = leaves_of([args, options])
        self.as_values = current().nested or any([isinstance(x, Node) for x in everything])
        with setting(recording=True, nested=True):
            self.inputs = [_new_leaf(x) for x in leaves]
            values = iter(unflatten(self.arguments, self.inputs))
            traced = {i % len(args): next(values) for i in chosen}
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
        """Return the result for the caller: plain numbers if all arguments were."""
        return unflatten(self.result, [self._to_caller(x, self.as_values) for x in self.results])

    def by_argument(self, leaves: list[Any]) -> Any:
        """Return derivatives in the structure of the argument, or a tuple for several."""
        trees = unflatten(self.arguments, leaves)
        return trees[0] if self.alone else tuple(trees)

    def vector_times_jacobian(self, vector: Any) -> Any:
        """Return vᵀJ in the structure of the argument, for a v in the structure of the result."""
        seeds = _matching_leaves(vector, self.result, "vjp got a vector", "the result")
        return self.by_argument(self.pull_back(seeds))

    def jacobian_times_vector(self, vector: Any) -> Any:
        """Return J · v in the structure of the result, for a v in the structure of the argument."""
        tangents = (vector,) if self.alone else vector
        directions = _matching_leaves(tangents, self.arguments, "jvp got tangents", "the primals")
        return unflatten(self.result, self.push_forward(directions))

    def pull_back(self, seeds: list[Any], again: bool = True) -> list[Any]:
        """Return the gradient by each input, from the upstream gradient of each result or None.

        Unless it is wanted again, the graph is freed on the way, so that memory is used twice.
        """
        as_values = self.as_values or any(isinstance(x, Node) for x in seeds)
        if not as_values and len(self.results) == 1 and isinstance(self.results[0], Node):
            found = lean.gradients(self.results[0], seeds[0], self.inputs)
            if found is not None:
                pairs = zip(found, self.inputs, strict=True)
                return [self._to_caller(gradient, False, x) for gradient, x in pairs]
        totals: dict[int, Any] = {}
        for result, seed in zip(self.results, seeds, strict=True):
            if seed is not None and isinstance(result, Node):
                upstream = _seed_like(result, seed, as_values)
                before = totals.get(id(result))
                totals[id(result)] = upstream if before is None else before + upstream
        order = self.order.copy() if again else self.order
        if not again:
            del self.result, self.results, result
        accumulate(order, totals, self.reached)
        return [self._to_caller(totals.get(id(x)), as_values, x) for x in self.inputs]

    def push_forward(self, directions: list[Any]) -> list[Any]:
        """Return the tangent of each result, from the tangent of each input or None."""
        as_values = self.as_values or any(isinstance(x, Node) for x in directions)
        if as_values and any(tip_of(node) is not None for node in self.order):
            return self._push_as_transpose(directions)
        moved = {
            id(x): _seed_like(x, direction, as_values)
            for x, direction in zip(self.inputs, directions, strict=True)
            if direction is not None
        }
        send = current().trace.pushing(push)
        for node in self.order:
            tangent = send(node, [moved.get(id(x)) for x in node.inputs])
            if tangent is not None:
                moved[id(node)] = tangent
        return [self._to_caller(moved.get(id(x)), as_values, x) for x in self.results]

    def _push_as_transpose(self, directions: list[Any]) -> list[Any]:
        """Push forward by transposing twice: reverse mode has the rule for tips (see ``tips``)."""

        def pulled(*seeds: Any) -> Any:
            gradients = zip(self.pull_back(list(seeds)), directions, strict=True)
            return sum([ops.sum(g * move) for g, move in gradients if move is not None])

        seeds = [Value(np.ones_like(raw(x))) for x in self.results]
        value, moved = value_and_grad(pulled, tuple(range(len(seeds))))(*seeds)
        unknown = [ops.sum(x) for x in topological_order(value) if x.operation is NO_SLOPE]
        return [sum(unknown, start=x) for x in moved]

    def stacked(self, parts: list[Any], axis: int, result: int, x: int) -> Any:
        """Return rows or columns of a Jacobian as one, of the result's and the input's shape."""
        shape = shape_of(self.results[result]) + self.inputs[x].shape
        if shape == ():
            return parts[0]
        if not parts:
            return self._to_caller(np.zeros(shape, self.inputs[x].dtype), self.as_values)
        return ops.reshape(numpy_api.stack(parts, axis), shape)

    def _to_caller(self, found: Any, as_values: bool, like: Any = None) -> Any:
        """Return a derivative or value for the caller, as a copy: plain or a Value; None is 0."""
        if found is None:
            data = raw(like)
            found = 0.0 if type(data) is float else np.zeros_like(data)[()]
        if as_values:
            node: Any = found if isinstance(found, Node) else Value(found, constant=True)
            if node.constant or not current().recording:
                return node.detach()
            return node if node.operation else ops.pos(node)
        found = raw(found)
        return found.copy() if isinstance(found, np.ndarray) else found


def _one_name(argnums: Argnums, argnum: Argnums | None) -> Argnums:
    """Return which arguments to differentiate by, given under either name; raise for both."""
    if argnum is None:
        return argnums
    if argnums != 0:
        raise TypeError(f"argnums={argnums} and argnum={argnum} mean the same; give one of them")
    return argnum


def _new_leaf(argument: Any) -> Value:
    """Return a new node to differentiate by, computed from the argument if that is a Value."""
    if isinstance(argument, Node) and not argument.constant:
        copy: Value = ops.pos(argument)
        return copy
    return Value(read_data(argument))


def _seed_like(node: Any, seed: Any, as_values: bool) -> Any:
    if isinstance(seed, Node):
        return seed
    data = seed_for(node, seed)
    return Value(data, constant=True) if as_values else data


def _is_single_argument(primals: Any) -> bool:
    """Return whether primals are the one argument itself, as a namedtuple is, not a tuple."""
    return not isinstance(primals, tuple) or hasattr(primals, "_fields")


def _matching_leaves(tree: Any, like: Any, what: str, of: str) -> list[Any]:
    """Return the leaves of one structure, in the order of another; raise if they differ."""
    found, expected = structure(tree), structure(like)
    if found != expected:
        raise ValueError(f"{what} of structure {found} for {of} of {expected}; give the same")
    leaves = list(leaves_of(tree, like))
    shapes, others = ([np.shape(raw(x)) for x in part] for part in (leaves, leaves_of(like)))
    if shapes != others:
        raise ValueError(
            f"{what} of {_shapes_text(shapes)} for {of} of {_shapes_text(others)}; give the same"
        )
    return leaves


def _shapes_text(shapes: list[tuple[int, ...]]) -> str:
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {shapes}"


def _total_size(leaves: list[Any]) -> int:
    return int(sum([np.size(raw(x)) for x in leaves]))


def _basis_vectors(leaves: list[Any], position: int) -> Iterator[list[Any]]:
    """Yield the basis vectors of one leaf, each with None for the other leaves."""
    shape = shape_of(leaves[position])
    for index in np.ndindex(shape):
        basis = np.zeros(shape)
        basis[index] = 1.0
        yield [basis if i == position else None for i in range(len(leaves))]
