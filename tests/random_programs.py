"""Random programs: lists of lines (operation, two operands, a choice), drawn once, run by many.

The plain function, the captured one and other languages run the same list on Values of their own.
"""

import numpy as np
from hypothesis import strategies as st

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Pointwise

TABLE = [
    operation
    for name, operation in sorted(vars(ops).items())
    if isinstance(operation, Pointwise)
    and operation.arity != ANY_NUMBER
    and not operation.defaults
    and name != "sign"
]


def from_domain(operation):
    """An operation of the table, on operands brought into its domain."""

    def apply(x, y, k):
        operands = []
        arity = operation.arity
        for operand, (low, high) in zip((x, y)[:arity], operation.domain[:arity], strict=True):
            is_inside = (low, high) == (-2.0, 2.0)
            operands.append(operand if is_inside else low + (high - low) * ops.sigmoid(operand))
        return operation(*operands)

    apply.__name__ = operation.name
    return apply


def rows(x):
    """At least two dimensions."""
    return x if x.ndim > 1 else np.broadcast_to(x, (2, 3))


def axis_of(x, k):
    return None if k % (x.ndim + 1) == x.ndim else k % (x.ndim + 1)


def reduction(function, **options):
    def apply(x, y, k):
        return function(x, axis=axis_of(x, k), keepdims=bool(k & 1), **options)

    return apply


def of_rows(function):
    def apply(x, y, k):
        return function(rows(x), rows(y), k)

    return apply


INDICES = [
    0,
    -1,
    slice(None, None, -1),
    slice(0, 1),
    (slice(None), 1),
    (..., None, slice(1, 3)),
    np.array([1, 0, 1]),
    (np.array([0, 1, 0]), slice(None)),
    np.array([[True, False, True], [False, True, True]]),
]
STRUCTURAL = [
    reduction(ops.sum),
    reduction(ops.mean),
    reduction(ops.max),
    reduction(ops.min),
    reduction(ops.logsumexp),
    reduction(ops.var),
    reduction(numpy_api.std),
    lambda x, y, k: np.linalg.norm(x, axis=axis_of(x, k)) if x.shape else abs(x),
    lambda x, y, k: np.cumsum(x, axis=axis_of(x, k)) if x.shape else x,
    of_rows(lambda x, y, k: x @ y.T),
    of_rows(lambda x, y, k: x.T @ y),
    of_rows(lambda x, y, k: x @ y[0]),
    of_rows(lambda x, y, k: x[0] @ y.T),
    of_rows(lambda x, y, k: x[0] @ y[1]),
    of_rows(lambda x, y, k: np.einsum(["ij,ij->i", "ij,kj->", "ij,ij->ij"][k % 3], x, y)),
    of_rows(lambda x, y, k: x[INDICES[k % len(INDICES)]]),
    of_rows(lambda x, y, k: x.T.reshape(-1)[k % 6]),
    of_rows(lambda x, y, k: x.reshape((3, 2), order="F").T),
    of_rows(lambda x, y, k: np.transpose(x)[:, ::-1].T),
    of_rows(lambda x, y, k: np.concatenate([x, y, x[:1]], axis=0)[k % 3 : k % 3 + 2]),
    of_rows(lambda x, y, k: np.concatenate([x.ravel(), y[0]])[k % 3 : k % 3 + 6].reshape(2, 3)),
    of_rows(lambda x, y, k: np.stack([x[0], y[1]])),
    of_rows(lambda x, y, k: ops.where(x > y, x, 2 * y)),
    of_rows(lambda x, y, k: ops.where(x > 0.1, np.sqrt(abs(x)), y[0])),
    of_rows(lambda x, y, k: np.clip(x, -0.5, 0.7) + ops.relu(y)),
    of_rows(lambda x, y, k: numpy_api.softmax(x, axis=k % 2) * y),
    of_rows(lambda x, y, k: numpy_api.log_softmax(x) + y),
    of_rows(lambda x, y, k: [np.triu, np.tril][k % 2](x) + np.roll(y, k, axis=1)),
    of_rows(lambda x, y, k: np.flip(x, axis=k % 2) * np.take(y, [1, 0], axis=0)),
    of_rows(lambda x, y, k: np.repeat(x, 2, axis=0)[1:3] + np.tile(y, 2)[:, k % 3 : k % 3 + 3]),
    of_rows(lambda x, y, k: np.diagonal(x)[k % 2] * np.pad(y, 1, mode="edge")[1:3, k % 2 :][:, :3]),
    of_rows(lambda x, y, k: np.maximum(x.T, y[k % 2, k % 3]).T),
    of_rows(lambda x, y, k: ops.leaky_relu(x, 0.2) - ops.elu(y, 0.5)),
    of_rows(lambda x, y, k: x.swapaxes(0, 1)[k % 3] @ y[:, k % 3]),
    lambda x, y, k: x + y.sum() * [0.0, -1.0, 3][k % 3],
    lambda x, y, k: -x / (2.0 + np.square(y).mean()),
    lambda x, y, k: x**3 - y**2 if x.shape == y.shape else x**2,
]
OPERATIONS = [*map(from_domain, TABLE), *STRUCTURAL]
LINES = st.lists(
    st.tuples(
        st.integers(0, len(OPERATIONS) - 1),
        st.integers(0, 100),
        st.integers(0, 100),
        st.integers(0, 20),
    ),
    min_size=4,
    max_size=14,
)


def composed(lines, pool):
    """The last node of a program, and its loss, into which all that it made flows."""
    pool = list(pool)
    for operation, first, second, k in lines:
        x, y = (pool[-1 - i % len(pool)] for i in (first, second))
        made = OPERATIONS[operation](x, y, k)
        pool.append(np.tanh(made if made.shape in ((), (3,), (2, 3)) else made.sum()))
    # Weights that differ, so that no two gradients are equal by chance.
    loss = 0.0
    for i, node in enumerate(pool):
        loss = loss + node.sum() * (0.3 + 0.1 * i)
    return pool[-1], loss
