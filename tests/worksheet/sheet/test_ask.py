"""What a sheet asks for, and what each answer is worth."""

import pytest

from tinygrad_hw.worksheet import (
    FACTOR,
    FORWARD,
    PARTIAL,
    PARTS,
    UPDATED,
    Ask,
    SheetError,
    parse_sheet,
)

SHEET = """\
[parameters]
w = 2
[forward]
z = "3*w"
E = "z**2"
[update]
loss = "E"
rate = 0.1
"""


def ask_of(text: str) -> Ask:
    ask = parse_sheet(SHEET + text).ask
    assert ask is not None
    return ask


def test_a_sheet_need_not_say_what_it_asks_for() -> None:
    assert parse_sheet(SHEET).ask is None


def test_names_and_kinds_are_chosen() -> None:
    ask = ask_of('[ask]\nforward = ["E"]\npartials = true\n')
    assert ask.asks_for(FORWARD, "E")
    assert not ask.asks_for(FORWARD, "z")
    assert ask.asks_for(PARTIAL, "dE/dw")
    assert not ask.asks_for(FACTOR, "dE/dz")
    assert not ask.asks_for(UPDATED, "w")


def test_where_only_points_are_given_all_is_asked_for() -> None:
    ask = ask_of("[ask.points]\npartials = 2\n")
    assert all(ask.asks_for(part, "w") for part in PARTS)


def test_the_name_of_an_answer_counts_before_its_kind() -> None:
    ask = ask_of('[ask]\nforward = true\n[ask.points]\nforward = 2\n"E" = 0.5\n')
    assert (ask.points_for(FORWARD, "z"), ask.points_for(FORWARD, "E")) == (2.0, 0.5)
    assert ask.points_for(UPDATED, "w") == 0.0  # not asked for
    assert ask_of("[ask]\nupdated = true\n").points_for(UPDATED, "w") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ask]\nforward = 1", "line 10: forward should be true, false or a list of names in q"),
        ('[ask]\nforward = ["v"]', "line 10: forward has 'v', which this sheet cannot ask for"),
        ('[ask]\nfactors = ["z"]', "line 10: factors has 'z', which this sheet cannot ask for"),
        ("[ask]\nforwards = true", "line 10: 'forwards' is not part of [ask]; known are forward,"),
        ("[ask]\npoints = 3", "line 10: points should be a section, [ask.points]"),
        ("[ask.points]\nforward = -1", "line 10: forward should be worth 0 to 1000 points"),
        ("[ask.points]\nforward = true", "line 10: forward should be a number"),
        ("[ask.points]\nv = 1", "line 10: 'v' has no points; give some to forward, factors, part"),
        ("ask = 3", "ask should be a section, [ask]"),
    ],
)
def test_what_cannot_be_asked_is_said(text: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        parse_sheet(text + "\n" + SHEET if text.startswith("ask") else SHEET + text)
    assert message in str(refused.value)
