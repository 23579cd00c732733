"""Random functions with a random world around them, and two twins of each: one captured, one not.

A world is the text of a small module: parts of the catalogue, Values and an optimizer, a function
``f`` that computes with them, and functions that change them. Both twins execute the text for
themselves and get the same calls and changes; after each, all that a user can see must be equal.
"""

import ast
import contextvars
import functools
import itertools
import linecache
import random
import re
import sys
import types
import warnings
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from world_parts import PARTS

from tinygrad_hw import capture
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.nn.optimizers import Optimizer
from tinygrad_hw.program import Captured, CaptureError

CAPTURE = functools.partial(capture, jit=False)
HEADER = """\
import array, collections, contextvars, dataclasses, enum, functools, io, itertools, math
import operator, os, random, threading, types, weakref
from types import SimpleNamespace as NS
import numpy as np
from tinygrad_hw import Value, grad
from tinygrad_hw.nn import SGD, Adam
sum_of = sum
"""

# --- The text of a world --------------------------------------------------------------------------

# Ways to read a part of the world: lines before the function, and the expression in it.
READERS = [
    ("", "USE"),
    ("", "USE"),
    ("def use$(x):\n    return USE", "use$(x)"),
    ("use$ = lambda x: USE", "use$(x)"),
    ("class Use$:\n    def go(self, x):\n        return USE\nuse$ = Use$()", "use$.go(x)"),
    ("class Use$:\n    @staticmethod\n    def go(x):\n        return USE", "Use$.go(x)"),
    ("class Use$:\n    def __call__(self, x):\n        return USE\nuse$ = Use$()", "use$(x)"),
    ("def use$(x):\n    yield USE", "next(use$(x))"),
    ("def use$(x):\n    return [USE for q in range(2)][-1]", "use$(x)"),
    ("def use$(x):\n    try:\n        return USE\n    finally:\n        pass", "use$(x)"),
    ("def use$(x):\n    def inner():\n        return USE\n    return inner()", "use$(x)"),
    ("def use$(x):\n    return USE", "[*map(use$, [x])][0]"),
    ("def use$(x):\n    return USE", "functools.partial(use$, x)()"),
    ("def use$(x):\n    return USE", "functools.reduce(lambda q, r: use$(q), [1], x)"),
    ("def use$(*x):\n    x, = x\n    return USE", "{'k': use$}['k'](*[x])"),
]
LINES = """
a + b | a - b | a * b | b - a * 2 | a * 0.5 + b | -a | +a | a / (b * b + 1.5) | 1.0 / a | a ** 2
a ** 3 | (a * a + 1) ** 0.5 | abs(a) | a * a | a * 2.0 | 3 * a | a - 1 | np.float32(0.1) * a
np.tanh(a) | np.sin(a) * b | np.exp(np.minimum(a, 2.0)) | np.exp(-a * a) | np.sqrt(abs(a) + 0.25)
np.log(a * a + 0.5) | np.maximum(a, b) | np.minimum(a, 0.5) | np.clip(a, -1.0, 1.0) | np.square(a)
np.where(a > 0.3, a, b) | np.where(a > b, a * 2, 0.5) | np.sign(a) * b | np.maximum(a, a)
np.abs(b) | np.sum(a) | np.mean(a) | np.sum(a * b) | np.sum(a, keepdims=True) | np.max(a)
np.sum(a) * b | (a + np.zeros(3))[..., ::-1] | np.sum((a + np.zeros((2, 3))).T[0])
np.squeeze(a + np.zeros((1, 3))) | (a + np.zeros(3))[..., 0]
(a * np.ones(3))[..., 1] + 0 * np.sum(b + 100.0) | np.ravel(a)[0] * b
(a + np.zeros(3)) @ np.ones(3) | np.dot(a + np.zeros(3), np.ones(3)) | np.sum(np.stack([a, b]))
np.reshape(a + np.zeros(3), (-1,))[:3] | np.broadcast_to(a + np.zeros(3), (2, 3)) * b
np.sum(np.concatenate([np.ravel(a), np.ravel(b)])) | np.transpose(a)
np.cumsum(a + np.zeros(3))[2] | a if np.sum(a) > 0.5 else b
b * 2 if np.max(a) > np.min(b) else a | [a, b][::-1][0] * 1.5 | sum([a, b])
sum(q * a for q in (1.0, 0.5)) | max(np.sum(a), np.sum(b)) | a * len(np.shape(b)) | a + np.ndim(a)
a * (3 if isinstance(a, Value) else 2) | (a, b)[0] * {'k': b}['k'] | np.real(a) * b
np.copy(a) + b | np.nan_to_num(b) | np.array([1.0, 2.0, 3.0]) * a | a * np.eye(3)[1]
grad(lambda q: np.sum(np.tanh(q) * q))(a) | np.linalg.norm(a + np.zeros(3)) * b | np.var(a) + b
np.mean(a > 0.1) * b | np.sum(np.where(np.isnan(a), 0.0, a)) | np.argmax(a + np.zeros(3)) * b
"""
LINES = [line.strip() for line in LINES.replace("\n", "|").split("|") if line.strip()]
BLOCKS = [
    "if np.sum(a) > 0.25:\n    NEW = a * 2\nelse:\n    NEW = b - 1",
    "NEW = a\nwhile 4 < np.sum(np.abs(NEW)) < 1e9:\n    NEW = NEW / 2",
    "try:\n    NEW = 1.0 / a\nexcept ZeroDivisionError:\n    NEW = 7.0",
    "try:\n    NEW = a * missing\nexcept NameError:\n    NEW = b",
    "NEW = b\nfor q in range(3):\n    NEW = NEW * 0.5 + a",
    "kept = []\nfor q in (a, b):\n    kept.append(q * 2)\nNEW = kept[0] - kept[1]",
    "if np.sum(a) > 40:\n    raise ValueError('too large')\nNEW = a",
    "if np.sum(b) < -3:\n    raise KeyError(str(np.shape(a)))\nNEW = b",
    "with np.errstate(all='ignore'):\n    NEW = a / (b - b + 2.0)",
    "NEW, rest = (a, b)\nNEW = NEW - rest * 0.25",
    "def inner(q, r=b):\n    return q + r\nNEW = inner(a)",
]
# Arguments of one kind each, so that a call may be answered by the program of an earlier one.
ARGUMENTS = [
    ["0.5", "-1.25", "2.5", "0.0", "-0.0", "float('nan')", "float('inf')", "1e200", "0.3"],
    ["0.5", "-1.25", "2.5", "0.75", "-0.125"],
    ["np.float64(0.3)", "np.float64(-2.0)", "np.float64(0.0)", "np.float64(7.0)"],
    ["np.float32(0.3)", "np.float32(-2.0)", "np.float32(0.1)"],
    ["2", "3", "True", "-1", "0"],
    ["np.array(0.7)", "np.array(-0.7)"],
    ["np.array([0.5, -1.0, 2.0])", "np.array([3.0, 0.25, -0.5])", "np.array([0.0, -0.0, np.nan])"],
    ["np.array([0.5, -1.0, 2.0])", "np.array([3.0, 0.25, -0.5])", "np.array([1.0, 2.0, 3.0])"],
    ["np.float32([0.5, -1, 2])", "np.float32([0.1, 0.2, 0.3])"],
    ["np.arange(6.0).reshape(2, 3) / 4", "np.arange(6.0)[::-1].reshape(2, 3) - 2.0"],
    ["np.asfortranarray(np.arange(6.0).reshape(2, 3))", "np.arange(6.0).reshape(3, 2).T"],
    ["np.array([0.5, -1.0, 2.0])[::-1]", "np.arange(6.0)[::2]", "np.array([1, 2, 3])"],
    ["np.array([0.5, -1.0, 2.0], '>f8')", "np.array([0.25, 1.0, 2.0], '>f8')"],
    ["Value(0.5)", "Value(-1.5)", "Value(0.25)"],
    ["Value([0.5, -1.0, 2.0])", "Value([0.25, 3.0, -0.5])"],
    ["Value(0.5, constant=True)", "Value(-1.5, constant=True)"],
    ["xs", "xs"],
    ["xv", "xv", "Value([0.25, 3.0, -0.5])"],
    ["w", "Value(0.75)"],
    ["v", "Value([0.25, 3.0, -0.5])"],
]
VALUES = """\
w, v = Value(0.5, "w"), Value(np.array([0.25, -0.5, 1.0]), "v")
params = [w, v]
opt = OPTIMIZER
xs = np.array([0.5, 1.5, -2.5])
xv = Value(np.array([0.5, 1.5, -2.5]))
"""
OPTIMIZERS = ["SGD(0.1)", "SGD(0.1, momentum=0.9)", "Adam(0.05)"]
CHANGES_OF_VALUES = [
    *("w.data = 0.75", "w.data = -0.0", "v.data = [1.0, 0.5, -0.5]", "v.data[1] = 0.125"),
    *("v.data *= 2", "w.data = w.data + 1", "v.data = [1.0, 2.0]", "w.data = 'no'"),
    *("w.grad = None", "v.grad = None", "w.grad = v.grad = None", "v.grad = np.ones(3)"),
    *("w.constant = True", "v.constant = True", "w.constant = v.constant = False"),
    *("w = Value(0.3, 'w')", "v = Value([0.3, 0.2, 0.1], 'v')", "w, params[0] = Value(1.5), w"),
    *("params.reverse()", "params = [w, v]", "params = [w]", "params = [v, w]", "params.append(w)"),
    *("opt.learning_rate = 0.01", "opt.learning_rate *= 0.5", "opt.learning_rate = 0.1"),
    *("opt = SGD(0.2)", "opt = Adam(0.1)", "opt = SGD(0.1, momentum=0.5)", "opt.reset()"),
    *("xs[0] = 9.0", "xs *= -1", "xs = xs.astype(np.float32)", "xs = np.array([1.0, -0.0, 2.0])"),
    *("xv.data = [3.0, 2.0, 1.0]", "xv.grad = None", "xv.constant = not xv.constant"),
    *("v.data = np.float32([1, 2, 3])", "w.label = 'other'", "w, v = v, w"),
]
CHANGES_OF_F = [
    "f.__defaults__ = (2.5, *f.__defaults__[1:])",
    "f.__code__ = f.__code__.replace(co_name='g')",
    "f.note = 3.0",
]


@dataclass
class World:
    """The text of a world, without the function's body: that is made of ``lines``.

    ``changes`` are pairs of a kind and a statement; ``calls`` are lists of expressions.
    """

    module: list[str] = field(default_factory=list)
    closure: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ending: list[str] = field(default_factory=list)
    form: str = "f"
    arguments: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # kind, place, statement
    calls: list[list[str]] = field(default_factory=list)
    refused: bool = False

    @property
    def source(self):
        """The whole module; ``made`` is the function that calls go to."""
        names = "".join(f", {name}=None" for name in self.arguments)
        body = [f"def f(x, y=1.5{names}):", "    t_0, t_1 = x, y"]
        body += ["    " + line for text in (*self.lines, *self.ending) for line in text.split("\n")]
        changes = {"module": [], "closure": []}
        for i, (_, place, statement) in enumerate(self.changes):
            words = {"module": "global", "closure": "nonlocal"}
            changes[place] += _changing(i, statement, words[place])
        inner = [line for text in (*self.closure, *body) for line in text.split("\n")]
        inner += changes["closure"]
        inner += [f"return f, [{', '.join(n for n in _defined(changes['closure']))}]"]
        text = [HEADER, *self.module, "def make():", *("    " + line for line in inner)]
        text += ["f, changes_of_closure = make()", *changes["module"], f"made = {self.form}"]
        return "\n".join(text) + "\n"


def _changing(i, statement, word):
    """A function that makes one change."""
    names = sorted(_assigned(statement))
    declared = [f"    {word} {', '.join(names)}"] if names else []
    return [f"def change_{i}():", *declared, *("    " + x for x in statement.split("\n"))]


def _defined(lines):
    return [line[4:].partition("(")[0] for line in lines if line.startswith("def ")]


def _assigned(statement):
    """Names that a statement binds or deletes, inner scopes left out."""
    tree = ast.parse(statement)
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)
    }


FORMS = [
    *["f"] * 4,
    "functools.partial(f, y=0.5)",
    "types.MethodType(lambda self, *a, **k: self.f(*a, **k), NS(f=f))",
    "(lambda *a, **k: f(*a, **k))",
    "type('Callable', (), {'__call__': lambda self, *a, **k: f(*a, **k)})()",
]


def random_world(numbers: random.Random, parts=PARTS) -> World:
    """A world of some parts of the catalogue and a function of some lines."""
    world = World()
    trains = numbers.random() < 0.5
    world.module.append(VALUES.replace("OPTIMIZER", numbers.choice(OPTIMIZERS)).rstrip())
    chosen = [numbers.choice(parts) for _ in range(numbers.choice([0, 1, 1, 2, 2, 3, 4]))]
    pending = []
    for i, part in enumerate(chosen):
        pending.append(_place(world, numbers, part, str(i)))
    n = 2
    for _ in range(numbers.randint(2, 7)):
        pool = [f"t_{k}" for k in range(n)] + ["w", "v"]
        a, b = (numbers.choice(pool) if numbers.random() < 0.6 else pool[-3] for _ in range(2))
        if pending and numbers.random() < 0.6:
            text = f"NEW = {_in(pending.pop(), 'x', a)}"
        elif numbers.random() < 0.15:
            text = numbers.choice(BLOCKS)
        else:
            text = f"NEW = {numbers.choice(LINES)}"
        world.lines.append(_in(_in(_in(text, "a", a), "b", b), "NEW", f"t_{n}"))
        n += 1
    for text in pending:
        world.lines.append(f"t_{n} = {_in(text, 'x', f't_{n - 1}')}")
        n += 1
    last = f"t_{n - 1}"
    results = [
        last,
        f"{last}, t_{n - 2}",
        f"{{'a': {last}, 'b': [t_2]}}",
        "None",
        "t_2",
        "[t_0, t_2]",
    ]
    if trains:
        if numbers.random() < 0.7:
            world.ending.append("for p in params:\n    p.grad = None")
        world.ending.append(f"loss = np.sum({last} * w) + np.sum(v * {last}) * 0.5")
        if numbers.random() < 0.2:
            world.ending.append("loss = loss + np.sum(v * v)")
        world.ending.append("loss.backward()")
        if numbers.random() < 0.7:
            world.ending.append("opt.apply(params)")
        results += [
            "loss",
            "loss",
            "loss, w, v",
            "w.grad, v.grad",
            "loss * 2, t_2",
            "v[..., 0], loss",
        ]
    world.ending.append(f"return {numbers.choice(results)}")
    if trains or numbers.random() < 0.5:
        for statement in numbers.sample(CHANGES_OF_VALUES, 5):
            world.changes.append(("Values", "module", statement))
    if numbers.random() < 0.15:
        world.changes.append(("the function itself", "module", numbers.choice(CHANGES_OF_F)))
    world.form = numbers.choice(FORMS)
    options = "".join(f", {name}={name}" for name in world.arguments)
    y = numbers.choice(["", "", ", 0.5", ", y=0.25"])
    for family in numbers.sample(ARGUMENTS, numbers.choice([1, 1, 2])):
        world.calls.append([f"made({x}{y}{options})" for x in family])
    return world


def _place(world, numbers, part, number):
    """Set a part up in the world, and return the expression that reads it."""
    setup, use = part.setup.replace("$", number), part.use.replace("$", number)
    place = part.place
    if place == "either":
        place = "module" if part.argument else numbers.choice(["module", "closure"])
    lines = world.module if place == "module" else world.closure
    if setup:
        lines.append(setup)
    for change in part.changes:
        if change not in part.late:
            world.changes.append((part.kind, place, change.replace("$", number)))
    world.refused |= part.refused
    if part.argument:
        world.arguments.append(part.argument.replace("$", number))
        return f"({use})"
    definition, expression = numbers.choice(READERS)
    if definition:
        lines.append(definition.replace("$", number).replace("USE", use))
        return expression.replace("$", number)
    return f"({use})"


def _in(text, name, other):
    return re.sub(rf"\b{name}\b", other, text)


# --- What a user can see --------------------------------------------------------------------------


def snapshot(thing, seen=None, result=False):
    """All that can be seen of a thing, as nested tuples: two equal ones are the same to a user."""
    seen = {} if seen is None else seen
    if isinstance(thing, Captured):
        thing = thing.function
    kind = type(thing)
    if isinstance(thing, StandIn):
        return "a stand-in"
    if kind is float:
        return "float", repr(thing)
    if thing is None or kind in (bool, int, str, bytes, complex):
        return kind.__name__, repr(thing)
    if isinstance(thing, np.ndarray | np.generic):
        return kind.__name__, thing.shape, thing.dtype.str, repr(thing.tolist())
    if result and isinstance(thing, Node):
        return "Value", snapshot(thing.raw)
    if id(thing) in seen:
        return "seen", seen[id(thing)][0]
    seen[id(thing)] = len(seen), thing  # kept alive, for its id
    look = functools.partial(snapshot, seen=seen, result=result)
    if isinstance(thing, Node):
        return "Value", look(thing.raw), look(thing.grad), thing.constant
    if isinstance(thing, list | tuple | deque):
        return kind.__name__, tuple([look(x) for x in thing]), _fields(thing, look)
    if isinstance(thing, set | frozenset):
        return kind.__name__, tuple(sorted([look(x) for x in thing], key=repr))
    if isinstance(thing, dict | types.MappingProxyType):
        items = tuple([(look(key), look(x)) for key, x in thing.items()])
        return kind.__name__, items, _fields(thing, look)
    return kind.__name__, _of_object(thing, look)


def _of_object(thing, look):
    if isinstance(thing, types.FunctionType):
        cells = [_content(cell) for cell in thing.__closure__ or ()]
        parts = cells, thing.__defaults__, thing.__kwdefaults__, dict(vars(thing))
        return tuple([look(x) for x in parts])
    if isinstance(thing, types.MethodType):
        return look(thing.__func__), look(thing.__self__)
    if isinstance(thing, functools.partial):
        return look(thing.func), look(thing.args), look(thing.keywords)
    if isinstance(thing, weakref.ref):
        return look(thing())
    if isinstance(thing, contextvars.ContextVar):
        return look(thing.get(None))
    if isinstance(thing, random.Random):
        return thing.getstate()
    if isinstance(thing, np.random.Generator):
        return repr(thing.bit_generator.state)
    if isinstance(thing, types.GeneratorType):
        return look(thing.gi_frame and dict(thing.gi_frame.f_locals))
    if isinstance(thing, itertools.count | itertools.repeat):
        return repr(thing)
    if isinstance(thing, types.ModuleType):
        return None if thing.__name__ in sys.modules else look(_own(vars(thing)))
    if isinstance(thing, type):
        return look(_own(vars(thing))) if thing.__module__ == "a_world" else None
    if isinstance(thing, Optimizer):
        return tuple([look(vars(thing)[name].raw) for name in ("learning_rate",)])
    if hasattr(type(thing), "__length_hint__"):
        return thing.__length_hint__()
    return _fields(thing, look)


def _fields(thing, look):
    fields = dict(getattr(thing, "__dict__", {}))
    for owner in type(thing).__mro__:
        for name in getattr(owner, "__slots__", ()):
            if name != "__dict__" and hasattr(thing, name):
                fields[name] = getattr(thing, name)
    return tuple([(name, look(x)) for name, x in fields.items()]) if fields else ()


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _own(members):
    return {
        name: x
        for name, x in members.items()
        if not name.startswith(("__", "change")) or name == "__call__"
        if not isinstance(x, types.ModuleType) or x.__name__ not in sys.modules
    }


# --- The twins ------------------------------------------------------------------------------------


class Difference(AssertionError):  # noqa: N818 - what a test has found
    """What the captured twin did otherwise than the plain one."""


class Twins:
    """The same world twice, once with its function captured; ``steps`` is what was done so far."""

    numbers = itertools.count()

    def __init__(self, world: World, make=CAPTURE):
        self.world = world
        self.steps: list[str] = []
        self.over = False
        self.plain, self.captured = _executed(world.source), _executed(world.source)
        self.capture = make
        self.captured.made = make(self.captured.made)
        self.kept: list[tuple] = []

    def change(self, i):
        """Make one of the world's changes in both twins."""
        i %= len(self.world.changes)
        self.steps.append(self.world.changes[i][2])
        outcomes = [
            _outcome(lambda one=one: _change(one, i)) for one in (self.plain, self.captured)
        ]
        if outcomes[0][0] != outcomes[1][0]:
            self._differ(f"change {i}", outcomes[0][0], outcomes[1][0])

    def call(self, text):
        """Call the function of both twins; return whether a program refused it."""
        self.steps.append(text)
        values_before = _values(self.captured) if self.world.refused else None
        plain, result = _outcome(lambda: eval(text, vars(self.plain)))
        self.outcome = plain
        captured, result_2 = _outcome(lambda: eval(text, vars(self.captured)))
        if current().trace is not PLAIN:
            self._differ("the trace", "plain", "a recorder is left on")
        if captured[0] == "raised" and captured != plain and _is_refusal(result_2):
            if not self.world.refused:
                self._differ("the result", plain, captured)
            for node, before in values_before:
                if snapshot(node) != before:
                    self._differ("a Value after a refusal", before, snapshot(node))
            self.over = True
            return
        if plain != captured:
            self._differ("the result", plain, captured)
        a, b = (snapshot(_own(vars(one))) for one in (self.plain, self.captured))
        if a != b:
            self._differ("the world", a, b)
        for then, plain_result, captured_result in self.kept:
            now = snapshot(captured_result, result=True)
            if now != then and snapshot(plain_result, result=True) == then:
                self._differ("a result of an earlier call", then, now)
        if captured[0] == "gave":
            self.kept = [*self.kept[-3:], (captured[1], result, result_2)]

    def _differ(self, what, right, got):
        right, got = first_difference(right, got)
        raise Difference(f"{what}: right {right}, got {got}\n{self.script()}")

    def script(self):
        """The world and what was done to it, to be read."""
        return self.world.source + "# " + "\n# ".join(self.steps)


def first_difference(a, b):
    """The innermost parts of two snapshots that differ."""
    while isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        parts = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        if len(parts) != 1:
            break
        a, b = parts[0]
    return a, b


def _executed(source):
    module = types.ModuleType("a_world")
    name = f"<world {next(Twins.numbers)}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, name, "exec"), vars(module))
    weakref.finalize(module, linecache.cache.pop, name, None)
    return module


def _change(one, i):
    own = {x.__name__: x for x in one.changes_of_closure}
    (own.get(f"change_{i}") or vars(one)[f"change_{i}"])()


def _outcome(act):
    """What came of a call, as a snapshot, and itself."""
    random.seed(1)
    np.random.seed(1)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = act()
        except Exception as error:
            text = re.sub(r"0x[0-9a-f]+", "0x", str(error))
            return ("raised", type(error).__name__, text), error
    states = random.getstate()[1][-1], np.random.get_state()[2]
    return ("gave", snapshot(result, result=True), states), result


def _is_refusal(error):
    return isinstance(error, CaptureError) or "captured" in str(error) or "masked" in str(error)


def _values(module):
    """The Values of a world, each with a snapshot."""
    found, seen = [], set()
    queue = [*_own(vars(module)).values(), *map(_content, module.f.__closure__ or ())]
    while queue:
        one = queue.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Node):
            found.append((one, snapshot(one)))
        elif isinstance(one, list | tuple | set | deque):
            queue += one
        elif isinstance(one, dict):
            queue += one.values()
        elif isinstance(one, types.FunctionType | type) or type(one).__module__ == "a_world":
            queue += getattr(one, "__dict__", {}).values()
    return found


def run(seed, parts=PARTS, changing=True, make=CAPTURE):
    """Make a world from a seed, call and change it for a while; raise Difference if they differ."""
    numbers = random.Random(seed)
    twins = Twins(random_world(numbers, parts), make)
    for _ in range(numbers.randint(2, 8)):
        family = numbers.choice(twins.world.calls)
        for _ in range(numbers.choice([1, 1, 2, 3, 4, 5])):
            twins.call(numbers.choice(family))
            if twins.over:
                return twins
        if changing and twins.world.changes:
            for _ in range(numbers.choice([0, 1, 1, 1, 2])):
                twins.change(numbers.randrange(len(twins.world.changes)))
    return twins


def calls_until_noticed(part, change, numbers, make=CAPTURE):
    """Change one thing around a function of one part; count the calls until one takes note.

    The first four calls run and record the function, the fifth is a replay; then comes the change.
    Return 1 if the next call gives what the plain function gives, 2 if the one after it does, and
    so on; None if the change makes no difference to what the next call gives.
    """
    world = World(module=[VALUES.replace("OPTIMIZER", "SGD(0.1)").rstrip()])
    expression = _place(world, numbers, replace(part, late=()), "0")
    world.lines = [f"t_2 = {_in(expression, 'x', 't_0')}"]
    world.ending = ["return t_2"]
    options = "".join(f", {name}={name}" for name in world.arguments)
    calls = [f"made({x}{options})" for x in ("0.5", "0.75", "-1.25", "2.0")]
    twins, unchanged = Twins(world, make), _executed(world.source)
    for k in range(5):
        twins.call(calls[k % 4])
        _outcome(lambda k=k: eval(calls[k % 4], vars(unchanged)))
    twins.change(change)
    for k in range(5, 17):
        without, _ = _outcome(lambda k=k: eval(calls[k % 4], vars(unchanged)))
        with suppress(Difference):
            twins.call(calls[k % 4])
            return k - 4 if k > 5 or twins.outcome != without else None
    return 17
