"""The same elements in other shapes and places: transposed, picked, sorted, chosen."""

import inspect
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import StandIn, as_array, shape_of
from tinygrad_hw.engine.core.node import Node, raw, read_data
from tinygrad_hw.engine.core.operation import NOT_A_VALUE

__all__ = [  # each stands for NumPy's function of its name
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "choose", "compress",
    "delete", "diag", "diagflat", "expand_dims", "extract", "fliplr", "flipud",
    "matrix_transpose", "meshgrid", "moveaxis", "partition", "piecewise", "ravel", "resize",
    "rollaxis", "rot90", "select", "sort", "squeeze", "swapaxes", "take", "trace", "transpose",
    "where",
]  # fmt: skip


def as_arrays(*operands: Any) -> list[Any]:
    """Return the operands, with arrays in place of plain numbers and lists."""
    return [x if isinstance(x, Node | StandIn) else as_array(x) for x in operands]


def refuse_out(out: Any, name: str) -> None:
    """Raise TypeError if there is an array to write the result into."""
    if out is not None:
        raise TypeError(
            f"np.{name} cannot write a Value into an array, which has no history; "
            "leave out= away, and write a = a + v instead of a += v"
        )


def named_like(function: Any, ours: Any, sentence: str) -> Any:
    """Give our function the name and the signature of the NumPy function that it stands for."""
    ours.__name__ = ours.__qualname__ = function.__name__
    ours.__signature__ = inspect.signature(function).replace(return_annotation="Value | Array")
    ours.__doc__ = f"{sentence}\n\nStands for ``np.{function.__name__}``.\n"
    return ours


def _reshaping(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only reshapes; NumPy's gives a dummy's shape."""

    def reshaped(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.broadcast_to(0.0, shape_of(x))
        return ops.reshape(x, function(dummy, *arguments, **options).shape)

    return named_like(function, reshaped, sentence)


def _reshaping_each(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that reshapes each of its arguments."""
    of_one = _reshaping(function, sentence)

    def reshaped(*arrays: Any) -> Any:
        results = [of_one(x) for x in as_arrays(*arrays)]
        return results[0] if len(results) == 1 else tuple(results)

    return named_like(function, reshaped, sentence)


def _transposing(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only transposes, tried on a dummy (0, 1, …)."""

    def transposed(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.empty(range(len(shape_of(x))))
        return ops.transpose(x, function(dummy, *arguments, **options).shape)

    return named_like(function, transposed, sentence)


def picking(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that picks elements: it is told their flat indices."""

    def picked(x: Any, *arguments: Any, **options: Any) -> Any:
        if any([isinstance(given, Node) for given in (*arguments, *options.values())]):
            raise TypeError(NOT_A_VALUE)
        return ops.take(x, function(ops.flat_indices(x), *arguments, **options))

    return named_like(function, picked, sentence)


squeeze = _reshaping(np.squeeze, "Return x without dimensions of length 1.")
expand_dims = _reshaping(np.expand_dims, "Return x with a new dimension of length 1.")
atleast_1d = _reshaping_each(np.atleast_1d, "Return x with at least one dimension.")
atleast_2d = _reshaping_each(np.atleast_2d, "Return x with at least two dimensions.")
atleast_3d = _reshaping_each(np.atleast_3d, "Return x with at least three dimensions.")
swapaxes = _transposing(np.swapaxes, "Return x with two of its dimensions exchanged.")
moveaxis = _transposing(np.moveaxis, "Return x with dimensions moved to other positions.")
rollaxis = _transposing(np.rollaxis, "Return x with a dimension moved before another.")


def matrix_transpose(x: Any) -> Any:
    """Return x with its last two dimensions exchanged."""
    if len(shape_of(x)) < 2:
        raise ValueError(f"a matrix has two dimensions at least, got shape {shape_of(x)}")
    return swapaxes(x, -1, -2)


def transpose(x: Any, axes: Any = None) -> Any:
    """Return the dimensions in another order; reversed where none is given."""
    return ops.transpose(x, axes if axes is None else tuple(np.ravel(axes).tolist()))


def ravel(x: Any, order: str = "C") -> Any:
    """Return all elements in one dimension."""
    return ops.reshape(x, -1, order)


def broadcast_arrays(*arrays: Any, subok: bool = False) -> Any:
    """Return the arrays, each repeated to the shape that they broadcast to."""
    operands = as_arrays(*arrays)
    shape = np.broadcast_shapes(*map(shape_of, operands))
    return tuple([ops.broadcast_to(x, shape) for x in operands])


def meshgrid(*arrays: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    """Return one array of coordinates for each axis of a grid."""
    vectors = [ravel(x) for x in as_arrays(*arrays)]
    places = [np.arange(len(x)) for x in vectors]
    grid = np.meshgrid(*places, sparse=sparse, indexing=indexing)
    return tuple([ops.take(x, indices) for x, indices in zip(vectors, grid, strict=True)])


# --- The same elements at other places ------------------------------------------------------------

rot90 = picking(np.rot90, "Return x turned by 90 degrees in the plane of two axes, k times.")
flipud = picking(np.flipud, "Return x with its rows in reverse.")
fliplr = picking(np.fliplr, "Return x with its columns in reverse.")
resize = picking(np.resize, "Return the elements in another shape, repeated as often as needed.")
delete = picking(np.delete, "Return x without the elements at the indices.")
sliding_window_view = picking(
    np.lib.stride_tricks.sliding_window_view, "Return every window of a shape, as a copy."
)


def diag(x: Any, k: int = 0) -> Any:
    """Return a diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if len(shape_of(x)) != 1:
        return ops.diagonal(x, k) if len(shape_of(x)) == 2 else np.diag(np.empty(shape_of(x)), k)
    places = np.arange(len(x))
    size = len(x) + abs(k)
    return ops.scatter(x, (places + max(-k, 0), places + max(k, 0)), (size, size))


def diagflat(x: Any, k: int = 0) -> Any:
    """Return the matrix with all elements of x on its diagonal."""
    return diag(ravel(x), k)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """Return the sum of a diagonal."""
    total = ops.sum(ops.diagonal(x, offset, axis1, axis2), -1)
    return total if dtype is None else ops.astype(total, dtype)


# --- In order -------------------------------------------------------------------------------------


def sort(x: Any, axis: int | None = -1, kind: Any = None, **options: Any) -> Any:
    """Return the elements in ascending order along an axis; the gradient goes back to each."""
    if axis is None:
        x, axis = ravel(x), -1
    return ops.take_along_axis(x, np.argsort(read_data(x), axis, kind, **options), axis)


def partition(x: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect") -> Any:
    """Return the elements with the k-th in its place in order, smaller ones before it."""
    if axis is None:
        x, axis = ravel(x), -1
    return ops.take_along_axis(x, np.argpartition(read_data(x), kth, axis, kind), axis)


# --- By index and condition -----------------------------------------------------------------------


def take(
    x: Any, indices: Any, axis: int | None = None, out: None = None, mode: Any = "raise"
) -> Any:
    """Return the elements at the indices along an axis; those outside as ``mode`` says."""
    refuse_out(out, "take")
    if isinstance(indices, Node):
        raise TypeError(NOT_A_VALUE)
    if mode != "raise":
        [x] = as_arrays(x)
        indices = np.take(np.arange(x.size if axis is None else x.shape[axis]), indices, mode=mode)
    return ops.take(x, indices, axis)


def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """Return the slices along an axis for which the condition holds."""
    return ops.take(x, np.flatnonzero(read_data(condition)), axis)


def extract(condition: Any, x: Any) -> Any:
    """Return the elements for which the condition holds, in one dimension."""
    return compress(ravel(condition), ravel(x))


def where(condition: Any, *choices: Any) -> Any:
    """Return x where the condition holds, else y; without x and y the indices where it does."""
    if not choices:
        return np.nonzero(read_data(condition))
    return ops.where(condition, *choices)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Return of several arrays the elements of the first whose condition holds."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            f"select needs one array for each condition, got {len(choicelist)} for {len(condlist)}"
        )
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = ops.where(condition, choice, chosen)
    return chosen


def choose(index: Any, choices: Any, out: None = None, mode: Any = "raise") -> Any:
    """Return of several arrays the elements that an array of their numbers says."""
    refuse_out(out, "choose")
    numbers = np.choose(read_data(index), range(len(choices)), mode=mode)
    chosen = choices[0]
    for number, choice in enumerate(choices[1:], 1):
        chosen = ops.where(numbers == number, choice, chosen)
    return ops.broadcast_to(chosen, np.broadcast_shapes(shape_of(chosen), shape_of(numbers)))


def piecewise(x: Any, condlist: Any, funclist: Any, *arguments: Any, **options: Any) -> Any:
    """Return functions of the elements, or numbers, where their conditions hold."""
    shape, flat = shape_of(x), ravel(x)
    conditions = np.asarray(condlist, bool)
    conditions = conditions.reshape(-1, *flat.shape)
    n = len(conditions)
    if len(funclist) not in (n, n + 1):
        raise ValueError(f"{n} conditions need {n} functions, or one more, got {len(funclist)}")
    chosen = np.full(flat.shape, n)  # the number of the function; of several the last
    for number, condition in enumerate(conditions):
        chosen[condition] = number
    kind = np.result_type(raw(x))
    out: Any = np.zeros(flat.shape, kind)
    for number, function in enumerate(funclist):
        [places] = np.nonzero(chosen == number)
        if places.size:
            part = function(flat[places], *arguments, **options) if callable(function) else function
            part = ops.astype(ops.broadcast_to(part, places.shape), kind)
            out = out + ops.scatter(part, places, flat.shape)
    return ops.reshape(out, shape)
