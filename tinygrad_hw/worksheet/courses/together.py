"""What a student's sheets are worth together, where a class has several problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.marking.points import points


@dataclass(frozen=True, slots=True)
class Work:
    """The sheets of one student that count, with their points.

    Attributes
    ----------
    results
        The sheets; none, if ``problem`` says why.
    earned, possible
        Their points together, each problem worth what it is to most. One without a sheet earns
        nothing.
    missing
        How many problems have no sheet.
    problem
        Why nothing counts, or "".
    """

    results: tuple[Result, ...] = ()
    earned: float = 0.0
    possible: float = 0.0
    missing: int = 0
    problem: str = ""


def worth_of_problems(
    sheets: Collection[Sequence[Result]], weights: Mapping[str, float]
) -> dict[str, float]:
    """Return what each problem of a class is worth: those that more than half have handed in.

    Where each student got another sheet, there is none.
    """
    possible: dict[str, list[float]] = defaultdict(list)
    for own in sheets:
        for problem, result in {result.problem: result for result in own}.items():
            if result.marks:
                possible[problem].append(points(result.marks, weights)[1])
    # The median: who changes what the own sheet asks for changes nothing for the others.
    return {
        problem: median(most) for problem, most in possible.items() if 2 * len(most) > len(sheets)
    }


def work_of(
    own: Sequence[Result], name: str, worth: Mapping[str, float], weights: Mapping[str, float]
) -> Work:
    """Return what counts of a student's sheets, one of each problem; copies are one sheet.

    Parameters
    ----------
    own
        The student's sheets.
    name
        The student's name, for what is said.
    worth
        What each problem of the class is worth; see ``worth_of_problems``.
    weights
        See ``points``.
    """
    different = {_content(result): result for result in reversed(own)}
    results = tuple(reversed(different.values()))
    files = ", ".join(result.submission.where for result in results)
    for result in results:
        if result.marks is None:
            return Work(problem=result.error)
    problems = {result.problem for result in results}
    if len(problems) < len(results) or (len(results) > 1 and len(worth) < 2):
        return Work(problem=f"{files}: all are sheets of {name}; leave the one to count")
    worth = worth if len(worth) > 1 else {}
    for result in results:
        if worth and result.problem not in worth:
            return Work(
                problem=f"{result.submission.where}: is none of the {len(worth)} problems that the "
                f"class has; for marks of {name}, leave it out, or mark --against what was handed "
                "out"
            )
    both = {r.problem: points(r.marks, weights) for r in results if r.marks}
    if not all(possible for _, possible in both.values()):
        return Work(problem=f"{files}: its questions are worth nothing")
    if not worth:
        [(earned, possible)] = both.values()
        return Work(results, earned, possible)
    earned = sum(worth[problem] * got / possible for problem, (got, possible) in both.items())
    return Work(results, earned, sum(worth.values()), len(worth) - len(results))


def _content(result: Result) -> object:
    """Return what two copies of a sheet have in common."""
    if result.marks is None:
        return result.submission.where
    return result.problem, tuple(item.printed for item in result.marks.items)
