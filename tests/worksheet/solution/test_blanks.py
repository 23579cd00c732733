"""What a sheet asks for is asked, marked and paid, and nothing else is."""

import re

import pytest

from tinygrad_hw.worksheet import (
    FACTOR,
    PARTIAL,
    Sheet,
    SheetError,
    blanks,
    key,
    mark,
    marked_page,
    parse_sheet,
    points,
    read_weights,
    sheet_text,
)
from tinygrad_hw.worksheet.solution.dependencies import with_gaps

NEURON = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
b = -0.3
[forward]
z = "w*x + b"
a = "sigmoid(z)"
E = "(y - a)**2 / 2"
[update]
loss = "E"
rate = 0.5
"""


def asked(text: str) -> list[tuple[str, str]]:
    return [(item.part, item.name) for item in mark(blanks(parse_sheet(text))).items]


def test_without_ask_everything_is_asked_for() -> None:
    assert len(asked(NEURON)) == 3 + 2 * (3 + 1) + 2 + 2


def test_what_a_page_has_revealed_is_no_answer() -> None:
    revealed = parse_sheet(NEURON + '[answers]\nrevealed = ["z"]\n')
    assert blanks(revealed) == blanks(parse_sheet(NEURON))
    assert key(revealed) == key(parse_sheet(NEURON))


def test_with_ask_each_factor_is_asked_for_once() -> None:
    factors = [name for part, name in asked(NEURON + "[ask]\nfactors = true\npartials = true\n")]
    assert factors == ["dE/da", "da/dz", "dz/dw", "dE/dw", "dz/db", "dE/db"]


def test_a_chain_shows_where_factors_are_left_out() -> None:
    sheet = blanks(parse_sheet(NEURON + "[ask]\nfactors = true\npartials = true\n"))
    [path] = sheet.answers.partials["dE/db"].paths
    assert with_gaps(path, "dE/db") == ["…", "dz/db"]
    assert with_gaps(["dE/da", "da/dw"], "dE/dw") == ["dE/da", "da/dw"]
    assert with_gaps(["dE/da"], "dE/dw") == ["dE/da", "…"]
    assert with_gaps([], "dE/dw") == ["…"]
    text = re.sub("<[^>]*>", "", marked_page(mark(sheet)))
    assert "…" in text[text.index("Partials") :]


def test_names_that_are_chosen_are_asked_for_and_no_others() -> None:
    text = '[ask]\nforward = ["a"]\nfactors = ["da/dz"]\npartials = ["dE/db"]\nupdated = ["w"]\n'
    assert asked(NEURON + text) == [
        ("forward", "a"),
        ("factor", "da/dz"),
        ("partial", "dE/db"),
        ("updated", "w"),
    ]


def test_what_is_asked_for_and_was_deleted_is_missing() -> None:
    ask = "[ask]\nforward = true\npartials = true\nfactors = true\n"
    work = '[answers.forward]\nz = "0.7"\n[answers.partials."dE/dw"]\n'
    marks = mark(parse_sheet(NEURON + ask + work + 'factors = { "dz/dw" = "2" }\n'))
    assert [item.name for item in marks.items if item.verdict != "missing"] == ["z", "dz/dw"]
    assert len(marks.items) == len(asked(NEURON + ask))
    assert points(marks) == (2.0, 9.0)


def test_a_chain_stays_right_around_factors_that_are_missing() -> None:
    sheet = parse_sheet(
        NEURON
        + '[ask]\nfactors = true\npartials = true\n[answers.partials."dE/dw"]\n'
        + 'factors = { "dE/dz" = "-0.07356", "dz/dw" = "2" }\nvalue = "-0.1471"\n'
    )
    verdicts = {item.name: item.verdict for item in mark(sheet).items}
    assert verdicts["dE/dw"] == "exact"
    assert verdicts["dE/da"] == verdicts["da/dz"] == "missing"


def test_the_key_answers_what_is_asked_for() -> None:
    sheet = key(parse_sheet(NEURON + '[ask]\nforward = ["a"]\npartials = ["dE/db"]\n'))
    assert sheet.answers.forward == {"a": "0.6682"}
    assert sheet.answers.partials["dE/db"].value == "-0.07357"
    assert list(sheet.answers.partials) == ["dE/db"]
    assert parse_sheet(sheet_text(sheet)) == sheet


def test_a_factor_that_stands_in_no_chain_is_refused() -> None:
    with pytest.raises(SheetError, match="line 15: factors has dE/dz, which stands in no chain"):
        blanks(parse_sheet(NEURON + '[ask]\nfactors = ["dE/dz"]\n'))


# --- Points ---------------------------------------------------------------------------------------


def answered(text: str = "") -> Sheet:
    return key(parse_sheet(NEURON + text))


def test_a_repeated_number_is_worth_nothing() -> None:
    marks = mark(answered())
    assert len(marks.items) == 15
    assert points(marks) == (11.0, 11.0)  # not dE/da and da/dz again, nor the table
    assert points(marks, read_weights("repeated=1")) == (15.0, 15.0)
    assert points(marks, read_weights("repeated=0.5,factor=2")) == (18.0, 18.0)


def test_the_first_answer_of_several_counts() -> None:
    text = sheet_text(answered())
    first_absent = text.replace('"-0.3318"', '""', 1)
    assert points(mark(parse_sheet(first_absent))) == (11.0, 11.0)
    guesses = mark(parse_sheet(text.replace('"-0.3318"', '"9.9"', 1)))
    wrong = [(item.part, item.name) for item in guesses.items if item.verdict == "wrong"]
    assert wrong == [(FACTOR, "dE/da")]
    assert points(guesses, read_weights("slip=0")) == (10.0, 11.0)


def test_the_sheet_says_what_a_number_is_worth() -> None:
    marks = mark(answered('[ask.points]\npartials = 3\n"dE/db" = 5\nforward = 0\n'))
    worth = 3.0 + 5.0 + 4.0 + 2.0  # two partials, four factors, two updates
    assert points(marks) == (worth, worth)
    assert points(marks, read_weights("partial=9,factor=0")) == (worth - 4.0, worth - 4.0)


def test_what_is_answered_and_was_not_asked_for_is_marked_and_worth_nothing() -> None:
    marks = mark(parse_sheet(NEURON + '[ask]\nforward = ["a"]\n[answers.forward]\nz = "0.7"\n'))
    assert [(item.name, item.verdict) for item in marks.items] == [("z", "exact"), ("a", "missing")]
    assert points(marks) == (0.0, 1.0)
    assert PARTIAL not in {item.part for item in marks.items}
