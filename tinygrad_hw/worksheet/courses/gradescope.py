"""Marks for Gradescope: the ``results.json`` that an autograder writes there.

Source: "Autograder Specifications", https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_hw.worksheet.courses.remark import lines_for_student, remark_on
from tinygrad_hw.worksheet.feedback.text import ANSWER, NUDGE
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points, points_by_item, points_text

# How every results.json of ours begins, by which an earlier one is known: see ``files.Output``.
GRADESCOPE_OPENING = re.compile(rb'\{\s*"extra_data": \{\s*"by": "tinygrad-hw"')


def gradescope_results(
    marks: Marks,
    weights: Mapping[str, float] = WEIGHTS,
    hints: int = ANSWER,
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the marks as Gradescope reads them: a test for each number that is worth something.

    Parameters
    ----------
    marks
        The marked sheet.
    weights
        See ``points``.
    hints
        How much is given away; see ``feedback_lines``. With 1, students see the tests only when the
        marks are published, since they say which numbers are wrong.
    changes
        In words, how the sheet differs from what was handed out.
    """
    tests = []
    for item, earned, worth in points_by_item(marks, weights):
        if worth:
            test = {
                "name": marks.place(item),
                "score": earned,
                "max_score": worth,
                "status": "failed" if earned < worth or item.verdict == "wrong" else "passed",
                "output": remark_on(item, hints),
            }
            if hints == NUDGE:
                test["visibility"] = "after_published"
            tests.append(test)
    total = points_text(*points(marks, weights))
    lines = lines_for_student(marks, hints, total, changes)
    score = {} if tests else {"score": 0.0}  # one of both has to be there
    return {**_whole_sheet("\n".join(lines)), **score, "tests": tests}


def gradescope_refusal(reason: str) -> dict[str, Any]:
    """Return the results of a sheet that cannot be marked: no points, and why."""
    return {**_whole_sheet(f"This sheet could not be marked.\n{reason}"), "score": 0.0}


def _whole_sheet(output: str) -> dict[str, Any]:
    return {
        "extra_data": {"by": "tinygrad-hw"},
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
    }
