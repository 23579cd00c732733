"""Other programs read what we write for courses: see scripts/against_course_systems."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinygrad_hw.cli import main
from tinygrad_hw.worksheet import Result, canvas_gradebook

pytestmark = pytest.mark.filterwarnings("default")  # those are theirs
Hand = Callable[..., Result]

SHEET = """
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "w*x"
E = "(z - 3)**2"
[update]
loss = "E"
rate = 0.1
[answers.forward]
z = "1"
E = "4"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("sheet.toml").write_text(SHEET)
    return tmp_path


def test_finalgrade_reads_the_gradebook_of_canvas(folder: Path, hand_in: Hand) -> None:
    read = pytest.importorskip("finalgrade.canvas.read")
    Path("grades.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Homework (501),Final Score\n"
        "    Points Possible,,,,,20.00,(read only)\n"
        '"Noether, Emmy",1,A1,enoether,Math,,\n'
        '"Hilbert, David",2,A2,dhilbert,Math,4.00,\n'
    )
    table = canvas_gradebook(Path("grades.csv"), [hand_in("a.toml", "Emmy Noether", loss="5.7")])
    Path("marked.csv").write_bytes(table.content)
    found = read.read_canvas("marked.csv")
    assert found["df_score"]["homework"].to_dict() == {"a1": 15.0, "a2": 4.0}
    assert found["points"]["homework"] == 20.0


def test_gslocal_shows_the_results_for_gradescope(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = pytest.importorskip("gslocal.results")
    Path("sheet.toml").write_text(SHEET.replace('"4"', '"5.7"'))
    assert main(["check", "sheet.toml", "--gradescope"]) == 0
    capsys.readouterr()
    results.format_results(Path("results.json"))
    out = capsys.readouterr().out
    assert "1.00 / 2.00" in out
    assert "-> E = 5.7 fits no slip of the catalogue." in out


@pytest.mark.parametrize(
    ("call", "points"),
    [
        ("assert_marked('sheet.toml', worth=10)", 10.0),
        ("assert_marked('sheet.toml', {'E': '5.7'}, worth=10)", 5.0),
        ("assert_marked('sheet.toml', {'E': '5.7'}, only=['E'], worth=10)", 0.0),
        ("_ = assert_marked('sheet.toml')", 10.0),
        ("_ = assert_marked('sheet.toml', {'E': '5.7'})", 0.0),
    ],
)
def test_nbgrader_gives_the_points_of_a_cell(folder: Path, call: str, points: float) -> None:
    utils = pytest.importorskip("nbgrader.utils")
    import nbclient
    import nbformat

    source = f"from tinygrad_hw.worksheet import assert_marked\n{call}"
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["nbgrader"] = {
        "grade": True,
        "solution": False,
        "points": 10,
        "grade_id": "cell",
        "schema_version": 3,
    }
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True)
    client.execute(cwd=str(folder))
    assert utils.determine_grade(notebook.cells[0]) == (points, 10.0)


def test_otter_gives_the_points_of_the_cases_that_pass(folder: Path) -> None:
    files = pytest.importorskip("otter.test_files")
    from otter.nbmeta_config import NBMetadataConfig

    Path("q1.py").write_text("""\
from otter.test_files import test_case
from tinygrad_hw.worksheet import assert_marked

OK_FORMAT = False
name = "q1"
points = None

@test_case(points=2)
def test_z(numbers):
    assert_marked("sheet.toml", numbers, only=["z"])

@test_case(points=3)
def test_loss(numbers):
    assert_marked("sheet.toml", numbers, only=["E"])
""")
    test = files.create_test_file("q1.py", NBMetadataConfig())
    test.run({"numbers": {"z": 1.0, "E": "5.7"}})
    assert (test.score, test.possible) == (2, 5)
    assert "MarksLostError: E: 5.7: Work it out again." in test.summary()
