"""The verb that marks a sheet, or a folder of them."""

import csv
import html
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


def test_check_marks_a_sheet_and_exits_with_0(run: Run) -> None:
    status, out, error = run("check", "q1a")
    assert (status, error) == (0, "")
    assert "  dE/dw4 = -9.5345e-8 has two digits changed round; -9.5435e-8 would fit.\n" in out
    assert out.endswith("9 wrong. Points: 54 of 56.\n")
    assert "9.5435e-8" not in run("check", "q1a", "--hints", "2")[1]
    shares = "slip=0.5,repeated=1"  # of every number, as often as it is written
    assert run("check", "q1a", "--weights", shares)[1].endswith("Points: 99.5 of 104.\n")
    assert run("check", "q1a", "--weights", "slip=0")[1].endswith("Points: 52 of 56.\n")


def test_check_gives_json(run: Run) -> None:
    marked = json.loads(run("check", "q1b", "--json")[1])
    assert marked["summary"] == {"exact": 75, "rounded": 16, "follows": 0, "wrong": 0, "missing": 0}
    assert len(marked["items"]) == 91
    assert marked["student"] == "the homework"


def test_check_writes_a_page_where_it_is_told_or_by_the_sheet_s_name(run: Run) -> None:
    status, out, _ = run("check", "q1a", "--html")
    assert status == 0
    assert out.endswith("Page: q1a-marked.html\n")
    run("check", "q1a", "--html", "back/a.html", "--hints", "1")
    assert "two digits changed round" in Path("q1a-marked.html").read_text("utf-8")
    assert "two digits changed round" not in Path("back/a.html").read_text("utf-8")


def test_check_marks_a_folder(run: Run) -> None:
    run("exercise", "--net", "1-1", "--count", "3", "-o", "class", "--key", "keys")
    Path("keys/key-002.toml").write_text("[")
    status, out, error = run("check", "keys", "--csv", "marks.csv", "--html", "pages")
    assert (status, error) == (1, "")  # something was left
    assert out.startswith("2 of 3 sheets marked\nPoints: mean 100.0 %")
    assert "Not marked\n  keys/key-002.toml: is not TOML" in out
    assert len(Path("marks.csv").read_text("utf-8-sig").splitlines()) == 4
    assert sorted(p.name for p in Path("pages").iterdir()) == [
        "key-001-marked.html",
        "key-003-marked.html",
    ]


def test_check_reads_sub_folders_archives_and_several_paths_and_keeps_pages_apart(
    run: Run, sheet: str
) -> None:
    text = sheet.format("w*x") + '[answers.forward]\nz = "1"\n'
    for folder in ("class/Amy_1_assignsubmission_file_", "class/Bob_2_assignsubmission_file_"):
        Path(folder).mkdir(parents=True)
        Path(folder, "hw.toml").write_text(text)
    with zipfile.ZipFile("late.zip", "w") as archive:
        archive.writestr("carl_LATE_3_4_hw.toml", text)
        archive.writestr("carl_LATE_3_5_hw.pdf", "")
    status, out, error = run("check", "class", "late.zip", "--csv", "m.csv", "--html", "pages")
    assert (status, error) == (0, "")
    assert out.startswith("3 of 3 sheets marked")
    assert out.endswith(
        "Passed over: no .toml file\n  late.zip/carl_LATE_3_5_hw.pdf\nMarks: m.csv\nPages: pages\n"
    )
    rows = list(csv.DictReader(Path("m.csv").read_text("utf-8-sig").splitlines()))
    assert [row["student"] for row in rows] == ["Amy", "Bob", "carl"]
    pages = [row["file"].replace(".toml", "-marked.html") for row in rows]
    assert sorted(pages) == sorted(
        path.relative_to("pages").as_posix() for path in Path("pages").rglob("*.html")
    )

    for _ in range(2):  # the second time, the pages of the first are no hand-ins
        status, out, error = run("check", "class", "late.zip", "--html")
        assert (status, error) == (0, "")
        assert out.endswith("_hw.pdf\nPages: beside the sheets\n")
    beside = {path.as_posix() for path in Path().rglob("*-marked.html")} - {
        path.as_posix() for path in Path("pages").rglob("*")
    }
    assert beside == {
        "class/Amy_1_assignsubmission_file_/hw-marked.html",
        "class/Bob_2_assignsubmission_file_/hw-marked.html",
        "late/carl_LATE_3_4_hw-marked.html",
    }


def test_check_compares_with_what_was_handed_out(run: Run) -> None:
    run("exercise", "--net", "1-1", "--count", "2", "-o", "class", "--key", "keys")
    key = Path("keys/key-001.toml").read_text()
    start = key.index("[answers.updated]")
    Path("hw.toml").write_text(key[:start] + key[key.index("[", start + 1) :])
    deleted = "deleted, and counted as missing: the new w1, the new b1"

    for handed_out in ("keys/key-001.toml", "class/sheet-001.toml", "keys", "class"):
        status, out, error = run("check", "hw.toml", "--against", handed_out)
        assert (status, error) == (0, "")
        assert f"\n\nNot as it was handed out\n  {deleted}\n  the name is missing\n\n" in out
        assert " 2 missing." in out
    assert " missing." not in run("check", "hw.toml")[1]
    run("check", "hw.toml", "--against", "keys", "--html", "--gradescope")
    for told in (Path("hw-marked.html").read_text(), Path("results.json").read_text()):
        assert "the name is missing" in told

    marked = json.loads(run("check", "hw.toml", "--against", "keys", "--json")[1])
    assert marked["changes"] == [deleted, "the name is missing"]
    status, out, error = run("check", "hw.toml", "keys", "--against", "class", "--csv", "m.csv")
    assert (status, error) == (0, "")
    rows = list(csv.DictReader(Path("m.csv").read_text("utf-8-sig").splitlines()))
    assert [row["changes"] for row in rows] == [
        f"{deleted}; the name is missing",
        "the name is missing",
        "the name is missing",
    ]

    Path("keys/key-002.toml").write_text("[")
    status, out, error = run("check", "hw.toml", "--against", "keys")
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: keys/key-002.toml: is not TOML: ")


def test_an_answer_that_is_no_number_is_said_and_the_rest_is_marked(run: Run, sheet: str) -> None:
    top = 'student = "Emmy"\n' + sheet.format("w*x")
    Path("class").mkdir()
    Path("class/word.toml").write_text(top + '[answers.forward]\nz = "one"\n')
    Path("class/good.toml").write_text(top + '[answers.forward]\nz = "1"\n')
    reason = "class/word.toml, line 13: z = 'one' is not a number"

    status, out, error = run("check", "class/word.toml", "--html", "word.html")
    assert (status, error) == (1, "")
    assert f"No number, and counted as missing\n  {reason}\n" in out
    assert "0 of 1 right" in out
    page = html.unescape(Path("word.html").read_text("utf-8"))
    assert ">line 13: z = 'one' is not a number<" in page
    assert "class/" not in page

    status, out, error = run("check", "class", "--csv", "marks.csv")
    assert (status, error) == (1, "")
    assert out.startswith("2 of 2 sheets marked")
    assert f"No number, and counted as missing\n  {reason}\n" in out + "\n"
    rows = list(csv.DictReader(Path("marks.csv").read_text("utf-8-sig").splitlines()))
    assert [(row["student"], row["points"], row["error"]) for row in rows] == [
        ("Emmy", "1", ""),
        ("Emmy", "0", reason),
    ]

    Path("class/word.toml").unlink()
    assert run("check", "class")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml: No such file or directory; give the path of a sheet"),
        (["."], ".: there is no .toml file in it; give what was handed in"),
        ([".", "--json"], ".: --json is for one sheet; use --csv for a class"),
        (["q1a", "--csv", "x.csv"], "--csv is for a folder of sheets"),
        (["q1a", "--dask", "x:1"], "--dask is for a folder of sheets"),
        (["q1a", "--hints", "4"], "argument --hints: invalid choice: 4"),
        (["q1a", "--weights", "x=1"], "'x=1' sets no weight; write one of forward, factor"),
        (["q1a", "--against", "nowhere.toml"], "nowhere.toml: No such file or directory; give"),
        (["q1a", "nowhere.toml"], "nowhere.toml: No such file or directory; give the path of"),
        (
            ["q1a", "q1b", "--json"],
            "several sheets: --json is for one sheet; use --csv for a class",
        ),
        (["empty.toml"], "empty.toml: there are no answers to mark; fill in [answers]"),
    ],
)
def test_check_says_in_one_line_what_is_wrong(
    run: Run, arguments: list[str], message: str, sheet: str
) -> None:
    Path("sheets").mkdir()
    if arguments[0].endswith(".toml"):
        Path("empty.toml").write_text(sheet.format("w*x"))
    status, out, error = run("check", *arguments)
    assert (status, out) == (2, "")
    assert error.startswith(f"tinygrad-hw: {message}")
    assert error.count("\n") == 1


def test_check_leaves_nothing_half_written(run: Run) -> None:
    Path("taken").write_text("mine")
    status, _, error = run("check", "q1a", "--html", "taken/page.html")
    assert status == 2
    assert error.count("\n") == 1
    assert Path("taken").read_text() == "mine"
    assert [path.name for path in Path.cwd().iterdir()] == ["taken"]
