"""Run a lesson by itself, and mark its blanks: empty, with its solutions, wrong, in one figure.

python tests/run_lesson.py demos/01_one_edge.py
"""

import re
import runpy
import sys
from pathlib import Path

lesson = Path(sys.argv[1])
sys.path[0] = str(lesson.parent)  # as where the lesson is run alone

import course  # noqa: E402

from tinygrad_hw.worksheet import points  # noqa: E402

text = (lesson.parent / "solutions" / f"{lesson.stem}.md").read_text("utf-8")
solutions = dict(re.findall(r"^\| `(.+?)` \| (\S+) \|", text, re.MULTILINE))
left = solutions.copy()
check = course.check


def check_often(answers, problem):
    assert answers
    assert set(answers.values()) == {""}, "a blank is filled in"
    check(answers, problem)
    solved = course.marks_of({name: left.pop(name) for name in answers}, problem)
    not_right = [item for item in solved.items if item.verdict != "exact" or item.note]
    assert not not_right, not_right
    wrong = course.marks_of(dict.fromkeys(answers, "-41.37"), problem)
    assert not wrong.summary["exact"]
    assert not wrong.summary["missing"]
    short = {name: f"{float(solutions[name]):.0e}" for name in answers}
    if any(float(figure) != float(solutions[name]) for name, figure in short.items()):
        earned, most = points(course.marks_of(short, problem))
        assert earned < most, f"one figure is enough: {short}"


course.check = check_often
runpy.run_path(str(lesson), run_name="__main__")
assert solutions, "nothing is asked"
assert not left, f"solutions to what is not asked: {left}"
