"""Filling a sheet in: only its blanks change, and what was typed is never lost."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.worksheet import blanks, exercise, key, parse_sheet, read_sheet, sheet_text
from tinygrad_hw.worksheet.exercises.fill_in import fill
from tinygrad_hw.worksheet.sheet.model import SheetError

HEAD = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
[forward]
a = "sigmoid(w*x)"   # not "" yet
E = "(y - a)**2 / 2"
[update]
loss = "E"
rate = 0.5
"""
ANSWERS = """
[answers.forward]  # "" is a blank
a = ""
E = "0.04"
[answers.partials."dE/dw"]
factors = { "dE/da" = "", "da/dw" = '' }   # two of them
value = ""
struck = ["", "1"]
[answers.table]
w = ""
"""


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is not a number") from None


class Terminal:
    """Types what it is told to, and remembers what was printed."""

    def __init__(self, *typed: str | BaseException) -> None:
        self.typed: Iterator[str | BaseException] = iter(typed)
        self.shown: list[str] = []
        self.before: Callable[[], object] = lambda: None

    def ask(self, prompt: str) -> str:
        self.before()
        self.shown.append(prompt)
        typed = next(self.typed, EOFError())
        if isinstance(typed, BaseException):
            raise typed
        return typed

    def fill(self, path: Path) -> list[str]:
        fill(path, self.ask, self.shown.append, number)
        return [line.strip() for line in self.shown if line]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.toml"
    path.write_text(HEAD + ANSWERS)
    return path


def typed(path: Path, *texts: str | BaseException) -> str:
    """The answers' part of the file after these were typed."""
    Terminal(*texts).fill(path)
    text = path.read_text()
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


def test_every_blank_is_asked_for_with_its_number_and_formula(path: Path) -> None:
    shown = Terminal("0.7", "-0.3", ".2", "-6e-2", "1").fill(path)
    assert shown == [
        "5 to fill in. Enter skips one, b goes back, q stops; all that you typed is saved.",
        *("1 of 5   a = sigmoid(w*x)", "a ="),
        *("2 of 5   dE/dw = dE/da · da/dw", "factor dE/da ="),
        *("3 of 5   dE/dw = dE/da · da/dw", "factor da/dw ="),
        *("4 of 5   dE/dw = dE/da · da/dw", "dE/dw ="),
        *("5 of 5   the closing table: w at the end", "w ="),
        f"{path}: all filled in",
    ]
    assert Terminal().fill(path) == [f"{path}: nothing is left to fill in"]


def test_only_blanks_change(path: Path) -> None:
    left = typed(path, "0.7", "−0.3", "0.2", "-6e-2", "1".replace("1", "+1"))
    assert left == ANSWERS.replace('a = ""', 'a = "0.7"').replace(
        '"dE/da" = "", "da/dw" = \'\'', '"dE/da" = "0.2", "da/dw" = "-6e-2"'
    ).replace('value = ""', 'value = "+1"')


def test_skipping_and_stopping_leave_blanks_for_the_next_time(path: Path) -> None:
    for last in ("q", "quit", EOFError(), KeyboardInterrupt()):
        path.write_text(HEAD + ANSWERS)
        terminal = Terminal("", "0.25", last, "0.5")
        assert terminal.fill(path)[-1] == f"{path}: 1 filled in, 4 left"
        assert path.read_text() == HEAD + ANSWERS.replace('"dE/da" = ""', '"dE/da" = "0.25"')
    assert Terminal().fill(path)[:3] == [
        "4 to fill in. Enter skips one, b goes back, q stops; all that you typed is saved.",
        *("1 of 4   a = sigmoid(w*x)", "a ="),
    ]


def test_going_back_mends_an_answer_or_keeps_it(path: Path) -> None:
    terminal = Terminal("b", "0.6", "0.1", "back", "b", "0.7", "", "0.2")
    shown = terminal.fill(path)
    assert [line for line in shown if line.endswith("=")] == [
        *("a =", "a =", "factor dE/da =", "factor da/dw ="),
        *("factor dE/da (now 0.1) =", "a (now 0.6) =", "factor dE/da (now 0.1) ="),
        *("factor da/dw =", "dE/dw ="),
    ]
    assert 'a = "0.7"' in path.read_text()
    assert '{ "dE/da" = "0.1", "da/dw" = "0.2" }' in path.read_text()


def test_what_is_no_number_is_asked_for_again(path: Path) -> None:
    shown = Terminal("\x1b[2J", "x" * 1000, " 0.7 ").fill(path)
    assert "'\\x1b[2J' is not a number" in shown
    assert f"'{'x' * 40}' is not a number" in shown
    assert all(line.isprintable() for line in shown)
    assert 'a = "0.7"' in path.read_text()


def test_everything_typed_is_in_the_file_before_the_next_question(path: Path) -> None:
    terminal = Terminal("0.5", "0.25", "0.125")
    seen: list[str] = []
    terminal.before = lambda: seen.append(path.read_text())
    terminal.fill(path)
    assert [sum(f'"{x}"' in text for x in ("0.5", "0.25", "0.125")) for text in seen] == [
        0,
        1,
        2,
        3,
    ]
    assert [file.name for file in path.parent.iterdir()] == ["sheet.toml"]


LAYOUTS = {
    "dotted keys": 'answers.forward.a = ""\n',
    "an inline table": 'answers = { forward = { a = "" } }  # ""\n',
    "no spaces": "[answers]\nforward={a=''}\n",
    "several lines": '[answers.forward]\na = """"""\n',
    "an end of line that is escaped": '[answers.forward]\na = """\\\n   """\n',
    "a line feed that does not count": "[answers.forward]\na = '''\n'''\n",
    "a quoted key": '["answers"."forward"]\n"a" = ""',
    "no line end": "[answers.forward]\na = ''  # don't \"",
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_layout_is_kept(tmp_path: Path, layout: str, mark: str) -> None:
    path = tmp_path / "s.toml"
    head = 'title = "it\'s #1"  # ""\nstudent = \'\'\n'
    text = (
        mark + head + (layout + HEAD if layout[:8] in ("answers.", "answers ") else HEAD + layout)
    )
    for line_end in ("\n", "\r\n"):
        path.write_bytes(text.replace("\n", line_end).encode())
        Terminal("0.7").fill(path)
        written = path.read_bytes().decode()
        assert read_sheet(path).answers.forward == {"a": "0.7"}
        before, after = written.split('"0.7"')
        whole = text.replace("\n", line_end)
        assert whole.startswith(before)
        assert whole.endswith(after)
        assert set(whole[len(before) : len(whole) - len(after)]) <= set("\"'\\\r\n ")


SCATTERED = {
    "sections apart": '[answers.updated]\nw = ""\n{}\n[answers.forward]\na = ""\nE = ""\n',
    "a part first": '[answers.forward]\na = "" # ""\n{}[answers]\n[answers.table]\nw=""',
    "dotted keys in turns": '{}[answers]\nforward.a = ""\nupdated.w = ""\nforward . "E" = ""\n',
    "dotted inline tables": '{}[answers]\nforward = {{ a="" , E = "1" }}\nupdated={{w=""}}\n',
    "paths on lines": (
        '{}[answers.partials."dE/dw"] # x\npaths = [ # ""\n\t{{"dE/da"="", "da/dw"=""}}, # ""\n'
        '  {{ "dE/dw" = """""" }} ,\n ]\nvalue = \'\'\nstruck = ["", \'\']\n'
    ),
    "tabs and escapes": '{}\t[answers.forward]\t# x\n\t"\\u0061"\t=\t""\t# y\n',
}


@pytest.mark.parametrize("layout", SCATTERED.values(), ids=SCATTERED)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_each_blank_changes_alone(tmp_path: Path, layout: str, line_end: str) -> None:
    path = tmp_path / "s.toml"
    text = layout.format(HEAD).replace("\n", line_end)
    path.write_bytes(text.encode())
    asked = sum(line.endswith("=") for line in Terminal(*[""] * 9).fill(path))
    assert path.read_bytes() == text.encode()
    written = set()
    for blank in range(asked):
        path.write_bytes(text.encode())
        Terminal(*[""] * blank, "0.7").fill(path)
        before, after = path.read_bytes().decode().split('"0.7"')
        assert text.startswith(before)
        assert text.endswith(after)
        assert text[len(before) : len(text) - len(after)] in ('""', "''", '""""""')
        written.add(path.read_bytes())
    assert len(written) == asked > 0


@settings(deadline=None, max_examples=4)
@given(st.sampled_from([("2-2-1", 3), ("2-2-2", 1), ("2-2-2", 2), ("1-2", 3)]), st.integers(0, 20))
def test_filled_in_with_its_key_a_sheet_is_its_key(
    tmp_path_factory: pytest.TempPathFactory, net: tuple[str, int], seed: int
) -> None:
    sheet = exercise(net[0], seed, steps=net[1])
    path = tmp_path_factory.mktemp("fill") / "s.toml"
    path.write_text(sheet_text(sheet))
    answers = sheet_text(key(sheet)).split("[answers", maxsplit=1)[1]
    Terminal(*re.findall(r'= "([^"]*)"', answers)).fill(path)
    assert read_sheet(path) == key(sheet)


def test_questions_of_later_steps_and_several_paths(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    sheet = exercise("2-2-2", seed=1, steps=2)
    path.write_text(sheet_text(sheet))
    shown = "\n".join(Terminal(*[""] * 500).fill(path))
    chain = "dE/dw1 = dE/da3 · da3/dz3 · dz3/da1 · da1/dz1 · dz1/dw1 + dE/da4 · da4/dz4 · dz4/da1"
    assert f"step 1: {chain} · da1/dz1 · dz1/dw1\npath 2, factor da4/dz4 =" in shown
    assert f"step 2: {chain}" in shown
    assert "step 2: z1 = w1*x1 + w2*x2 + b1\nz1 =" in shown
    assert f"step 2: new w1 = w1 - {sheet.rate} × dE/dw1\nnew w1 =" in shown
    assert "of 234   the closing table: b4 at the end\nb4 =" in shown


@pytest.mark.parametrize("end", ["", "\n[answers]\n", "  # the end"])
def test_a_sheet_without_answers_gets_blanks_for_all(tmp_path: Path, end: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes((HEAD.rstrip() + end).replace("\n", "\r\n").encode())
    Terminal("q").fill(path)
    assert read_sheet(path) == blanks(parse_sheet(HEAD))
    text = path.read_bytes().decode()
    assert text.startswith((HEAD.rstrip() + end).replace("\n", "\r\n") + "\r\n")
    assert text.count("\n") == text.count("\r\n")


def test_where_blanks_cannot_be_put_at_the_end_the_sheet_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("answers = {}\n" + HEAD)
    shown = Terminal("0.7").fill(path)
    assert shown[0] == f"{path}: blanks cannot be put at its end; it is written anew, comments lost"
    assert read_sheet(path).answers.forward == {"a": "0.7", "E": ""}


def test_a_file_that_somebody_else_changes_is_left_as_it_is(path: Path) -> None:
    terminal = Terminal("0.7", "0.25")
    asked = []

    def other() -> None:
        asked.append(1)
        if len(asked) == 2:
            path.write_text(HEAD)

    terminal.before = other
    with pytest.raises(SheetError, match="was changed by somebody else and is left as it is"):
        terminal.fill(path)
    assert path.read_text() == HEAD


def test_a_bad_sheet_is_not_touched(path: Path) -> None:
    for text in (HEAD.replace("w*x", "w*v"), HEAD.replace("w*x", "log(-w*x)"), "x = "):
        path.write_text(text)
        with pytest.raises(SheetError):
            Terminal("1").fill(path)
        assert path.read_text() == text


def test_a_link_stays_a_link_and_permissions_stay(path: Path) -> None:
    path.chmod(0o600)
    link = path.with_name("link.toml")
    link.symlink_to(path)
    Terminal("0.7").fill(link)
    assert link.is_symlink()
    assert 'a = "0.7"' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
