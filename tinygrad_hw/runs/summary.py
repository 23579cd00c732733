"""The outcome of a sweep in words and figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from tinygrad_hw.formatting import counted, display_width, number
from tinygrad_hw.runs.comparison import SIGNIFICANT, Comparison, compare, spread
from tinygrad_hw.runs.record import Run
from tinygrad_hw.runs.sweep import OPTIONS

Kinds = dict[str, dict[int, Run]]


def kinds_of(runs: Iterable[Run]) -> Kinds:
    """Return runs by kind and seed; a kind is named after the settings in which the kinds differ.

    Runs of one kind and one seed count once.
    """
    listed = list(runs)
    names = [
        name
        for name in (listed[0].settings if listed else ())
        if name != "seed" and len({run.settings[name] for run in listed}) > 1
    ]
    kinds: Kinds = {}
    for run in listed:
        name = ", ".join(_named(name, run.settings[name]) for name in names) or "all runs"
        kinds.setdefault(name, {}).setdefault(run.seed, run)
    return kinds


def _named(setting: str, value: str) -> str:
    """Return a setting's value, with its name where the value does not tell."""
    plain = setting in ("initializer", "layers", "activation", "optimizer")
    return value if plain else f"{OPTIONS.get(setting, setting)} {value}"


def compared(kinds: Kinds) -> dict[str, Comparison | None]:
    """Compare each kind with the first, over the seeds that both have."""
    counts = [{seed: run.correct for seed, run in runs.items()} for runs in kinds.values()]
    examples = next(run.examples for runs in kinds.values() for run in runs.values())
    return dict(zip(list(kinds)[1:], compare(counts[0], counts[1:], examples), strict=True))


def summary_lines(kinds: Kinds) -> Iterator[str]:
    """Yield the means and spreads of all kinds, and each kind's comparison with the first."""
    first = next(run for runs in kinds.values() for run in runs.values())
    yield f"Accuracy on {first.examples:,} {first.measured_on} examples"
    rows: list[tuple[str, ...]] = [("", "runs", "mean", "sd", "min", "max")]
    for name, runs in kinds.items():
        found = spread([run.correct / run.examples for run in runs.values()])
        numbers = (found.mean, found.deviation, found.lowest, found.highest)
        rows.append((name, str(found.runs), *map(accuracy_text, numbers)))
    width = max(display_width(row[0]) for row in rows)
    for row in rows:
        label = row[0] + " " * (width - display_width(row[0]))
        yield f"  {label}" + "".join(f"  {cell:>7}" for cell in row[1:])
    if len(kinds) < 2:
        return
    comparisons = compared(kinds)
    several = len(comparisons) > 1
    yield ""
    yield f"Against {next(iter(kinds))}, seed by seed"
    for name, comparison in comparisons.items():
        yield f"  {name}: {comparison_text(comparison)}"
    yield (
        "  p: exact sign-flip test of the paired differences, two-sided"
        + f"; with Holm's correction for {len(comparisons)} comparisons" * several
    )


def accuracy_text(accuracy: float) -> str:
    """Return an accuracy, or a spread of accuracies, to five decimals; of one run there is none."""
    return f"{accuracy:.5f}" if math.isfinite(accuracy) else "-"


def comparison_text(comparison: Comparison | None) -> str:
    """Return what a comparison says: whether a difference is shown, and what could have been."""
    if comparison is None:
        return "no seed in common"
    found = comparison
    p = f"p {number(found.adjusted_p, 2)}"
    difference = f"{found.difference:+.5f}"
    if found.detectable is None:
        return (
            f"{difference}, {p}: {counted(found.seeds, 'seed')} can show no "
            "difference, however large; give more"
        )
    least = f"the smallest difference that {found.seeds} seeds of this spread show is "
    least += f"{found.detectable:.5f}"
    if found.adjusted_p <= SIGNIFICANT:
        word = "better" if found.difference > 0 else "worse"
        return f"{word} by {abs(found.difference):.5f}, {p}; {least}"
    return f"no difference is shown, {difference}, {p}; {least}"
