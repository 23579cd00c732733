"""Programs of arrays in JavaScript, beside the engine."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript_engine import ENCODE, Engine, array, written
from playwright.sync_api import sync_playwright
from random_programs import LINES, composed

from tinygrad_hw import Value, capture, hvp
from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.nn import SGD, Adam, Dense, Sequential
from tinygrad_hw.nn.optimizers import Lion, Nadam, RMSprop, schedules


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    yield engine
    engine.close()


# --- Random programs ------------------------------------------------------------------------------

MOST = 200  # elements; larger arrays are not made larger still


def before(axis):
    return (slice(None),) * axis


# Of an array v, an axis of it, a number, and a source of weights and of whole-number arguments.
STEPS = {
    "tanh": lambda v, axis, n, more: np.tanh(v),
    "sigmoid": lambda v, axis, n, more: ops.sigmoid(v),
    "softplus": lambda v, axis, n, more: ops.softplus(v),
    "gelu": lambda v, axis, n, more: ops.gelu(v),
    "relu": lambda v, axis, n, more: ops.relu(v),
    "leaky_relu": lambda v, axis, n, more: ops.leaky_relu(v),
    "sin": lambda v, axis, n, more: np.sin(v),
    "abs": lambda v, axis, n, more: np.abs(v),
    "exp": lambda v, axis, n, more: np.exp(-np.abs(v)),
    "log": lambda v, axis, n, more: np.log(1.0 + v * v),
    "power": lambda v, axis, n, more: (1.0 + v * v) ** (0.5 * n),
    "cube": lambda v, axis, n, more: v**3 * 0.1,
    "line": lambda v, axis, n, more: v * 0.1 - 0.7,
    "clip": lambda v, axis, n, more: np.clip(v, -0.5, 0.8),
    "where": lambda v, axis, n, more: np.where(np.sign(v) > 0, v, v * v),
    "softmax": lambda v, axis, n, more: numpy_api.softmax(v, axis=axis),
    "log_softmax": lambda v, axis, n, more: numpy_api.log_softmax(v, axis=axis),
    "add": lambda v, axis, n, more: v + more.weights(v.shape[axis:]),
    "sub": lambda v, axis, n, more: more.weights((*v.shape[:axis], 1, *v.shape[axis + 1 :])) - v,
    "mul": lambda v, axis, n, more: v * more.weights(v.shape),
    "div": lambda v, axis, n, more: v / (1.5 + np.square(more.weights(v.shape[axis:]))),
    "maximum": lambda v, axis, n, more: np.maximum(v, more.weights(v.shape[axis:])),
    "minimum": lambda v, axis, n, more: np.minimum(more.weights(()), v),
    "hypot": lambda v, axis, n, more: np.hypot(v, more.weights(v.shape)),
    "arctan2": lambda v, axis, n, more: np.arctan2(v, more.weights(v.shape[axis:])),
    "logaddexp": lambda v, axis, n, more: np.logaddexp(v, more.weights(v.shape)),
    "sum": lambda v, axis, n, more: np.sum(v, axis=axis, keepdims=n > 2),
    "sum of all": lambda v, axis, n, more: v + np.sum(v),
    "mean": lambda v, axis, n, more: np.mean(v, axis=(axis, v.ndim - 1)[: 1 + (axis < v.ndim - 1)]),
    "max": lambda v, axis, n, more: np.max(v, axis=axis, keepdims=n > 2),
    "min": lambda v, axis, n, more: v - np.min(v),
    "var": lambda v, axis, n, more: np.var(v, axis=axis, keepdims=n > 2),
    "std": lambda v, axis, n, more: v / (1.0 + np.std(v, axis=axis, keepdims=True)),
    "prod": lambda v, axis, n, more: np.prod(v, axis=axis),
    "norm": lambda v, axis, n, more: np.linalg.norm(v, axis=axis, keepdims=True) * v,
    "transpose": lambda v, axis, n, more: v.T,
    "ravel": lambda v, axis, n, more: v.T.reshape(-1),
    "swapaxes": lambda v, axis, n, more: np.swapaxes(v, axis, -1),
    "flip": lambda v, axis, n, more: np.flip(v, axis),
    "roll": lambda v, axis, n, more: np.roll(v, n, axis),
    "tile": lambda v, axis, n, more: np.tile(v, 2),
    "repeat": lambda v, axis, n, more: np.repeat(v, 2, axis),
    "pad": lambda v, axis, n, more: np.pad(v, 1),
    "triu": lambda v, axis, n, more: np.triu(v) if v.ndim > 1 else v,
    "diagonal": lambda v, axis, n, more: np.diagonal(v) if v.ndim > 1 else v,
    "slice": lambda v, axis, n, more: v[(*before(axis), slice(n % v.shape[axis], None))],
    "step": lambda v, axis, n, more: v[(*before(axis), slice(None, None, 2))],
    "backwards": lambda v, axis, n, more: v[..., ::-1],
    "newaxis": lambda v, axis, n, more: v[(*before(axis), None)] if v.ndim < 4 else v[0],
    "broadcast": lambda v, axis, n, more: np.broadcast_to(v, (2, *v.shape)) * 0.5,
    "concatenate": lambda v, axis, n, more: np.concatenate([v, np.ones(v.shape, v.dtype), v], axis),
    "stack": lambda v, axis, n, more: np.stack([v, v * v], axis),
    "cumsum": lambda v, axis, n, more: np.cumsum(v, axis),
    "cumsum of all": lambda v, axis, n, more: np.cumsum(v),
    "sort": lambda v, axis, n, more: np.sort(v, axis),
    "take": lambda v, axis, n, more: np.take(v, more.indices(v.shape[axis], (n,)), axis),
    "table": lambda v, axis, n, more: np.take(v, more.indices(v.shape[axis], (2, n)), axis),
    "index": lambda v, axis, n, more: v[(*before(axis), more.indices(v.shape[axis], (n,)))],
    "rows and columns": lambda v, axis, n, more: (
        v[more.indices(v.shape[0], (n, 1)), ..., more.indices(v.shape[-1], (3,))]
        if v.ndim > 1
        else v[more.indices(v.size, (2, 2))]
    ),
    "constant index": lambda v, axis, n, more: v[(*before(axis), [0, -1, 0])],
    "matmul": lambda v, axis, n, more: v @ more.weights((v.shape[-1], n)),
    "matmul from the left": lambda v, axis, n, more: (
        more.weights((n, v.shape[-2])) @ v if v.ndim > 1 else more.weights((n, v.size)) @ v
    ),
    "batch of products": lambda v, axis, n, more: (
        v @ np.swapaxes(v, -1, -2) if v.ndim > 1 else v * (v @ v)
    ),
    "einsum": lambda v, axis, n, more: np.einsum(
        "...i,ij,kj->...k", v, more.weights((v.shape[-1], n)), more.weights((2, n))
    ),
    "outer": lambda v, axis, n, more: np.einsum("i,j->ji", v.reshape(-1), more.weights((n,))),
}
LARGER = {"tile", "repeat", "pad", "broadcast", "concatenate", "stack", "outer", "rows and columns"}
LARGER |= {"table", "matmul", "matmul from the left", "batch of products", "take", "index"}
STEP = st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3), st.integers(1, 5))


def assert_alike(found, wanted, tolerance):
    """Compare relative to the largest number, or to 1."""
    scale = max(1.0, np.max(np.abs(wanted), initial=0.0))
    numbers = array(found, np.shape(wanted))
    np.testing.assert_allclose(numbers / scale, wanted / scale, rtol=0, atol=tolerance)


class Source:
    """The weights and the indices of a program, in the order in which it asks for them."""

    def __init__(self, values, indices):
        self.values, self.given = iter(values), iter(indices)

    def weights(self, shape):
        return next(self.values)

    def indices(self, size, shape):
        return next(self.given)


class Maker:
    """The same, when they are made."""

    def __init__(self, dtype, seed):
        self.dtype, self.rng = dtype, np.random.default_rng(seed)
        self.values, self.given = [], []

    def numbers(self, shape):
        data = self.rng.normal(size=shape) * 0.7
        return data.astype(self.dtype) if shape else float(data)

    def weights(self, shape):
        self.values.append(Value(self.numbers(shape), f"w{len(self.values)}"))
        return self.values[-1]

    def indices(self, size, shape):
        self.given.append(self.rng.integers(-size, size, shape))
        return self.given[-1]


class Drawn:
    """A program by chance: its weights are Values, its indices are arguments."""

    def __init__(self, plan, shape, dtype, seed):
        self.plan, self.shape, self.maker = plan, shape, Maker(dtype, seed)
        with np.errstate(all="ignore"):
            self.compute(self.maker)
        self.values, self.arguments = self.maker.values, self.maker.given

    def compute(self, source):
        v = source.weights(self.shape)
        for name, axis, n in self.plan:
            if v.ndim and v.size and not (name in LARGER and v.size * n > MOST):
                v = STEPS[name](v, axis % v.ndim, n, source)
                v = v / np.sqrt(1.0 + 0.05 * v * v)  # large numbers would enlarge what is rounded
        return v, np.sum(np.sin(v) * 2.0)

    def step(self, indices):
        for value in self.values:
            value.grad = None
        out, loss = self.compute(Source(self.values, indices))
        loss.label = "loss"
        loss.backward()
        return loss, out * 1.0

    def check(self, engine, tolerance):
        """The same results and gradients, relative to the largest number in each."""
        with np.errstate(all="ignore"):
            program = capture(self.step, jit=False)
            program.record(self.arguments)
            for value in self.values:  # JavaScript has not seen these numbers
                value.data = self.maker.numbers(value.shape)
            wanted = self.step(self.arguments)
        inputs = {f"indices_{i + 1}": x for i, x in enumerate(self.arguments)}
        found = engine.run(program, inputs | {value.label: value.data for value in self.values})
        pairs = [(found["loss"], wanted[0].data), (found["results"][1], wanted[1].data)]
        for value in self.values:
            if value.grad is not None:
                pairs.append((found[f"gradient_of_{value.label}"], value.grad))
        for got, right in pairs:
            assert_alike(got, right, tolerance)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "examples"), [("float64", 1e-12, 40), ("float32", 3e-5, 20)]
)
def test_random_programs_forward_and_backward(engine, dtype, tolerance, examples):
    shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)

    @settings(max_examples=examples)
    @given(st.lists(STEP, min_size=1, max_size=6), shapes, st.integers(0, 2**32))
    def check(plan, shape, seed):
        Drawn(plan, shape, dtype, seed).check(engine, tolerance)

    check()


@pytest.mark.parametrize(
    ("kind", "tolerance", "examples"), [(float, 1e-12, 15), (np.float32, 3e-5, 8)]
)
def test_the_suite_s_random_programs(engine, kind, tolerance, examples):
    """Recorded on some numbers, and run on others."""

    @settings(max_examples=examples)
    @given(LINES, st.integers(0, 2**32))
    def check(lines, seed):
        rng = np.random.default_rng(seed)
        dtype = np.result_type(kind)
        s, v, m = (
            Value(kind(rng.normal()) if shape == () else rng.normal(size=shape).astype(dtype), name)
            for name, shape in (("s", ()), ("v", (3,)), ("m", (2, 3)))
        )

        def program(x, y, z):
            for parameter in (s, v, m):
                parameter.grad = None
            given = [Value(data, constant=True) for data in (x, y, z)]
            last, loss = composed(lines, [*given, s, v, m])
            loss.backward()
            return loss, last

        def numbers():
            return kind(rng.normal()), *(rng.normal(size=n).astype(dtype) for n in (3, (2, 3)))

        with np.errstate(all="ignore"):
            captured = capture(program, jit=False)
            captured.record(*numbers())
            arguments = numbers()
            loss, last = program(*arguments)
        inputs = dict(zip("xyz", arguments, strict=True)) | {p.label: p.data for p in (s, v, m)}
        found = engine.run(captured, inputs)
        assert_alike(found["results"][0], loss.data, tolerance)
        assert_alike(found["results"][1], last.data, tolerance)
        for parameter in (s, v, m):
            if parameter.grad is not None:
                found_gradient = found[f"gradient_of_{parameter.label}"]
                assert_alike(found_gradient, parameter.grad, tolerance)

    check()


def test_an_axis_of_one_element_is_gathered_from(engine):
    for name in ("take", "table", "index"):
        Drawn([(name, 1, 3), ("mul", 0, 1)], (2, 1, 2), "float64", 0).check(engine, 1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_step(engine, dtype):
    for name in STEPS:
        for seed, shape in enumerate([(3,), (3, 4), (2, 3, 3)][dtype == "float32" :]):
            plan = [(name, seed, 2), ("mul", 0, 1)]
            Drawn(plan, shape, dtype, seed).check(engine, 1e-12 if dtype == "float64" else 3e-5)


# --- What only happens with certain numbers -------------------------------------------------------


def test_zero_times_infinity_is_zero_in_products_of_the_chain_rule(engine):
    x, w = Value(np.ones((3, 4)), "x"), Value(np.ones((4, 2)), "w")
    mask, other = np.array([[0.0, 1.0]] * 3), np.ones((3, 4))

    @capture(jit=False)
    def program(mask, other):
        x.grad = w.grad = None
        loss = np.sum((np.sqrt(x) * other) @ (1.0 / w) * mask)
        loss.backward()
        return loss

    program.record(mask, other)
    x.data = np.array([[0.0, 1.0, 2.0, 3.0]] * 3)
    w.data = np.array([[0.0, 1.0]] + [[1.0, 2.0]] * 3)
    other[:, 0] = 0.0
    with np.errstate(all="ignore"):
        program.function(mask, other)
    inputs = {"mask": mask, "other": other, "x": x.data, "w": w.data}
    found = engine.run(program, inputs)
    np.testing.assert_allclose(array(found["gradient_of_x"], x.shape), x.grad, rtol=1e-12)
    np.testing.assert_allclose(array(found["gradient_of_w"], w.shape), w.grad, rtol=1e-12)
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("numbers", [[1.0, 2.0], [0.0, -1.0], [np.nan, np.inf]])
def test_the_text_does_not_depend_on_the_numbers_of_the_recording(numbers):
    def program(x):
        x.grad = None
        loss = np.sum(np.log(x) * np.sqrt(x) @ (x / np.sum(x)))
        loss.backward()
        return loss

    texts = set()
    for data in (np.array([3.0, 4.0]), np.array(numbers)):
        captured = capture(program)
        with np.errstate(all="ignore"):
            captured.record(Value(data, "x"))
        texts.add(captured.javascript)
    assert len(texts) == 1


# --- Networks -------------------------------------------------------------------------------------


def network(dtype, seed=0):
    """The homework's network of ten classes: weights, and its loss."""
    rng = np.random.default_rng(seed)
    sizes = [(784, 128), (128,), (128, 10), (10,)]
    names = ["w1", "b1", "w2", "b2"]
    weights = [
        Value((rng.normal(size=size) * 0.05).astype(dtype), name)
        for size, name in zip(sizes, names, strict=True)
    ]

    def loss_of(x, labels):
        w1, b1, w2, b2 = weights
        logits = ops.relu(x @ w1 + b1) @ w2 + b2
        picked = numpy_api.log_softmax(logits, axis=-1)[np.arange(len(labels)), labels]
        return -np.mean(picked), logits

    return weights, loss_of


@pytest.fixture(scope="module")
def browser():
    """A page of Chromium that evaluates bodies of functions."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("pages are tested in Chromium: apt-get install chromium")
    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield Page(browser.new_page())
        browser.close()


class Page(Engine):
    def __init__(self, page):
        self.page = page

    def evaluate(self, body):
        text = f"() => {{ {ENCODE} return JSON.stringify((() => {{ {body} }})(), plain); }}"
        return json.loads(self.page.evaluate(text))


@pytest.mark.parametrize("where", ["engine", "browser"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_network_and_its_gradients(request, where, dtype, tolerance):
    engine, (weights, loss_of) = request.getfixturevalue(where), network(dtype)

    @capture(jit=False)
    def step(x, labels):
        for w in weights:
            w.grad = None
        loss, logits = loss_of(x, labels)
        loss.label = "loss"
        loss.backward()
        return loss, logits

    rng = np.random.default_rng(1)
    x, labels = rng.random((8, 784)).astype(dtype), rng.integers(0, 10, 8)
    step.record(x, labels)
    loss, logits = step.function(x, labels)
    inputs = {"x": x, "labels": labels} | {w.label: w.data for w in weights}
    found = engine.run(step, inputs)
    assert found["loss"] == pytest.approx(loss.data, rel=tolerance)
    np.testing.assert_allclose(
        array(found["results"][1], logits.shape), logits.data, atol=tolerance
    )
    for w in weights:
        got = array(found[f"gradient_of_{w.label}"], w.shape)
        scale = np.abs(w.grad).max()
        np.testing.assert_allclose(got / scale, w.grad / scale, rtol=0, atol=tolerance)


def test_windows_on_images_and_their_gradients(engine):
    rng = np.random.default_rng(2)
    kernel = Value(rng.normal(size=(18, 3)), "kernel")

    @capture(jit=False)
    def step(x):
        kernel.grad = None
        image = Value(x, "image")
        sums = ops.reshape(ops.windows(image, (3, 3), (1, 1)), (-1, 18)) @ kernel
        maxima = ops.max_pool(ops.reshape(sums, (2, 4, 3, 3)), (2, 2), (1, 2))
        loss = (maxima**2).sum()
        loss.backward()
        return loss, image.grad

    x = rng.normal(size=(2, 6, 5, 2))
    step.record(x)
    loss, by_image = step.function(x)
    found = engine.run(step, {"x": x, "kernel": kernel.data})
    assert found["results"][0] == pytest.approx(loss.data, rel=1e-12)
    np.testing.assert_allclose(array(found["results"][1], x.shape), by_image, atol=1e-10)
    np.testing.assert_allclose(array(found["gradient_of_kernel"], (18, 3)), kernel.grad, atol=1e-10)


def data_of(program):
    """What the Values hold that a program reads: by their labels, a second one as ``label_2``."""
    data = {}
    for value in sorted(program.program.recording.values, key=lambda value: value.data.number):
        label, number = value.node.label, 2
        name = label
        while name in data:
            name, number = f"{label}_{number}", number + 1
        data[name] = value.node.data
    return data


WARM = schedules.CosineDecay(0.0, 3, warmup_target=0.1, warmup_steps=2)
MAKERS = {
    "SGD": lambda: SGD(0.1, 0.9),
    "Adam": lambda: Adam(0.01),
    "Adam with a schedule": lambda: Adam(WARM, amsgrad=True, clipnorm=0.5, weight_decay=0.1),
    "Nadam": lambda: Nadam(schedules.ExponentialDecay(0.1, 2, 0.5, True), global_clipnorm=0.5),
    "RMSprop": lambda: RMSprop(0.1, centered=True, momentum=0.5, clipvalue=0.1),
    "Lion": lambda: Lion(schedules.PiecewiseConstantDecay([0, 2], [0.1, 0.2, 0.3])),
    "averages": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_training_step_gives_new_data_and_changes_none(engine, make):
    """Three steps in JavaScript, each with the new data of the last."""
    w, b, optimizer = Value(np.ones((3, 2)), "w"), Value(np.zeros(2), "b"), make()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))

    @capture(jit=False)
    def step(x, y):
        w.grad = b.grad = None
        loss = np.mean((x @ w + b - y) ** 2)
        loss.backward()
        optimizer.apply([w, b])
        return loss

    step(x, y)
    step.record(x, y)
    data = {"x": x, "y": y} | data_of(step)
    given = ", ".join([f"{name}: {written(number)}" for name, number in data.items()])
    call = f"""
      let data = {{ {given} }}, losses = [], before = JSON.stringify(data);
      step(data);
      const same = JSON.stringify(data) === before;
      for (let i = 0; i < 3; i++) {{
        const made = step(data);
        losses.push(made.results[0]);
        for (const name of Object.keys(data)) {{
          if (`new_${{name}}` in made) {{ data[name] = made[`new_${{name}}`]; }}
        }}
      }}
      return {{ losses, same, w: data.w, b: data.b, names: Object.keys(step(data)) }};"""
    found = engine.evaluate(step.javascript + call)
    losses = [step.function(x, y).data for _ in range(3)]
    assert found["same"]
    assert {"new_w", "new_b", "gradient_of_w", "gradient_of_b"} <= {*found["names"]}
    assert {"w", "b", "parameters", "new_parameters"}.isdisjoint(found["names"])
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-12)
    np.testing.assert_allclose(array(found["w"], w.shape), w.data, rtol=1e-12)
    np.testing.assert_allclose(array(found["b"], b.shape), b.data, rtol=1e-12)


# --- What is given and what is refused ------------------------------------------------------------


def test_arrays_are_lists_or_typed_arrays_and_their_shapes_are_checked(engine):
    @capture
    def program(x):
        return x * 2.0

    program.record(np.ones((2, 3)))
    whole = "new BigInt64Array([1n,2n,3n,4n,5n,6n])"
    rows = "[new Int8Array([1,2,3]), [4,5,6]]"
    typed = "new Float32Array([1,2,3,4,5,6])"
    for x in ["[[1,2,3],[4,5,6]]", "[1,2,3,4,5,6]", typed, whole, rows]:
        found = engine.evaluate(f"{program.javascript} return program({{ x: {x} }}).result;")
        assert found == [2, 4, 6, 8, 10, 12]
    for x, got in [
        ("[[1,2],[3,4],[5,6]]", "got lists of another shape"),
        ("[[1,2,3],[4,5,6],[7,8,9]]", "got lists of another shape"),
        ("[[1,2,3],4]", "got lists of another shape"),
        ("[[1,2,3],[4,5,[6]]]", "got lists of another shape"),
        ("[1,2,3]", "got 3"),
        ("undefined", "got undefined"),
        ("7", "got 7"),
    ]:
        with pytest.raises(RuntimeError, match=f"x: expected 2 × 3 numbers, {got}"):
            engine.evaluate(f"{program.javascript} program({{ x: {x} }});")


def test_results_are_the_caller_s_own(engine):
    @capture
    def program(x):
        return x, x.T, x + 1.0

    program.record(np.ones((2, 3)))
    text = f"""{program.javascript}
      const x = new Float64Array([1, 2, 3, 4, 5, 6]);
      for (const part of program({{ x }}).results) {{ part.fill(0); }}
      return [x, program({{ x }}).results];"""
    x, (same, transposed, more) = engine.evaluate(text)
    assert x == same == [1, 2, 3, 4, 5, 6]
    assert transposed == [1, 4, 2, 5, 3, 6]
    assert more == [2, 3, 4, 5, 6, 7]


def test_an_index_out_of_bounds_is_an_error(engine):
    table = Value(np.arange(8.0).reshape(4, 2), "table")
    program = capture(lambda words: table[words])
    program.record(np.array([0, 3]))
    inputs = {"table": table.data}
    assert engine.run(program, {"words": [-1, 1], **inputs})["result"] == [6, 7, 2, 3]
    for bad in (4, -5):
        with pytest.raises(RuntimeError, match=f"RangeError: index {bad} is out of bounds .* of 4"):
            engine.run(program, {"words": [0, bad], **inputs})


@pytest.mark.parametrize("start", [np.array([1.0, 2.0]), 1.0], ids=["array", "number"])
def test_a_gradient_that_is_added_to_is_an_argument(engine, start):
    w = Value(start, "w")

    @capture
    def program(x):
        np.sum(w * x).backward()

    program(start)
    program.record(start)
    inputs = {"x": start * 3.0}
    assert np.array_equal(engine.run(program, inputs)["gradient_of_w"], start * 3.0)
    inputs["gradient_of_w"] = start * 10.0
    assert np.array_equal(engine.run(program, inputs)["gradient_of_w"], start * 13.0)


def test_a_number_beside_float32_is_rounded_whatever_its_label(engine):
    x = np.array([0.1, 0.2, 0.3], np.float32)
    program = capture(lambda x, v: (x * v, x < v, x < 0.1))
    for label in ("v", "nan", "Infinity"):
        v = Value(0.2, label)
        program.record(Value(x, "x"), v)
        name = program.javascript.rsplit("{ x, ", 1)[1].split(" }")[0]
        found = engine.run(program, {"x": x, name: 0.2})["results"]
        assert found[0] == (x * 0.2).tolist()
        assert found[1:] == [[1, 0, 0], [0, 0, 0]]


def test_a_trained_model_predicts(engine):
    layers = [Dense(16, activation="relu", input_shape=(5,)), Dense(3, activation="softmax")]
    model = Sequential(layers)
    model.compile(optimizer=Adam(), loss="sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    model.fit(x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0), epochs=2, verbose=0)
    program = capture(model.__call__)
    values = program.record(x[:4]).recording.values
    inputs = {value.node.label.replace("/", "_"): value.node.data for value in values}
    found = engine.run(program, {"inputs": x[8:12], **inputs})["result"]
    np.testing.assert_allclose(array(found, (4, 3)), model.predict(x[8:12]), rtol=1e-5)


def test_a_block_of_a_transformer(engine):
    """Tables, heads, a mask of -inf, norms, and the gradient of every matrix."""
    rng = np.random.default_rng(0)
    length, width, heads, words = 6, 8, 2, 10
    sizes = {**dict.fromkeys("qkvo", (width, width)), "up": (width, 16), "down": (16, width)}
    weights = {
        name: Value(rng.normal(size=size) * 0.3, name)
        for name, size in {**sizes, "table": (words, width)}.items()
    }
    mask = np.triu(np.full((length, length), -np.inf), 1)

    def normal(x):
        centered = x - np.mean(x, axis=-1, keepdims=True)
        return centered / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-5)

    def split(x):
        return np.transpose(x.reshape(-1, length, heads, width // heads), (0, 2, 1, 3))

    def step(tokens, targets):
        w = weights
        for value in w.values():
            value.grad = None
        x = w["table"][tokens]
        queries, keys, values = (split(normal(x) @ w[name]) for name in "qkv")
        attention = numpy_api.softmax(queries @ np.swapaxes(keys, -1, -2) / 2.0 + mask, axis=-1)
        joined = np.transpose(attention @ values, (0, 2, 1, 3)).reshape(-1, length, width)
        x = x + joined @ w["o"]
        x = x + ops.gelu(normal(x) @ w["up"]) @ w["down"]
        logs = numpy_api.log_softmax(x @ w["table"].T, axis=-1)
        loss = -np.mean(np.take_along_axis(logs, targets[..., None], -1))
        loss.backward()
        return loss

    tokens, targets = rng.integers(0, words, (2, 3, length))
    program = capture(step, jit=False)
    program.record(tokens, targets)
    loss = step(targets, tokens)
    inputs = {name: value.data for name, value in weights.items()}
    found = engine.run(program, {"tokens": targets, "targets": tokens, **inputs})
    assert found["results"][0] == pytest.approx(loss.data, rel=1e-12)
    for name, value in weights.items():
        assert_alike(found[f"gradient_of_{name}"], value.grad, 1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (20, 30)])
def test_it_is_the_same_text_however_loops_are_compiled(engine, shape):
    def step(a, b):
        return hvp(lambda v: np.sum((v @ v.T) ** 2), a, b)

    rng, texts = np.random.default_rng(0), set()
    a, b = rng.normal(size=(2, *shape))
    for jit in (True, False):
        program = capture(step, jit=jit)
        program.record(a, b)
        texts.add(program.javascript)
        assert_alike(engine.run(program, {"a": a, "b": b})["result"], step(a, b), 1e-12)
    assert len(texts) == 1
