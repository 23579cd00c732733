"""Sheets from anybody: one line that names file, line and reason, or a verdict, and soon.

What a sheet is refused for when it is read stands in ``test_sheet`` as well; here are the answers,
the command line, sizes, and sheets that are made to break the marker.
"""

import contextlib
import itertools
import math
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tinygrad_hw import cli
from tinygrad_hw.formatting.verdicts import VERDICTS
from tinygrad_hw.homework import SHEETS, sheet_path
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import MAX_BYTES, parse_sheet
from tinygrad_hw.worksheet.solution.solve import solve

NEURON = """\
title = "One sigmoid neuron"

[given]
x = 2
y = 1
alpha = 0.5

[parameters]
w = 0.5
b = -0.3

[forward]
z = "w*x + b"
a = "sigmoid(z)"
E = "(y - a)**2 / 2"

[update]
loss = "E"
rate = "alpha"

[rounding]
figures = 4

[answers.forward]
z = "0.7"
a = "0.6682"

[answers.partials."dE/dw"]
factors = { "dE/da" = "-0.3318", "da/dz" = "0.2217", "dz/dw" = "2" }
value = "-0.1471"
struck = ["-0.147"]

[answers.updated]
w = "0.5736"

[answers.table]
b = "-0.2632"
"""
BARE = """\
[given]
x = {x}
[parameters]
w = {w}
[forward]
{forward}
[update]
loss = "E"
rate = {rate}
{answers}
"""

GIVE_UP = 60  # seconds: a guard against what never ends, no measure of speed


class TooLongError(BaseException):
    """The time is up; not to be caught on the way."""


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """Fail if something takes long; end it if it takes much longer."""

    def enough(_signal: int, _frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, enough)
    ended = False
    try:
        signal.setitimer(signal.ITIMER_REAL, GIVE_UP)
        yield
    except TooLongError:
        ended = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if ended:  # without the traceback of wherever it was
        pytest.fail(f"not done after {GIVE_UP} seconds", pytrace=False)


def one_line(message: str) -> str:
    assert message.isprintable()
    assert len(message) < 700
    return message


def refused(text: str) -> str:
    """Read, solve and mark a sheet that is refused somewhere on the way."""
    with soon(), pytest.raises(SheetError) as caught:
        mark(parse_sheet(text, "s.toml"))
    return one_line(str(caught.value))


def marked(text: str) -> Marks:
    """Mark a sheet, in good time and with nothing that is not a verdict."""
    with soon():
        marks = mark(parse_sheet(text, "s.toml"))
        assert len(marks.digits_lost) == len(marks.items)
    for item in marks.items:
        assert item.verdict in VERDICTS
        assert math.isfinite(item.exact)
        assert 0 <= item.trusted_digits <= 16
    return marks


def verdicts(text: str) -> dict[str, str]:
    return {item.name: item.verdict for item in marked(text).items}


def changed(old: str, new: str) -> str:
    assert old in NEURON
    return NEURON.replace(old, new, 1)


def bare(forward: str, answers: str = "", x: str = "2", w: str = "0.5", rate: str = "0.1") -> str:
    lines = "\n".join(f'{name} = "{f}"' for name, f in (p.split(" = ") for p in forward.split(";")))
    return BARE.format(x=x, w=w, forward=lines, rate=rate, answers=answers)


# --- Answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('z = "0.7"', 'z = "0,7 0.8"', "line 25: z = '0,7 0.8' is not a number"),
        ('z = "0.7"', 'z = "nan"', "line 25: z = 'nan' is not a number"),
        ('z = "0.7"', 'z = "-inf"', "line 25: z = '-inf' is not a number"),
        ('z = "0.7"', 'z = "1e999"', "line 25: z = '1e999' is out of range"),
        ('z = "0.7"', 'z = "1/0"', "line 25: z = '1/0' divides by zero"),
        ('z = "0.7"', 'z = "0x7"', "line 25: z = '0x7' is not a number"),
        ('z = "0.7"', 'z = "О.7"', "line 25: z = 'О.7' is not a number"),  # a Cyrillic О
        ('z = "0.7"', r'z = "\u001b[2J"', r"line 25: z = '\x1b[2J' is not a number"),
        ('z = "0.7"', r'z = "0.7\u202e"', r"line 25: z = '0.7\u202e' is not a number"),
        ('z = "0.7"', r'z = "0.7\u0000"', r"line 25: z = '0.7\x00' is not a number"),
        (
            'z = "0.7"',
            "z = " + '"' + "7" * 10_000 + '"',
            "line 25: z = '" + "7" * 40 + "' is 10,000 characters long; the limit is 60",
        ),
        ('"dz/dw" = "2"', '"dz/dw" = "two"', "line 29: dz/dw = 'two' is not a number"),
        ('value = "-0.1471"', 'value = "?"', "line 30: dE/dw = '?' is not a number"),
        ('w = "0.5736"', 'w = "__import__"', "line 34: w = '__import__' is not a number"),
        ('b = "-0.2632"', 'b = "9**9**9"', "line 37: b = '9**9**9' is not a number"),
    ],
)
def test_an_answer_that_is_no_number_is_missing_and_the_rest_is_marked(
    old: str, new: str, message: str
) -> None:
    marks = marked(changed(old, new))
    assert marks.unreadable == [f"s.toml, {message}"]
    [item] = [item for item in marks.items if item.note == "unreadable"]
    assert (item.verdict, item.explanation) == ("missing", f"s.toml, {message}")
    assert item.printed.isprintable()
    assert {x.verdict for x in marks.items if x is not item} <= {"exact", "rounded"}
    assert len(marks.items) == len(marked(NEURON).items)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dz/dq", "line 29: dz/dq names q, which is not in this sheet"),
        ("dν/dw", "line 29: dν/dw names ν, which is not in this sheet"),
    ],
)
def test_a_factor_of_a_name_that_there_is_not(name: str, message: str) -> None:
    assert refused(changed('"dz/dw" = "2"', f'"{name}" = "2"')) == f"s.toml, {message}"


@pytest.mark.parametrize("place", ["value", "updated", "table", "another factor"])
def test_an_answer_that_is_no_number_is_said_by_its_place_whoever_reads_it_first(
    place: str,
) -> None:
    """A slip looks at the numbers beside it before their turn has come."""
    old, new, line = {
        "value": ('value = "-0.1471"', 'value = "-σ"', 30),
        "updated": ('w = "0.5736"', 'w = "σ"', 34),
        "table": ('b = "-0.2632"', 'b = "σ"', 37),
        "another factor": ('"dz/dw" = "2"', '"dz/dw" = "σ"', 29),
    }[place]
    wrong = changed('"da/dz" = "0.2217"', '"da/dz" = "0.5"').replace(old, new)
    [reason] = marked(wrong).unreadable
    assert re.match(rf"s\.toml, line {line}: \S+ = '-?σ' is not a number$", reason)


def test_an_answer_of_a_later_step_is_named_by_its_line() -> None:
    text = changed('rate = "alpha"', 'rate = "alpha"\nsteps = 2')
    text += '[answers.step2.forward]\nz = "1.1"\na = "."\n'
    marks = marked(text)
    assert marks.unreadable == ["s.toml, line 41: a = '.' is not a number"]
    assert [item.step for item in marks.items if item.note == "unreadable"] == [2]


@pytest.mark.parametrize("given", ['"z1"', "[1]", "{ z1 = true }"])
def test_what_was_revealed_is_a_list_of_names(given: str) -> None:
    head = NEURON.split("[answers", maxsplit=1)[0]
    line = head.count("\n") + 2
    reason = f"line {line}: revealed should be a list of names in quotes"
    assert refused(f"{head}[answers]\nrevealed = {given}\n") == f"s.toml, {reason}"


def test_a_sheet_without_answers_has_nothing_to_mark() -> None:
    head = NEURON.split("[answers", maxsplit=1)[0]
    reason = "there are no answers to mark; fill in [answers]"
    assert refused(head) == f"s.toml: {reason}"


def test_a_loss_that_depends_on_nothing() -> None:
    text = changed('"(y - a)**2 / 2"', '"y**2 / 2"')
    assert refused(text) == "s.toml: E does not depend on any parameter"


def test_a_loss_that_does_not_depend_on_one_parameter() -> None:
    text = changed('"w*x + b"', '"w*x"')
    items = {item.name: item for item in marked(text).items if item.part == "table"}
    assert items["b"].exact == -0.3


def test_a_derivative_that_is_not_finite() -> None:
    text = bare("d = w - 0.5;E = sqrt(d)")
    assert re.fullmatch(r"s\.toml: dE/dw is (inf|nan); it has no update", refused(text))


def test_blanks_in_an_answer_cannot_move_the_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be seen is no part of a number, and is not shown."""
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(changed('z = "0.7"', r'z = "\r\u000c\u001f9.1\u0085\n"'))
    assert cli.main(["check", "s.toml"]) == 1
    out = capsys.readouterr().out
    assert "is not a number" in out
    assert all(line.isprintable() for line in out.splitlines())


# --- Factors, paths and names ---------------------------------------------------------------------


def test_a_factor_of_a_name_by_itself_is_one() -> None:
    text = changed('"dE/da" = "-0.3318"', '"dE/dE" = "1", "dE/da" = "-0.3318"')
    assert verdicts(text)["dE/dE"] == "exact"
    wrong = changed('"dE/da" = "-0.3318"', '"dE/dE" = "2", "dE/da" = "-0.3318"')
    assert verdicts(wrong)["dE/dE"] == "wrong"


@pytest.mark.parametrize("name", ["dw/dz", "dz/da", "da/dE", "dz/db", "da/dx"])
def test_a_factor_that_leads_nowhere_is_refused(name: str) -> None:
    text = re.sub(r"factors = .*", f'factors = {{ "{name}" = "1" }}', NEURON, count=1)
    assert refused(text) == f"s.toml, line 29: {name} is on no way from E to w"


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_many_paths(count: int) -> None:
    path = '{ "dE/da" = "-0.3318", "da/dz" = "0.2217", "dz/dw" = "2" }'
    paths = f"paths = [{', '.join([path] * count)}]"
    found = marked(re.sub(r"factors = .*", paths, NEURON))
    assert [item.verdict for item in found.items if item.name == "dE/dw"] == ["exact"]


def test_names_that_look_like_other_things() -> None:
    """What the marker calls its own parts by: the operands of rules, d, e, σ, a rate."""
    text = """
[given]
rate = 0.1
e = 2
"σ" = 1
y = 3
out = 2
[parameters]
x = 0.5
d = 2
other = 3
new = 2
sign = -1
[forward]
"the" = "out*x + y*d + e*other*new + rate*sign"
dd = "the/4"
E = "(dd - σ)**2/out"
[update]
loss = "E"
rate = "rate"
[answers.forward]
the = "18.9"
dd = "4.725"
E = "6.938"
[answers.partials."dE/dd"]
factors = { "dE/ddd" = "3.725", "ddd/dthe" = "0.25", "dthe/dd" = "3" }
value = "2.79375"
[answers.partials."dE/dx"]
factors = { "dE/dthe" = "0.93125", "dthe/dx" = "7" }
value = "-1.8625"
[answers.updated]
x = "9"
d = "1.720625"
other = "7"
new = "0"
sign = "-1.0093125"
"""
    found = verdicts(text)
    right = ("the", "dd", "E", "dE/ddd", "ddd/dthe", "dthe/dd", "dE/dd", "dE/dthe", "d", "sign")
    assert {found[name] for name in right} == {"exact"}
    assert {found[name] for name in ("dthe/dx", "dE/dx", "x", "other", "new")} == {"wrong"}


def test_a_name_that_only_looks_the_same() -> None:
    text = changed('E = "(y - a)', 'E = "(y - а)')  # the second one is Cyrillic
    assert refused(text) == "s.toml, line 15: E uses 'а', which is nowhere defined"


# --- A parameter that stands in the loss itself ---------------------------------------------------

DECAY = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
[forward]
a = "sigmoid(w*x)"
E = "(y - a)**2/2 + 0.1*w**2"
[update]
loss = "E"
rate = 0.1
[answers.partials."dE/dw"]
{}
value = "{}"
[answers.updated]
w = "0.5006"
"""


@pytest.mark.parametrize("value", ["-0.005754", "0.1"])
def test_a_partial_is_the_whole_derivative_where_a_parameter_stands_in_the_loss(value: str) -> None:
    """Weight decay: dE/dw as a partial is the sum of both ways, -0.1058 + 0.1."""
    text = DECAY.format("", value)
    partials = [item for item in marked(text).items if item.part == "partial"]
    right = solve(parse_sheet(text)).partials["dE/dw"]
    assert right == pytest.approx(-0.005754, rel=1e-3)
    assert [item.exact for item in partials] == [right]
    assert [item.verdict for item in partials] == ["exact" if float(value) < 0 else "wrong"]


@pytest.mark.parametrize("loss", ["w**2", "w*x", "(w*x - 1)**2 + w", "tanh(w)", "w"])
def test_a_wrong_partial_of_a_loss_without_names_between(loss: str) -> None:
    text = bare(f"E = {loss}", '[answers.partials."dE/dw"]\nvalue = "37.5"\n')
    assert verdicts(text) == {"dE/dw": "wrong"}


def test_weight_decay_worked_out_by_its_two_paths() -> None:
    paths = 'paths = [{ "dE/da" = "-0.2689", "da/dw" = "0.3932" }, { "dE/dw" = "0.1" }]'
    found = {
        (item.part, item.name): item.verdict
        for item in marked(DECAY.format(paths, "-0.00573")).items
    }
    assert found["factor", "dE/da"] == "exact"
    assert found["factor", "da/dw"] == "exact"
    assert found["partial", "dE/dw"] in ("exact", "rounded")
    assert found["updated", "w"] == "exact"


# --- Numbers at the edge --------------------------------------------------------------------------

ANSWERS = """
[answers.forward]
E = "250"
[answers.partials."dE/dw"]
value = "1"
[answers.updated]
w = "0.5"
[answers.table]
w = "0.5"
"""
BIG = '[answers.forward]\nd = "7e200"\nE = "0.5"\n' + ANSWERS.split("\n", 3)[3]
ZERO = '[answers.forward]\nd = "0.00"\nE = "250"\n' + ANSWERS.split("\n", 3)[3]
LOW = '[answers.forward]\nd = "-5"\nE = "250"\n' + ANSWERS.split("\n", 3)[3]
ROUNDINGS = ("", "[rounding]\nfigures = 3\n", "[rounding]\ndecimals = 2\n")
EDGES = [
    "d = w*x;q = 1/d;E = q*2",
    "d = w*x;q = 1/d;E = q*w",
    "d = w*x;q = exp(d);E = q*w",
    "d = w*x;q = exp(d);r = q*d;E = r*r",
    "d = w*x;q = log(d);E = q*q",
    "d = w*x;E = sqrt(d)",
    "d = w*x;E = d**-2.5",
    "d = w*x;E = d**d",
    "d = w*x;E = x**d",
    "d = w*x;q = d**3;E = 1/(q*q)",
    "d = w*x;E = tanh(d)/d",
    "d = w*x;E = abs(d)/d*w",
    "d = w*x;E = relu(d) + softplus(d)",
    "d = w*x;E = log(1 - d)",
    "d = w*x;q = d - 1e-300;E = q/d",
]


def faults(sheets: Iterable[str]) -> set[str]:
    """What goes wrong when these are marked."""
    found = set()
    for text in sheets:
        try:
            marked(text)
        except Exception as error:
            found.add(repr(error))
    return found


@pytest.mark.parametrize("forward", EDGES)
def test_numbers_that_leave_a_functions_domain(forward: str) -> None:
    """A written 0.00 under a fraction, 7e200 in an exponent, a negative one in a root."""
    written = itertools.product(ROUNDINGS, (ANSWERS, BIG, ZERO, LOW))
    assert faults(bare(forward, "".join(parts), x="0.004") for parts in written) == set()


@pytest.mark.parametrize(
    ("x", "w", "rate"),
    [
        ("1e300", "0.5", "0.1"),
        ("1e-300", "0.5", "0.1"),
        ("1e-320", "0.5", "0.1"),
        ("1e307", "0.25", "1e-300"),
        ("2", "0.5", "0"),
        ("2", "0.5", "1e300"),
        ("2", "0.5", "-1e-300"),
        ("2", "0", "0.1"),
        ("0", "0.5", "0.1"),
        ("0", "0", "0"),
        ("-0.0", "1e-200", "1e200"),
    ],
)
def test_huge_and_tiny_numbers(x: str, w: str, rate: str) -> None:
    sheets = (bare("d = w*x;E = d*2", more + ANSWERS, x, w, rate) for more in ROUNDINGS)
    assert faults(sheets) == set()


def test_a_rate_of_zero_changes_nothing() -> None:
    found = verdicts(changed("alpha = 0.5", "alpha = 0").replace("0.5736", "0.5"))
    assert found["w"] == "exact"


# --- Sizes ----------------------------------------------------------------------------------------


def chained(count: int) -> str:
    lines = "\n".join(f'z{i} = "z{i - 1}*1.0001"' for i in range(1, count))
    return f"""
[given]
x = 2
[parameters]
w = 0.5
[forward]
z0 = "w*x"
{lines}
[update]
loss = "z{count - 1}"
rate = 0.1
[rounding]
figures = 4
[answers.partials."dz{count - 1}/dw"]
value = "2"
"""


def summed(count: int, more: str = "") -> str:
    weights = "\n".join(f"w{i} = 0.{i + 1}" for i in range(count))
    products = "\n".join(f'a{i} = "w{i}*x"' for i in range(count))
    return f"""
[given]
x = 1
[parameters]
{weights}
[forward]
{products}
E = "{" + ".join(f"a{i}" for i in range(min(count, 1000)))}"
[update]
loss = "E"
rate = 0.1
[rounding]
figures = 4
[answers.forward]
E = "7"
{more}
"""


def laddered(count: int) -> str:
    """As many paths as the Fibonacci numbers have it."""
    lines = "\n".join(f'z{i} = "(z{i - 1} + z{i - 2})/2"' for i in range(2, count))
    return f"""
[parameters]
w = 0.5
[forward]
z0 = "w"
z1 = "w*z0"
{lines}
[update]
loss = "z{count - 1}"
rate = 0.1
[rounding]
figures = 4
[answers.partials."dz{count - 1}/dw"]
value = "2"
"""


def layered(width: int, depth: int, all_wrong: bool) -> str:
    """A network of so many layers of so many sigmoids."""
    weights = [
        f"w{layer}{i}{j}" for layer in range(depth) for i in range(width) for j in range(width)
    ]
    inputs = "\n".join(f"a0_{i} = 0.{i + 3}" for i in range(width))
    forward = []
    for layer in range(depth):
        for i in range(width):
            terms = " + ".join(f"w{layer}{i}{j}*a{layer}_{j}" for j in range(width))
            forward.append(f'z{layer + 1}_{i} = "{terms}"')
            forward.append(f'a{layer + 1}_{i} = "sigmoid(z{layer + 1}_{i})"')
    loss = " + ".join(f"(1 - a{depth}_{i})**2/2" for i in range(width))
    numbers = "\n".join(f"{name} = 0.{k + 11}" for k, name in enumerate(weights))
    asked = weights if all_wrong else []
    partials = "\n".join(f'[answers.partials."dE/d{name}"]\nvalue = "0.1234"' for name in asked)
    return f"""
[given]
{inputs}
[parameters]
{numbers}
[forward]
{chr(10).join(forward)}
E = "{loss}"
[update]
loss = "E"
rate = 0.5
[rounding]
figures = 4
[answers.forward]
E = "1.234"
{partials}
"""


def repeated(names: int, times: int) -> str:
    """A product in which every name stands as often as there are factors."""
    factor = "(1 - " + " - ".join(f"a{i}" for i in range(names)) + ")"
    weights = "\n".join(f"w{i} = 0.{i + 11}" for i in range(names))
    forward = "\n".join(f'a{i} = "sigmoid(w{i})"' for i in range(names))
    return f"""
[parameters]
{weights}
[forward]
{forward}
E = "{"*".join([factor] * times)}"
[update]
loss = "E"
rate = 0.1
[rounding]
figures = 1
[answers.forward]
E = "7"
"""


BOUNDED: dict[str, Callable[[], str]] = {
    "a chain of 100": lambda: chained(100),
    "a chain of 300": lambda: chained(300),
    "a chain of 5,000": lambda: chained(5000),
    "a sum of 20": lambda: summed(20),
    "a sum of 40": lambda: summed(40),
    "a sum of 1,000": lambda: summed(1000),
    "10,000 names": lambda: summed(10_000),
    "a ladder of 10": lambda: laddered(10),
    "a ladder of 14": lambda: laddered(14),
    "a ladder of 300": lambda: laddered(300),
    "a 3-3-3 network, all wrong": lambda: layered(3, 2, True),
    "a 4-4-4-4 network, all wrong": lambda: layered(4, 3, True),
    "a network of 20 layers": lambda: layered(3, 20, False),
    "a power of a sum": lambda: repeated(3, 3),
    "a high power of a long sum": lambda: repeated(20, 20),
    "a name 40 times": lambda: repeated(1, 40),
    "a quotient of two names": lambda: bare(
        "z = w*x - 0.3;a = tanh(z);E = a*z/(0 + a)",
        '[rounding]\nfigures = 4\n[answers.forward]\nz = "0.7"\na = "0.6682"\nE = "1/3"\n'
        '[answers.partials."dE/dw"]\nfactors = { "dE/da" = "-0.3318", "da/dz" = "0.2217", '
        '"dz/dw" = "2" }\nvalue = "-0.1471"\n[answers.updated]\nw = "0.5736"\n',
    ),
    "2,000 paths": lambda: re.sub(
        r"factors = (.*)", lambda m: f"paths = [{', '.join([m[1]] * 2000)}]", NEURON
    ),
    "100,000 struck": lambda: changed('"-0.147"', '"1", ' * 100_000),
    "nested sigmoids": lambda: bare(f"E = {'sigmoid(' * 60}w{')' * 60}", ANSWERS),
    "nested sigmoids of products": lambda: bare(
        f"a = tanh(w);E = {'sigmoid(a*' * 20}a{')' * 20}", "[rounding]\nfigures = 1\n" + ANSWERS
    ),
    "a tower of quotients": lambda: bare(f"E = w{'/2' * 900}", ANSWERS),
    "a tower of powers": lambda: bare(f"E = w{'**1' * 900}", ANSWERS),
    "900 minuses": lambda: bare(f"E = {'-' * 900}w", ANSWERS),
    "190 brackets": lambda: bare(f"E = {'(' * 190}w{'*1+0)**1' * 190}", ANSWERS),
    "a sum of 900": lambda: bare(f"E = {' + '.join(['w*x'] * 900)}", ANSWERS),
    "20 steps": lambda: changed('rate = "alpha"', 'rate = "alpha"\nsteps = 20'),
}


@pytest.mark.parametrize("made", BOUNDED.values(), ids=BOUNDED.keys())
def test_a_verdict_or_a_refusal_in_good_time(made: Callable[[], str]) -> None:
    text = made()
    assert len(text) < MAX_BYTES
    message = ""
    with soon():
        try:
            mark(parse_sheet(text, "s.toml"))
        except SheetError as error:
            message = str(error)
    one_line(message)


@pytest.mark.parametrize("size", [10_001, 10_000_000])
def test_a_long_line(size: int) -> None:
    text = changed('"w*x + b"', '"' + "w" * size + '"')
    reason = f"z is {size:,} characters long; the limit is 10,000"
    assert refused(text) == f"s.toml, line 13: {reason}"


def test_a_million_brackets() -> None:
    text = changed('"w*x + b"', '"' + "(" * 10**6 + "w" + ")" * 10**6 + '"')
    assert refused(text) == ("s.toml, line 13: z is 2,000,001 characters long; the limit is 10,000")
    short = changed('"w*x + b"', '"' + "(" * 4000 + "w" + ")" * 4000 + '"')
    assert refused(short).startswith("s.toml, line 13: z is not arithmetic: ")


@pytest.mark.parametrize("opening", ["[", "{a = ", "[["])
def test_a_million_brackets_of_toml(opening: str) -> None:
    assert refused("x = " + opening * 100_000).startswith("s.toml: is not TOML: ")


def test_a_number_of_many_digits_is_refused_in_words_of_the_sheet() -> None:
    message = refused(changed("x = 2", "x = " + "9" * 5000))
    assert "sys.set_int_max_str_digits" not in message
    assert "line 4" in message


MEMORY = 1_500_000_000  # bytes of addresses; Python with NumPy takes some 300 million
ALONE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({0}, {0}))
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet
try:
    mark(parse_sheet(sys.stdin.read(), "s.toml"))
except SheetError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a." * 40_000 + "a = 1\n", id="a dotted key"),
        pytest.param("[" + "a." * 40_000 + "a]\nx = 1\n", id="a dotted heading"),
        pytest.param("x = {" + "a." * 40_000 + "a = 1}\n", id="a dotted key in braces"),
        pytest.param(chained(20_000), id="a chain of 20,000"),
        pytest.param("x = 0x" + "f" * 900_000, id="a number of 900,000 digits"),
        pytest.param("".join(f"[a.b{i}]\n" for i in range(60_000)), id="60,000 headings"),
    ],
)
def test_memory_is_bounded(text: str) -> None:
    assert len(text) < MAX_BYTES
    command = [sys.executable, "-c", ALONE.format(MEMORY)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=20,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail("not done after 20 seconds")
    assert (done.returncode, done.stderr) == (0, "")
    one_line(done.stdout.strip())


# --- The command line -----------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]
VERBS = (["solve"], ["solve", "--json"], ["check"], ["check", "--json"], ["draw", "-o", "g.svg"])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with soon():
            status = cli.main(arguments)
        out, error = capsys.readouterr()
        return status, out, error

    return call


FILES: dict[str, tuple[bytes, str]] = {
    "an unknown name": (
        changed("w*x + b", "w*v + b").encode(),
        "s.toml, line 13: z uses 'v', which is nowhere defined",
    ),
    "a loop of two": (
        changed("w*x + b", "w*a + b").encode(),
        "s.toml, line 13: z uses a, which stands below it; put a first, unless it is a loop",
    ),
    "a loop of one": (
        changed("w*x + b", "z*x + b").encode(),
        "s.toml, line 13: z is defined by itself: a loop",
    ),
    "no arithmetic": (
        changed("w*x + b", "lambda: w").encode(),
        "s.toml, line 13: z contains 'lambda: w'; allowed are + - * / ** and brackets",
    ),
    "an import": (
        changed("w*x + b", "__import__('os').system('true')").encode(),
        "s.toml, line 13: z uses \"__import__('os').system\" as a function; known are sigmoid",
    ),
    "a number that is none": (
        changed("x = 2", 'x = "two"').encode(),
        "s.toml, line 4: x should be a number, without quotes",
    ),
    "nan": (changed("x = 2", "x = nan").encode(), "s.toml, line 4: x should be a finite number"),
    "inf": (changed("x = 2", "x = -inf").encode(), "s.toml, line 4: x should be a finite number"),
    "1e999": (changed("x = 2", "x = 1e999").encode(), "s.toml, line 4: x should be a finite"),
    "a date": (
        changed("x = 2", "x = 2024-02-30").encode(),
        "s.toml: is not TOML: Invalid date or datetime (at line 4, column 5)",
    ),
    "9**9**9": (
        changed("w*x + b", "9**9**9*w").encode(),
        "s.toml, line 13: z = '9**9**9*w' is inf: a division by zero",
    ),
    "a duplicate key": (
        changed("x = 2", "x = 2\nx = 3").encode(),
        "s.toml: is not TOML: Cannot overwrite a value (at line 5, column 6)",
    ),
    "a duplicate section": (
        (NEURON + "[given]\n").encode(),
        "s.toml: is not TOML: Cannot declare ('given',) twice (at line 38, column 7)",
    ),
    "Latin-1": (
        changed("One sigmoid", "Ein schönes").encode("latin-1"),
        "s.toml, line 1: byte 16 is not UTF-8; save the file as UTF-8",
    ),
    "UTF-16, cut": (
        NEURON.encode("utf-16")[:-1],
        "s.toml, line 1: byte 0 is not UTF-8; save the file as UTF-8",
    ),
    "UTF-16, and an unknown name": (
        changed("w*x + b", "w*v + b").encode("utf-16"),
        "s.toml, line 13: z uses 'v', which is nowhere defined",
    ),
    "rich text, as TextEdit saves": (
        b"{\\rtf1\\ansi\\ansicpg1252 title = 1}",
        "s.toml: is rich text; save the sheet as plain text",
    ),
    "a Word document": (
        b"PK\x03\x04\x14\x00\x06\x00\xff",
        "s.toml: is a packed file, such as a Word document; save the sheet as plain text",
    ),
    "a PDF": (b"%PDF-1.7\n%\xe2", "s.toml: is a PDF; save the sheet as plain text"),
    "NUL bytes": (
        NEURON.encode() + b"\0\0",
        r"s.toml: is not TOML: Invalid statement (at line 38, column 1)",
    ),
    "an escape": (
        changed("sigmoid neuron", "\x1b[2J").encode(),
        r"s.toml: is not TOML: Illegal character '\x1b' (at line 1, column 14)",
    ),
    "CRLF, and an unknown name": (
        changed("w*x + b", "w*v + b").replace("\n", "\r\n").encode(),
        "s.toml, line 13: z uses 'v', which is nowhere defined",
    ),
    "a byte order mark, and an unknown name": (
        b"\xef\xbb\xbf" + changed("w*x + b", "w*v + b").encode(),
        "s.toml, line 13: z uses 'v', which is nowhere defined",
    ),
    "a line of 10 MB": (
        b'title = "' + b"a" * 10_000_000,
        "s.toml: is larger than 1,000,000 bytes; a sheet is a small text file",
    ),
    "10**6 brackets": (b"[" * 10**6, "s.toml: is not TOML: "),
    "nothing": (b"", "s.toml: there is no [forward] section with formulas"),
    "no TOML": (b"?!\n", "s.toml: is not TOML: Invalid statement (at line 1, column 1)"),
    "a surrogate": (
        rb'title = "\ud800"',
        "s.toml: is not TOML: Escaped character is not a Unicode scalar value (at line 1, ",
    ),
}


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES.keys())
def test_a_file_from_anybody(run: Run, verb: list[str], content: bytes, message: str) -> None:
    Path("s.toml").write_bytes(content)
    status, out, error = run(*verb, "s.toml")
    assert (status, out) == (2, "")
    assert error.startswith(f"tinygrad-hw: {message}")
    assert error.count("\n") == 1
    one_line(error[:-1])
    assert os.listdir() == ["s.toml"]


@pytest.mark.parametrize("verb", [*VERBS, ["fill"]], ids=" ".join)
def test_a_place_that_is_no_file(run: Run, verb: list[str], tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name, reason in [
        ("no.toml", "no.toml: No such file or directory; give the path of a sheet"),
        ("loop", "loop: Too many levels of symbolic links; give the path of a sheet"),
        ("/dev/zero", "/dev/zero: is larger than 1,000,000 bytes"),
        ("/dev/null", "/dev/null: there is no [forward] section"),
        ("\x1b[2J", " [2J: No such file or directory"),
        ("a\nb", "a b: No such file or directory"),
        ("x" * 5000, "x" * 500 + ": File name too long"),
        ("a\0b", "a b: is not a file name"),
        ("folder", "folder: "),
    ]:
        status, out, error = run(*verb, name)
        assert (status, out) == (2, "")
        assert error.startswith(f"tinygrad-hw: {reason}")
        assert error.count("\n") == 1


@pytest.mark.parametrize("verb", [*VERBS, ["fill"]], ids=" ".join)
def test_a_pipe_that_nobody_writes_to_is_refused(run: Run, verb: list[str]) -> None:
    os.mkfifo("s.toml")
    status, out, error = run(*verb, "s.toml")
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: s.toml: ")
    assert error.count("\n") == 1


def test_a_pipe_among_the_sheets_of_a_class_does_not_stop_the_rest(run: Run) -> None:
    Path("good.toml").write_text(NEURON)
    os.mkfifo("pipe.toml")
    status, out, error = run("check", ".")
    assert (status, error) == (1, "")
    assert "1 of 2 sheets marked" in out


def test_broken_sheets_of_a_class_do_not_stop_the_rest(run: Run) -> None:
    for i, (content, _) in enumerate(FILES.values()):
        Path(f"s{i:02}.toml").write_bytes(content)
    for i, made in enumerate([DECAY.format("", "0.1"), bare(EDGES[0], ZERO, x="0.004")]):
        Path(f"t{i}.toml").write_text(made)
    status, out, error = run("check", ".", "--csv", "marks.csv")
    assert (status, error) == (1, "")
    assert f"2 of {len(FILES) + 2} sheets marked" in out
    assert Path("marks.csv").read_text().count("\n") == len(FILES) + 3


def test_a_console_that_is_not_utf8() -> None:
    text = changed('z = "0.7"', 'z = "σ"').replace("One sigmoid", "σ")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_hw", "check", "/dev/stdin"],
        input=text.encode(),
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"/dev/stdin, line 25: z = " in done.stdout
    assert done.stdout.isascii()


# --- Whatever else comes to mind ------------------------------------------------------------------


def survives(text: str) -> None:
    """Read, solve and mark: marks, or one line; in good time."""
    message = ""
    with soon():
        try:
            marks = mark(parse_sheet(text, "s.toml"))
            assert all(item.verdict in VERDICTS for item in marks.items)
        except SheetError as error:
            message = str(error)
    one_line(message)


bounded = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
names = st.sampled_from(["x", "y", "w", "b", "z", "a", "E", "σ", "E", "q"])
words = st.sampled_from(
    ["sigmoid", "tanh", "relu", "exp", "log", "sqrt", "softplus", "abs", "sin", "lambda", "or"]
)
figures = st.sampled_from(
    ["0", "1", "2", "0.5", "1e300", "1e-300", "1e999", ".5", "7", "1_0", "0x1", "1j", "9**9**9"]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("({}{}{})".format, inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner)
        | st.builds("{}({})".format, words, inner)
        | st.builds("-{}".format, inner)
        | st.builds("({})**2".format, inner)
    )


expressions = st.recursive(names | figures, larger, max_leaves=6)
answers = st.sampled_from(
    ["", "0", "0.00", "-0.5", "1e200", "1e-200", "½", "1/3", "0.7", "7", "x", "1e999", "−3·10⁻⁴"]
)


@bounded
@given(
    st.lists(st.tuples(st.sampled_from(["z", "a", "q"]), expressions), max_size=3),
    expressions,
    st.dictionaries(names, answers, max_size=3),
    st.dictionaries(st.builds("d{}/d{}".format, names, names), answers, max_size=3),
    answers,
    st.sampled_from(["", "[rounding]\nfigures = 3\n", "[rounding]\ndecimals = 2\n"]),
)
def test_random_formulas_and_answers(
    forward: list[tuple[str, str]],
    loss: str,
    written: dict[str, str],
    factors: dict[str, str],
    value: str,
    rounding: str,
) -> None:
    made = {**dict(forward), "E": loss}
    inner = ", ".join(f'"{name}" = "{text}"' for name, text in factors.items())
    known = {name: text for name, text in written.items() if name in made}
    survives(
        "[given]\nx = 2\ny = 1\n[parameters]\nw = 0.5\nb = -0.3\n[forward]\n"
        + "".join(f'{name} = "{text}"\n' for name, text in made.items())
        + f'[update]\nloss = "E"\nrate = 0.5\n{rounding}[answers.forward]\n'
        + "".join(f'{name} = "{text}"\n' for name, text in known.items() if name != "σ")
        + f'[answers.partials."dE/dw"]\nfactors = {{ {inner} }}\nvalue = "{value}"\n'
        + f'[answers.updated]\nw = "{value}"\n[answers.table]\nw = "0.5"\n'
    )


PIECES = """[given];[parameters];[forward];[update];[answers.forward];[[x]];[a.b];x = 2;w = 0.5
w = "x";E = "w*x";loss = "E";rate = 0.1;E = "0.7";steps = 3;figures = 3;"d E" = 1;x.y = 2;=;#;\r;\0
E = \"\"\";''';a = {;};b = [;];\t;"\\u0000" = 1;\\;1979-05-27;\ud7ff;\x85"""
pieces = st.sampled_from([piece for line in PIECES.split("\n") for piece in line.split(";")])


@bounded
@given(st.lists(pieces | st.text(max_size=8), max_size=25).map("\n".join))
def test_random_toml(text: str) -> None:
    survives(text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("q1a", 0)
@given(st.sampled_from(sorted(SHEETS)), st.integers(0, 2**32))
def test_shipped_sheets_with_a_few_things_changed(name: str, seed: int) -> None:
    rng = random.Random(seed)
    lines = sheet_path(name).read_text().split("\n")
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        change = rng.randrange(6)
        if change == 0:
            del lines[at]
        elif change == 1:
            lines.insert(at, lines[other])
        elif change == 2:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            words_of = re.split(r"([\w.]+|[-+*/()\"]+)", lines[at])
            words_of[rng.randrange(len(words_of))] = rng.choice(
                ["0", "0.00", "1e200", "-1", "", "E", "a4", "w1", "x1", '"', "½", "dE/da4", "σ"]
            )
            lines[at] = "".join(words_of)
    survives("\n".join(lines))


@pytest.mark.parametrize("name", SHEETS)
def test_a_shipped_sheet_cut_off_anywhere(name: str) -> None:
    text = sheet_path(name).read_text()
    for end in range(0, len(text), 97):
        survives(text[:end])


@bounded
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    survives(data.decode("utf-8", "replace"))
