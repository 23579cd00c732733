"""Every lesson runs by itself, opens as a notebook, asks, and knows the answers."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[1] / "demos"
LESSONS = sorted(COURSE.glob("[0-9]*.py"))
INDEX = (COURSE / "README.md").read_text("utf-8")
RUN = Path(__file__).with_name("run_lesson.py")
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def cells_of(lesson: Path) -> list[tuple[bool, str]]:
    """Give the cells as Jupytext does: whether it is text, and its lines."""
    parts = re.split(r"^# %%(.*)\n", lesson.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert parts[0] == "", "there is something before the first cell"
    return [
        (kind.strip() == "[markdown]", lines)
        for kind, lines in zip(parts[1::2], parts[2::2], strict=True)
    ]


@every_lesson
def test_lesson_runs_and_its_solutions_are_right(lesson: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", RUN, lesson],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert len(run.stdout) < 10_000, "nobody reads that much"
    assert not list(tmp_path.iterdir()), "it leaves files behind"


@every_lesson
def test_lesson_is_a_notebook(lesson: Path) -> None:
    cells = cells_of(lesson)
    assert cells[0][0]
    assert cells[0][1].startswith("# # "), "it begins with its title"
    for is_text, lines in cells:
        if is_text:
            assert all(line.startswith("#") for line in lines.splitlines() if line), lines
        else:
            ast.parse(lines)  # a notebook runs it by itself


def test_the_index_has_every_lesson_with_its_title() -> None:
    rows = re.findall(
        r"^\| \[(\d+)\. (.+?)\]\(\./(.+?)\) \| (.+?) \| .+? \| (\d+) \|$", INDEX, re.M
    )
    assert [row[2] for row in rows] == [path.name for path in LESSONS]
    for place, (number, title, name, needs, minutes) in enumerate(rows, start=1):
        assert int(number) == int(name[:2]) == place
        assert (COURSE / name).read_text("utf-8").startswith(f"# %% [markdown]\n# # {title}\n")
        assert all(int(earlier) < place for earlier in re.findall(r"\d+", needs)), needs
        assert 5 <= int(minutes) <= 45
    hours = round(sum(int(row[4]) for row in rows) / 30) / 2
    assert f"Together they take about {hours:g} hours." in INDEX


def test_every_lesson_has_solutions_and_links_to_them() -> None:
    solutions = sorted((COURSE / "solutions").iterdir())
    assert [path.stem for path in solutions] == [path.stem for path in LESSONS]
    for lesson, path in zip(LESSONS, solutions, strict=True):
        text = lesson.read_text("utf-8")
        title = text.splitlines()[1].removeprefix("# # ")
        assert path.read_text("utf-8").startswith(f"# Solutions: {title}\n")
        assert f"](solutions/{path.name})" in text


def test_answers_are_marked_and_not_given_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(COURSE)
    check = importlib.import_module("course").check
    answers = {"a": "0.6628", "da/dz": 0.2217, "dE/dz": "", "new z": "about 1"}
    check(
        answers,
        """
        [parameters]
        z = 0.7
        [forward]
        a = "sigmoid(z)"
        E = "(1 - a)**2 / 2"
        [update]
        loss = "E"
        rate = 1
        """,
    )
    told = capsys.readouterr().out
    check({"n": "", "m": ""}, {"n": 1.0, "m": 2.0})
    assert capsys.readouterr().out == "Blank: n, m\n"
    assert "  a = 0.6628: Compare the digits one by one.\n" in told
    assert "Missing\n  dE/dz\n" in told
    assert "'about 1' is not a number" in told
    assert "1 of 4 right: 1 exact, 0 honestly rounded, 1 wrong, 2 missing." in told
    assert "0.6682" not in told


@pytest.mark.parametrize(
    ("number", "answer", "told"),
    [
        (100352, "100000", "fewer than the 6 figures"),
        (100352, "100,352", "1 exact"),
        (5.5, "5", "fewer than the 3 figures"),
        (5.5, "5.5", "1 exact"),
        (14.154116418, "14.2", "1 exact"),
        (14.154116418, "14", "fewer than the 3 figures"),
        (9, "9", "1 exact"),
        (9, "10", "1 wrong"),
    ],
)
def test_a_count_is_asked_for_in_full_and_three_figures_of_any_other_number(
    number: float,
    answer: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(COURSE)
    importlib.import_module("course").check({"n": answer}, {"n": number})
    out = capsys.readouterr().out
    assert told in out
    assert ("fewer" in told) == ("fewer" in out)


def test_the_first_lesson_runs_with_other_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(COURSE)
    code = "".join(lines for is_text, lines in cells_of(LESSONS[0]) if not is_text)
    assert code.count("Value(0.5,") == code.count("Value(4.0,") == 1
    exec(code.replace("Value(0.5,", "Value(-0.7,").replace("Value(4.0,", "Value(1.3,"), {})


@pytest.mark.parametrize(
    ("derivative", "told"),
    [
        ("", "nothing is written yet"),
        ("sigmoid(x) * (1 + x - out)", "within "),
        ("sigmoid(x)", "central differences give"),
        ("sigmoid(x", "was never closed"),
        ("clamp(x)", "uses 'clamp'"),
        ("swish(x) / x", "name 'swish' is not defined"),
    ],
)
def test_a_derivative_that_is_written_as_a_text_is_judged(
    derivative: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    [lesson] = [path for path in LESSONS if path.stem.startswith("13")]
    cells = [lines for is_text, lines in cells_of(lesson) if not is_text]
    names: dict[str, object] = {}
    exec(cells[0], names)  # what it imports
    blank = 'derivative = ""'
    assert blank in cells[-1]
    exec(cells[-1].replace(blank, f"derivative = {derivative!r}"), names)
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "pictures"), [("01", ["E", "chain", "walk"]), ("02", ["E", "L"]), ("12", ["L"])]
)
def test_a_notebook_shows_what_a_cell_ends_with(
    number: str, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(COURSE)
    [lesson] = [path for path in LESSONS if path.stem.startswith(number)]
    names: dict[str, object] = {}
    shown = []
    for is_text, lines in cells_of(lesson):
        if is_text:
            continue
        exec(lines, names)
        last = ast.parse(lines).body[-1]
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name):
            value = names[last.value.id]
            assert {"image/svg+xml", "text/html"} & value._repr_mimebundle_().keys()  # type: ignore[attr-defined]
            shown.append(last.value.id)
    assert shown == pictures
