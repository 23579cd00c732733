"""The program as Python: readable, what runs, and nobody's labels can get out of their names."""

import ast
import builtins
import keyword

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import nn
from tinygrad_hw.engine import Value
from tinygrad_hw.program import capture

HOSTILE = [
    "w\nimport os\nos.abort()",
    "w\r\nraise SystemExit",
    "w\x0cw\x00\u2028raise SystemExit",
    "'; raise SystemExit; '",
    '"""\nraise SystemExit\n"""',
    "__import__('os').abort()",
    "#",
    "w # (2, 3)",
    "\\",
    "{w}",
    "%s",
    "",
    " ",
    "_",
    "__class__",
    "__builtins__",
    "None",
    "lambda",
    "match",
    "print",
    "np",
    "finite",
    "Changed",
    "step",
    "gradients",
    "parameters",
    "t1",
    "t2",
    "c",
    "loop",
    "x",
    "3",
    "3w",
    "σ",
    "wеight",  # a Cyrillic е
    "ﬁnite",  # a ligature, which Python reads as finite
    "ｎｐ",  # wide letters, which Python reads as np
    "𝐧𝐩",
    "ªº",
    "w\u0301",
    "\u202ew",
    "\ud800",
    "w" * 10_000,
    "\n" * 10_000,
    "ﷺ" * 10_000,  # each becomes 18 letters
]


def of_labels(labels, name="step"):
    """A captured step of training with these labels, after some runs; and what it should give."""
    values = [Value(np.full(3, 0.5 + i), label=label) for i, label in enumerate(labels)]
    scalar = Value(2.0, label=labels[0])

    def step(x):
        for v in (*values, scalar):
            v.grad = None
        total = scalar * x
        total.label = labels[-1]
        for v in values:
            product = np.log(v * x) * scalar
            product.label = labels[-1]
            total = total + product.sum()
        total.label = labels[0]
        total.backward()
        return total, [v.grad for v in values]

    step.__name__ = name
    c = capture(step, jit=False)
    for x in (1.0, 2.0, 3.0):
        found, wanted = c(x), step(x)
        assert found[0].data == wanted[0].data
        for a, b in zip(found[1], wanted[1], strict=True):
            np.testing.assert_array_equal(a, b)
    return c


def assert_tame(source):
    """One function and assignments; every name is plain and none is Python's."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(functions) == 1
    assert all(isinstance(node, ast.FunctionDef | ast.Assign) for node in tree.body)
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    stored |= {argument.arg for argument in functions[0].args.args}
    for name in stored:
        assert name.isascii()
        assert name.isidentifier()
        assert len(name) < 60
        assert not keyword.iskeyword(name)
        assert name not in dir(builtins)
        assert name not in ("np", "finite", "Changed", functions[0].name)
        assert not name.startswith("__")
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Lambda)
    arguments = [argument.arg for argument in functions[0].args.args]
    assert len(set(arguments)) == len(arguments)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: np.reshape(x, shape=(3, 2)),
        lambda x: np.reshape(x, (3, 2), copy=None),
        lambda x: np.reshape(x, (6,), "C"),
        lambda x: np.reshape(x.T, shape=(2, 3), order="F"),
        lambda x: x.reshape((3, 2), order="C"),
    ],
)
def test_each_way_to_ask_for_a_view(view):
    c = capture(lambda x: view(x) * 2.0, jit=False, pure=True)
    x = np.arange(6.0).reshape(2, 3)
    for _ in range(4):
        np.testing.assert_array_equal(c(x), view(x) * 2)


@pytest.mark.parametrize("label", HOSTILE, ids=lambda label: ascii(label[:20]))
def test_no_label_gets_out_of_its_name(label):
    source = of_labels([label, label, "w"]).source
    assert_tame(source)
    for text in ("SystemExit", "abort"):
        assert f"{text}(" not in source
        assert f"raise {text}" not in source


def test_all_hostile_labels_at_once_and_equal_ones():
    assert_tame(of_labels([*HOSTILE, *HOSTILE]).source)


@settings(deadline=None, derandomize=True, database=None, max_examples=15)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_random_labels(labels):
    assert_tame(of_labels(labels).source)


@pytest.mark.parametrize(
    "name",
    [
        "np",
        "finite",
        "Changed",
        "w",
        "x",
        "t1",
        "print",
        "float",
        "sum",
        "class",
        "None",
        "match",
        "<lambda>",
        "",
        "a b",
        "x():\n    pass\ndef y",
        "σ",
        "ﬁnite",
        "µ",
        "w" * 10000,
        "__class__",
        "gradients",
        "c",
        "loop",
        "log",
        "return",
    ],
    ids=lambda name: ascii(name[:20]),
)
def test_whatever_the_function_is_called(name):
    of_labels(["w", "b"], name)


@pytest.mark.parametrize("label", ["a\nb", "'", '"', "a']; raise SystemExit; x['"])
def test_names_of_arguments_and_keys_are_no_way_in_either(label):
    c = capture(lambda **options: sum(options.values()) * 2, jit=False)
    for x in (1.0, 2.0):
        assert c(**{label: x, "b": 1.0}) == 2 * (x + 1)
    d = capture(lambda tree: {label: tree[label] * 2}, jit=False)
    for x in (1.0, 2.0):
        assert d({label: x}) == {label: 2 * x}
    for source in (c.source, d.source):
        assert_tame(source)


def test_texts_and_odd_numbers_in_a_program_are_spelled_safely():
    odd = [np.inf, -np.inf, np.nan, -0.0, 1e-320, 0.1, 1e300, np.float32(0.1)]

    def f(x):
        return [np.maximum(x, k) + k * x for k in odd] + [x.reshape((3, 1), order="F")]

    c = capture(f, jit=False)
    with np.errstate(invalid="ignore"):
        for x in np.random.default_rng(0).normal(size=(3, 3)):
            for a, b in zip(c(x), f(x), strict=True):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def test_it_is_readable():
    """The student's names, the parts of a step, the shapes."""
    w, b = Value(np.ones((3, 2)), label="w"), Value(np.ones(2), label="b")
    optimizer = nn.SGD(0.1)

    def train(images, target):
        w.grad = b.grad = None
        hidden = images @ w + b
        hidden.label = "hidden"
        loss = np.square(hidden - target).mean()
        loss.label = "loss"
        loss.backward()
        optimizer.apply([w, b])
        return loss

    c = capture(train, jit=False)
    for _ in range(3):
        c(np.ones((4, 3)), 2.0)
    source = c.source
    assert "def train(images, target" in source
    headings = [source.index(f"# {part}") for part in ("forward", "backward", "update")]
    assert headings == sorted(headings)
    for name in ("hidden", "loss", "w", "b", "dloss_dw", "learning_rate"):
        assert name in source.replace("(", " ").replace(",", " ").replace(")", " ").split()
    assert "(4, 2) = (4, 3) @ (3, 2)" in source
    assert max(map(len, source.splitlines())) < 200
    assert source == c.program.source


def test_it_is_what_runs():
    """Run by hand, with nothing but NumPy, the text gives what the function gives."""
    c = capture(lambda x, y: (x * y + np.exp(x)) / (1.0 + abs(y)), jit=False)
    for x, y in [(np.arange(3.0), np.ones(3)), (np.ones(3), np.arange(3.0) - 1)]:
        found = [c(x, y), c(x, y)][1]
        space = {"np": np}
        exec(c.source, space)
        name = ast.parse(c.source).body[-1].name
        np.testing.assert_array_equal(space[name](x, y)[0], found)
        np.testing.assert_array_equal(found, (x * y + np.exp(x)) / (1.0 + abs(y)))


def test_what_is_not_needed_and_what_is_the_same_twice_is_left_out():
    def f(x):
        np.sin(x)
        return np.exp(x) + np.exp(x) * 2.0

    source = capture(f, jit=False).record(np.ones(3)).source
    assert "sin" not in source
    assert source.count("np.exp") == 1


def test_the_source_is_that_of_the_program_that_ran_last():
    c = capture(lambda x: np.sin(x) if x > 0 else np.cos(x), jit=False)
    with pytest.raises(ValueError, match="call it again"):
        c.source  # noqa: B018
    c(1.0)
    for x, here, there in [(1.0, "sin", "cos"), (-1.0, "cos", "sin"), (2.0, "sin", "cos")] * 3:
        for _ in range(3):
            c(x)
        assert here in c.source
        assert there not in c.source


def test_compiled_loops_are_part_of_the_source(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path))
    v = Value(np.ones(300), label="v\nraise SystemExit")
    c = capture(lambda x: np.exp(v * x) * 2.0 + v, jit=True)
    for _ in range(3):
        c(1.0)
    assert "raise SystemExit" not in c.source
    ast.parse(c.source)
    np.testing.assert_allclose(c(2.0).data, np.exp(2.0) * 2 + 1, rtol=1e-14)
    for path in tmp_path.rglob("*.py"):
        assert "SystemExit" not in path.read_text("utf-8")
