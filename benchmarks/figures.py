"""Curves: what they measure, and the two pictures drawn from them."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import steps
from measuring import Result, median_time
from steps import Problem

BATCHES = (1, 4, 16, 32, 64, 128, 256, 512, 1024)
WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
NODES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SECONDS, BUILDING_LIMIT = 0.3, 1.5

Build = Callable[[Problem, int], steps.Step]


# --- Time per step --------------------------------------------------------------------------------


def by_batch(build: Build, threads: int) -> Result:
    """784-128-10, one step, at every batch size."""
    return _steps(build, threads, {n: Problem(batch=n) for n in BATCHES})


def by_width(build: Build, threads: int) -> Result:
    """Batch 32, one step, at every width of the hidden layer."""
    return _steps(build, threads, {n: Problem((784, n, 10)) for n in WIDTHS})


def _steps(build: Build, threads: int, problems: dict[int, Problem]) -> Result:
    return Result(curve=[(n, median_time(build(p, threads), SECONDS)) for n, p in problems.items()])


# --- Time per node --------------------------------------------------------------------------------


def chain(x: Any, w: Any, b: Any, nodes: int) -> Any:
    """One product and one sum after the other: as deep as a graph of so many nodes can be."""
    for _ in range(nodes // 2):
        x = x * w + b
    return x


def micrograd_nodes(threads: int) -> Result:
    """Run micrograd, until its recursive ``backward`` is deeper than Python goes."""
    from micrograd.engine import Value

    x, w, b = map(Value, (1.0, 0.999, 0.001))
    return _nodes(lambda nodes: lambda: chain(x, w, b, nodes).backward())


def our_nodes(threads: int) -> Result:
    """Run ours, eager."""
    from tinygrad_hw import Value

    x, w, b = map(Value, (1.0, 0.999, 0.001))
    return _nodes(lambda nodes: lambda: chain(x, w, b, nodes).backward())


def captured_nodes(threads: int, jit: bool) -> Result:
    """Run ours, captured: only the replay is timed, and only where capturing does not take long."""
    from tinygrad_hw import Value, capture

    x, w, b = map(Value, (1.0, 0.999, 0.001))

    def build(nodes: int) -> Callable[[], Any]:
        def passed() -> Any:
            result = chain(x, w, b, nodes)
            result.backward()
            return result

        return capture(passed, jit=jit)

    return _nodes(build, BUILDING_LIMIT)


def _nodes(build: Callable[[int], Callable[[], Any]], limit: float = math.inf) -> Result:
    result = Result()
    for nodes in NODES:
        start = time.perf_counter()
        try:
            passed = build(nodes)
            passed()
        except RecursionError:
            result.stopped = f"RecursionError at {nodes:,} nodes"
            break
        building = time.perf_counter() - start
        seconds = median_time(passed, SECONDS, at_least=2)
        result.curve.append((nodes, seconds / nodes))
        if building - seconds > limit and nodes < NODES[-1]:
            result.stopped = f"capturing {nodes:,} nodes took {building:.0f} s"
            break
    return result


# --- Drawing --------------------------------------------------------------------------------------

Sides = dict[str, tuple[list[tuple[int, float]], str]]  # each one's curve, and why it ends early
STYLES = {
    "ours, eager": ("#0072b2", "o-"),
    "ours, NumPy": ("#0072b2", "o-"),
    "ours, captured, NumPy": ("#56b4e9", "o-"),
    "ours, numba": ("#d55e00", "o-"),
    "ours, captured, numba": ("#d55e00", "o-"),
    "PyTorch, fused Adam": ("#555555", "s--"),
    "micrograd": ("#555555", "s--"),
    "JAX, jit": ("#009e73", "^--"),
}


def draw(curves: dict[str, Sides], folder: Path) -> list[Path]:
    """Draw what was measured: time per step, and time per node. ``curves`` is by row and side."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    panels = {
        "batch": ("batch size (784-128-10)", BATCHES),
        "width": ("width of the hidden layer (batch 32)", WIDTHS),
    }
    panels = {row: panel for row, panel in panels.items() if row in curves}
    drawn = []
    if panels:
        drawn.append(_draw(curves, panels, 1e3, "one training step, ms", folder / "steps.png"))
    if "nodes" in curves:
        nodes = {"nodes": ("nodes in the graph (a chain of scalars)", NODES[::2])}
        drawn.append(
            _draw(curves, nodes, 1e6, "forward and backward, µs a node", folder / "nodes.png")
        )
    return drawn


def _draw(
    curves: dict[str, Sides],
    panels: dict[str, tuple[str, tuple[int, ...]]],
    factor: float,
    what: str,
    file: Path,
) -> Path:
    from matplotlib import pyplot as plt

    many = len(panels)
    size = (5.6 * many + 1.4, 4.8)
    figure, axes = plt.subplots(
        1, many, figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (row, (label, ticks)) in zip(axes[0], panels.items(), strict=True):
        for name, (curve, stopped) in curves[row].items():
            sizes, values = zip(*curve, strict=True)
            colour, style = STYLES[name]
            legend = f"{name}\n({stopped})" if stopped else name
            scaled = [value * factor for value in values]
            axis.plot(sizes, scaled, style, color=colour, label=legend, markersize=5)
        _scales(axis, ticks)
        axis.set_xlabel(label)
        axis.legend(frameon=False, fontsize=9)
    axes[0][0].set_ylabel(what)
    figure.savefig(file, dpi=150)
    plt.close(figure)
    return file


def _scales(axis: Any, ticks: tuple[int, ...]) -> None:
    """Log axes with plain numbers on them."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set(xscale="log", yscale="log", xticks=ticks)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_minor_formatter(NullFormatter())
    axis.minorticks_off()
    axis.grid(True, which="major", alpha=0.3)
