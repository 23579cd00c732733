"""The results of an autograder, held against what Gradescope's specification says of them."""

import html
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import (
    WEIGHTS,
    Marks,
    Result,
    gradescope_refusal,
    gradescope_results,
    mark,
    marked_page,
    parse_sheet,
    points,
    read_sheet,
)

# "Autograder Specifications": the fields and what they hold; all but the score are optional.
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
OF_ALL: dict[str, Any] = {
    "score": float,
    "execution_time": int,
    "output": str,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
OF_A_TEST: dict[str, Any] = {
    "score": float,
    "max_score": float,
    "status": {"passed", "failed"},
    "name": str,
    "name_format": FORMATS,
    "number": str,
    "output": str,
    "output_format": FORMATS,
    "tags": list,
    "visibility": VISIBILITIES,
    "extra_data": dict,
}
Hand = Callable[..., Result]


def hold_against(fields: dict[str, Any], record: dict[str, Any]) -> None:
    for name, value in record.items():
        kind = fields[name]
        assert value in kind if isinstance(kind, set) else isinstance(value, kind), name


def follows_the_specification(results: dict[str, Any]) -> bool:
    results = json.loads(json.dumps(results, allow_nan=False))
    hold_against(OF_ALL, results)
    for test in results.get("tests", ()):
        hold_against(OF_A_TEST, test)
        assert 0 <= test["score"] <= test["max_score"]
    return "score" in results or all("score" in test for test in results["tests"])


@pytest.fixture(scope="module")
def q1a() -> Marks:
    return mark(read_sheet(sheet_path("q1a")))


@pytest.mark.parametrize("hints", [1, 2, 3])
@pytest.mark.parametrize("weights", [WEIGHTS, {**WEIGHTS, "repeated": 1.0, "factor": 0.25}])
def test_the_tests_follow_the_specification_and_add_up(
    q1a: Marks, hints: int, weights: dict[str, float]
) -> None:
    results = gradescope_results(q1a, weights, hints)
    assert follows_the_specification(results)
    sums = [math.fsum(test[key] for test in results["tests"]) for key in ("score", "max_score")]
    assert sums == pytest.approx(points(q1a, weights))


def test_a_test_has_its_points_and_its_hint(hand_in: Hand) -> None:
    marks = hand_in("a.toml", "Emmy", loss="5.7").marks
    assert marks is not None
    nudge, place, answer = (
        gradescope_results(marks, hints=hints)["tests"][1] for hints in (1, 2, 3)
    )
    assert place == {
        "name": "E",
        "score": 0.0,
        "max_score": 1.0,
        "status": "failed",
        "output": "5.7: Work it out again.",
    }
    assert nudge == {**place, "visibility": "after_published"}
    assert answer["output"] == "E = 5.7 fits no slip of the catalogue."
    assert gradescope_results(marks)["tests"][0]["output"] == "1: right"


def test_a_number_with_too_few_figures_is_told_so() -> None:
    text = """
        [parameters]
        w = 0.3
        [forward]
        E = "sigmoid(w)"
        [rounding]
        figures = 4
        [answers.forward]
        E = "0.6"
        """
    (test,) = gradescope_results(mark(parse_sheet(text)))["tests"]
    assert test["output"] == "0.6: right, but with fewer figures than asked for"
    assert test["score"] < test["max_score"]
    assert test["status"] == "failed"


def test_what_is_no_number_is_said_without_the_folder(hand_in: Hand) -> None:
    marks = hand_in("secret/a.toml", "Emmy", loss="four").marks
    assert marks is not None
    results = gradescope_results(marks)
    assert "line 16: E = 'four' is not a number" in results["output"]
    assert "secret" not in results["output"]
    assert results["tests"][1]["output"] == "'four' is not a number"


def test_a_student_is_not_told_where_the_sheet_is_kept_if_the_line_is_not_known() -> None:
    text = (
        '[given]\nx = [1, 2]\n[parameters]\nw = 0.5\n[forward]\nE = "w*sum(x)"\n'
        '[answers.partials."dE/dx"]\nvalue = ["half", "0.5"]\n'
    )
    marks = mark(parse_sheet(text, "secret/a.toml"))
    said = "dE/dx_1 = 'half' is not a number"
    assert marks.unreadable == [f"secret/a.toml: {said}"]
    for told in (gradescope_results(marks)["output"], html.unescape(marked_page(marks))):
        assert said in told
        assert "secret" not in told


def test_a_sheet_that_cannot_be_marked_has_no_points_and_says_why() -> None:
    refusal = gradescope_refusal("a.toml: is not TOML")
    assert follows_the_specification(refusal)
    assert refusal["score"] == 0
    assert refusal["output"] == "This sheet could not be marked.\na.toml: is not TOML"


def test_a_sheet_on_which_nothing_is_worth_anything_has_a_score() -> None:
    text = '[parameters]\nw = 1\n[forward]\nE = "w"\n[ask]\nforward = ["E"]\n[ask.points]\nE = 0\n'
    results = gradescope_results(mark(parse_sheet(text)))
    hold_against(OF_ALL, results)
    assert (results["score"], results["tests"]) == (0.0, [])
