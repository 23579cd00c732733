"""Walking through steps: every command, by lines and by keys, on screens of any size."""

from collections.abc import Callable, Iterator

import pytest
from growth import labeled, outgrowing
from rich.cells import cell_len
from rich.text import Text

from tinygrad_hw import Value
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import PLAIN_SIGNS, Steps, steps
from tinygrad_hw.explain.stepper.terminal import HELP, KEYS, Walk, walk, walk_keys, walk_lines
from tinygrad_hw.explain.stepper.terminal_view import Board
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.reader import read_sheet


def told(sheet: Sheet, *, unfolded: bool = False) -> Steps:
    return steps(sheet.evaluate()[sheet.loss], unfolded=unfolded)


Q1A = told(read_sheet(sheet_path("q1a")))
SCALAR = told(read_sheet(sheet_path("q1a")), unfolded=True)
LARGE = told(exercise("9-3-1", seed=0), unfolded=True)
NAMES = "names are b1 b2 b3 b4 w1 w2 w3 w4 w5 w6 w7 w8 w9 z1 a1 z2 a2 z3 a3 z4 a4 E"


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


# --- Commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "at"),
    [
        (["n"], 1),
        (["n", "", " ", "\n", "\r", "\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB"], 9),
        (["g 9", "p", "\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA"], 3),
        (["$"], 30),
        (["\x1b[F", "p"], 29),
        (["g12", "0"], 0),
        (["g31", "\x1b[H", "n"], 1),
        (["g 12"], 11),
        (["g 012"], 11),
        (["/w7"], 13),
        (["g 14", "/w7"], 13),  # round again, to where it is
        (["g 20", "/ w7 "], 13),
        (["/a1"], 1),
        (["/a1", "/a1"], 12),
        (["/a1"] * 3, 27),
        (["/a1"] * 4, 1),
        (["/w"], 13),  # a part of a name: w7 is the first
        (["$", "/w"], 13),
        (["/E"], 8),
    ],
)
def test_commands_move(commands: list[str], at: int) -> None:
    walked = Walk(Q1A)
    assert [walked.handle(command) for command in commands] == [""] * len(commands)
    assert walked.at == at
    assert not walked.over


def test_a_name_itself_goes_before_names_that_it_is_a_part_of() -> None:
    x = Value(2.0)
    part = named(x * x, "long_z")
    walked = Walk(steps(named(part * part, "z")))
    walked.handle("/z")
    assert walked.frame.highlighted == ("z",)
    walked.handle("0")
    walked.handle("/z")
    walked.handle("/ong")
    assert "long_z" in walked.frame.highlighted


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("g 999", "there is no step '999'; g 1 to g 31 go to one"),
        ("g 0", "there is no step '0'; g 1 to g 31 go to one"),
        ("g x", "there is no step 'x'; g 1 to g 31 go to one"),
        ("g -1", "there is no step '-1'; g 1 to g 31 go to one"),
        ("g ²", "there is no step '²'; g 1 to g 31 go to one"),
        ("g " + "9" * 5000, f"there is no step '{'9' * 40}'; g 1 to g 31 go to one"),
        ("g", "give a number after g; g 1 to g 31 go to one"),
        ("/", f"give a name after /; {NAMES}"),
        ("/w70", f"nothing is called 'w70'; {NAMES}"),
        ("/y", "y is given and gets no gradient: no step is about it"),
        ("p", "this is the first step"),
        ("nn", f"'nn' is no key here: {KEYS}"),
        ("\x1b[1;5C", f"that is no key here: {KEYS}"),
        ("\x0c", f"that is no key here: {KEYS}"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_moves_nothing(command: str, says: str) -> None:
    walked = Walk(Q1A)
    assert walked.handle(command) == says
    assert walked.at == 0
    assert says.isprintable()


def test_after_the_last_step_there_is_none() -> None:
    walked = Walk(Q1A)
    walked.handle("$")
    assert walked.handle("n") == "this is the last step"
    assert walked.at == 30


@pytest.mark.parametrize("quits", ["q", "quit", "\x04"])
def test_quitting(quits: str) -> None:
    walked = Walk(Q1A)
    assert walked.handle(quits) == ""
    assert walked.over


# --- By lines -------------------------------------------------------------------------------------


def lines_of(told: Steps, *typed: str) -> list[str]:
    """What is printed when that is typed, and then the input ends."""
    shown: list[str] = []
    lines: Iterator[str] = iter(typed)

    def ask(prompt: str) -> str:
        shown.append(prompt)
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line

    walk_lines(Walk(told), ask, shown.append)
    return shown


def test_a_step_is_printed_for_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = lines_of(Q1A, "n", " /w7 ", "g 99", "q", "n")
    assert [line for line in shown if line.startswith("step ")] == [
        "step 1 of 31, forward",
        "step 2 of 31, forward",
        "step 14 of 31, backward",
    ]
    at = shown.index("step 14 of 31, backward")
    assert shown[at + 1 :] == [
        "w7 receives -0.0003182 from z4: upstream -0.0003183 × local 0.9997",
        "",
        "     value    gradient        value    gradient            value    gradient",
        "  x1     6           -     w2     1                 z1         8",
        "  x2     1           -     w3     1                 a1    0.9997  -0.0003183",
        "  y      1           -     w4     1                 z2         8",
        "  b1     1                 w5     1                 a2    0.9997",
        "  b2     1                 w6     1                 z3         8",
        "  b3     1               > w7     1  -0.0003182*    a3    0.9997",
        "  b4     1                 w8     1               > z4     3.999  -0.0003183",
        "  w1     1                 w9     1                 a4    0.9820    -0.01800",
        "                                                    E  0.0001621           1",
        "",
        "step> ",
        "there is no step '99'; g 1 to g 31 go to one",
        "step> ",
    ]


def test_help_and_the_end_of_input() -> None:
    shown = lines_of(Q1A, "?")
    assert set(HELP) <= set(shown)
    assert shown[-2:] == ["step> ", ""]


def test_every_line_of_a_large_computation_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = lines_of(LARGE, "$", "/w1 ", "/E", "p")
    assert max(map(len, shown)) <= 100


def test_nothing_to_walk_through() -> None:
    shown: list[str] = []
    walk(steps(Value(3.0, constant=True)), lambda prompt: "n", shown.append, str)
    assert shown == ["nothing is computed here: there are no steps"]


# --- By keys --------------------------------------------------------------------------------------


class Screen:
    """Presses keys, and remembers what was seen before each."""

    def __init__(self, told: Steps, *keys: str, size: tuple[int, int] = (80, 24)) -> None:
        self.seen: list[list[str]] = []
        self.keys: Iterator[str] = iter(keys)
        self.walked = Walk(told)
        walk_keys(self.walked, self.key, self.show, lambda: size)

    def key(self) -> str:
        key = next(self.keys, None)
        if key is None:
            raise EOFError
        return key

    def show(self, lines: object) -> None:
        assert isinstance(lines, list)
        assert all(isinstance(line, Text) for line in lines)
        self.seen.append([line.plain for line in lines])


def test_keys_act_at_once() -> None:
    screen = Screen(Q1A, "n", "\x1b[C", "\n", "\x1b[A", "q", "n")
    assert [lines[0] for lines in screen.seen] == [
        f"step {n} of 31, forward" for n in (1, 2, 3, 4, 3)
    ]


def test_g_and_slash_let_one_type_on() -> None:
    screen = Screen(Q1A, *"g12\n", *"/w7", "\r")
    assert [lines[-2] for lines in screen.seen[1:4]] == ["g_", "g1_", "g12_"]
    assert screen.seen[3][0] == "step 1 of 31, forward"
    assert screen.seen[4][0] == "step 12 of 31, backward"
    assert screen.seen[-1][0] == "step 14 of 31, backward"


def test_letters_of_a_name_are_no_keys_and_typing_can_be_mended_or_given_up() -> None:
    screen = Screen(Q1A, *"/nq?", "\x7f", "\x1b[C", "\x7f", "\b", "\x7f", "n")
    typed = ["/_", "/n_", "/nq_", "/nq?_", "/nq_", "/nq_", "/n_", "/_"]
    assert [lines[-2] for lines in screen.seen[1:9]] == typed
    assert screen.seen[-1][0] == "step 2 of 31, forward"
    screen = Screen(Q1A, *"g1", "\x1b", "n")
    assert screen.seen[-1][0] == "step 2 of 31, forward"


def test_what_is_wrong_is_said_below_until_the_next_key() -> None:
    screen = Screen(Q1A, "p", "", "n", "/", "v", "\n", "n")
    assert "this is the first step" in screen.seen[1]
    assert screen.seen[1] == screen.seen[2]  # of another size, say
    assert "this is the first step" not in screen.seen[3]
    said = " ".join(screen.seen[-2][-2:])
    assert said == f"nothing is called 'v'; {NAMES}"
    assert said not in " ".join(screen.seen[-1][-2:])


def test_help_stays_until_a_key() -> None:
    screen = Screen(Q1A, "?", "q", "n")
    assert screen.seen[1][: len(HELP)] == list(HELP)
    assert max(map(len, HELP)) <= 80
    assert screen.seen[-1][0] == "step 2 of 31, forward"


def test_an_interrupt_gets_through() -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk_keys(Walk(Q1A), interrupted, lambda lines: None, lambda: (80, 24))


# --- The board ------------------------------------------------------------------------------------


def rows_of(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def test_the_homework_fits_a_small_screen_with_all_names_in_place() -> None:
    board = Board(Q1A)
    starts = set()
    for frame in Q1A:
        lines = board.screen(frame, 80, 24, ["legend", "keys"])
        assert len(lines) <= 24
        text = rows_of(lines)
        assert max(line.cell_len for line in lines) <= 80
        assert "larger window" not in text
        starts.add(tuple(text.splitlines()[4].index(name) for name in ("x1", "w2", "z1")))
        for name in frame.highlighted:
            assert f"> {name} " in text
        assert text.count(">") == len(frame.highlighted)
        assert text.count("*") == 1
    assert len(starts) == 1


@pytest.mark.parametrize("told", [Q1A, SCALAR, LARGE], ids=["q1a", "scalar", "large"])
@pytest.mark.parametrize(
    "size", [(80, 24), (200, 50), (60, 20), (40, 12), (20, 5), (10, 3), (1, 1)]
)
def test_no_screen_overflows(told: Steps, size: tuple[int, int]) -> None:
    board = Board(told)
    for frame in told[:: max(1, len(told) // 9)]:
        lines = board.screen(frame, *size, ["legend", "keys"])
        assert len(lines) <= size[1]
        assert max(line.cell_len for line in lines) <= size[0]
        assert lines[0].plain == f"step {frame.index + 1} of {len(told)}, {frame.phase}"[: size[0]]


@pytest.mark.parametrize("told", [SCALAR, LARGE], ids=["scalar", "large"])
def test_where_not_all_fit_what_the_step_is_about_does(told: Steps) -> None:
    board = Board(told)
    for frame in told[::7]:
        text = rows_of(board.screen(frame, 80, 24, ["legend", "keys"]))
        assert text.count("\n> ") + text.count(" > ") == len(frame.highlighted)
        assert text.count("*") == 1
        assert "a larger window shows" in text


def test_what_is_shown_is_what_is_known() -> None:
    board = Board(Q1A)
    for frame in Q1A:
        rows = rows_of(board.screen(frame, 30, 40, [])).split("gradient\n")[1].splitlines()
        cells = [row.lstrip("> ").split() for row in rows if row]
        assert [row[0] for row in cells] == board.names
        shown = {name: numbers for name, *numbers in cells if numbers not in ([], ["-"])}
        assert shown.keys() == frame.known.keys()
        for name, (value, gradient) in frame.known.items():
            written = [number(value), *([] if gradient is None else [number(gradient)])]
            assert [text.rstrip("*") for text in shown[name] if text != "-"] == written


def test_a_sum_that_grows_is_marked_as_new_each_time() -> None:
    w = named(Value(3.0), "w")
    told = steps(named(ops.mul(w, w) + w, "E"))
    rows = [rows_of(Board(told).block(frame, 80)) for frame in told[-2:]]
    assert all("> w" in text for text in rows)
    assert [text.count("*") for text in rows] == [1, 1]
    assert told[-1].known["w"][1] == 7


def test_plain_signs_are_laid_out_as_they_are_shown() -> None:
    def plain(line: str) -> str:
        return line.translate(PLAIN_SIGNS)

    walked = Walk(SCALAR, plain)
    for frame in SCALAR[::5]:
        text = rows_of(walked.board.block(frame, 100))
        assert text.isascii()
        assert max(map(len, text.splitlines()[2:])) <= 100
    assert walked.handle("/(w1 * x1)") == ""
    assert "(w1 · x1)" in walked.frame.highlighted


def test_wide_signs_keep_the_columns_straight() -> None:
    x, y = named(Value(0.5), "重み"), named(Value(0.25), "w")
    told = steps(named(x * y, "E"))
    rows = [line.plain for line in Board(told).block(told[-1], 80)[-2:]]
    ends = [
        cell_len(row[: row.index(value) + len(value)])
        for row, value in zip(rows, ("0.25", "0.5"), strict=True)
    ]
    assert ends[0] == ends[1]


# --- Large computations ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "work",
    [
        lambda root: Board(steps(root)).block(steps(root)[50], 80),
        lambda root: Board(steps(root)).screen(steps(root)[50], 80, 24, []),
        lambda root: Walk(steps(root)).handle("/nothing"),
    ],
)
def test_the_cost_of_a_step_grows_with_the_number_of_names(work: Callable[[Value], None]) -> None:
    assert not outgrowing(work, labeled([3, 25, 1]), labeled([3, 75, 1]))
