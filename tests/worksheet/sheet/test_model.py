from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import MAX_BYTES, parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text

NEURON = """\
title = "One sigmoid neuron"
student = ""

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
a = ""

[answers.partials."dE/dw"]
factors = { "dE/da" = "-0.3318", "da/dz" = "0.2217", "dz/dw" = "2" }
value = "-0.1471"
struck = ["-0.147"]

[answers.partials."dE/db"]
paths = [{ "dE/da" = "-0.3318" }, { "da/dz" = "0.2217", "dz/db" = "1" }]

[answers.updated]
w = "0.5736"

[answers.table]
b = "-0.2632"
"""


def test_everything_of_a_sheet_is_read() -> None:
    sheet = parse_sheet(NEURON)
    assert sheet.title == "One sigmoid neuron"
    assert sheet.given == {"x": 2.0, "y": 1.0, "alpha": 0.5}
    assert sheet.parameters == {"w": 0.5, "b": -0.3}
    assert [e.source for e in sheet.forward.values()] == ["w*x + b", "sigmoid(z)", "(y - a)**2 / 2"]
    assert (sheet.loss, sheet.rate, sheet.rounding) == ("E", 0.5, ("figures", 4))
    answers = sheet.answers
    assert answers.forward == {"z": "0.7", "a": ""}
    dw = answers.partials["dE/dw"]
    assert dw.paths == ({"dE/da": "-0.3318", "da/dz": "0.2217", "dz/dw": "2"},)
    assert (dw.value, dw.struck) == ("-0.1471", ("-0.147",))
    db = answers.partials["dE/db"]
    assert len(db.paths) == 2
    assert db.value is None
    assert (answers.updated, answers.table) == ({"w": "0.5736"}, {"b": "-0.2632"})


def test_a_rate_may_be_a_number_and_answers_may_be_absent() -> None:
    text = NEURON.split("[rounding]", maxsplit=1)[0].replace('rate = "alpha"', "rate = 0.1")
    sheet = parse_sheet(text)
    assert (sheet.rate, sheet.rounding) == (0.1, None)
    assert not sheet.answers.partials


def test_values_are_labelled_and_given_ones_constant() -> None:
    values = parse_sheet(NEURON).evaluate()
    assert [v.label for v in values.values()] == list(values)
    assert [name for name, v in values.items() if v.constant] == ["x", "y", "alpha"]


def two_steps(section: str) -> str:
    """The sheet with two steps, its table under another heading."""
    return NEURON.replace('rate = "alpha"', 'rate = "alpha"\nsteps = 2').replace(
        "[answers.table]", f"[{section}]"
    )


def test_answers_to_later_steps_stand_in_sections_of_their_own() -> None:
    sheet = parse_sheet(
        two_steps("answers.step2.forward").replace('b = "-0.2632"', 'z = "1.1"')
        + '[answers.step2.partials."dE/dw"]\nvalue = "-0.2"\n[answers.table]\nw = "1"\n'
    )
    assert (sheet.steps, len(sheet.later_answers)) == (2, 1)
    assert sheet.answers.forward == {"z": "0.7", "a": ""}
    assert sheet.later_answers[0].forward == {"z": "1.1"}
    assert sheet.later_answers[0].partials["dE/dw"].value == "-0.2"
    assert (sheet.answers.table, sheet.later_answers[0].table) == ({"w": "1"}, {})
    assert parse_sheet(NEURON).later_answers == ()


def changed(old: str, new: str) -> str:
    assert old in NEURON
    return NEURON.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"sheet: there is no \[forward\] section with formulas"),
        ("title = ", r"sheet: is not TOML: .*\(at end of document\)"),
        (changed("x = 2", "x = 2\nx = 3"), "is not TOML: .*line 6"),
        (changed('"w*x + b"', '"w*v + b"'), "line 14: z uses 'v', which is nowhere defined"),
        (
            changed('"w*x + b"', '"w*a + b"'),
            "line 14: z uses a, which stands below it; put a first",
        ),
        (changed('"w*x + b"', '"z + b"'), "line 14: z is defined by itself: a loop"),
        (changed('"w*x + b"', '"w*x + "'), "line 14: z is not arithmetic"),
        (changed('"w*x + b"', "5"), "line 14: z should be a formula in quotes"),
        (changed("w = 0.5", 'w = "0.5"'), "line 10: w should be a number, without quotes"),
        (changed("w = 0.5", "w = true"), "line 10: w should be a number"),
        (changed("w = 0.5", "w = nan"), "line 10: w should be a finite number"),
        (changed("w = 0.5", "w = -inf"), "line 10: w should be a finite number"),
        (changed("w = 0.5", "w = " + "9" * 400), "line 10: w should be a finite number"),
        (changed("w = 0.5", "x = 0.5"), "line 10: x is given already"),
        (changed('z = "w', 'w = "w'), "line 14: w is defined already"),
        (changed("x = 2", '"a b" = 2'), "line 5: 'a b' cannot be a name"),
        (changed("x = 2", "exp = 2"), "line 5: 'exp' cannot be a name"),
        (changed("[parameters]", "[paramters]"), r"line 9: 'paramters' is not part of a sheet"),
        (changed('title = "One sigmoid neuron"', "title = 3"), "line 1: title should be a text"),
        (changed('student = ""', 'student = ""\ngiven = 1'), "is not TOML"),
        (changed('loss = "E"', 'loss = "F"'), "line 19: loss is 'F', which is not in"),
        (changed('loss = "E"', ""), r"line 18: \[update\] needs loss"),
        (changed('rate = "alpha"', 'rate = "beta"'), r"line 20: rate is 'beta', which is not in"),
        (changed('rate = "alpha"', ""), r"line 18: \[update\] needs rate"),
        (changed('rate = "alpha"', "rate = inf"), "line 20: rate should be a finite number"),
        (changed('rate = "alpha"', "rate = 1\nstep = 2"), r"'step' is not part of \[update\]"),
        (
            changed('rate = "alpha"', "rate = 1\nsteps = 0"),
            "line 21: steps should be a whole number",
        ),
        (changed('rate = "alpha"', "rate = 1\nsteps = 21"), "steps should be .* from 1 to 20"),
        (changed('rate = "alpha"', "rate = 1\nsteps = 2.0"), "steps should be a whole number"),
        (changed('rate = "alpha"', "rate = 1\nsteps = true"), "steps should be a whole number"),
        (
            changed("[answers.table]", "[answers.step2.updated]"),
            r"line 40: 'step2' is not asked for: \[update\] has steps = 1",
        ),
        (two_steps("answers.step2.table"), r"'table' is not part of \[answers.step2\]"),
        (two_steps("answers.step3.updated"), r"'step3' is not asked for: .* has steps = 2"),
        (two_steps("answers.step02.updated"), "'step02' is not asked for"),
        (two_steps("answers.step1.updated"), "'step1' is not asked for"),
        (two_steps("answers.stepping"), r"'stepping' is not part of \[answers\]; known are"),
        (
            two_steps("answers.step2.updated").replace("]\nb =", "]\nc ="),
            "line 42: 'c' is not asked for",
        ),
        (
            two_steps("answers.step2.updated").replace(
                "[answers.step2.updated]\nb =", "[answers]\nstep2 ="
            ),
            "line 42: answers.step2 should be sections",
        ),
        (changed("figures = 4", "figures = 0"), "line 23: figures should be a whole number from 1"),
        (changed("figures = 4", "figures = 4\ndecimals = 2"), "figures or for decimals, not both"),
        (changed('z = "0.7"', "z = 0.7"), 'line 26: z should be in quotes, as in "0.50": digits'),
        (changed('z = "0.7"', 'q = "0.7"'), "line 26: 'q' is not asked for in this sheet"),
        (changed('"dE/dw"]', '"dE/dv"]'), "'dE/dv' is not asked for"),
        (changed('"dz/dw" =', '"z/w" ='), "'z/w' is not asked for"),
        (changed('value = "-0.1471"', "value = -0.1471"), "value should be in quotes"),
        (changed('struck = ["-0.147"]', 'struck = "-0.147"'), "struck of dE/dw should be a list"),
        (changed('struck = ["-0.147"]', "worth = 1"), "'worth' is not part of"),
        (changed("struck = ", "paths = [] # "), "both factors and paths"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SheetError, match=message) as caught:
        parse_sheet(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "value"),
    [("1/(y - 1)", "inf"), ("log(0*x)", "-inf"), ("9**9**9", "inf"), ("sqrt(-x)", "nan")],
)
def test_a_value_that_is_not_finite_is_refused(formula: str, value: str) -> None:
    sheet = parse_sheet(changed('"w*x + b"', f'"{formula}"'))
    with pytest.raises(
        SheetError, match=rf"line 14: z = '.*' is {value}: a division by zero, a root"
    ):
        sheet.evaluate()


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf" + NEURON.replace("\n", "\r\n").encode())
    assert read_sheet(path).parameters == {"w": 0.5, "b": -0.3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (NEURON.encode("latin-1") + "# é".encode("latin-1"), "line 42: byte .* is not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "is larger than 1,000,000 bytes"),
        (b"x = [" * 100_000, "is not TOML"),
        (b"\x00\x01", "is not TOML"),
    ],
)
def test_a_file_that_is_no_sheet(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=message) as caught:
        read_sheet(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "no", "No such file"), (tmp_path, "directory")]:
        with pytest.raises(SheetError, match=reason):
            read_sheet(path)
    with pytest.raises(SheetError, match="is not a file name"):
        read_sheet("a\0b")


def test_a_strangers_text_cannot_move_the_cursor() -> None:
    sheet = parse_sheet(changed("One sigmoid neuron", r"\u001b[2Jgone\r"))
    assert sheet.title.isprintable()
    with pytest.raises(SheetError) as caught:
        parse_sheet(changed("x = 2", r'"\u001b[2J" = 2'))
    assert str(caught.value).isprintable()


EVERYTHING = """\
title = "Everything that a sheet may have"
[given]
c = 2
[[examples]]
x = [1, 2]
y = 1
[[examples]]
x = [0.5, -1]
y = 0
[parameters]
W = [[0.1, 0.2], [0.3, -0.1]]
b = [0.1, 0]
[forward]
z = "W @ x + b"
p = "softmax(z)"
E = "-sum([y, 1 - y] * ln(p)) + c*mean(W**2)"
[define]
delta = "-dE/dz"
s = "delta[1]*2 - dE/dW[1,2]/c"
[update]
loss = "E"
rate = 0.1
momentum = 0.5
[rounding]
figures = 4
[ask]
forward = ["p[1]", "delta", "s"]
factors = true
partials = ["dE/dz", "dE/dW[1,2]", "dp[1]/dz[2]", "dE/dx"]
updated = ["W"]
table = true
[ask.points]
partials = 2
"dE/dz" = 3
[answers.forward]
z = ["0.6", "0.1"]
"p[1]" = "0.62"
delta = ["0.3", ""]
[answers.partials."dE/dz"]
value = ["0.1", "0.2"]
[answers.partials."dE/dW[1,2]"]
factors = { "dE/dz[1]" = "0.1", "dz[1]/dW[1,2]" = "2" }
value = "0.2"
[answers.updated]
W = [["1", "2"], ["", "4"]]
[answers.step2.updated]
"W[1,1]" = "1"
[answers.table]
b = ["1", "2"]
"""


@pytest.mark.parametrize("sheet", [NEURON, EVERYTHING], ids=["a neuron", "everything"])
@given(data=st.data())
def test_any_damage_is_read_or_refused_in_one_line(sheet: str, data: st.DataObject) -> None:
    text = list(sheet)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(['"', "[", "]", "=", "\n", ".", "(", "", "é", "9"]))
    try:
        read = parse_sheet("".join(text))
        read.evaluate()
        assert parse_sheet(sheet_text(read)) == read
    except SheetError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


@pytest.mark.parametrize("filler", ["[" + " " * 100_000 + "x", "[" * 100_000, "[a" * 100_000])
def test_brackets_in_a_text_do_not_slow_the_search_for_a_line(filler: str) -> None:
    text = f'title = """\n{filler}\n"""\n[given]\nx = "1"\n'
    with pytest.raises(SheetError, match="line 5: x should be a number"):
        parse_sheet(text)


def test_only_line_feeds_count_as_lines() -> None:
    with pytest.raises(SheetError, match="line 3: x should be a number"):
        parse_sheet('title = "a\u2028b\x85c"\n[given]\nx = "1"\n')


def test_a_word_of_python_cannot_be_a_name() -> None:
    with pytest.raises(SheetError, match=r"line 5: 'lambda' cannot be a name; .* Python's own"):
        parse_sheet(changed("x = 2", "lambda = 2"))
