"""Random programs: against HIPS autograd, forward against backward, steps against totals.

A program is a text of lines (operation, first operand, second operand, choice), each of which makes
a node from earlier ones. It is drawn once, on plain numbers, and then run by NumPy's names on our
Values and by HIPS autograd on its own: neither knows anything of the other.
"""

import functools
import operator

import autograd
import autograd.misc
import autograd.numpy as hips
import numpy as np
import pytest

from tinygrad_hw.engine import (
    Value,
    backward_steps,
    grad,
    hvp,
    jvp,
    numpy_api,
    ops,
    value_and_grad,
    vjp,
)
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.nn.losses import on_logits as losses

# --- The operations -------------------------------------------------------------------------------
# Of a module ``m`` that is NumPy or HIPS autograd's, the functions ``f`` that it lacks, one or two
# operands and a number k by which to choose an axis or an index. All of them keep numbers moderate.


def _raw(x):
    """The numbers, of a Value or of HIPS autograd's box, which may hold another box."""
    while hasattr(x, "_value"):
        x = x._value
    return ops.raw(x)


def _hips_log_softmax(x):
    shifted = x - hips.max(x, axis=-1, keepdims=True)
    return shifted - hips.log(hips.sum(hips.exp(shifted), axis=-1, keepdims=True))


class Ours:
    sigmoid, softplus, silu = ops.sigmoid, ops.softplus, ops.silu
    relu, leaky_relu, elu = ops.relu, ops.leaky_relu, ops.elu
    softmax, log_softmax = numpy_api.softmax, numpy_api.log_softmax
    logsumexp, reciprocal, hypot, cbrt = ops.logsumexp, ops.reciprocal, np.hypot, np.cbrt
    norm, trace, take, diagonal = np.linalg.norm, np.trace, np.take, np.diagonal
    flip, split, repeat, tile, broadcast_to = np.flip, np.split, np.repeat, np.tile, np.broadcast_to
    positive, where = staticmethod(operator.pos), np.where

    @staticmethod
    def bce(x):
        return losses.binary_crossentropy(x, 0.25 + 0 * ops.raw(x))

    @staticmethod
    def sparse(x, labels):
        return losses.sparse_categorical_crossentropy(x, labels=labels)


class Theirs:
    """The same from HIPS autograd's operations, as the textbook writes them."""

    softmax = staticmethod(lambda x: hips.exp(_hips_log_softmax(x)))
    log_softmax = staticmethod(_hips_log_softmax)
    sigmoid = staticmethod(lambda x: 1 / (1 + hips.exp(-x)))
    softplus = staticmethod(lambda x: hips.log(1 + hips.exp(x)))
    silu = staticmethod(lambda x: x / (1 + hips.exp(-x)))
    relu = staticmethod(lambda x: x * (_raw(x) > 0))
    leaky_relu = staticmethod(lambda x: x * hips.where(_raw(x) > 0, 1.0, 0.01))
    elu = staticmethod(lambda x: hips.where(_raw(x) > 0, x, hips.exp(x) - 1))
    positive = staticmethod(lambda x: 1 * x)
    where = staticmethod(lambda condition, x, y: x * condition + y * (1 - condition))
    broadcast_to = staticmethod(lambda x, shape: x + np.zeros(shape))
    tile = staticmethod(lambda x, n: hips.concatenate([x] * n, axis=-1))
    reciprocal = staticmethod(lambda x: 1 / x)
    hypot = staticmethod(lambda x, y: hips.sqrt(x**2 + y**2))
    cbrt = staticmethod(lambda x: x ** (1 / 3))
    trace = staticmethod(lambda x: hips.sum(x * hips.eye(*hips.shape(x))))
    diagonal = staticmethod(lambda x: x[(range(min(hips.shape(x))),) * 2])
    take = staticmethod(lambda x, indices: hips.reshape(x, -1)[indices])

    @staticmethod
    def logsumexp(x, axis, keepdims):
        top = hips.max(x, axis=axis, keepdims=True)
        out = hips.log(hips.sum(hips.exp(x - top), axis=axis, keepdims=True)) + top
        return out if keepdims else hips.sum(out, axis=axis)

    @staticmethod
    def norm(x, axis):
        return hips.sqrt(hips.sum(x * x, axis=axis))

    @staticmethod
    def repeat(x, n, axis):
        return x[(slice(None),) * axis + (np.repeat(np.arange(hips.shape(x)[axis]), n),)]

    @staticmethod
    def flip(x, axis):
        return x[(slice(None),) * axis + (slice(None, None, -1),)]

    @staticmethod
    def split(x, sections, axis):
        n = hips.shape(x)[axis] // sections
        return [x[(slice(None),) * axis + (slice(i * n, i * n + n),)] for i in range(sections)]

    @staticmethod
    def bce(x):
        return hips.mean(
            -0.25 * hips.log(1 / (1 + hips.exp(-x))) - 0.75 * hips.log(1 / (1 + hips.exp(x)))
        )

    @staticmethod
    def sparse(x, labels):
        return -hips.mean(_hips_log_softmax(x)[hips.arange(len(labels)), labels])


def _axis(x, k):
    return k % len(np.shape(_raw(x)))


ELEMENTWISE = {
    "add": lambda m, f, a, b, k: a + b,
    "sub": lambda m, f, a, b, k: a - 0.5 * b,
    "rsub": lambda m, f, a, b, k: 1 - a,
    "mul": lambda m, f, a, b, k: a * m.tanh(b),
    "itself": lambda m, f, a, b, k: 0.3 * a * a,
    "div": lambda m, f, a, b, k: a / (1 + b * b),
    "rdiv": lambda m, f, a, b, k: 1 / (1.5 + a * a),
    "neg": lambda m, f, a, b, k: -a,
    "pos": lambda m, f, a, b, k: f.positive(a),
    "abs": lambda m, f, a, b, k: m.abs(a),
    "square": lambda m, f, a, b, k: m.square(m.tanh(a)),
    "cube": lambda m, f, a, b, k: m.tanh(a) ** 3,
    "root": lambda m, f, a, b, k: (1 + a * a) ** -0.5,
    "pow": lambda m, f, a, b, k: (1 + a * a) ** m.tanh(b),
    "rpow": lambda m, f, a, b, k: 1.5 ** m.tanh(a),
    "exp": lambda m, f, a, b, k: m.exp(-a * a),
    "expm1": lambda m, f, a, b, k: m.expm1(m.tanh(a)),
    "log": lambda m, f, a, b, k: m.log(1.5 + a * a),
    "log1p": lambda m, f, a, b, k: m.log1p(a * a),
    "log2": lambda m, f, a, b, k: m.log2(1.5 + a * a),
    "log10": lambda m, f, a, b, k: m.log10(1.5 + a * a),
    "sqrt": lambda m, f, a, b, k: m.sqrt(0.5 + a * a),
    "cbrt": lambda m, f, a, b, k: f.cbrt(0.5 + a * a),
    "reciprocal": lambda m, f, a, b, k: f.reciprocal(1.5 + a * a),
    "sin": lambda m, f, a, b, k: m.sin(a),
    "cos": lambda m, f, a, b, k: m.cos(2 * a),
    "tan": lambda m, f, a, b, k: m.tan(0.5 * m.sin(a)),
    "arcsin": lambda m, f, a, b, k: m.arcsin(0.9 * m.sin(a)),
    "arccos": lambda m, f, a, b, k: m.arccos(0.9 * m.sin(a)),
    "arctan": lambda m, f, a, b, k: m.arctan(a),
    "arctan2": lambda m, f, a, b, k: m.arctan2(a, 1 + b * b),
    "sinh": lambda m, f, a, b, k: m.sinh(m.sin(a)),
    "cosh": lambda m, f, a, b, k: m.cosh(m.sin(a)),
    "tanh": lambda m, f, a, b, k: m.tanh(a),
    "arcsinh": lambda m, f, a, b, k: m.arcsinh(a),
    "arccosh": lambda m, f, a, b, k: m.arccosh(1.5 + a * a),
    "arctanh": lambda m, f, a, b, k: m.arctanh(0.8 * m.sin(a)),
    "hypot": lambda m, f, a, b, k: f.hypot(a, 1 + b * b),
    "logaddexp": lambda m, f, a, b, k: m.logaddexp(a, b),
    "maximum": lambda m, f, a, b, k: m.maximum(a, b),
    "minimum": lambda m, f, a, b, k: m.minimum(a, b),
    "clip": lambda m, f, a, b, k: m.clip(a, -0.7, 0.9),
    "where": lambda m, f, a, b, k: f.where(_raw(a) > 0.3, a, b),
    "sigmoid": lambda m, f, a, b, k: f.sigmoid(2 * a),
    "softplus": lambda m, f, a, b, k: f.softplus(a),
    "silu": lambda m, f, a, b, k: f.silu(a),
    "relu": lambda m, f, a, b, k: f.relu(a),
    "leaky_relu": lambda m, f, a, b, k: f.leaky_relu(a),
    "elu": lambda m, f, a, b, k: f.elu(a),
}
REDUCING = {  # of one dimension or more
    "sum": lambda m, f, a, b, k: m.tanh(m.sum(a)),
    "sum axis": lambda m, f, a, b, k: 0.5 * m.sum(a, axis=_axis(a, k)),
    "sum keepdims": lambda m, f, a, b, k: 0.5 * m.sum(a, axis=_axis(a, k), keepdims=True),
    "mean": lambda m, f, a, b, k: m.mean(a),
    "mean axis": lambda m, f, a, b, k: m.mean(a, axis=(_axis(a, k),), keepdims=k > 2),
    "max": lambda m, f, a, b, k: m.max(a),
    "max axis": lambda m, f, a, b, k: m.max(a, axis=_axis(a, k), keepdims=k > 2),
    "min axis": lambda m, f, a, b, k: m.min(a, axis=_axis(a, k), keepdims=k > 2),
    "var": lambda m, f, a, b, k: m.var(a),
    "var axis": lambda m, f, a, b, k: m.var(a, axis=_axis(a, k), keepdims=k > 2),
    "std": lambda m, f, a, b, k: m.std(a),
    "norm": lambda m, f, a, b, k: f.norm(a, axis=_axis(a, k)),
    "prod": lambda m, f, a, b, k: m.prod(1 + 0.3 * m.sin(a), axis=_axis(a, k)),
    "logsumexp": lambda m, f, a, b, k: f.logsumexp(a, axis=_axis(a, k), keepdims=k > 2),
    "cumsum": lambda m, f, a, b, k: m.sin(m.cumsum(a, axis=_axis(a, k))),
    "softmax": lambda m, f, a, b, k: f.softmax(2 * a),
    "log_softmax": lambda m, f, a, b, k: 0.3 * f.log_softmax(a),
    "bce": lambda m, f, a, b, k: f.bce(a),
}
SHAPING = {  # of one dimension or more
    "ravel": lambda m, f, a, b, k: m.ravel(a),
    "reshape": lambda m, f, a, b, k: m.reshape(a, np.shape(_raw(a))[::-1]),
    "transpose": lambda m, f, a, b, k: m.transpose(a),
    "T": lambda m, f, a, b, k: a.T,
    "moveaxis": lambda m, f, a, b, k: m.moveaxis(a, 0, -1),
    "expand_dims": lambda m, f, a, b, k: m.expand_dims(a, k % 2),
    "squeeze": lambda m, f, a, b, k: m.squeeze(a),
    "broadcast_to": lambda m, f, a, b, k: f.broadcast_to(a, (2, *np.shape(_raw(a)))),
    "flip": lambda m, f, a, b, k: f.flip(a, axis=_axis(a, k)),
    "roll": lambda m, f, a, b, k: m.roll(a, k, axis=_axis(a, k)),
    "repeat": lambda m, f, a, b, k: f.repeat(a, 2, axis=_axis(a, k)),
    "tile": lambda m, f, a, b, k: f.tile(a, 2),
    "concatenate": lambda m, f, a, b, k: m.concatenate([a, m.sin(a), a], axis=_axis(a, k)),
    "concatenate two": lambda m, f, a, b, k: m.concatenate([m.ravel(a), m.ravel(b)]),
    "stack": lambda m, f, a, b, k: m.stack([m.cos(a), a], axis=_axis(a, k)),
    "split": lambda m, f, a, b, k: f.split(a, np.shape(_raw(a))[_axis(a, k)], axis=_axis(a, k))[0],
    "pad": lambda m, f, a, b, k: m.pad(a, 1, "constant"),
    "sort": lambda m, f, a, b, k: m.sort(m.ravel(a)),
    "take": lambda m, f, a, b, k: f.take(a, [0, -1, 0]),
    "row": lambda m, f, a, b, k: a[k % len(_raw(a))],
    "rows twice": lambda m, f, a, b, k: a[[0, -1, 0]],
    "backwards": lambda m, f, a, b, k: a[..., ::-1],
    "new axis": lambda m, f, a, b, k: a[:, None],
    "mask": lambda m, f, a, b, k: a[np.arange(len(_raw(a))) != 1],
    "outer": lambda m, f, a, b, k: m.outer(m.sin(m.ravel(a)), m.ravel(b)),
}
MATRICES = {  # of two dimensions
    "tril": lambda m, f, a, b, k: m.tril(a),
    "triu": lambda m, f, a, b, k: m.triu(a, 1),
    "trace": lambda m, f, a, b, k: f.trace(a),
    "diagonal": lambda m, f, a, b, k: f.diagonal(a),
    "swapaxes": lambda m, f, a, b, k: m.swapaxes(a, 0, 1),
    "column": lambda m, f, a, b, k: a[:, k % np.shape(_raw(a))[1]],
    "element": lambda m, f, a, b, k: a[-1, 0],
    "elements": lambda m, f, a, b, k: a[[0, -1], [0, 0]],
    "matmul": lambda m, f, a, b, k: m.sin(m.matmul(a.T, m.tanh(a))),
    "einsum": lambda m, f, a, b, k: m.sin(m.einsum("ij,kj,ij->ki", a, a, m.cos(a))),
    "einsum trace": lambda m, f, a, b, k: m.einsum("ij,ij->j", m.cos(a), a),
    "sparse": lambda m, f, a, b, k: f.sparse(a, np.arange(len(_raw(a))) % np.shape(_raw(a))[1]),
}
PRODUCTS = {  # of two operands whose shapes fit
    "matmul two": lambda m, f, a, b, k: m.sin(m.matmul(a, b)),
    "@": lambda m, f, a, b, k: m.tanh(0.5 * a @ b),
    "dot": lambda m, f, a, b, k: m.sin(m.dot(a, b)),
    "tensordot": lambda m, f, a, b, k: m.sin(m.tensordot(a, b, 1)),
    "einsum two": lambda m, f, a, b, k: m.sin(m.einsum("...i,i->...", a, b)),
}
ALL = {**ELEMENTWISE, **REDUCING, **SHAPING, **MATRICES, **PRODUCTS}
TWO = {"add", "sub", "mul", "div", "pow", "arctan2", "hypot", "logaddexp", "maximum", "minimum"}
TWO |= {"where", "concatenate two", "outer", *PRODUCTS}


def _gap(numbers):
    """The smallest distance between two numbers of the last axis."""
    ordered = np.sort(numbers, axis=-1)
    return np.min(np.diff(ordered, axis=-1), initial=np.inf)


# How far the operands are from where the slope jumps: there the two libraries may take sides.
KINKS = {
    **dict.fromkeys(("abs", "relu", "leaky_relu", "elu", "norm"), lambda a, b: np.min(np.abs(a))),
    **dict.fromkeys(("maximum", "minimum"), lambda a, b: np.min(np.abs(a - b))),
    **dict.fromkeys(("max", "max axis", "min axis", "sort"), lambda a, b: _gap(np.ravel(a))),
    "std": lambda a, b: np.std(a),
    "clip": lambda a, b: np.min(np.abs(np.array([a + 0.7, a - 0.9]))),
    "where": lambda a, b: np.min(np.abs(a - 0.3)),
}


def fits(name, a, b):
    """Whether an operation is for operands of these shapes."""
    if name in ELEMENTWISE:
        return True
    if name in MATRICES:
        return len(a) == 2
    if name in PRODUCTS:
        return len(a) > 0 and 0 < len(b) < (2 if name == "einsum two" else 3) and a[-1] == b[0]
    return len(a) > 0


# --- The programs ---------------------------------------------------------------------------------


class Program:
    """Lines drawn at random, and the leaves that they begin with: all scalars, or of all shapes."""

    def __init__(self, seed, length):
        rng = np.random.default_rng([seed, length])
        self.scalars = seed % 4 == 0
        shapes = [()] * 3 if self.scalars else [(), (3,), (2, 1), (2, 3), (3, 3), (2, 1, 3)]
        self.leaves = [rng.normal(size=shape) if shape else rng.normal() for shape in shapes]
        self.lines = []
        nodes = list(self.leaves)
        # Products come three times since they fit rarely.
        names = list(ELEMENTWISE) if self.scalars else [*ALL, *PRODUCTS, *PRODUCTS]
        while len(self.lines) < length:
            everything, unused = range(len(nodes)), self._unused(len(nodes))
            pools = (everything, everything[-4:], unused, unused)
            i, j = (int(rng.choice(pools[rng.integers(4)])) for _ in range(2))
            line = (str(rng.choice(names)), i, j, int(rng.integers(6)))
            node = self._tried(line, nodes)
            if node is not None:
                self.lines.append(line)
                nodes.append(node)
        self.results = self._unused(len(nodes))

    def _unused(self, n):
        """Those of the first n nodes that no line takes."""
        used = {i for _, i, _, _ in self.lines} | {j for name, _, j, _ in self.lines if name in TWO}
        return [i for i in range(n) if i not in used]

    @staticmethod
    def _tried(line, nodes):
        """The result of a line, or None where it does not fit or would be hard to compare."""
        name, i, j, k = line
        a, b = nodes[i], nodes[j]
        if not fits(name, np.shape(a), np.shape(b)):
            return None
        try:
            if name in KINKS and KINKS[name](a, b) < 1e-3:
                return None
            node = ALL[name](np, Ours, a, b, k)
        except ValueError:  # do not broadcast
            return None
        small = 0 < np.size(node) <= 24 and np.ndim(node) <= 3
        return node if small and np.max(np.abs(node)) < 8 else None

    def run(self, leaves, m=np, f=Ours):
        """The nodes that no line has used, which is what the program is for."""
        nodes = list(leaves)
        for name, i, j, k in self.lines:
            nodes.append(ALL[name](m, f, nodes[i], nodes[j], k))
        return [nodes[i] for i in self.results]

    def total(self, leaves, m=np, f=Ours):
        """A scalar to which every line contributes, each by its own slope."""
        return sum([m.sum(m.sin(x + i)) for i, x in enumerate(self.run(leaves, m, f))])

    def theirs(self):
        """The scalar as a function for HIPS autograd, of all leaves in one vector."""
        vector, rebuilt = autograd.misc.flatten(self.leaves)
        return lambda t: self.total(rebuilt(t), hips, Theirs), vector, rebuilt

    def __repr__(self):
        text = [f"{i:3} = leaf of shape {np.shape(leaf)}" for i, leaf in enumerate(self.leaves)]
        text += [
            f"{n:3} = {name}({i}{f', {j}' if name in TWO else ''}; {k})"
            for n, (name, i, j, k) in enumerate(self.lines, len(self.leaves))
        ]
        return "\n".join(["", *text])


@functools.cache
def program(seed):
    return Program(seed, length=20 + seed * 37 % 181)


SEEDS = range(40)
each_program = pytest.mark.parametrize("seed", SEEDS)


def flat(tree):
    return np.concatenate([np.ravel(x) for x in tree])


def waves(tree, phase):
    """Numbers in the shapes of a list's entries, all of them different."""
    return [
        np.cos(phase + 9 * i + np.arange(np.size(x))).reshape(np.shape(x))[()]
        for i, x in enumerate(tree)
    ]


def assert_close(actual, expected, program):
    """To nine digits each, and to the last digits of the largest of all."""
    size = np.max(np.abs(flat(expected)))
    for x, y in zip(actual, expected, strict=True):
        assert np.shape(x) == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-13 * size, err_msg=repr(program))


def test_the_programs_are_as_varied_as_they_claim():
    programs = [program(seed) for seed in SEEDS]
    lengths = [len(p.lines) for p in programs]
    assert min(lengths) == 20
    assert max(lengths) > 190
    tensors = [p for p in programs if not p.scalars]
    assert {name for p in tensors for name, *_ in p.lines} == set(ALL)
    assert {name for p in programs if p.scalars for name, *_ in p.lines} == set(ELEMENTWISE)
    for p in programs:
        taken = [i for _, i, _, _ in p.lines] + [j for name, _, j, _ in p.lines if name in TWO]
        assert len(taken) > len(set(taken))  # nodes are shared
    assert max(map(depth, programs)) > 20


def depth(program):
    """How many lines stand one on the other."""
    depths = [0] * len(program.leaves)
    for name, i, j, _ in program.lines:
        depths.append(1 + max(depths[i], depths[j] if name in TWO else 0))
    return max(depths)


# --- Against HIPS autograd ------------------------------------------------------------------------


@each_program
def test_value_gradient_and_second_derivative_are_those_of_hips_autograd(seed):
    p = program(seed)
    theirs, vector, rebuilt = p.theirs()
    direction = waves(p.leaves, 1.0)
    expected_value, expected_gradient = autograd.value_and_grad(theirs)(vector)
    expected_product = autograd.make_hvp(theirs)(vector)[0](flat(direction))
    value, gradient = value_and_grad(p.total)(p.leaves)
    assert value == pytest.approx(expected_value, rel=1e-12, abs=1e-12), p
    assert_close(gradient, rebuilt(expected_gradient), p)
    assert_close(hvp(p.total, p.leaves, direction), rebuilt(expected_product), p)


# --- Forward against backward ---------------------------------------------------------------------


@each_program
def test_forward_and_backward_mode_are_one_linear_map(seed):
    p = program(seed)
    u = waves(p.leaves, 2.0)
    results, moved = jvp(p.run, p.leaves, u)
    again, pull_back = vjp(p.run, p.leaves)
    v = waves(results, 3.0)
    (gradient,) = pull_back(v)
    assert_close(results, p.run(p.leaves), p)
    assert_close(again, results, p)
    scale = np.sum(np.abs(flat(v) * flat(moved))) + np.sum(np.abs(flat(gradient) * flat(u)))
    assert flat(v) @ flat(moved) == pytest.approx(flat(gradient) @ flat(u), abs=1e-13 * scale), p


@pytest.mark.parametrize("seed", [seed for seed in SEEDS if len(program(seed).lines) < 90])
def test_second_derivatives_agree_in_every_order_of_the_modes(seed):
    p = program(seed)
    v = waves(p.leaves, 4.0)

    def slope_along(leaves):
        return sum([np.sum(g * w) for g, w in zip(grad(p.total)(leaves), v, strict=True)])

    forward_over_backward = hvp(p.total, p.leaves, v)
    assert_close(
        grad(lambda leaves: jvp(p.total, leaves, v)[1])(p.leaves), forward_over_backward, p
    )
    assert_close(grad(slope_along)(p.leaves), forward_over_backward, p)
    twice_forward = jvp(lambda leaves: jvp(p.total, leaves, v)[1], p.leaves, v)[1]
    scale = np.sum(np.abs(flat(v) * flat(forward_over_backward)))
    expected = pytest.approx(flat(v) @ flat(forward_over_backward), abs=1e-12 * scale)
    assert twice_forward == expected, p


# --- Steps against totals: one chain rule, told or only added up ----------------------------------


def ours(seed):
    p = program(seed)
    values = [Value(leaf) for leaf in p.leaves]
    return p.total(values), values


@each_program
def test_backward_writes_what_grad_gives(seed):
    root, values = ours(seed)
    root.backward()
    reached = {id(node) for node in topological_order(root)}
    for value, gradient in zip(
        values, grad(program(seed).total)(program(seed).leaves), strict=True
    ):
        if id(value) in reached:
            assert np.shape(value.grad) == value.shape
            np.testing.assert_array_equal(value.grad, gradient)
        else:
            assert value.grad is None
            np.testing.assert_array_equal(gradient, np.zeros(value.shape))


@each_program
def test_steps_total_what_backward_writes(seed):
    root, _ = ours(seed)
    totals, edges = {id(root): 1.0}, set()
    for step in backward_steps(root):
        assert step.node.inputs[step.position] is step.operand
        np.testing.assert_array_equal(step.upstream, totals[id(step.node)])
        before = totals.get(id(step.operand), 0.0)
        np.testing.assert_array_equal(step.total, before + step.contribution)
        assert np.shape(step.contribution) == step.operand.shape
        totals[id(step.operand)] = step.total
        edges.add((id(step.node), step.position))
    order = topological_order(root)
    assert all(node.grad is None for node in order)
    root.backward()
    for node in order:
        if node.grad is None:
            assert id(node) not in totals
        else:
            np.testing.assert_array_equal(node.grad, totals[id(node)])
    wanted = {
        (id(node), position)
        for node in order
        for position, operand in enumerate(node.inputs)
        if not operand.constant
    }
    assert edges == wanted


@each_program
def test_leaf_gradients_are_their_own(seed):
    root, values = ours(seed)
    root.backward()
    order = topological_order(root)
    for value in values:
        if isinstance(value.grad, np.ndarray):
            assert value.grad.flags.writeable
            others = [n for n in order if n is not value and isinstance(n.grad, np.ndarray)]
            assert not any(np.shares_memory(value.grad, other.grad) for other in others)
            arrays = [n.data for n in order if isinstance(n.data, np.ndarray)]
            assert not any(np.shares_memory(value.grad, array) for array in arrays)


@each_program
def test_a_second_pass_doubles_the_leaves_only(seed):
    root, values = ours(seed)
    root.backward()
    order = topological_order(root)
    first = {id(node): node.grad for node in order}
    root.backward()
    for node in order:
        if node.grad is not None:
            times = 2 if any(node is value for value in values) else 1
            np.testing.assert_array_equal(node.grad, times * first[id(node)])
