"""NumPy's functions on plain arrays in JavaScript, beside NumPy."""

import numpy as np
import pytest
from javascript_engine import Engine, array

from tinygrad_hw import capture
from tinygrad_hw.program import CaptureError


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


RNG = np.random.default_rng(0)
X, V, T = RNG.normal(size=(3, 4)), RNG.normal(size=5), RNG.normal(size=(2, 3, 4))
X32, WILD = X.astype(np.float32), np.array([3.0, np.nan, -np.inf, np.inf, -0.0, 1.5])
N, PICKED = np.array([[3, -1, 2], [0, 5, -4]]), np.array([2, 0, -1])
N32, U8 = N.astype(np.int32), np.array([250, 7, 3], np.uint8)
TABLE = np.arange(12.0).reshape(4, 3)
CASES = {
    "gather": (lambda i: TABLE[i], PICKED),
    "embedding": (lambda i: np.take(TABLE, i, axis=0), PICKED),
    "one-hot": (lambda i: np.eye(4)[i], PICKED),
    "argmax": (np.argmax, X),
    "argmax0": (lambda x: np.argmax(x, axis=0), X),
    "argmin-1": (lambda x: np.argmin(x, axis=-1), T),
    "argmax keep": (lambda x: np.argmax(x, axis=1, keepdims=True), X),
    "argmax nan": (np.argmax, WILD),
    "max nan": (np.max, WILD),
    "min mid": (lambda x: np.min(x, axis=1), T),
    "any": (lambda x: np.any(x > 0, axis=1), X),
    "all": (lambda x: np.all(x > -9), X),
    "any raw": (lambda x: np.any(x, axis=0), X),
    "count": (lambda x: np.sum(x > 0, axis=0), X),
    "mean mask": (lambda x: np.mean(x > 0), X),
    "count_nonzero": (lambda x: np.count_nonzero(x > 0, axis=1), X),
    "floor_div": (lambda n: n // 2, N),
    "mod": (lambda n: n % 3, N),
    "int sum": (lambda n: np.sum(n, axis=1), N),
    "int mul": (lambda n: n * n - n, N),
    "i32 wrap": (lambda n: n * 1000000000, N32),
    "u8 wrap": (lambda u: u + u, U8),
    "u8 chain": (lambda u: (u + u) // np.uint8(2), U8),
    "i32 prod": (lambda n: np.prod(n, axis=0), N32),
    "cumprod": (lambda x: np.cumprod(x, axis=1), X),
    "cumsum all": (np.cumsum, X),
    "add.accumulate": (lambda x: np.add.accumulate(x, axis=1), X),
    "sort nan": (np.sort, WILD),
    "argsort": (lambda x: np.argsort(x, axis=0, kind="stable"), X),
    "argsort ties": (lambda n: np.argsort(n.ravel() % 2, kind="stable"), N),
    "take flat": (lambda x: np.take(x, [1, -1, 5]), X),
    "take2": (lambda x, i: np.take(x, i, axis=0), X, PICKED),
    "take scalar": (lambda x: np.take(x, 1, axis=1), X),
    "ix": (lambda x, i: x[i][:, i], X, PICKED),
    "ix2": (lambda x, i: x[i, i], X, PICKED),
    "ix3": (lambda t, i: t[:, i, 1:], T, PICKED),
    "ix4": (lambda t, i: t[0, :, i], T, PICKED),
    "ix5": (lambda t, i: t[i[:2] % 2, :, i[:2]], T, PICKED),
    "ix6": (lambda t, i: t[..., i], T, PICKED),
    "ix none": (lambda x, i: x[None, i], X, PICKED),
    "argmax idx": (lambda x: x[np.arange(3), np.argmax(x, axis=1)], X),
    "idx scalar": (lambda x: x[np.argmax(x[:, 0])], X),
    "mean": (lambda x: np.mean(x, axis=(0, 2)), T),
    "var": (lambda x: np.var(x, axis=1, ddof=1), X),
    "std": (np.std, X),
    "dot": (lambda x: np.dot(x, x.T), X),
    "outer": (lambda v: np.outer(v, v), V),
    "inner": (lambda v: np.inner(v, v), V),
    "tensordot": (lambda t: np.tensordot(t, t, axes=([1, 2], [1, 2])), T),
    "vdot": (lambda v: np.vdot(v, v), V),
    "matmul1": (lambda x: x @ x[0], X),
    "matmul2": (lambda x: x[:, 0] @ x, X),
    "bmm": (lambda t: t @ np.swapaxes(t, 1, 2), T),
    "bmm2": (lambda t, x: t @ x.T, T, X),
    "matmul3": (lambda t: t @ t[0, 0], T),
    "einsum3": (lambda x: np.einsum("ij,kj,kl->il", x, x, x), X),
    "trace": (np.trace, X),
    "diag": (np.diag, V),
    "einsum diag": (lambda x: np.einsum("ii->i", x[:, :3]), X),
    "einsum bcast": (lambda x: np.einsum("...ij->...ji", x), T),
    "bilinear": (lambda x, t: np.einsum("ik,bkl,jl->bij", x[:, :3], t, x), X, T),
    "clip": (lambda x: np.clip(x, -0.3, 0.4), X),
    "round": (lambda x: np.round(x, 2), X),
    "rint": (lambda x: np.rint(x * 3), X),
    "round half": (lambda x: np.round(np.array([0.5, 1.5, 2.5, -0.5]) + 0 * x[0, 0]), X),
    "logical": (lambda x: (x > 0) & ~(x > 1) | (x < -1), X),
    "xor": (lambda x: np.logical_xor(x > 0, x > 0.5), X),
    "astype bool": (lambda x: x.astype(bool), WILD),
    "astype int": (lambda x: (x * 10).astype(int), X),
    "astype32": (lambda x: x.astype(np.float32) * 0.1, X),
    "bool add": (lambda x: (x > 0) + (x > 0.5), X),
    "bool mul": (lambda x: (x > 0) * (x > 0.5), X),
    "bool max": (lambda x: np.maximum(x > 0, x > 0.5), X),
    "mask float": (lambda x: (x > 0) * x, X),
    "isfinite": (np.isfinite, WILD),
    "isnan": (lambda x: np.isnan(x) * 1.0, WILD),
    "signbit": (np.signbit, WILD),
    "sign": (np.sign, WILD),
    "max w": (lambda x: np.maximum(x, 0.0), WILD),
    "fmax": (lambda x: np.fmax(x, 0.5), WILD),
    "f32 cmp": (lambda x: x < 0.1, np.array([0.1, 0.2], np.float32)),
    "f32 mixed": (lambda x, y: x * y, X32, X),
    "f32 int": (lambda x: x * np.arange(4), X32),
    "f32 sum": (np.sum, X32),
    "f32 mean": (lambda x: np.mean(x, axis=0), X32),
    "split": (lambda x: np.hstack([x[:, :2], x[:, 2:]]), X),
    "vstack": (lambda x: np.vstack([x, x * 2]), X),
    "stack": (lambda x: np.stack([x, x], axis=-1), X),
    "concat3": (lambda x: np.concatenate([x, x[:1], np.zeros((1, 4))]), X),
    "append": (lambda v: np.append(v, v), V),
    "rot90": (np.rot90, X),
    "tril": (lambda x: np.tril(x, -1), X),
    "pad edge": (lambda x: np.pad(x, 1, mode="edge"), X),
    "pad0": (lambda x: np.pad(x, ((1, 0), (0, 2))), X),
    "roll": (lambda x: np.roll(x, 1), X),
    "tile": (lambda x: np.tile(x, (2, 1)), X),
    "repeat": (lambda x: np.repeat(x, [1, 2, 0], axis=0), X),
    "delete": (lambda x: np.delete(x, 1, axis=0), X),
    "moveaxis": (lambda t: np.moveaxis(t, 0, -1), T),
    "reshapeF": (lambda x: np.reshape(x, (4, 3), order="F"), X),
    "squeeze": (lambda x: np.squeeze(x[:1]), X),
    "flat bool": (lambda x: x[np.array([True, False, True])], X),
    "T sum": (lambda x: np.sum(x.T, axis=0), X),
    "empty": (lambda x: np.sum(x[:0], axis=0), X),
    "empty2": (lambda x: x[:0] * 2, X),
    "prod": (np.prod, X),
    "mid slices": (lambda t: t[::-1, 1:, ::2] * 2, T),
    "linspace": (lambda x: x * np.linspace(0, 1, 4), X),
    "broadcast": (lambda x: np.broadcast_to(x[0], (2, 4)).copy(), X),
    "norm": (lambda x: np.linalg.norm(x, axis=1), X),
    "cross": (lambda x: np.cross(x[:, :3], x[:, 1:]), X),
    "diff": (lambda x: np.diff(x, axis=1), X),
    "ptp": (lambda x: np.ptp(x, axis=0), X),
    "where3": (lambda x: np.where(x > 0, 1, 0), X),
    "kron": (lambda v: np.kron(v[:2], v[2:]), V),
    "divmod": (lambda x: np.floor_divide(x, 0.3), X),
    "rem": (lambda x: np.remainder(x, -0.3), X),
    "heaviside": (lambda x: np.heaviside(x, 0.5), WILD),
    "copysign": (lambda x: np.copysign(2.0, x), X),
    "zeros_like": (lambda x: np.zeros_like(x) + x, X),
    "average": (lambda x: np.average(x, axis=0), X),
    "exp2": (np.exp2, X),
    "power neg": (lambda x: np.abs(x) ** (-1.5), X),
    "intpow": (lambda n: n**2, N),
    "compare int": (lambda n: n == 2, N),
    "nansum": (lambda x: np.nansum(x[:2]), WILD),
    "float(int)": (lambda n: n / 2, N),
    "triu all": (lambda x: np.triu(x, 7), X),
    "sum bool": (lambda x: np.sum(x > 0), X),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_it_is_numpy_s(engine, name):
    function, *arguments = CASES[name]
    program = capture(lambda a, b=None: function(a) if b is None else function(a, b))
    program.record(*arguments)
    wanted = function(*arguments)
    given = dict(zip("ab"[: len(arguments)], arguments, strict=True))
    found = engine.run(program, given)["results"][0]
    tolerance = 1e-6 if wanted.dtype == np.float32 else 1e-13
    found = array(found, wanted.shape)
    np.testing.assert_allclose(found, wanted.astype(float), rtol=tolerance, atol=tolerance)
    if name != "sort nan":  # 0 and -0 are in either order there
        assert np.array_equal(np.signbit(found), np.signbit(wanted.astype(float)))


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (np.linalg.inv, "inv"),
        (np.spacing, "spacing"),
        (np.logaddexp.reduce, "logaddexp.reduce"),
        (lambda x: np.add.reduce(x, initial=1.0), "sum with initial="),
        (lambda x: np.exp(x > 0), "float16"),
        (lambda x: (x > 0).astype(int) & 1, "bitwise_and of whole numbers"),
        (lambda x: x[x > 0], "an index of truth values"),
    ],
    ids=["inv", "spacing", "reduce", "initial", "float16", "bits", "mask"],
)
def test_what_has_no_words_is_named_with_its_line(function, named):
    program = capture(function)
    program.record(np.eye(2))
    with pytest.raises(CaptureError, match=rf"{named}.* in JavaScript.* \(.*{__file__}:\d+\)"):
        _ = program.javascript


def test_a_large_array_from_elsewhere_is_an_argument(engine):
    table = np.arange(50_000.0)
    program = capture(lambda x: np.sum(table * x))
    program.record(2.0)
    found = engine.run(program, {"x": 3.0, "array": table})["result"]
    assert found == pytest.approx(np.sum(table * 3.0))


def test_a_large_constant_is_not_written_out():
    program = capture(lambda x: np.roll(x, 1))
    program.record(np.zeros(2_000_000))
    with pytest.raises(CaptureError, match="2000000 numbers would be written out in JavaScript"):
        _ = program.javascript
