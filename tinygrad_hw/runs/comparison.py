"""What runs of several seeds tell: exact paired tests, and what they could have shown at best.

Runs of one seed share their batches, so settings are compared seed by seed. Under the hypothesis
that two settings do equally well, each difference could as well have had the other sign: of all
2ⁿ ways to choose the signs of n differences, p is the share whose sum is at least as far from 0 as
the sum found (R. A. Fisher, The Design of Experiments, 1935, section 21). Counts of right answers
are whole numbers, and the distribution of their sums is computed whole: p is exact, and no
distribution is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Spread:
    """The accuracies of the runs of one kind.

    ``deviation`` is that of a sample; nan of one run.
    """

    runs: int
    mean: float
    deviation: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two kinds of runs, compared over the seeds that both have.

    Attributes
    ----------
    seeds
        Number of pairs.
    difference
        The mean difference of the accuracies.
    p, adjusted_p
        Of the exact sign-flip test, two-sided, and that after Holm's correction for several.
    detectable
        The smallest mean difference that runs of this spread would have shown, at the strictest
        level that Holm's correction asks for; None if so few runs can show none, however large.
    """

    seeds: int
    difference: float
    p: float
    adjusted_p: float
    detectable: float | None


def spread(accuracies: Sequence[float]) -> Spread:
    """Return the mean, the standard deviation and the range of accuracies."""
    deviation = stdev(accuracies) if len(accuracies) > 1 else float("nan")
    return Spread(len(accuracies), fmean(accuracies), deviation, min(accuracies), max(accuracies))


def compare(
    reference: Mapping[int, int], others: Sequence[Mapping[int, int]], examples: int
) -> list[Comparison | None]:
    """Compare kinds of runs with a reference, each over the seeds that both have.

    Parameters
    ----------
    reference, others
        The number of right answers by seed.
    examples
        The number of examples that they are out of.

    Returns
    -------
    list[Comparison | None]
        One for each of the others, positive where it does better; None where no seed is shared.
    """
    pairs = [
        [other[seed] - right for seed, right in reference.items() if seed in other]
        for other in others
    ]
    tested = [differences for differences in pairs if differences]
    ps = [sign_flip_p(differences) for differences in tested]
    found = iter(
        Comparison(
            len(differences),
            fmean(differences) / examples,
            p,
            adjusted,
            None if least is None else least / examples,
        )
        for differences, p, adjusted in zip(tested, ps, holm(ps), strict=True)
        for least in [detectable(differences, SIGNIFICANT / len(tested))]
    )
    return [next(found) if differences else None for differences in pairs]


def sign_flip_p(differences: Sequence[int]) -> float:
    """Return the two-sided p-value of whole differences, by the distribution of all signs.

    >>> sign_flip_p([1, 2, 3])
    0.25
    """
    most = sum(map(abs, differences))
    share = np.ones(1)  # of the sums -k, -k + 2, ..., k: a half of each goes up, a half down
    for size in map(abs, differences):
        wider = np.zeros(len(share) + size)
        wider[: len(share)] += share / 2
        wider[size:] += share / 2
        share = wider
    found = abs(sum(differences))
    sums = np.arange(-most, most + 1, 2)
    return float(min(1.0, share[np.abs(sums) >= found].sum()))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (S. Holm, Scand. J. Statistics 6, 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, highest = [1.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def detectable(differences: Sequence[int], level: float) -> float | None:
    """Return the smallest mean that the test would call significant, the spread being as it is.

    The differences are moved to mean 0 and then up until p is at most ``level``. None if p cannot
    be so small with so few, however far they are moved.
    """
    n, total = len(differences), sum(differences)
    if 2.0 ** (1 - n) > level:
        return None
    centered = [n * difference - total for difference in differences]  # whole, in n-ths
    low, high = 0, max(1, 2 * max(map(abs, centered)))  # beyond that all are positive
    while high - low > 1:
        middle = (low + high) // 2
        if sign_flip_p([difference + middle for difference in centered]) <= level:
            high = middle
        else:
            low = middle
    return high / n
