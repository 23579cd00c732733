"""The same program in ONNX Runtime, beside the plain function."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import Phase, given, settings
from program.emit.test_primitives import columns_of
from random_programs import LINES, composed

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, numpy_api, ops
from tinygrad_hw.engine.core.operation import Pointwise
from tinygrad_hw.errors import InputError
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.program import CaptureError, capture
from tinygrad_hw.program.emit.primitives import PRIMITIVES, REDUCTIONS
from tinygrad_hw.worksheet.sheet.reader import read_sheet
from tinygrad_hw.worksheet.solution.as_program import sheet_program
from tinygrad_hw.worksheet.solution.solve import solve

onnxruntime.set_default_logger_severity(3)  # no warnings of values that are inputs
EXACT, ROUGH = 1e-11, 2e-4  # of float64 and float32: sums are in another order there


class Model:
    """A program in ONNX Runtime: called with arguments in order, it returns outputs by name."""

    def __init__(self, program, **options):
        self.proto = program.onnx(**options)
        onnx.checker.check_model(self.proto, full_check=True)
        text = self.proto.SerializeToString()
        self.session = onnxruntime.InferenceSession(text, providers=["CPUExecutionProvider"])
        self.inputs = [x.name for x in self.proto.graph.input]
        self.outputs = [x.name for x in self.proto.graph.output]

    def __call__(self, *arguments, **others):
        fed = dict(zip(self.inputs[: len(arguments)], arguments, strict=True)) | others
        fed = {name: np.asarray(x) for name, x in fed.items()}
        return dict(zip(self.outputs, self.session.run(None, fed), strict=True))


def exported(function, *arguments, **options):
    return Model(capture(function, jit=False).record(*arguments), **options)


def plain(x):
    return np.asarray(x.data if isinstance(x, Value) else x)


def assert_alike(found, wanted):
    """Shapes and dtypes are equal, numbers within rounding of the largest."""
    wanted = plain(wanted)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    tolerance = ROUGH if wanted.dtype == np.float32 else EXACT
    size = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * size)


# --- Random programs ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", [float, np.float32])
@settings(deadline=None, derandomize=True, database=None, max_examples=15, phases=[Phase.generate])
@given(lines=LINES)
def test_random_programs_and_their_gradients(kind, lines):
    numbers = np.random.default_rng(0)
    make = np.float64 if kind is float else kind
    s = Value(0.7 if kind is float else kind(0.7), label="s")
    v = Value(numbers.normal(size=3).astype(make), label="v")
    m = Value(numbers.normal(size=(2, 3)).astype(make), label="m")

    def program(x, y, z):
        for parameter in (s, v, m):
            parameter.grad = None
        last, loss = composed(lines, [Value(x), Value(y), Value(z), s, v, m])
        loss.backward()
        return {"last": last, "loss": loss}

    drawn = [
        (kind(numbers.normal()), *(numbers.normal(size=n).astype(make) for n in (3, (2, 3))))
        for _ in range(2)
    ]
    model = exported(program, *drawn[0], gradients=True)
    for arguments in drawn:
        found, wanted = model(*arguments), program(*arguments)
        assert_alike(found["last"], wanted["last"])
        assert_alike(found["loss"], wanted["loss"])
        for parameter in (s, v, m):
            assert_alike(found[f"gradient_of_{parameter.label}"], parameter.grad)


POINTWISE = [
    record
    for record in numpy_api.TABLE.values()
    if isinstance(record, Pointwise) and 1 <= record.arity <= 2 and not record.reduces
]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("record", POINTWISE, ids=lambda record: record.name)
def test_every_pointwise_operation_with_its_derivative(record, kind):
    part = np.linspace(0.03, 0.97, 30, dtype=kind)
    parts = (part, part[::-1] ** 2)[: record.arity]
    domains = record.domain[: record.arity]
    points = [low + (high - low) * x for (low, high), x in zip(domains, parts, strict=True)]

    def program(*arguments):
        values = [Value(x) for x in arguments]
        out = record(*values)
        np.sum(out).backward()
        return [out, *(v.grad for v in values)]

    found = list(exported(program, *points)(*points).values())
    for a, b in zip(found, program(*points), strict=True):
        assert_alike(a, b)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda p: p.numpy.__name__)
def test_every_primitive_of_the_table(primitive, kind):
    operands = columns_of(primitive, kind)
    with np.errstate(all="ignore"):
        [found] = exported(primitive.numpy, *operands)(*operands).values()
        assert_alike(found, primitive.numpy(*operands))


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, bool])
@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: r.numpy.__name__)
def test_every_reduction_of_the_table(reduction, kind):
    x = (X * 2).astype(kind)
    for function in (reduction.ufunc.reduce, reduction.numpy):
        [found] = exported(function, x)(x).values()
        assert_alike(found, function(x))


# --- Functions of arrays --------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(4, 5))
Y = np.random.default_rng(1).normal(size=(4, 5))
F = X.astype(np.float32)
CUBE = np.arange(12.0).reshape(2, 2, 3) ** 1.1
I = np.array([2, 0, 2, -1])  # noqa: E741 - indices
WHOLE = np.array([[3, -7, 8], [2, 5, -1]])
MASK = X > 0
BYTES = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12


def gradient_of(function):
    def program(x, *others):
        v = Value(x)
        out = function(v, *others)
        np.sum(out * np.cos(np.arange(float(out.size))).reshape(out.shape)).backward()
        return out, v.grad

    return program


FUNCTIONS = {
    # gathers: by an argument, by constants, with their gradients
    "x[i]": (gradient_of(lambda x, i: x[i]), X, I),
    "x[:, i]": (gradient_of(lambda x, i: x[:, i]), X, I),
    "x[rows, i]": (gradient_of(lambda x, i: x[np.arange(4), i]), X, I),
    "x[i, i]": (gradient_of(lambda x, i: x[i, i]), X, I),
    "x[i, ::2]": (gradient_of(lambda x, i: x[i, ::2]), X, I),
    "x[i, None, 1]": (gradient_of(lambda x, i: x[i, None, 1]), X, I),
    "x[i[:, None], i]": (gradient_of(lambda x, i: x[i[:, None], i]), X, I),
    "x[j, :, j]": (gradient_of(lambda x, j: x[j, :, j]), CUBE, np.array([1, 0, 1])),
    "x[:, j, None, j]": (gradient_of(lambda x, j: x[:, j, None, j]), CUBE, np.array([1, 0, 1])),
    "x[..., j, 1]": (gradient_of(lambda x, j: x[..., j, 1]), CUBE, np.array([[1], [0]])),
    "x[mask, i]": (lambda x, i: x[np.array([True, False, True, False]), i[:2]], X, I),
    "x[bytes]": (lambda x, b: x[b], X, np.array([1, 3], np.uint8)),
    "take": (gradient_of(lambda x, i: np.take(x, i.astype(int), axis=0)), X, I),
    "take of all": (gradient_of(lambda x: np.take(x, [3, 7, 7])), X),
    "take outside": (
        lambda x, i: (np.take(x, i * 3, mode="clip"), np.take(x, i * 3, axis=0, mode="wrap")),
        *(X, I),
    ),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), X),
    "sort with gradient": (gradient_of(lambda x: np.sort(x, axis=0)), X),
    "lists": (gradient_of(lambda x: x[[0, 1, 0], [2, 3, 2]]), X),
    "a constant mask": (gradient_of(lambda x: x[np.array([True, False, True, False])]), X),
    "slices": (gradient_of(lambda x: x[1:3, ::-2]), X),
    "a slice": (gradient_of(lambda x: x[:, 1:4]), X),
    "numbers": (gradient_of(lambda x: x[-1, 2]), X),
    "x[..., 0]": (gradient_of(lambda x: x[..., 0]), X),
    "new axes": (gradient_of(lambda x: x[None, :, None, 2]), X),
    "nothing": (lambda x: x[:0].sum(axis=0) + x[:0].size, X),
    # reductions
    "argmax": (lambda x: np.argmax(x, axis=1), X),
    "argmin of all": (np.argmin, F),
    "argmax kept": (lambda x: np.argmax(x, axis=0, keepdims=True), X),
    "argmax of a mask": (lambda x: np.argmax(x > 0.5, axis=1), X),
    "sum of a mask": (lambda x: np.sum(x > 0), X),
    "mean of a mask": (lambda x: np.mean(x > 0, axis=1), X),
    "any and all": (lambda x: (np.any(x > 1, axis=0), np.all(x > -5), np.all(x, axis=1)), X),
    "count_nonzero": (lambda x: np.count_nonzero(x > 0), X),
    "sum of integers": (lambda k: (k.sum(axis=0), np.prod(k), k.max(axis=1)), WHOLE),
    "with a first number and a mask": (
        lambda x: (np.sum(x, 0, where=x > 0), np.max(x, 1, initial=0.5, where=x < 0)),
        X,
    ),
    "of nothing": (lambda x: (np.any(x[:0]), np.all(x[:0], axis=0), np.sum(x[:0])), X),
    "prod": (gradient_of(lambda x: np.prod(x, axis=1)), X),
    "std": (gradient_of(lambda x: np.std(x, axis=1, ddof=1)), X),
    "norm": (gradient_of(lambda x: np.linalg.norm(x, axis=1)), F),
    "cumsum": (gradient_of(lambda x: np.cumsum(x, axis=1)), X),
    "cumsum of all": (np.cumsum, X),
    "cumprod": (gradient_of(lambda x: np.cumprod(x, axis=1)), X),
    "argsort": (np.argsort, F),
    "ptp": (lambda x: np.ptp(x, axis=1), X),
    "average": (gradient_of(lambda x: np.average(x, axis=0, weights=[1.0, 2, 3, 4])), X),
    # products
    "dot": (lambda x, y: np.dot(x, y.T), X, Y),
    "inner": (np.inner, X, Y),
    "outer": (gradient_of(np.outer), X, Y),
    "vectors": (gradient_of(lambda x, y: x[0] @ y[0]), X, Y),
    "batch": (gradient_of(lambda x: x @ x.mT), CUBE),
    "tensordot": (gradient_of(lambda x, y: np.tensordot(x, y, axes=([0], [0]))), X, Y),
    "kron": (np.kron, X, Y),
    "einsum": (gradient_of(lambda x, y: np.einsum("ij,kj->ik", x, y)), X, Y),
    "einsum of a diagonal": (gradient_of(lambda x: np.einsum("ii->i", x[:4, :4])), X),
    "einsum of three": (gradient_of(lambda x, y: np.einsum("ij,kj,kl->il", x, y, y)), X, Y),
    "einsum broadcasts": (gradient_of(lambda x, y: np.einsum("ij,ij->j", x[:1], y)), X, Y),
    "einsum with dots": (gradient_of(lambda x, y: np.einsum("...j,kj->...k", x, y)), CUBE, CUBE[0]),
    "product of integers": (lambda k: k @ k.T, WHOLE),
    "convolve": (gradient_of(lambda x, y: np.convolve(x[0], y[0])), X, Y),
    # the same elements elsewhere
    "transpose": (gradient_of(lambda x: np.transpose(x, (2, 0, 1))), CUBE),
    "swapaxes": (lambda x: x.swapaxes(0, 2), CUBE),
    "moveaxis": (gradient_of(lambda x: np.moveaxis(x, 0, -1)), CUBE),
    "reshape in columns": (gradient_of(lambda x: x.reshape((5, 4), order="F")), X),
    "ravel": (lambda x: (np.ravel(x), np.ravel(x.T, order="F")), X),
    "squeeze": (lambda x: (np.squeeze(x[:1]), np.expand_dims(x, 1)), X),
    "broadcast_to": (gradient_of(lambda x: np.broadcast_to(x[0], (3, 5))), X),
    "concatenate": (gradient_of(lambda x, y: np.concatenate([x, y[:, :2]], axis=-1)), X, Y),
    "concatenate all": (lambda x, y: np.concatenate([x, y], axis=None), X, Y),
    "stack": (gradient_of(lambda x, y: np.stack([x, y], axis=1)), X, Y),
    "hstack": (lambda x, y: np.hstack([x, y]), X, Y),
    "flip": (gradient_of(lambda x: np.flip(x, 1)), X),
    "roll": (gradient_of(lambda x: np.roll(x, 2, axis=0)), X),
    "tile": (gradient_of(lambda x: np.tile(x, 2)), X),
    "repeat": (gradient_of(lambda x: np.repeat(x, 2, axis=1)), X),
    "pad": (gradient_of(lambda x: np.pad(x, 1)), X),
    "pad with a number": (lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=3.0), X),
    "pad the edge": (gradient_of(lambda x: np.pad(x, 1, mode="edge")), X),
    "diagonal": (gradient_of(lambda x: np.diagonal(x, 1)), X),
    "diag": (gradient_of(lambda x: np.diag(x[0])), X),
    "triu": (gradient_of(lambda x: np.triu(x, 1)), X),
    "rot90": (gradient_of(np.rot90), X),
    "diff": (gradient_of(lambda x: np.diff(x, axis=0)), X),
    "cross": (gradient_of(lambda x, y: np.cross(x[:, :3], y[:, :3])), X, Y),
    "zeros_like": (lambda x: np.zeros_like(x) + np.full_like(x, 2.0) * x + np.ones_like(x), X),
    # kinds of number
    "float32 and float64": (lambda x, f: x + f, X, F),
    "a Python number is weak": (lambda f, a: f * a + 1, F, 0.5),
    "a NumPy number is not": (lambda f: f * np.float64(2), F),
    "a mask times numbers": (lambda x: (x > 0) * x, F),
    "masks": (
        lambda b: (b + b, b * ~b, b < ~b, np.maximum(b, ~b), b == b[::-1], b != b[::-1], b @ b.T),
        MASK,
    ),
    "logical": (lambda x: np.logical_and(x, x > 0) | np.logical_xor(x, 0.0), X),
    "whole numbers": (lambda k: (k // 2, k % 3, -k * 2, abs(k) + np.sign(k), k**2, k / 2), WHOLE),
    "bits": (lambda k: (k & 6, k | 1, ~k, np.bitwise_xor(k, 3)), WHOLE),
    "where of whole numbers": (lambda k: (np.where(k, k, 1.5), np.where(k > 0, 1, 0)), WHOLE),
    "bytes": (lambda b: (b / 255.0, b.astype(np.float32) / 255), BYTES),
    "astype": (lambda x: ((x * 3).astype(np.int32), x.astype(bool), x.astype(np.float32)), X),
    "big-endian": (lambda x: x * 2, X.astype(">f8")),
    "numbers alone": (
        lambda a, b: (np.tanh(a * b) + a / b - a**b + abs(-a) // b + a % b, a > b, -a // b),
        *(1.5, 2.5),
    ),
    "a number of 32 bits": (lambda a: np.exp(a) * 2, np.float32(1.5)),
    "remainders": (lambda x, y: (x // y, x % y, np.fmod(x, y)), X, Y),
    "powers": (lambda x, y: (abs(x) ** y, x**3, x**-1, 2.0**y, abs(x) ** 0.5), X, Y),
    "signs": (lambda x, y: (np.signbit(x), np.copysign(x, y), np.heaviside(x, 0.5)), X, Y),
    "not finite": (
        lambda x: (np.isnan(x), np.isinf(x), np.isfinite(x), np.nan_to_num(x), np.isneginf(x)),
        np.array([1.0, np.nan, np.inf, -np.inf]),
    ),
    "nan is the extreme": (
        lambda x, y: (np.maximum(x, y), np.minimum(x, y), np.fmax(x, y), np.fmin(x, y)),
        *(np.array([1.0, np.nan, 2.0]), np.array([np.nan, 1.0, 3.0])),
    ),
    "clip": (gradient_of(lambda x: np.clip(x, -0.5, 0.5)), X),
    "round": (lambda x: (np.round(x, 2), np.rint(x * 4) / 4, np.trunc(x)), X),
    "select": (lambda x: np.select([x > 0, x < -1], [x, -x]), X),
    "softmax": (gradient_of(numpy_api.softmax), F),
    "gelu": (gradient_of(ops.gelu), F),
    "angles": (lambda x: (np.degrees(x), np.radians(x), np.sinc(x)), X),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_arrays(name):
    function, *arguments = FUNCTIONS[name]
    wanted = function(*arguments)
    native = [np.asarray(x).astype(np.asarray(x).dtype.newbyteorder("=")) for x in arguments]
    found = exported(function, *arguments)(*native)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for a, b in zip(found.values(), wanted, strict=True):
        assert_alike(a, b)


# --- The homework ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["q1a", "q1b"])
def test_the_homework_by_hand(name):
    """Partials and new weights of the 2-3-1 networks, with one weight moved."""
    sheet = read_sheet(sheet_path(name))
    program = sheet_program(sheet).program
    model = Model(program, gradients=True)
    sheet.parameters["w7"] += 0.75
    expected = solve(sheet)
    fed = {x: np.float64((sheet.given | sheet.parameters)[x]) for x in model.inputs}
    found = model(**fed)
    for parameter, updated in expected.updated.items():
        assert found[f"new_{parameter}"] == pytest.approx(updated, rel=1e-12)
        gradient = expected.partials[f"dE/d{parameter}"]
        assert found[f"gradient_of_{parameter}"] == pytest.approx(gradient, rel=1e-12)


def network():
    layers = [
        nn.Flatten(input_shape=(6, 6)),
        nn.Dense(16, activation="relu", name="hidden"),
        nn.Dense(10, activation="softmax", name="last"),
    ]
    model = nn.Sequential(layers, seed=1)
    model.compile(nn.Adam(), "sparse_categorical_crossentropy")
    return model


IMAGES = np.random.default_rng(2).random((32, 6, 6)).astype(np.float32)
DIGITS = np.random.default_rng(3).integers(0, 10, 32)


def test_a_trained_network_predicts_with_its_weights():
    trained = network()
    for _ in range(3):
        trained.train_function(IMAGES, DIGITS)
    model = exported(trained, IMAGES)
    assert model.inputs == ["inputs"]
    stored = {x.name: onnx.numpy_helper.to_array(x) for x in model.proto.graph.initializer}
    for parameter in trained.parameters():
        label = parameter.label.replace("/", "_")
        np.testing.assert_array_equal(stored[label], parameter.data)
    [found] = model(IMAGES[::-1]).values()
    assert_alike(found, trained(IMAGES[::-1]))


def test_windows_on_images_and_their_gradients():
    rng = np.random.default_rng(2)
    kernel = Value(rng.normal(size=(18, 3)), "kernel")

    def step(x):
        kernel.grad = None
        image = Value(x, "image")
        sums = ops.reshape(ops.windows(image, (3, 3), (1, 1)), (-1, 18)) @ kernel
        maxima = ops.max_pool(ops.reshape(sums, (2, 4, 3, 3)), (2, 2), (1, 2))
        (maxima**2).sum().backward()
        return maxima, image.grad, kernel.grad

    x = rng.normal(size=(2, 6, 5, 2))
    found = exported(step, x)(x)
    for made, wanted in zip(found.values(), step(x), strict=True):
        assert_alike(made, wanted)


def test_training_in_onnx_runtime_is_training_here():
    """Outputs are fed back: losses, gradients and weights of three of Adam's steps."""
    here, there = network(), network()
    for model in (here, there):
        model.train_function(IMAGES, DIGITS)
    program = capture(there.train_function, jit=False).record(IMAGES, DIGITS)
    here.train_function(IMAGES, DIGITS)
    model = Model(program, gradients=True, updates=True, values_as_inputs=True)
    state = {}
    for _ in range(3):
        found = model(IMAGES, DIGITS, **state)
        [loss] = here.train_function(IMAGES, DIGITS)
        assert found["loss"] == pytest.approx(loss, rel=1e-5)
        new = {name.removeprefix("new_"): x for name, x in found.items() if "new_" in name}
        state = {name: x for name, x in new.items() if name in model.inputs}
        for parameter in here.parameters():
            label = parameter.label.replace("/", "_")
            assert_alike(found[f"gradient_of_{label}"], parameter.grad)
            np.testing.assert_allclose(state[label], parameter.data, atol=1e-6)


# --- Names ----------------------------------------------------------------------------------------


def test_arguments_and_results_have_their_names():
    w = Value(np.array([1.0, 2.0]), label="w")
    b = Value(0.5)

    def model(x, options, *, scale):
        total = w * x + options["shift"] * scale + b
        total.label = "total"
        return {"total": total, "twice": 2 * x, "parts": (x, 3.0, w, None, total)}

    model.__name__ = "line"
    program = capture(model, jit=False).record(X[0, :2], {"shift": 2.0}, scale=1.5)
    found = Model(program)
    assert found.proto.graph.name == "line"
    assert found.inputs == ["x", "shift", "scale"]
    values = found(X[0, :2], 2.0, 1.5)
    assert list(values) == ["total", "twice", "x_2", "parts_2", "w_2", "total_2"]
    assert values["parts_2"] == 3.0
    np.testing.assert_allclose(values["x_2"], X[0, :2])
    np.testing.assert_array_equal(values["w_2"], w.data)
    np.testing.assert_allclose(values["total"], X[0, :2] * w.data + 3.5)
    np.testing.assert_allclose(values["total_2"], values["total"])


def test_values_may_be_passed_where_that_is_asked_for():
    w = Value(np.array([1.0, 2.0]), label="w")
    program = capture(lambda x: w * x).record(3.0)
    model = Model(program, values_as_inputs=True)
    assert model.inputs == ["x", "w"]
    np.testing.assert_array_equal(model(3.0)["result"], [3, 6])
    np.testing.assert_array_equal(model(3.0, np.array([5.0, 7.0]))["result"], [15, 21])
    w.data = np.array([10.0, 20.0])
    np.testing.assert_array_equal(Model(program)(3.0)["result"], [30, 60])  # the data of now


def test_large_tables_are_stored_in_it():
    table = np.random.default_rng(0).normal(size=(3000, 4))
    embedding = Value(table, "embedding", constant=True)
    model = exported(lambda i, x: embedding[i] + table @ x[:4, 0] @ table, I, X)
    assert model.inputs == ["i", "x"]
    stored = {x.name: tuple(x.dims) for x in model.proto.graph.initializer}
    assert stored["embedding"] == stored["array"] == (3000, 4)
    assert_alike(model(I + 7, X)["result"], table[I + 7] + table @ X[:4, 0] @ table)


def test_a_gradient_is_of_this_call_alone():
    w = Value(2.0, label="w")

    def program(x):
        (w * w * x).backward()

    for _ in range(3):  # they add up here
        program(1.0)
    model = exported(program, 1.0, gradients=True)
    assert model(3.0) == {"gradient_of_w": 12.0}


def test_values_that_are_arguments():
    def program(v, x):
        v.grad = None
        loss = np.sum(v * v * x)
        loss.backward()
        return loss

    v = Value(np.array([1.0, 2.0]))
    model = exported(program, v, 3.0, gradients=True)
    assert model.inputs == ["v", "x"]
    found = model(np.array([2.0, 5.0]), 1.0)
    np.testing.assert_array_equal(found["gradient_of_v"], [4, 10])


def test_what_it_assumes_is_written_in_it():
    def program(x):
        return x * 2 if x > 1 else x * 3

    model = exported(program, 2.0).proto
    line = program.__code__.co_firstlineno + 1
    assert model.doc_string == f"Holds where the condition in test_onnx.py:{line} is True."
    assert model.opset_import[0].version == 18


def test_labels_of_strangers_stay_names():
    w = Value(2.0, label='w"; } <>\n')
    model = exported(lambda x: w * x, 3.0, values_as_inputs=True)
    assert all(name.isidentifier() for name in model.inputs)


# --- What is not finite ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_nothing_arrives_through_an_infinite_derivative(kind):
    """Recorded where all is finite; 0 · inf is 0 there too, in products of matrices as well."""

    def program(x, w):
        v, u = Value(x), Value(w)
        loss = np.sum(np.maximum(np.sqrt(v) @ u - 1, 0)) + np.sum(np.sqrt(v) * ops.relu(v - 1))
        loss = loss + np.sum(ops.relu(np.einsum("ij,jk->i", v, u))) + np.sum(ops.relu(v @ u))
        loss.backward()
        return loss, v.grad, u.grad

    x = np.array([[1.0, 4.0], [2.0, 3.0]], kind)
    model = exported(program, x, np.eye(2, dtype=kind))
    with_zeros, infinite = x - 1, np.array([[1.0, -np.inf], [2.0, 3.0]], kind)
    for arguments in [(x, x), (with_zeros, x), (x, infinite), (with_zeros, infinite)]:
        for a, b in zip(model(*arguments).values(), program(*arguments), strict=True):
            assert_alike(a, b)


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "argument", "text"),
    [
        (np.linalg.inv, X[:4, :4], "inv cannot be exported to ONNX"),
        (lambda x: np.searchsorted(np.arange(3.0), x), X, "searchsorted cannot be exported"),
        (lambda x: x.astype(np.float16) * 2, X, "does not compute with float16"),
        (lambda b: b + b, BYTES, "add cannot be exported to ONNX: onnxruntime does not compute"),
        (lambda x: x[x > 0], X, r"x\[mask\] depends on a computed mask"),
        (np.logaddexp.reduce, X, "logaddexp.reduce cannot be exported to ONNX: ONNX has no"),
    ],
)
def test_what_onnx_has_no_word_for_is_named(function, argument, text):
    program = capture(function, jit=False).record(argument)
    with pytest.raises(CaptureError, match=text) as caught:
        program.onnx()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("compute it outside and pass it as an argument")


def test_an_operation_of_one_s_own_with_branches_is_named():
    kink = Pointwise("kink", lambda x: x if x > 0 else 0.1 * x, "where(x > 0, 1.0, 0.1)")
    program = capture(lambda x: kink(Value(x))).record(2.0)
    with pytest.raises(CaptureError, match="kink cannot be exported to ONNX: it has branches"):
        program.onnx()


def test_nothing_to_export_is_said():
    program = capture(lambda x: x * 2).record(1.0)
    with pytest.raises(InputError, match="computes no gradients; call backward"):
        program.onnx(gradients=True)
    with pytest.raises(InputError, match="changes no Values"):
        program.onnx(updates=True)


def test_the_missing_package_is_named(monkeypatch):
    program = capture(lambda x: x * 2).record(1.0)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"^onnx is not installed.*pip install 'tinygrad_hw\[onnx"):
        program.onnx()
