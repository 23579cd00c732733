"""Whether one initializer is best: forty trainings of the ten-class network, read from their table.

The table, ``initializers.csv``, was written once by the command that ``COMMAND`` gives; it comes
with the package, and nothing is trained for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from tinygrad_hw.formatting import (
    Html,
    count,
    element,
    figure,
    listed,
    paragraph,
    prose,
    row,
    table,
)
from tinygrad_hw.runs import (
    SIGNIFICANT,
    Comparison,
    Run,
    compared,
    kinds_of,
    read_runs,
    spread,
)

CLAIMED = "HeNormal"
TABLE = "initializers.csv"
COMMAND = (
    "tinygrad-hw sweep "
    '--initializer "HeNormal,GlorotNormal,RandomNormal(stddev=0.1),GlorotUniform" '
    f"--seed 0:10 -o {TABLE}"
)


@cache
def kinds() -> dict[str, dict[int, Run]]:
    """Return the runs by initializer and seed; ``CLAIMED`` is the first."""
    text = files(__package__).joinpath(TABLE).read_text("utf-8")
    found = kinds_of(read_runs(text, TABLE).values())
    return {CLAIMED: found[CLAIMED], **found}


def accuracies(name: str) -> list[float]:
    """Return the test accuracies of an initializer's runs."""
    return [run.correct / run.examples for run in kinds()[name].values()]


def verdict() -> str:
    """Say in words whether the claim stands that ``CLAIMED`` is best."""
    spreads = {name: spread(accuracies(name)) for name in kinds()}
    order = sorted(spreads, key=lambda name: -spreads[name].mean)
    found = {name: each for name, each in compared(kinds()).items() if each is not None}
    shown = {name: each for name, each in found.items() if each.adjusted_p <= SIGNIFICANT}
    better = [name for name, each in shown.items() if each.difference > 0]
    worse = [name for name, each in shown.items() if each.difference < 0]
    unclear = [name for name in found if name not in shown]
    stands = len(worse) == len(found)
    claimed = spreads[CLAIMED]
    parts = [
        f"In the ten-class network, over {claimed.runs} seeds, “{CLAIMED} is best” "
        f"{'stands' if stands else 'does not stand'}. Its mean accuracy, `{claimed.mean:.5f}` with "
        f"a standard deviation of `{claimed.deviation:.5f}`, is number {order.index(CLAIMED) + 1} "
        f"of {len(order)}"
    ]
    if better:
        parts.append(f"shown to be better: {_with_p(better, found)}")
    if worse:
        parts.append(f"shown to be worse: {_with_p(worse, found)}")
    if unclear:
        parts.append(f"no difference is shown from {_with_p(unclear, found)}")
    least = [each.detectable for each in found.values() if each.detectable is not None]
    if unclear and least:
        parts.append(f"one of less than `{min(least):.5f}` could not have been")
    return "; ".join(parts) + "."


def _with_p(names: list[str], found: Mapping[str, Comparison]) -> str:
    return listed([f"{name} (p `{found[name].adjusted_p:.2g}`)" for name in names])


def seeds_section() -> list[Html]:
    """Build the part of the report on the forty trainings."""
    first = next(iter(kinds()[CLAIMED].values()))
    settings, seeds = first.settings, len(kinds()[CLAIMED])
    comparisons = compared(kinds())
    rows = [_row(name, comparisons.get(name)) for name in kinds()]
    columns = [
        *("", "Mean", "Standard deviation", "Lowest", "Highest"),
        *(f"Minus {CLAIMED}", "p", "Smallest to be shown"),
    ]
    total = seeds * len(kinds())
    return [
        paragraph(
            "One training of each is one draw of the weights; another draw may put them in another "
            f"order. So the ten-class network of Question 3 was trained {total} times on the MNIST "
            f"that comes with the package, {seeds} times with each initializer of its hidden "
            f"layer: at most {settings['epochs']} epochs, patience {settings['patience']}, batches "
            f"of {settings['batch']}. All four share the validation images and the batches of a "
            "seed. This was done once, with the command below; its table comes with the package, "
            "and the report reads it."
        ),
        element("pre", COMMAND.replace(" --", " \\\n    --")),
        table(
            f"Test accuracy over {seeds} seeds, on {count(first.examples)} images",
            columns,
            rows,
            class_="numbers",
        ),
        paragraph(prose(verdict())),
        paragraph(
            "p is that of the exact sign-flip test of the differences seed by seed, two-sided, "
            f"after Holm’s correction for {len(comparisons)} comparisons; a difference counts as "
            f"shown from {SIGNIFICANT} down. The last column is the smallest mean difference that "
            "so many seeds of such a spread show: a smaller one may be there all the same."
        ),
    ]


def _row(name: str, comparison: Comparison | None) -> Html:
    found = spread(accuracies(name))
    values = (found.mean, found.deviation, found.lowest, found.highest)
    cells = [figure(f"{value:.5f}") for value in values]
    if comparison is None:
        return row(name, *cells, *[figure("")] * 3)
    least = comparison.detectable
    return row(
        name,
        *cells,
        figure(f"{comparison.difference:+.5f}"),
        figure(f"{comparison.adjusted_p:.2g}"),
        figure("" if least is None else f"{least:.5f}"),
    )
