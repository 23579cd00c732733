"""Find sheets that are equal, or share more slips than chance would have it. Nobody is accused.

Right numbers say nothing: good sheets share them. What counts are wrong numbers that two sheets
have alike. Wrong ways of working of one kind are one slip of a sheet, wrong digits are one each,
and what only follows from a slip is left out. A sheet of n slips is taken for n draws from the
slips of the rest of the class: one that occurs k times among its T slips is drawn with the
probability (k + 1) / (T + D), by Laplace's rule of succession, where D is the number of kinds, at
least one for each number of the sheet. The chance is that so many draws give so many of the other
sheet's slips.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tinygrad_hw.formatting import printable
from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.sheet.parts import place
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE

OF_DIGITS = {slip.id for slip in CATALOGUE if slip.undo} - {"sign"}  # nobody's habit
UNLIKELY = 0.05  # pairs are told of that so many classes, or fewer, would have by chance
FEW = 6  # other sheets say how likely a slip is; fewer do not
COMMON = 50  # sheets with one slip: it makes no pair worth a look by itself
SHOWN = 5  # slips or files in a line
RAREST = 1e-9  # the model says nothing about what is rarer


@dataclass(frozen=True, slots=True)
class Written:
    """A number as it was written: its text, and if it is wrong, what kind of slip it shows."""

    text: str
    slip: str = ""


Work = Mapping[Any, Written]  # what was written on one sheet, by its place
_Slip = tuple[Any, str]  # the place of a wrong number, and its text


@dataclass(frozen=True, slots=True)
class Alike:
    """Sheets that are alike.

    Attributes
    ----------
    sheets
        Their places among all sheets.
    are_equal
        Whether every number is written alike.
    numbers
        How many are.
    slips
        The places of the wrong numbers among them.
    chance
        The probability that another sheet of as many slips would have so many of these; 1 where the
        other sheets are too few to say.
    pairs
        How many pairs of sheets there are to compare.
    """

    sheets: tuple[int, ...]
    are_equal: bool
    numbers: int
    slips: tuple[Any, ...]
    chance: float
    pairs: int


def find_alike(works: Sequence[Work]) -> list[Alike]:
    """Find the sheets of one problem that are alike, the least likely first.

    They are equal; or they share slips that some pair of a class like this would share by chance in
    fewer than ``UNLIKELY`` of all classes.
    """
    holders: dict[_Slip, list[int]] = defaultdict(list)
    equal: dict[frozenset[_Slip], list[int]] = defaultdict(list)
    kinds: list[dict[str, set[_Slip]]] = []
    for i, work in enumerate(works):
        own: dict[str, set[_Slip]] = defaultdict(set)
        for where, written in work.items():
            if written.slip:
                holders[where, written.text].append(i)
                own[written.slip].add((where, written.text))
        kinds.append(own)
        equal[frozenset((where, written.text) for where, written in work.items())].append(i)
    total = sum(map(len, kinds))
    different = max(len(set().union(*kinds)), *map(len, works))

    def chance(one: int, other: int, sheets: Collection[int]) -> float:
        """Return the probability that one sheet has as many of the other's slips as it has."""
        rest = total - sum(len(kinds[i]) for i in sheets) + different
        each = []
        for own in kinds[other].values():  # a slip as often as its commonest number
            times = max(sum(i not in sheets for i in holders[number]) for number in own)
            each.append(1 - (1 - (times + 1) / rest) ** len(kinds[one]))
        shared = sum(bool(kinds[one].get(kind, set()) & own) for kind, own in kinds[other].items())
        return max(_at_least(shared, each), RAREST)

    def compared(one: int, other: int, sheets: Collection[int], are_equal: bool) -> Alike:
        theirs = works[other]
        shared = [
            where
            for where, written in works[one].items()
            if where in theirs and theirs[where].text == written.text
        ]
        slips = tuple(where for where in shared if works[one][where].slip)
        either = 1.0
        if len(works) - len(sheets) >= FEW:
            either = max(chance(one, other, sheets), chance(other, one, sheets))
        return Alike(tuple(sheets), are_equal, len(shared), slips, either, pairs)

    pairs = math.comb(len(works), 2)
    found: list[Alike] = []
    group_of: dict[int, list[int]] = {}
    for text, group in equal.items():
        group_of |= dict.fromkeys(group, group)
        if text and len(group) > 1:
            found.append(compared(group[0], group[1], group, True))
    candidates = Counter(
        pair
        for sheets in holders.values()
        if len(sheets) <= COMMON
        for pair in combinations(dict.fromkeys(group_of[i][0] for i in sheets), 2)
    )
    for (one, other), times in candidates.items():
        if times > 1:
            alike = compared(one, other, sorted(group_of[one] + group_of[other]), False)
            if alike.chance * pairs < UNLIKELY:
                found.append(alike)
    return sorted(found, key=lambda alike: (alike.chance, -alike.numbers))


def _at_least(count: int, probabilities: Sequence[float]) -> float:
    """Return the probability that so many of independent events happen, or more."""
    exactly = [1.0] + [0.0] * count  # the last: so many or more
    for p in probabilities:
        for k in range(count, 0, -1):
            stays = exactly[k] if k == count else exactly[k] * (1 - p)
            exactly[k] = stays + exactly[k - 1] * p
        exactly[0] *= 1 - p if count else 1
    return exactly[count]


# --- In words -------------------------------------------------------------------------------------


def alike_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield a line for each set of results whose sheets are alike.

    Sheets are compared that have the same problem; those that a course system says are of one
    student are not.
    """
    problems: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.marks:
            problems[result.problem].append(result)
    for same in problems.values():
        works = [_work(result.marks) for result in same if result.marks]
        for alike in find_alike(works):
            of = [same[i] for i in alike.sheets]
            owners = {result.submission.owner.identifier for result in of}
            if len(owners) > 1 or "" in owners:
                yield _line(alike, of)


def _work(marks: Marks) -> Work:
    """Return what was written, by step, part, name and chain; a repeated factor by its number."""
    work: dict[tuple[Any, ...], Written] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    for item in marks.items:
        where = (item.step, item.part, item.name, item.of)
        times[where] += 1
        if item.verdict == "missing":
            continue
        kind = ""
        if item.verdict == "wrong":
            by_itself = item.slip is None or item.slip in OF_DIGITS
            kind = f"{item.slip} {where} {times[where]}" if by_itself else item.slip or ""
        work[(place(item), *where, times[where])] = Written("".join(item.printed.split()), kind)
    return work


def _line(alike: Alike, results: Sequence[Result]) -> str:
    marks = results[0].marks
    names = _listed([printable(result.submission.name) for result in results])
    numbers = f"all {alike.numbers} numbers" if alike.are_equal else f"{alike.numbers} numbers"
    text = f"{names}: {numbers} are the same"
    students = {result.student for result in results}
    if len(students) == 1 and all(students):
        text += f", and so is the name, {students.pop()}"
    if not alike.slips or marks is None:
        return f"{text}; no slip is among them, and all good sheets may be so."
    written = _work(marks)
    slips = _listed([f"{where[0]} = {written[where].text}" for where in alike.slips])
    text += f", wrong ones among them: {slips}."
    if alike.chance == 1:
        return f"{text} The other sheets are too few to say how likely that is."
    expected = alike.chance * alike.pairs
    classes = "in every class" if expected > 1 / 2 else f"in one of {_once(expected)} classes"
    return (
        f"{text} By chance, a sheet of as many slips would have so many of these once in "
        f"{_once(alike.chance)} times; some of {alike.pairs:,} pairs, {classes}."
    )


def _listed(items: Sequence[str]) -> str:
    rest = len(items) - SHOWN
    shown = [*items[:SHOWN], f"{rest} more"] if rest > 0 else list(items)
    return ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1]


def _once(probability: float) -> str:
    """Write a probability as a number of times, in two figures: 27,000."""
    return f"{int(float(f'{1 / probability:.2g}')):,}"
