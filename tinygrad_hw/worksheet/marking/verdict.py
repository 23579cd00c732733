"""The verdict on a number: exact, rounded, following or wrong; and its explanation in words."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_hw.formatting import MEANINGS
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.diagnosis import Diagnosis


def decide(case: Case, earlier: Sequence[Admissible]) -> tuple[str, Admissible]:
    """Return the verdict on a written number, and the admissible values that it comes from.

    A number is ``rounded`` where some honest way of working gives it: every number before it
    rounded, or cut, or used with more digits than are written. It ``follows`` where only the
    student's own numbers give it, slips included. What shows little of what is asked for has to fit
    one of the usual ways, since 1 fits some way nearly always.

    Parameters
    ----------
    case
        The number with its context.
    earlier
        The admissible values of the same quantity where it was written before: the number may be a
        copy of these.
    """
    written, expected = case.written, case.expected
    if case.shows_no_digit:
        return "wrong", expected
    if written.is_rounding_of(case.exact):
        return "exact", expected
    if case.shows_little and not any(x.matches_a_habit(written) for x in (expected, *earlier)):
        return "wrong", expected
    if written.is_reachable_from(expected.honest):
        return "rounded", expected
    if expected.is_in_steps(written):
        return "rounded" if expected.free_of_slips else "follows", expected
    if not expected.free_of_slips and written.is_reachable_from(expected.own):
        return "follows", expected
    for other in earlier:
        if written.is_reachable_from(other.own):
            return "follows", other
    return "wrong", expected


def is_unusual(written: WrittenNumber, verdict: str, source: Admissible) -> bool:
    """Whether rounding may give a number, but no single habit of rounding does."""
    likely = source.own_tight if verdict == "follows" else source.tight
    return not written.is_reachable_from(likely) and not source.matches_a_habit(written)


def lacks_figures(case: Case, verdict: str, source: Admissible, after_short: bool) -> bool:
    """Whether a right number shows fewer figures, or decimals, than the sheet asks for.

    A zero at the end may be left out: 0.33 may be 0.3300, if the work before gives that.

    Parameters
    ----------
    source
        The admissible values that the number comes from.
    after_short
        Whether a number that it was worked out from lacked figures. Then only the exact value tells
        whether zeros were left out: 0.7 * (1 - 0.7) is 0.21, but no answer of four figures.
    """
    rounding, written = case.work.sheet.rounding, case.written
    if verdict in ("wrong", "missing") or not rounding or written.fraction is not None:
        return False
    if not written.digits or shown(written, rounding[0]) >= rounding[1]:
        return False
    full = written.padded(*rounding)
    if after_short or full.is_honest_for(case.exact):
        return not full.is_honest_for(case.exact)
    steps = case.work.step_rounding
    if steps and steps.asked == rounding and case.expected.is_in_steps(full):
        return False
    return not full.is_reachable_from(source.own if verdict == "follows" else source.honest)


def shown(written: WrittenNumber, kind: str) -> int:
    """Return how many "figures" or "decimals" a number shows."""
    return written.figures if kind == "figures" else -written.place


def note_on(case: Case, verdict: str, lacks_some: bool = False) -> str:
    """Return "figures" for a number that lacks some, "truncated" for one that was cut, else ""."""
    written = case.written
    if lacks_some:
        return "figures"
    if verdict != "rounded":
        return ""
    likely = (case.exact, *case.expected.by_habit)
    if any(map(written.is_rounding_of, likely)):
        return ""
    half = written.unit / 2
    rounds_here = Interval(written.value - half, written.value + half)
    is_cut = any(map(written.is_truncation_of, likely))
    return "truncated" if is_cut or not rounds_here.overlaps(case.expected.honest) else ""


def explain(
    case: Case, verdict: str, diagnoses: Sequence[Diagnosis], lacks_some: bool = False
) -> str:
    """Explain in words why a number follows, is wrong or lacks figures; "" for any other."""
    texts = []
    if verdict == "follows":
        texts.append(f"{MEANINGS['follows'].capitalize()}, which is charged there.")
    if lacks_some and (rounding := case.work.sheet.rounding):
        kind, count = rounding
        number = max(shown(case.written, kind), 0)
        unit = kind if count > 1 else kind.removesuffix("s")
        texts.append(f"{case.name} = {case.printed} shows {number} of {count} {unit} asked for.")
    if verdict != "wrong":
        return " ".join(texts)
    if not diagnoses:
        return f"{case.name} = {case.printed} fits no slip of the catalogue."
    texts = [d.text for d in diagnoses if not d.slips[0].evidence] or [d.text for d in diagnoses]
    evidence = [d.detail for d in diagnoses if d.slips[0].evidence and d.text not in texts]
    text = texts[0]
    if len(texts) > 1:
        text = "The numbers cannot tell which. " + " Or: ".join(texts)
    return " ".join([text, *(f"And {detail}." for detail in evidence)])
