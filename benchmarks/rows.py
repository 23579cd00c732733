"""What is measured, beside whom, and what is to be reached. Nothing heavy is imported here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import capturing
import convolution
import figures
import homework
import letters
import moons
import steps
import tokens
import training
from measuring import Result, checked_steps
from steps import TEN_CLASSES, WIDE, Problem

ONE, TWO, PINNED, AS_IT_COMES = "1 thread", "2 threads", "1 core", "as it comes"

# XLA takes no number of threads, but a core: it then does best when it dispatches from there too.
SETTINGS: dict[str, dict[str, str]] = {
    ONE: {},
    TWO: {},
    PINNED: {"JAX_CPU_ENABLE_ASYNC_DISPATCH": "false"},
    AS_IT_COMES: {},
}
THREADS = {ONE: 1, TWO: 2, PINNED: 1}

NUMPY, FAST = "ours, NumPy", "ours, numba"
JAX, KERAS, MYGRAD, HIPS = "JAX, jit", "Keras on JAX", "MyGrad", "HIPS autograd"
TORCH, FUSED = "PyTorch", "PyTorch, fused Adam"
MICROGRAD = "micrograd"
BARE = "bare products and one pass of Adam"
NO_JIT = {"TINYGRAD_HW_JIT": "0"}


@dataclass(frozen=True)
class Side:
    """Somebody measured: ``measure(threads)`` runs in a process of its own.

    Each of the ``settings`` is tried, and the side judged by the one that suits it best. ``needs``
    names a package that the side is not itself without.
    """

    measure: Callable[[int], Result]
    settings: tuple[str, ...] = (ONE, TWO)
    environment: dict[str, str] = field(default_factory=dict)
    needs: str = ""


@dataclass(frozen=True)
class Target:
    """The best of ``ours`` takes at most so many times what the best of ``theirs`` takes.

    Without ``theirs``, ``at_most`` is in the row's own unit.
    """

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    at_most: float


@dataclass(frozen=True)
class Row:
    """Sides that do the same work.

    Attributes
    ----------
    unit
        "s", or "MB" for memory.
    tolerance
        How far the sides' ``check`` may differ, relatively.
    rounds
        At most so many, where a round takes long.
    """

    title: str
    sides: dict[str, Side]
    targets: tuple[Target, ...] = ()
    unit: str = "s"
    tolerance: float = 1e-3
    rounds: int | None = None


Build = Callable[[Problem, int], steps.Step]


def _numpy(measure: Callable[..., Result], settings: tuple[str, ...] = (ONE, TWO)) -> Side:
    return Side(partial(measure, jit=False), settings, NO_JIT)


def _fast(measure: Callable[..., Result], settings: tuple[str, ...] = (ONE, TWO)) -> Side:
    return Side(partial(measure, jit=True), settings, needs="numba")


def _on_jax(measure: Callable[[int], Result]) -> Side:
    return Side(measure, (TWO, PINNED), {"KERAS_BACKEND": "jax"})


def _step(problem: Problem, build: Callable[..., steps.Step]) -> Callable[..., Result]:
    """Measure a step of that problem."""
    return lambda threads, **options: checked_steps(build(problem, threads, **options))


def _step_row(title: str, problem: Problem, targets: tuple[Target, ...]) -> Row:
    torch = _step(problem, steps.pytorch)
    sides = {
        NUMPY: _numpy(_step(problem, steps.train_step)),
        FAST: _fast(_step(problem, steps.train_step)),
        TORCH: Side(torch),
        FUSED: Side(partial(torch, fused=True)),
        JAX: _on_jax(_step(problem, steps.jax_jit)),
        BARE: Side(lambda threads: Result(checked_steps(steps.bare_work(problem, threads)).value)),
    }
    return Row(title, sides, targets, tolerance=5e-3)  # where Adam adds its epsilon differs


LOOP_NUMPY, LOOP_FAST = "ours, own loop, NumPy", "ours, own loop, numba"
STEP = _step_row(
    "Ten-class step: 784-128-10, batch 32",
    TEN_CLASSES,
    (
        Target((NUMPY,), (FUSED,), 0.6),
        Target((NUMPY,), (JAX,), 1.1),
        Target((NUMPY,), (MYGRAD,), 0.6),
        Target((FAST,), (JAX,), 0.85),
        Target((FAST,), (BARE,), 1.2),
    ),
)
STEP.sides.update(
    {
        LOOP_NUMPY: _numpy(_step(TEN_CLASSES, steps.own_loop)),
        LOOP_FAST: _fast(_step(TEN_CLASSES, steps.own_loop)),
        "ours, own loop, eager": Side(_step(TEN_CLASSES, steps.eager_loop)),
        KERAS: _on_jax(_step(TEN_CLASSES, steps.keras_step)),
        MYGRAD: Side(_step(TEN_CLASSES, steps.mygrad)),
        HIPS: Side(_step(TEN_CLASSES, steps.hips_autograd)),
    }
)

BARE_NUMPY, BARE_FAST = "the bare step, NumPy", "the bare step, numba"
FIT = Row(
    "fit, a step: metrics and progress included",
    {
        NUMPY: _numpy(training.our_fit),
        FAST: _fast(training.our_fit),
        BARE_NUMPY: _numpy(training.our_bare_steps),
        BARE_FAST: _fast(training.our_bare_steps),
        # fit gives BLAS one thread for products so small: beside these, its own work is to be seen.
        f"{BARE_NUMPY}, 1 thread": _numpy(training.our_bare_steps, (ONE,)),
        f"{BARE_FAST}, 1 thread": _fast(training.our_bare_steps, (ONE,)),
        KERAS: _on_jax(training.keras_fit),
    },
    (
        Target((NUMPY,), (BARE_NUMPY,), 1.1),
        Target((FAST,), (BARE_FAST,), 1.1),
        Target((NUMPY,), (KERAS,), 1.0),
        Target((FAST,), (KERAS,), 1.0),
    ),
)

WIDE_STEP = _step_row(
    "Wide step: 784-1024-1024-10, batch 512",
    WIDE,
    (Target((NUMPY,), (TORCH, FUSED, JAX), 1.1), Target((FAST,), (TORCH, FUSED, JAX), 1.0)),
)

LAST, COMPILED = "PyTorch, channels last", "PyTorch, compiled"
CONVOLUTION = Row(
    "Convolutional step: 32 3x3, pool, 64 3x3, pool, 10; batch 64",
    {
        NUMPY: _numpy(convolution.ours),
        FAST: _fast(convolution.ours),
        TORCH: Side(convolution.pytorch),
        LAST: Side(partial(convolution.pytorch, channels_last=True)),
        COMPILED: Side(partial(convolution.pytorch, compiled=True)),
    },
    (
        Target((NUMPY,), (TORCH, LAST, COMPILED), 1.2),
        Target((FAST,), (TORCH, LAST, COMPILED), 1.2),
    ),
    tolerance=5e-3,  # where Adam adds its epsilon differs
)

CAPTURED = (
    "ours, captured whole, NumPy",
    "ours, captured whole, numba",
    "ours, captured point by point, NumPy",
    "ours, captured point by point, numba",
)
BATCHED = ("ours, batched, NumPy", "ours, batched, numba")
MOONS = Row(
    "micrograd's two moons: MLP 2-16-16-1, 100 points, forward and backward",
    {
        MICROGRAD: Side(moons.micrograd, (ONE,)),
        "micrograd, collector off": Side(partial(moons.micrograd, collector=False), (ONE,)),
        "ours, eager": Side(moons.ours, (ONE,)),
        "ours, eager, collector off": Side(partial(moons.ours, collector=False), (ONE,)),
        "our Value in micrograd's networks": Side(moons.mixed, (ONE,)),
        CAPTURED[0]: _numpy(moons.whole, (ONE,)),
        CAPTURED[1]: _fast(moons.whole, (ONE,)),
        CAPTURED[2]: _numpy(moons.pointwise, (ONE,)),
        CAPTURED[3]: _fast(moons.pointwise, (ONE,)),
        BATCHED[0]: _numpy(moons.batched),
        BATCHED[1]: _fast(moons.batched),
    },
    (
        Target(CAPTURED, (MICROGRAD,), 1 / 300),
        Target(BATCHED, (MICROGRAD,), 1 / 1000),
        Target(("ours, eager, collector off",), ("micrograd, collector off",), 0.7),
    ),
    tolerance=1e-9,
)

LEAN, EAGER = "a lean Value", "ours, eager"
LETTERS = Row(
    "A transformer in scalars: 16 wide, 4 heads, 8 letters, forward and backward",
    {
        LEAN: Side(partial(letters.lean, collector=True), (ONE,)),
        EAGER: Side(partial(letters.ours, collector=True), (ONE,)),
        f"{LEAN}, collector off": Side(partial(letters.lean, collector=False), (ONE,)),
        f"{EAGER}, collector off": Side(partial(letters.ours, collector=False), (ONE,)),
    },
    (
        Target((EAGER,), (LEAN,), 1.0),
        Target((f"{EAGER}, collector off",), (f"{LEAN}, collector off",), 1.0),
    ),
    tolerance=1e-9,
)

TOKENS_NUMPY, TOKENS_FAST = "ours, captured, NumPy", "ours, captured, numba"
TOKENS = Row(
    "A transformer on arrays: 64 x 16 tokens, 16 wide, value and gradient, one thread",
    {
        EAGER: Side(tokens.ours, (ONE,)),
        TOKENS_NUMPY: _numpy(tokens.captured, (ONE,)),
        TOKENS_FAST: _fast(tokens.captured, (ONE,)),
        HIPS: Side(tokens.hips_autograd, (ONE,)),
        TORCH: Side(tokens.pytorch, (ONE,)),
        JAX: Side(tokens.jax_jit, (PINNED,)),
    },
    (
        Target((EAGER,), (HIPS,), 0.75),
        Target((TOKENS_FAST,), (TORCH,), 0.6),
        Target((TOKENS_FAST,), (JAX,), 0.9),
    ),
    tolerance=1e-9,
)

HOMEWORK = Row(
    "The whole homework from cold, two cores",
    {
        NUMPY: Side(homework.ours, (AS_IT_COMES,), NO_JIT),
        FAST: Side(homework.ours, (AS_IT_COMES,), needs="numba"),
        KERAS: _on_jax(homework.keras_on_jax),
    },
    (Target((NUMPY,), (KERAS,), 0.5), Target((FAST,), (KERAS,), 0.33)),
    rounds=3,
)

MEMORY = Row(
    "Peak memory of the ten-class training, data included",
    {
        NUMPY: Side(training.our_memory, (AS_IT_COMES,), NO_JIT),
        FAST: Side(training.our_memory, (AS_IT_COMES,), needs="numba"),
        KERAS: Side(training.keras_memory, (AS_IT_COMES,), {"KERAS_BACKEND": "jax"}),
    },
    (Target((NUMPY,), (), 300), Target((FAST,), (), 300)),
    unit="MB",
    rounds=3,
)

INFERENCE = Row(
    "Inference: 10,000 images through 784-128-10",
    {
        NUMPY: _numpy(training.our_inference),
        FAST: _fast(training.our_inference),
        TORCH: Side(training.torch_inference),
        JAX: _on_jax(training.jax_inference),
        KERAS: _on_jax(training.keras_inference),
    },
    (Target((NUMPY,), (TORCH, JAX), 1.15), Target((FAST,), (TORCH, JAX), 1.0)),
)

CAPTURE = Row(
    "From the first call of the ten-class step to its first replay, compiled code on the disk",
    {NUMPY: _numpy(capturing.until_replay), FAST: _fast(capturing.until_replay)},
    (Target((NUMPY,), (), 0.05), Target((FAST,), (), 0.05)),
)

GUARDS = Row(
    "What a call of the captured ten-class step takes beside its replay",
    {NUMPY: _numpy(capturing.beside_the_program), FAST: _fast(capturing.beside_the_program)},
    (Target((NUMPY,), (), 5e-6), Target((FAST,), (), 5e-6)),
)


def _curve_row(title: str, curve: Callable[[Build, int], Result]) -> Row:
    sides = {
        NUMPY: Side(partial(curve, partial(steps.train_step, jit=False)), environment=NO_JIT),
        FAST: Side(partial(curve, partial(steps.train_step, jit=True)), needs="numba"),
        FUSED: Side(partial(curve, partial(steps.pytorch, fused=True))),
        JAX: _on_jax(partial(curve, steps.jax_jit)),
    }
    return Row(title, sides, rounds=3)


ROWS = {
    "step": STEP,
    "fit": FIT,
    "wide": WIDE_STEP,
    "convolution": CONVOLUTION,
    "moons": MOONS,
    "letters": LETTERS,
    "tokens": TOKENS,
    "homework": HOMEWORK,
    "memory": MEMORY,
    "inference": INFERENCE,
    "capture": CAPTURE,
    "guards": GUARDS,
    "batch": _curve_row("Time per step against batch size: 784-128-10", figures.by_batch),
    "width": _curve_row(
        "Time per step against width: one hidden layer, batch 32", figures.by_width
    ),
    "nodes": Row(
        "Time per node against graph size",
        {
            "ours, eager": Side(figures.our_nodes, (ONE,)),
            "ours, captured, NumPy": _numpy(figures.captured_nodes, (ONE,)),
            "ours, captured, numba": _fast(figures.captured_nodes, (ONE,)),
            MICROGRAD: Side(figures.micrograd_nodes, (ONE,)),
        },
        rounds=3,
    ),
}
