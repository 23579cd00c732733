"""Marking: one behaviour a test, on small sheets whose numbers are worked out here."""

import json
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

import mpmath
import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.marking.mark_sheet import as_json, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.points import points
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet

# --- Writing sheets -------------------------------------------------------------------------------

# z = 0.7, a = 0.668188, dE/da = -0.331812, da/dz = 0.221713, dE/dw = -0.147134, dE/db = -0.073567,
# new w = 0.573567, new b = -0.263216
NEURON = """\
title = "One sigmoid neuron"
student = "Noether"
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
"""

NET = """\
[given]
x1 = 2
x2 = 1
y = 1
alpha = 0.5
[parameters]
w1 = 0.3
w2 = -0.4
w3 = 0.7
w4 = 0.2
w5 = 0.8
w6 = -0.6
b1 = 0.1
b2 = -0.9
b3 = 0.5
[forward]
z1 = "w1*x1 + w2*x2 + b1"
a1 = "sigmoid(z1)"
z2 = "w3*x1 + w4*x2 + b2"
a2 = "sigmoid(z2)"
z3 = "a1*w5 + a2*w6 + b3"
a3 = "sigmoid(z3)"
E = "(y - a3)**2 / 2"
[update]
loss = "E"
rate = "alpha"
"""

Path = Mapping[str, str]
FIGURES_4 = "figures = 4"


def table(heading: str, entries: Mapping[str, str]) -> str:
    lines = [f'"{name}" = "{text}"' for name, text in entries.items()]
    return "\n".join([f"[{heading}]", *lines, ""])


def path_text(path: Path) -> str:
    return "{ " + ", ".join(f'"{name}" = "{text}"' for name, text in path.items()) + " }"


def answers(
    forward: Mapping[str, str] | None = None,
    partials: Mapping[str, tuple[Path | Sequence[Path], str | None]] | None = None,
    updated: Mapping[str, str] | None = None,
    copied: Mapping[str, str] | None = None,
    place: str = "answers",
) -> str:
    lines = [table(f"{place}.forward", forward)] if forward else []
    for name, (paths, value) in (partials or {}).items():
        lines.append(f'[{place}.partials."{name}"]')
        if isinstance(paths, Mapping):
            lines.append(f"factors = {path_text(paths)}" if paths else "")
        else:
            lines.append("paths = [" + ", ".join(map(path_text, paths)) + "]")
        lines.append(f'value = "{value}"' if value is not None else "")
    lines += [table(f"{place}.updated", updated)] if updated else []
    lines += [table(f"{place}.table", copied)] if copied else []
    return "\n".join(lines)


def sheet(top: str, *sections: str, rounding: str = "", **written: Any) -> str:
    asked = f"[rounding]\n{rounding}\n" if rounding else ""
    return "\n".join([top, asked, answers(**written), *sections])


def items(text: str) -> dict[str, MarkedNumber]:
    """Mark a sheet; the items by "part name", with "of partial" and "step n" where there is one."""
    found: dict[str, MarkedNumber] = {}
    for item in mark(parse_sheet(text)).items:
        key = f"{item.part} {item.name}"
        key += f" of {item.of}" if item.of else ""
        key += f" step {item.step}" if item.step > 1 else ""
        while key in found:  # a factor in a later path of the same partial
            key += "′"
        found[key] = item
    return found


def verdicts(text: str) -> dict[str, str]:
    return {key: item.verdict for key, item in items(text).items()}


def those(text: str, *kinds: str) -> set[str]:
    return {key for key, verdict in verdicts(text).items() if verdict in kinds}


def one(formula: str, printed: str, rounding: str = "", **given: float) -> MarkedNumber:
    """Mark a sheet of one formula, of given numbers."""
    lines = [f"{name} = {number!r}" for name, number in given.items()]
    lines = ["[given]", *lines, "[parameters]", "w = 1.0", "[forward]", f'q = "{formula}"']
    top = "\n".join([*lines, 'E = "w*q"', "[update]", 'loss = "E"', "rate = 1"])
    return items(sheet(top, forward={"q": printed}, rounding=rounding))["forward q"]


def figures(number: float, count: int = 4) -> str:
    return format(number, f"#.{count}g").rstrip(".")


def neuron(
    w: float = 0.5, b: float = -0.3, count: int = 4, change: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Work the neuron by hand; every number is rounded, and a changed one is gone on with."""
    text: dict[str, str] = {}

    def keep(name: str, number: float) -> float:
        text[name] = (change or {}).get(name) or figures(number, count)
        return float(text[name])

    z = keep("z", w * 2 + b)
    a = keep("a", 1 / (1 + math.exp(-z)))
    error = keep("dE/da", a - 1)
    slope = keep("da/dz", a * (1 - a))
    by_w, by_b = keep("dE/dw", error * slope * 2), keep("dE/db", error * slope)
    keep("w", w - 0.5 * by_w)
    keep("b", b - 0.5 * by_b)
    return text


def chains(text: Mapping[str, str]) -> dict[str, tuple[Path, str]]:
    common = {name: text[name] for name in ("dE/da", "da/dz")}
    return {
        "dE/dw": ({**common, "dz/dw": "2"}, text["dE/dw"]),
        "dE/db": ({**common, "dz/db": "1"}, text["dE/db"]),
    }


def neuron_sheet(
    text: Mapping[str, str], *sections: str, rounding: str = FIGURES_4, top: str = NEURON
) -> str:
    return sheet(
        top,
        *sections,
        rounding=rounding,
        forward={name: text[name] for name in ("z", "a")},
        partials=chains(text),
        updated={name: text[name] for name in ("w", "b")},
        copied={name: text.get(f"table {name}", text[name]) for name in ("w", "b")},
    )


# --- Verdicts -------------------------------------------------------------------------------------


def test_the_sheet_of_the_design() -> None:
    found = items(neuron_sheet(neuron()))
    assert found.pop("partial dE/db").verdict == "rounded"  # -0.3318 × 0.2217; exactly -0.073567
    assert {item.verdict for item in found.values()} == {"exact"}


@pytest.mark.parametrize(
    "printed", ["0.6682", "0.668", "0.7", "0.66818777", "6.682e-1", "66.82e-2"]
)
def test_exact_is_what_the_exact_value_rounds_to(printed: str) -> None:
    (item,) = items(sheet(NEURON, forward={"a": printed})).values()
    assert (item.verdict, item.note, item.printed) == ("exact", "", printed)
    assert item.exact == pytest.approx(0.668187772168166, rel=1e-15)


@pytest.mark.parametrize("printed", ["0.6683", "0.680", "0.6680", "0.5", "-0.6682", "0.06682"])
def test_wrong_is_what_no_honest_work_gives(printed: str) -> None:
    assert verdicts(sheet(NEURON, forward={"a": printed})) == {"forward a": "wrong"}


@pytest.mark.parametrize(
    ("rounding", "printed", "note"),
    [
        ("figures = 4", "0.67", "figures"),
        ("figures = 4", "0.66", "figures"),  # and cut
        ("figures = 4", "0.6682", ""),
        ("figures = 4", "0.6681", "truncated"),
        ("figures = 2", "0.668", ""),
        ("decimals = 3", "0.67", "figures"),
        ("decimals = 3", "0.668", ""),
        ("", "0.7", ""),
    ],
)
def test_fewer_figures_than_asked_for_are_noted(rounding: str, printed: str, note: str) -> None:
    (item,) = items(sheet(NEURON, forward={"a": printed}, rounding=rounding)).values()
    assert item.verdict in ("exact", "rounded")
    assert item.note == note


@pytest.mark.parametrize(
    ("formula", "x", "printed", "note"),
    [
        ("x", 0.5, "0.5", ""),
        ("x", 1 / 3, "1/3", ""),  # is all digits
        ("x", 0.33002, "0.33", ""),  # 0.3300
        ("x", 0.3304, "0.33", "figures"),
        ("x", 12000.0, "12000", ""),
        ("x", 12345.0, "12300", "figures"),
        ("x - 0.5", 0.5, "0", ""),
        ("x", 3.0e-7, "3e-7", ""),
    ],
)
def test_a_number_that_is_whole_lacks_no_figures(
    formula: str, x: float, printed: str, note: str
) -> None:
    item = one(formula, printed, "figures = 4", x=x)
    assert (item.verdict, item.note) == ("exact", note)


def test_who_works_on_with_too_few_figures_still_lacks_them() -> None:
    """0.7 (1 - 0.7) is 0.21, and exactly 0.2217: right, but of no four figures."""
    found = items(neuron_sheet(neuron(change={"a": "0.7", "dE/da": "-0.3", "da/dz": "0.21"})))
    short = {key for key, item in found.items() if item.note == "figures"}
    assert short >= {"forward a", "factor dE/da of dE/dw", "factor da/dz of dE/db"}
    assert found["factor dz/dw of dE/dw"].note == found["forward z"].note == ""


def test_few_digits_are_judged_by_what_they_say() -> None:
    for printed in ("0.67", "1"):  # 0.668 in two decimals, and in none
        assert verdicts(sheet(NEURON, forward={"a": printed})) == {"forward a": "exact"}


def test_rounded_is_what_follows_from_rounded_numbers() -> None:
    # 0.668 × 0.332 = 0.2218, and 0.332 × 0.222 = 0.0737; exactly 0.0736
    text = neuron(count=3)
    assert text["dE/db"] == "-0.0737"
    assert verdicts(neuron_sheet(text, rounding=""))["partial dE/db"] == "rounded"


def test_what_is_empty_is_missing() -> None:
    found = items(sheet(NEURON, forward={"a": "", "z": "  "}, updated={"w": ""}))
    assert {item.verdict for item in found.values()} == {"missing"}
    assert found["forward a"].printed == ""
    assert found["forward a"].exact == pytest.approx(0.66819, abs=1e-5)


def test_what_is_absent_was_not_asked_for() -> None:
    assert set(items(sheet(NEURON, updated={"w": "0.5736"}))) == {"updated w"}


def test_a_missing_factor_is_an_item_and_the_rest_is_judged() -> None:
    text = neuron() | {"da/dz": ""}
    assert those(neuron_sheet(text), "missing") == {
        "factor da/dz of dE/dw",
        "factor da/dz of dE/db",
    }
    assert not those(neuron_sheet(text), "wrong", "follows")


def test_what_was_crossed_out_is_not_marked() -> None:
    text = neuron_sheet(neuron()).replace(
        'value = "-0.1471"', 'value = "-0.1471"\nstruck = ["9", "not a number"]'
    )
    assert verdicts(text) == verdicts(neuron_sheet(neuron()))


def test_a_sheet_without_answers_is_refused() -> None:
    with pytest.raises(SheetError, match="there are no answers to mark"):
        mark(parse_sheet(NEURON))


def test_an_answer_that_is_no_number_is_said_with_its_line_and_what_follows_is_marked() -> None:
    """Of what is worked out from it nobody knows what it was meant to be: as of a missing one."""
    text = sheet(NEURON, forward={"z": "0,7!", "a": "0.6682", "E": "0.0550"})
    line = text.split("\n").index('"z" = "0,7!"') + 1
    marks = mark(parse_sheet(text))
    assert marks.unreadable == [f"sheet, line {line}: z = '0,7!' is not a number"]
    assert marks.summary == {"exact": 2, "rounded": 0, "follows": 0, "wrong": 0, "missing": 1}
    assert points(marks) == (2.0, 3.0)
    entry = as_json(marks)["items"][0]
    assert (entry["printed"], entry["verdict"], entry["note"]) == ("0,7!", "missing", "unreadable")


# --- Rounding and cutting -------------------------------------------------------------------------


def test_half_may_be_rounded_either_way() -> None:
    for exact, allowed in ((0.125, ("0.13", "0.12")), (0.375, ("0.38",)), (-0.125, ("-0.13",))):
        for printed in allowed:
            item = one("x", printed, x=exact)
            assert (item.verdict, item.note) == ("exact", "")
    assert one("x", "-0.12", x=-0.125).verdict == "exact"
    assert one("x", "0.14", x=0.125).verdict == "wrong"


def test_half_down_is_cut_and_not_rounded() -> None:
    item = one("x", "0.37", x=0.375)  # half up and half even give 0.38
    assert (item.verdict, item.note) == ("rounded", "truncated")


def test_what_was_cut_off_is_noted() -> None:
    item = items(sheet(NEURON, forward={"a": "0.6681"}))["forward a"]
    assert (item.verdict, item.note) == ("rounded", "truncated")
    item = items(sheet(NEURON, partials={"dE/dw": ({"dE/da": "-0.331"}, None)}))
    assert item["factor dE/da of dE/dw"].note == "truncated"  # towards zero


def test_what_was_rounded_away_from_the_value_is_wrong() -> None:
    written = {"dE/dw": ({"dE/da": "-0.3319"}, None)}  # -0.33181, or 0.6682 - 1
    assert those(sheet(NEURON, forward={"a": "0.6682"}, partials=written), "wrong")


def test_what_was_rounded_from_rounded_numbers_is_not_called_cut() -> None:
    # -0.3318 × 0.2217 × 1 = -0.07356006, rounded; that -0.073567 would be cut to it is chance
    assert items(neuron_sheet(neuron()))["partial dE/db"].note == ""


def test_what_was_cut_from_ones_own_numbers_is_called_so() -> None:
    # -0.3318 × 0.2217 × 2 = -0.14712: rounded to -0.1471 and cut to the same; in 3 figures -0.147;
    # new w = 0.5 + 0.5 × 0.1471 = 0.57355, cut to 0.573 where 0.574 was due
    text = neuron() | {"w": "0.573", "table w": "0.573"}
    item = items(neuron_sheet(text, rounding=""))["updated w"]
    assert (item.verdict, item.note) == ("rounded", "truncated")


def test_a_guard_digit_may_be_carried_and_not_written() -> None:
    # a = 0.668188 is held as 0.66819 or 0.66818 or 0.6682, so 1000 a is 668.19, 668.18, 668.2
    top = NEURON.replace("[update]", 'q = "1000*a"\n[update]')
    for printed in ("668.19", "668.18", "668.2", "668.20"):
        text = sheet(top, forward={"a": "0.6682", "q": printed})
        assert those(text, "exact", "rounded") == {"forward a", "forward q"}
    for printed in ("668.10", "668.30", "668.0"):
        text = sheet(top, forward={"a": "0.6682", "q": printed})
        assert those(text, "wrong") == {"forward q"}


def test_rounding_twice_is_honest() -> None:
    # sigmoid(-1.96) = 0.12347 is held as 0.1235 and written as 0.124
    assert 1 / (1 + math.exp(1.96)) == pytest.approx(0.12347, abs=1e-5)
    assert one("sigmoid(x)", "0.124", x=-1.96).verdict == "rounded"
    assert one("sigmoid(x)", "0.125", x=-1.96).verdict == "wrong"


def test_rounding_twice_is_honest_where_the_inputs_are_given_too() -> None:
    # 1.1 × 1.1224 = 1.23464, held with a guard digit as 1.235, written as 1.24
    assert one("x*v", "1.24", x=1.1, v=1.1224).verdict == "rounded"


def test_all_digits_may_be_carried() -> None:
    # what a student writes who goes on with 0.66818777: 6.6818777 - 6.6 = 0.0818777
    top = NEURON.replace("[update]", 'q = "10*a"\nd = "q - 6.6"\n[update]')
    text = sheet(top, forward={"a": "0.67", "q": "6.7", "d": "0.082"})
    assert verdicts(text) == dict.fromkeys(("forward a", "forward q", "forward d"), "exact")


def test_the_rounded_number_may_be_carried() -> None:
    # 0.67 × 10 = 6.7, less 6.6 is 0.1
    top = NEURON.replace("[update]", 'q = "10*a"\nd = "q - 6.6"\n[update]')
    found = items(sheet(top, forward={"a": "0.67", "q": "6.7", "d": "0.1"}))
    assert found["forward d"].verdict in ("exact", "rounded")
    assert found["forward d"].trusted_digits == 0


def test_a_number_that_is_exactly_what_it_should_be_has_no_width() -> None:
    # if 2 were 2 ± 0.5, 0.3318 × 0.2217 × 2.25 = 0.1655 would be honest
    text = neuron() | {"dE/dw": "-0.1655", "w": "", "table w": ""}
    assert "partial dE/dw" in those(neuron_sheet(text), "wrong")


def test_a_number_that_was_rounded_has_width() -> None:
    # z = 0.7 is written as 1: who goes on with that gets sigmoid(1) = 0.7311
    text = sheet(NEURON, forward={"z": "1", "a": "0.7311"})
    assert verdicts(text) == {"forward z": "exact", "forward a": "rounded"}
    assert verdicts(sheet(NEURON, forward={"z": "0.7", "a": "0.7311"}))["forward a"] == "wrong"


def test_a_fraction_is_exact() -> None:
    assert one("x/3", "1/3", x=1.0).verdict == "exact"
    assert one("x/3", "⅓", x=1.0).verdict == "exact"
    assert one("x/3", "333/1000", x=1.0).verdict == "wrong"
    assert one("x/3", "0.333", x=1.0).verdict == "exact"


def test_who_writes_a_fraction_goes_on_with_all_digits() -> None:
    top = NEURON.replace("x = 2", "x = 3").replace('"w*x + b"', '"1/x"')
    top = top.replace('"sigmoid(z)"', '"3*z + w + b"')
    text = sheet(top, forward={"z": "1/3", "a": "1.2"})
    assert verdicts(text) == {"forward z": "exact", "forward a": "exact"}
    text = sheet(top, forward={"z": "1/3", "a": "1.19"})  # 3 × 0.33 + 0.2
    assert verdicts(text)["forward a"] == "wrong"
    text = sheet(top, forward={"z": "0.33", "a": "1.19"})
    assert verdicts(text)["forward a"] == "rounded"


def test_decimals_may_be_asked_for() -> None:
    # 0.67 × 0.33 = 0.22, and 0.33 × 0.22 = 0.07; exactly 0.2217 and 0.0736
    text = sheet(
        NEURON, partials={"dE/db": ({}, "-0.07")}, updated={"b": "-0.26"}, rounding="decimals = 2"
    )
    assert verdicts(text) == {"partial dE/db": "exact", "updated b": "exact"}
    # nothing of 0.0042 is left in two decimals, and no more was asked for
    assert one("x*x", "0.00", rounding="decimals = 2", x=0.065).verdict in ("exact", "rounded")
    assert one("x*x", "0.00", rounding="decimals = 3", x=0.065).verdict == "wrong"


# --- What was not written -------------------------------------------------------------------------


def test_what_was_not_written_may_have_been_rounded_as_the_sheet_asks() -> None:
    # in three figures: 0.668, -0.332, 0.222, and -0.332 × 0.222 = -0.0737; exactly -0.0736
    written = {"dE/db": ({}, "-0.0737")}
    assert verdicts(sheet(NEURON, partials=written, rounding="figures = 3")) == {
        "partial dE/db": "rounded"
    }
    assert verdicts(sheet(NEURON, partials=written)) == {"partial dE/db": "wrong"}
    assert verdicts(sheet(NEURON, partials=written, rounding="figures = 5")) == {
        "partial dE/db": "wrong"
    }


def test_an_empty_answer_may_have_been_rounded_too() -> None:
    text = neuron(count=3) | dict.fromkeys(("a", "dE/da", "da/dz"), "")
    assert not those(neuron_sheet(text, rounding="figures = 3"), "wrong", "follows")


def test_a_chain_may_be_written_in_part() -> None:
    text = neuron(count=3)
    written = {"dE/db": ({"da/dz": text["da/dz"]}, text["dE/db"])}
    assert set(verdicts(sheet(NEURON, partials=written, rounding="figures = 3")).values()) == {
        "exact",
        "rounded",
    }


def test_an_unwritten_factor_is_known_from_another_chain() -> None:
    # the slope with a wrong digit, 0.2317, stands in the first chain only, and is gone on with
    text = neuron(change={"da/dz": "0.2317"})
    written = chains(text) | {"dE/db": ({"dE/da": text["dE/da"]}, text["dE/db"])}
    found = sheet(NEURON, forward={"a": text["a"]}, partials=written, rounding=FIGURES_4)
    assert those(found, "wrong") == {"factor da/dz of dE/dw"}
    assert those(found, "follows") == {"partial dE/dw", "partial dE/db"}


# --- Charged once ---------------------------------------------------------------------------------


def test_a_wrong_forward_value_is_charged_once() -> None:
    text = neuron_sheet(neuron(change={"a": "0.7682"}))
    assert those(text, "wrong") == {"forward a"}
    assert those(text, "exact", "rounded") == {
        "forward z",
        "factor dz/dw of dE/dw",
        "factor dz/db of dE/db",
    }


def test_a_wrong_factor_is_charged_once_though_copied_into_later_chains() -> None:
    text = neuron_sheet(neuron(change={"da/dz": "0.2271"}))
    assert those(text, "wrong") == {"factor da/dz of dE/dw"}
    assert those(text, "follows") == {
        "factor da/dz of dE/db",
        *(f"partial dE/d{name}" for name in "wb"),
        *(f"{part} {name}" for part in ("updated", "table") for name in "wb"),
    }


def test_a_wrong_factor_that_was_not_used_leaves_the_product_right() -> None:
    found = verdicts(neuron_sheet(neuron() | {"da/dz": "2.217"}))
    assert found["factor da/dz of dE/dw"] == "wrong"
    assert found["factor da/dz of dE/db"] == "follows"
    assert found["partial dE/dw"] == "exact"


def test_two_factors_that_are_wrong_in_two_ways_are_two_slips() -> None:
    written = chains(neuron())
    path, value = written["dE/db"]
    first, product = written["dE/dw"]
    written["dE/dw"] = ({**first, "da/dz": "0.2271"}, product)
    written["dE/db"] = ({**path, "da/dz": "0.3217"}, value)
    text = sheet(NEURON, forward={"a": "0.6682"}, partials=written, rounding=FIGURES_4)
    assert those(text, "wrong") == {"factor da/dz of dE/dw", "factor da/dz of dE/db"}


def test_after_a_wrong_number_the_right_one_may_be_gone_on_with() -> None:
    text = neuron_sheet(neuron() | {"a": "0.7682"})
    assert those(text, "wrong") == {"forward a"}
    assert those(text, "follows") == set()


def test_a_wrong_number_excuses_no_other_slip() -> None:
    # a is wrong, and of what follows from it, the slope too
    text = neuron(change={"a": "0.7682", "da/dz": "0.5318"})
    assert those(neuron_sheet(text), "wrong") == {"forward a", "factor da/dz of dE/dw"}


def test_a_follower_says_that_it_was_charged_before() -> None:
    item = items(neuron_sheet(neuron(change={"a": "0.7682"})))["partial dE/dw"]
    assert (item.slip, item.candidates) == (None, ())
    assert "slip before it" in item.explanation


def test_a_copy_of_a_wrong_update_follows() -> None:
    text = neuron_sheet(neuron(change={"w": "0.4264"}))  # subtracted the other way
    assert those(text, "wrong") == {"updated w"}
    assert those(text, "follows") == {"table w"}


def test_a_wrong_copy_of_a_right_update_is_wrong() -> None:
    item = items(neuron_sheet(neuron() | {"table w": "0.5376"}))["table w"]
    assert item.verdict == "wrong"
    assert "0.5736" in item.explanation


def test_a_copy_must_have_the_digits_of_what_is_copied() -> None:
    # 0.5736 is not 0.5735, though 0.57357 may be cut to it; but it may be rounded on to 0.574
    assert verdicts(neuron_sheet(neuron() | {"table w": "0.5734"}))["table w"] == "wrong"
    assert verdicts(neuron_sheet(neuron() | {"table w": "0.574"}))["table w"] != "wrong"


def test_an_entry_of_the_table_is_an_update_where_none_was_written() -> None:
    text = neuron() | {"w": "", "table w": "0.5736"}
    found = verdicts(neuron_sheet(text))
    assert (found["updated w"], found["table w"]) == ("missing", "exact")
    assert verdicts(sheet(NEURON, copied={"w": "0.5736"})) == {"table w": "exact"}
    item = items(sheet(NEURON, copied={"w": "0.4264"}))["table w"]
    assert (item.verdict, item.slip) == ("wrong", "ascent")


def test_an_entry_of_the_table_may_be_right_after_a_wrong_update() -> None:
    found = verdicts(neuron_sheet(neuron() | {"w": "0.4264", "table w": "0.5736"}))
    assert (found["updated w"], found["table w"]) == ("wrong", "exact")


def test_an_entry_of_the_table_may_follow_from_a_wrong_partial() -> None:
    text = neuron(change={"dE/dw": "-0.1741"}) | {"w": "", "table w": "0.5871"}  # 0.58705
    assert verdicts(neuron_sheet(text))["table w"] == "follows"


def test_a_wrong_copy_of_an_update_that_follows_is_wrong() -> None:
    text = neuron(change={"dE/dw": "-0.1741"})
    assert text["w"] in ("0.5870", "0.5871")
    found = items(neuron_sheet(text | {"table w": text["w"].replace("58", "85")}))
    assert found["updated w"].verdict == "follows"
    assert (found["table w"].verdict, found["table w"].slip) == ("wrong", "transposed")
    assert "miscopied" in found["table w"].candidates


# --- Chains ---------------------------------------------------------------------------------------


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def net() -> dict[str, float]:
    """The 2-2-1 network at full precision."""
    a1, a2 = sigmoid(0.3), sigmoid(0.7)
    z3 = 0.8 * a1 - 0.6 * a2 + 0.5
    a3 = sigmoid(z3)
    error, slope = a3 - 1, a3 * (1 - a3)
    return {
        "a1": a1,
        "a2": a2,
        "z3": z3,
        "a3": a3,
        "dE/da3": error,
        "da3/dz3": slope,
        "dE/dz3": error * slope,
        "dz3/da1": 0.8,
        "dE/da1": error * slope * 0.8,
        "da1/dz1": a1 * (1 - a1),
        "dE/dz1": error * slope * 0.8 * a1 * (1 - a1),
        "dE/dw1": error * slope * 0.8 * a1 * (1 - a1) * 2,
    }


@pytest.mark.parametrize(
    "names",
    [
        ("dE/dz3", "dz3/da1", "da1/dz1"),
        ("dE/da1", "da1/dz1"),
        ("dE/dz1",),
        ("dE/da3", "da3/dz3", "dz3/da1", "da1/dz1"),
    ],
)
def test_a_factor_may_be_total(names: tuple[str, ...]) -> None:
    exact = net()
    path = {name: figures(exact[name]) for name in names} | {"dz1/dw1": "2"}
    value = figures(math.prod(float(text) for text in path.values()))
    found = sheet(NET, partials={"dE/dw1": (path, value)}, rounding=FIGURES_4)
    assert set(verdicts(found).values()) <= {"exact", "rounded"}
    assert len(verdicts(found)) == len(path) + 1


def test_a_total_factor_can_be_wrong_and_what_is_made_from_it_follows() -> None:
    exact = net()
    path = {"dE/dz3": figures(-exact["dE/dz3"]), "dz3/da1": "0.8", "da1/dz1": "0.2445"}
    path["dz1/dw1"] = "2"
    value = figures(math.prod(float(text) for text in path.values()))
    found = sheet(NET, partials={"dE/dw1": (path, value)}, rounding=FIGURES_4)
    assert those(found, "wrong") == {"factor dE/dz3 of dE/dw1"}
    assert those(found, "follows") == {"partial dE/dw1"}


def test_a_factor_named_as_total_is_made_from_the_local_ones_written_before() -> None:
    exact = net()
    first = {"dE/da3": figures(exact["dE/da3"]), "da3/dz3": "0.2742"}  # for 0.2247 or so
    wrong = figures(float(first["dE/da3"]) * 0.2742)
    written = {"dE/db3": (first, wrong), "dE/dw5": ({"dE/dz3": wrong, "dz3/dw5": "0.5744"}, None)}
    found = sheet(NET, partials=written, rounding=FIGURES_4)
    assert those(found, "wrong") == {"factor da3/dz3 of dE/db3"}
    assert those(found, "follows") == {"partial dE/db3", "factor dE/dz3 of dE/dw5"}


SHARED = """\
[given]
x = 1.5
[parameters]
w = 0.4
[forward]
h = "w*x"
p = "h**2"
q = "3*h"
E = "p*q"
[update]
loss = "E"
rate = 0.1
"""
# h = 0.6, p = 0.36, q = 1.8, E = 0.648; dE/dp = 1.8, dp/dh = 1.2, dE/dq = 0.36, dq/dh = 3, dh/dw =
# 1.5; dE/dw = (2.16 + 1.08) 1.5 = 4.86
THROUGH_P = {"dE/dp": "1.8", "dp/dh": "1.2", "dh/dw": "1.5"}
THROUGH_Q = {"dE/dq": "0.36", "dq/dh": "3", "dh/dw": "1.5"}


def test_several_paths_are_added_up() -> None:
    found = sheet(SHARED, partials={"dE/dw": ([THROUGH_P, THROUGH_Q], "4.86")})
    assert verdicts(found) == {
        "factor dE/dp of dE/dw": "exact",
        "factor dp/dh of dE/dw": "exact",
        "factor dh/dw of dE/dw": "exact",
        "factor dE/dq of dE/dw": "exact",
        "factor dq/dh of dE/dw": "exact",
        "factor dh/dw of dE/dw′": "exact",
        "partial dE/dw": "exact",
    }


def test_a_path_that_was_forgotten() -> None:
    item = items(sheet(SHARED, partials={"dE/dw": ([THROUGH_P], "3.24")}))["partial dE/dw"]
    assert (item.verdict, item.slip) == ("wrong", "path-missing")
    item = items(sheet(SHARED, partials={"dE/dw": ([THROUGH_P, THROUGH_Q], "3.24")}))
    assert item["partial dE/dw"].slip == "path-missing"


def test_a_slip_in_one_of_two_paths_is_charged_once() -> None:
    # 1.8 × 2.1 × 1.5 + 0.36 × 3 × 1.5 = 7.29
    paths = [THROUGH_P | {"dp/dh": "2.1"}, THROUGH_Q]
    found = sheet(SHARED, partials={"dE/dw": (paths, "7.29")})
    assert those(found, "wrong") == {"factor dp/dh of dE/dw"}
    assert those(found, "follows") == {"partial dE/dw"}


def test_one_chain_may_stand_for_all_paths_by_a_total_factor() -> None:
    found = sheet(SHARED, partials={"dE/dw": ({"dE/dh": "3.24", "dh/dw": "1.5"}, "4.86")})
    assert set(verdicts(found).values()) == {"exact"}


def test_the_order_of_factors_does_not_matter() -> None:
    path = {name: THROUGH_P[name] for name in reversed(THROUGH_P)}
    found = sheet(SHARED, partials={"dE/dw": ([path, THROUGH_Q], "4.86")})
    assert set(verdicts(found).values()) == {"exact"}


def test_a_factor_of_a_name_that_is_not_there_is_refused() -> None:
    text = sheet(NEURON, partials={"dE/dw": ({"dE/dq": "1"}, None)})
    with pytest.raises(SheetError, match="dE/dq names q, which is not in this sheet"):
        mark(parse_sheet(text))


# --- Several updates ------------------------------------------------------------------------------

TWICE = NEURON.replace('rate = "alpha"', 'rate = "alpha"\nsteps = 2')


def twice(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    return sheet(
        TWICE,
        answers(
            forward={name: second[name] for name in ("z", "a")},
            partials=chains(second),
            updated={name: second[name] for name in ("w", "b")},
            place="answers.step2",
        ),
        table("answers.table", {name: second[name] for name in ("w", "b")}),
        rounding=FIGURES_4,
        forward={name: first[name] for name in ("z", "a")},
        partials=chains(first),
        updated={name: first[name] for name in ("w", "b")},
    )


def after(text: Mapping[str, str], change: Mapping[str, str] | None = None) -> dict[str, str]:
    return neuron(float(text["w"]), float(text["b"]), change=change)


def test_honest_work_over_two_updates() -> None:
    first = neuron()
    found = verdicts(twice(first, after(first)))
    assert set(found.values()) == {"exact", "rounded"}
    assert {"updated w step 2", "table w step 2"} <= set(found)
    assert "table w" not in found


def test_a_wrong_update_is_charged_once_over_two_updates() -> None:
    first = neuron(change={"w": "0.4264"})
    found = twice(first, after(first))
    assert those(found, "wrong") == {"updated w"}
    assert "forward z step 2" in those(found, "follows")
    assert "table w step 2" in those(found, "follows")


def test_a_slip_in_the_second_step_is_charged_there() -> None:
    first = neuron()
    found = twice(first, after(first, {"a": "0.7707"}))
    assert those(found, "wrong") == {"forward a step 2"}


def test_the_old_weight_in_the_second_step_is_wrong() -> None:
    first = neuron()
    found = twice(first, neuron())  # worked out once more with the first weights
    assert "forward z step 2" in those(found, "wrong")


# --- Numbers that show nothing --------------------------------------------------------------------

SLOW = NEURON.replace("alpha = 0.5", "alpha = 0.0001")  # new w = 0.5000147, new b = -0.2999926


@pytest.mark.parametrize("printed", ["0.5", "0.50000", "0.500"])
def test_an_update_that_shows_no_digit_of_the_change(printed: str) -> None:
    item = items(sheet(SLOW, updated={"w": printed}))["updated w"]
    assert (item.verdict, item.slip) == ("wrong", "nothing-left")
    assert "too few digits" in item.explanation


def test_an_update_that_shows_a_digit_of_the_change() -> None:
    assert verdicts(sheet(SLOW, updated={"w": "0.50001"})) == {"updated w": "exact"}
    assert verdicts(sheet(SLOW, copied={"w": "0.50000"})) == {"table w": "wrong"}


def test_an_update_that_shows_no_digit_where_no_more_was_asked_for() -> None:
    found = verdicts(sheet(SLOW, updated={"w": "0.5000", "b": "-0.3000"}, rounding=FIGURES_4))
    assert set(found.values()) == {"exact"}
    found = verdicts(sheet(SLOW, updated={"w": "0.5000"}, rounding="figures = 6"))
    assert found == {"updated w": "wrong"}  # 0.500015 was asked for


def test_a_value_that_shows_nothing() -> None:
    assert one("x*x", "0.00", x=0.001).verdict == "wrong"
    assert one("x*x", "0.00", x=0.001).slip == "nothing-left"
    assert one("x*x", "0.00", rounding="figures = 2", x=0.001).verdict == "wrong"
    assert one("x*x", "0", rounding="decimals = 3", x=0.001).verdict != "wrong"
    assert one("x*x", "0", x=0.0).verdict == "exact"


def test_a_change_of_nothing_shows_nothing_rightly() -> None:
    top = NEURON.replace("x = 2", "x = 0")
    found = sheet(top, partials={"dE/dw": ({}, "0")}, updated={"w": "0.5"})
    assert verdicts(found) == {"partial dE/dw": "exact", "updated w": "exact"}


# --- Names, functions, forms ----------------------------------------------------------------------


NAMED = NEURON.replace('E = "(y', 'error = "y - a"\nE = "(y')


def test_a_name_for_a_part_of_a_formula_may_be_rounded_and_worked_with() -> None:
    # error = 0.3318 is written as 0.33: with it, E = 0.05445
    found = sheet(NAMED, forward={"a": "0.66819", "error": "0.33", "E": "0.05445"})
    assert not those(found, "wrong", "follows")
    found = sheet(NAMED, forward={"a": "0.66819", "E": "0.05445"})  # no error was written
    assert those(found, "wrong") == {"forward E"}


def test_a_derivative_that_has_a_name_may_be_worked_out_with_it() -> None:
    # dE/da = -error = -0.33, filled up with zeros
    written = {"dE/dw": ({"dE/da": "-0.3300"}, None)}
    found = sheet(NAMED, forward={"a": "0.66819", "error": "0.33"}, partials=written)
    assert not those(found, "wrong", "follows")


def test_a_wrong_name_for_a_part_of_a_formula_is_charged_once() -> None:
    found = sheet(
        NAMED,
        forward={"a": "0.6682", "error": "0.4318", "E": figures(0.4318**2 / 2)},
        rounding=FIGURES_4,
    )
    assert those(found, "wrong") == {"forward error"}
    assert those(found, "follows") == {"forward E"}


def test_a_derivative_that_is_a_wrong_name_follows() -> None:
    written = {"dE/dw": ({"dE/da": "-0.4318"}, None)}
    found = sheet(NAMED, forward={"a": "0.6682", "error": "0.4318"}, partials=written)
    assert those(found, "wrong") == {"forward error"}


# For each: the formula of a, by hand its value at z = 0.7, and its derivative there.
FUNCTIONS = {
    "tanh(z)": (math.tanh(0.7), 1 - math.tanh(0.7) ** 2),
    "relu(z)": (0.7, 1.0),
    "relu(-z)": (0.0, 0.0),
    "exp(z)": (math.exp(0.7), math.exp(0.7)),
    "log(z)": (math.log(0.7), 1 / 0.7),
    "ln(z)": (math.log(0.7), 1 / 0.7),
    "log10(z)": (math.log10(0.7), 1 / (0.7 * math.log(10))),
    "sin(z)": (math.sin(0.7), math.cos(0.7)),
    "cos(z)": (math.cos(0.7), -math.sin(0.7)),
    "tan(z)": (math.tan(0.7), 1 / math.cos(0.7) ** 2),
    "sin(pi*z)": (math.sin(0.7 * math.pi), math.pi * math.cos(0.7 * math.pi)),
    "e^z": (math.exp(0.7), math.exp(0.7)),
    "max(z, y - 0.5)": (0.7, 1.0),
    "max(0.5, z, 0.6)": (0.7, 1.0),
    "min(z, y)^2": (0.49, 1.4),
    "max(2*z, z + 0.7)": (1.4, 1.5),  # equal: half of each slope
    "sqrt(z)": (math.sqrt(0.7), 0.5 / math.sqrt(0.7)),
    "softplus(z)": (math.log(1 + math.exp(0.7)), sigmoid(0.7)),
    "abs(z - 1)": (0.3, -1.0),
    "1/(1 + exp(-z))": (sigmoid(0.7), sigmoid(0.7) * sigmoid(-0.7)),
    "z**3": (0.343, 3 * 0.49),
    "2**z": (2**0.7, 2**0.7 * math.log(2)),
    "w/z": (0.5 / 0.7, -0.5 / 0.49),
}


@pytest.mark.parametrize("formula", FUNCTIONS)
@pytest.mark.parametrize("count", [3, 5])
def test_every_function_of_a_sheet(formula: str, count: int) -> None:
    """Honest work, all digits carried or each number rounded, is right; a digit off is not."""
    value, slope = FUNCTIONS[formula]
    top = NEURON.replace("sigmoid(z)", formula)
    for places in (15, count):  # figures that are carried
        a = float(figures(value, places))
        error = float(figures(a - 1, places))
        written = {
            "dE/da": figures(error, count),
            "da/dz": figures(slope, count),
            "dz/db": "1",
        }
        product = error * float(figures(slope, places))
        partials = {"dE/db": (written, figures(product, count))} if formula != "w/z" else {}
        found = sheet(top, forward={"z": "0.7", "a": figures(value, count)}, partials=partials)
        assert set(verdicts(found).values()) <= {"exact", "rounded"}
    if value:
        off = figures(value + 10 ** (math.floor(math.log10(abs(value))) - 1), count)
        assert verdicts(sheet(top, forward={"a": off}))["forward a"] == "wrong"


def test_a_repeated_name_does_not_widen() -> None:
    # a = 0.50 may be 0.495 to 0.505 by itself; a (1 - a) is 0.25 all over that, to 0.00003
    top = NEURON.replace("x = 2", "x = 0").replace("b = -0.3", "b = 0.01")  # a = 0.5025
    found = sheet(top, partials={"dE/dw": ({"da/dz": "0.2500"}, None)}, forward={"a": "0.50"})
    assert not those(found, "wrong")
    found = sheet(top, partials={"dE/dw": ({"da/dz": "0.2525"}, None)}, forward={"a": "0.50"})
    assert those(found, "wrong") == {"factor da/dz of dE/dw"}  # 0.505 × 0.5


def test_numbers_are_read_as_people_write_them() -> None:
    for printed in ("−0.3318", "-0,3318", "-.3318", "-3.318 × 10^-1", "-3,318·10⁻¹", "(-0.3318)"):
        written = {"dE/dw": ({"dE/da": printed}, None)}
        assert verdicts(sheet(NEURON, partials=written)) == {"factor dE/da of dE/dw": "exact"}


def test_a_derivative_that_is_not_finite_is_refused() -> None:
    # of sqrt(x) at 0, by a given number, which is not differentiated for an update
    top = NEURON.replace("x = 2", "x = 0").replace("w*x + b", "w*sqrt(x) + b")
    with pytest.raises(SheetError, match="dz/dx is inf"):
        mark(parse_sheet(sheet(top, partials={"dE/dw": ({"dz/dx": "5"}, None)})))


def test_the_smallest_and_largest_numbers_have_digits_too() -> None:
    for number in (1e-300, 1e299):
        top = NEURON.replace("x = 2", f"x = {number}").replace("w*x + b", "w + b")
        text = sheet(top.replace("[update]", 'q = "x"\n[update]'), forward={"q": f"{number}"})
        assert mark(parse_sheet(text)).digits_lost == (0,)


# --- What is printed ------------------------------------------------------------------------------


def test_json_has_the_keys_and_types_of_the_design() -> None:
    text = neuron(change={"da/dz": "0.2271"}) | {"table b": ""}
    printed = json.loads(json.dumps(as_json(mark(parse_sheet(neuron_sheet(text))))))
    assert list(printed) == ["title", "student", "items", "summary"]
    assert (printed["title"], printed["student"]) == ("One sigmoid neuron", "Noether")
    kinds = {
        "part": str,
        "name": str,
        "of": str | None,
        "printed": str,
        "exact": float,
        "verdict": str,
        "note": str,
        "slip": str | None,
        "candidates": list,
        "explanation": str,
        "trusted_digits": int,
    }
    for item in printed["items"]:
        assert list(item) == list(kinds)
        assert all(isinstance(item[key], kind) for key, kind in kinds.items())
        assert item["part"] in ("forward", "factor", "partial", "updated", "table")
        assert (item["of"] is not None) == (item["part"] == "factor")
        assert item["verdict"] in ("exact", "rounded", "follows", "wrong", "missing")
        assert (
            (item["slip"] is not None) == (item["verdict"] == "wrong") == bool(item["candidates"])
        )
    first = printed["items"][3]
    assert first == {
        "part": "factor",
        "name": "da/dz",
        "of": "dE/dw",
        "printed": "0.2271",
        "exact": pytest.approx(0.221712873293109),
        "verdict": "wrong",
        "note": "",
        "slip": "transposed",
        "candidates": ["transposed"],
        "explanation": first["explanation"],
        "trusted_digits": first["trusted_digits"],
    }
    assert {item["name"] for item in printed["items"] if item["part"] == "partial"} == {
        "dE/dw",
        "dE/db",
    }
    assert {item["name"] for item in printed["items"] if item["part"] == "table"} == {"w", "b"}


def test_the_summary_counts_every_verdict() -> None:
    text = neuron_sheet(neuron(change={"da/dz": "0.2271"}) | {"table b": ""})
    marks = mark(parse_sheet(text))
    # right are z, a, dE/da twice, dz/dw and dz/db; the table's b is missing
    assert marks.summary == {"exact": 6, "rounded": 0, "follows": 6, "wrong": 1, "missing": 1}
    assert list(marks.summary) == ["exact", "rounded", "follows", "wrong", "missing"]
    assert sum(marks.summary.values()) == len(marks.items) == 14
    empty = mark(parse_sheet(sheet(NEURON, forward={"a": ""})))
    assert empty.summary == dict.fromkeys(empty.summary, 0) | {"missing": 1}


def test_items_stand_in_the_order_of_the_sheet() -> None:
    keys = list(items(neuron_sheet(neuron())))
    assert keys == [
        "forward z",
        "forward a",
        *(f"factor {name} of dE/dw" for name in ("dE/da", "da/dz", "dz/dw")),
        "partial dE/dw",
        *(f"factor {name} of dE/db" for name in ("dE/da", "da/dz", "dz/db")),
        "partial dE/db",
        "updated w",
        "updated b",
        "table w",
        "table b",
    ]


# --- Digits that can be trusted -------------------------------------------------------------------

STEEP = """\
[given]
x = 1
y = 1
[parameters]
w = 8
[forward]
a = "sigmoid(w*x)"
d = "1 - a"
E = "(y - a)**2 / 2"
[update]
loss = "E"
rate = 0.1
"""
# a = 0.99966464987, 1 - a = 3.3535013e-4


@pytest.mark.parametrize(
    ("printed", "sure"),
    [
        ("0.9997", 1),  # 3.535e-5 off: less than half of 1e-4, more than half of 1e-5
        ("0.99966", 2),  # 4.65e-6 off: less than half of 1e-5
        ("0.999665", 3),  # 3.5e-7 off: less than half of 1e-6
        ("1", 0),  # all of it off
        ("0.99966464987", 8),  # 0.5 or, cut with a guard digit, 1.3e-12 off
    ],
)
def test_digits_of_a_difference(printed: str, sure: int) -> None:
    found = items(sheet(STEEP, forward={"a": printed, "d": figures(1 - float(printed) or 1e-9)}))
    assert found["forward d"].trusted_digits == sure
    assert found["forward a"].trusted_digits == 16  # nothing before it was rounded


def test_digits_of_what_is_made_from_exact_numbers() -> None:
    assert one("x*v", "0.7", x=2.0, v=0.35).trusted_digits == 16


def test_digits_of_products_by_interval_arithmetic() -> None:
    """What is carried is between the exact value and the written one, or a guard digit aside."""
    exact = net()
    names = ["dE/da3", "da3/dz3", "dz3/da1", "da1/dz1"]
    path = {name: figures(exact[name]) for name in names} | {"dz1/dw1": "2"}
    value = figures(math.prod(float(text) for text in path.values()))
    forward = {name: figures(exact[name]) for name in ("a1", "a2", "z3", "a3")}
    found = items(sheet(NET, forward=forward, partials={"dE/dw1": (path, value)}))
    box = mpmath.iv.mpf(1)
    for name, text in path.items():
        written, right = float(text), exact.get(name, 2.0)
        aside = 0.0 if written == right else 0.1 * 10 ** (math.floor(math.log10(abs(right))) - 3)
        low, high = min(written, right) - aside, max(written, right) + aside
        box *= mpmath.iv.mpf([low, high])
    right = exact["dE/dw1"]
    error = max(abs(float(box.a) - right), abs(float(box.b) - right))
    first = math.floor(math.log10(abs(right)))
    sure = math.floor(first + 1 - math.log10(2 * error))
    assert found["partial dE/dw1"].trusted_digits == sure


def test_trusted_digits_are_right_in_honest_work(students: ModuleType) -> None:
    """However the numbers before were carried, the result has as many right digits as was said."""
    for seed in range(25):
        text, work = students.honest(random.Random(seed), leave_out=0)
        exact = students.exact_values(work.network)
        for item in mark(parse_sheet(text)).items:
            got, right = work.raw[item.name], exact[item.name]
            if right and item.part != "table" and 0 < item.trusted_digits < 16:
                place = right.adjusted() + 1 - item.trusted_digits
                assert abs(got - right) <= Decimal("0.5000001") * Decimal(1).scaleb(place)


def test_who_carries_the_lost_digits_too_earns_all_that_were_asked_for(
    students: ModuleType,
) -> None:
    """Every number rounded to n + lost figures gives this one to within one in the n-th figure."""
    off, total = [], 0
    for seed in range(12):
        rng = random.Random(seed)
        network, count = students.any_network(rng), rng.choice((3, 4, 5))
        work = students.work_out(network, students.Student(count))
        marks = mark(parse_sheet(students.sheet_text(work)))
        exact = students.exact_values(network)
        again = {
            lost: students.work_out(network, students.Student(count + lost)).held
            for lost in set(marks.digits_lost)
        }
        for item, lost in zip(marks.items, marks.digits_lost, strict=True):
            right = exact[item.name]
            unit = Decimal(1).scaleb(right.adjusted() - count + 1)
            total += 1
            if right and abs(again[lost][item.name] - right) > unit:
                off.append((seed, item.part, item.name, lost))
    assert not off, f"{len(off)} of {total}"


def test_the_homework_asks_for_seven_figures_to_earn_four() -> None:
    """1 - n1 costs three digits, and so does all that is made from it; a fourth to be sure."""
    marks = mark(read_sheet(sheet_path("q1a")))
    lost = {item.name: lost for item, lost in zip(marks.items, marks.digits_lost, strict=True)}
    for name in ("da1/dz1", "dE/dw1", "dE/db1"):
        assert lost[name] in (3, 4)
    assert lost["dE/dw7"] < 3
    assert lost["z1"] == lost["dz1/dw1"] == 0


# --- Where digits were lost -----------------------------------------------------------------------


def test_a_difference_of_nearly_equal_numbers_is_called_out() -> None:
    found = items(
        sheet(
            STEEP,
            forward={"a": "0.9997", "d": "0.0003"},
            partials={"dE/dw": ({"dE/da": "-0.0003"}, "-9e-8")},
        )
    )
    said = "1 - a, a difference of nearly equal numbers, costs 3 digits"
    assert found["forward d"].cancellation == said
    assert "a - y" in found["factor dE/da of dE/dw"].cancellation
    assert "nearly equal numbers" in found["partial dE/dw"].cancellation  # it came from there
    assert found["forward a"].cancellation == ""


def test_a_difference_of_numbers_that_are_far_apart_is_not() -> None:
    assert {item.cancellation for item in items(neuron_sheet(neuron())).values()} == {""}


def test_a_difference_of_exact_numbers_costs_nothing() -> None:
    item = one("x - v", "0.0003", x=1.0, v=0.9997)
    assert (item.verdict, item.cancellation, item.trusted_digits) == ("exact", "", 16)


def test_floats_that_fall_just_short_are_not_cut() -> None:
    # 1 - 0.9997 is 0.0003, though floats have 0.00029999999999996696
    assert one("x - v", "0.0003", x=1.0, v=0.9997).verdict == "exact"
    assert one("x - v", "0.0002", x=1.0, v=0.9997).verdict == "wrong"
    assert one("x - v", "0.00029", x=1.0, v=0.9997).verdict == "wrong"


def test_one_digit_is_called_a_digit() -> None:
    top = STEEP.replace("w = 8", "w = 3")  # a = 0.9526, 1 - a = 0.0474
    assert items(sheet(top, forward={"a": "0.953", "d": "0.047"}))[
        "forward d"
    ].cancellation.endswith("costs a digit")


@pytest.mark.parametrize("formula", ["1/(2 + exp(v))", "1/(v + exp(v))", "x/(x + exp(v) + v)"])
def test_a_sum_too_large_for_a_float_costs_no_digits(formula: str) -> None:
    assert one(formula, "0", x=0.5, v=1000.123456789).cancellation == ""


# --- Digits in groups, whole numbers rounded by hand ----------------------------------------------


def verdict_on(answer: str, true: str, rounding: str = "", other: str = "0.5") -> str:
    """Return the verdict on an answer where ``true`` is right, and another answer is written."""
    text = f"""
        [given]
        x = {true}
        [parameters]
        w = 1
        v = 0.5
        [forward]
        a = "w*x"
        b = "v*v"
        E = "a*b"
        [update]
        loss = "E"
        rate = 0.1
        {rounding}
        [answers.forward]
        a = "{answer}"
        b = "{other}"
    """
    return mark(parse_sheet(text)).items[0].verdict


@pytest.mark.parametrize(
    ("true", "answers"),
    [
        ("1024", ["1024", "1 024", "1,024", "1'024", "1_024", "1024,0", "1.02e3", "1020"]),
        ("-1024", ["-1,024", "−1’024", "-1020"]),
        ("12345.678", ["12,345.678", "12.345,678", "12'345.68", "12346", "12,346", "1.23e4"]),
        ("12345.678", ["12300", "12,300", "12 350", "12350"]),
        ("1234567", ["1,234,567", "1.234.567", "12,34,567", "1'234'567", "1230000", "1.23e6"]),
        ("1.024", ["1,024", "1.024"]),
    ],
)
def test_digits_in_groups_and_whole_numbers_rounded_by_hand_are_right(
    true: str, answers: list[str]
) -> None:
    assert {answer: verdict_on(answer, true) for answer in answers} == dict.fromkeys(
        answers, "exact"
    )


@pytest.mark.parametrize(
    ("true", "answer", "rounding"),
    [
        ("1024", "1.024", ""),  # a point is a decimal point
        ("1024", "1000", ""),  # of two or one figure nobody can tell rounding from a slip
        ("-12", "-10", ""),
        ("12345.678", "12400.0", ""),
        ("12345.678", "12300", "[rounding]\ndecimals = 2"),
        ("12345.678", "12500", "[rounding]\nfigures = 3"),
        ("1024", "1,025", ""),
        ("1024", "1,02", ""),
    ],
)
def test_what_is_another_number_is_wrong(true: str, answer: str, rounding: str) -> None:
    assert verdict_on(answer, true, rounding) == "wrong"


def test_a_point_separates_groups_for_who_writes_decimal_commas() -> None:
    assert verdict_on("1.024", "1024", other="0,25") == "exact"
    assert verdict_on("1.024", "1024", other="0.25") == "wrong"


def test_a_number_means_the_same_where_it_is_used() -> None:
    """What is worked out from 1,024 follows from 1024, not from 1.024."""
    text = """
        [given]
        x = 1024
        [parameters]
        w = 1
        [forward]
        a = "w*x"
        E = "2*a"
        [update]
        loss = "E"
        rate = 0.5
        [answers.forward]
        a = "1,024"
        E = "2,048"
        [answers.partials."dE/dw"]
        value = "2,048"
        [answers.updated]
        w = "-1,023"
    """
    marks = mark(parse_sheet(text))
    assert [(item.name, item.verdict) for item in marks.items] == [
        ("a", "exact"),
        ("E", "exact"),
        ("dE/dw", "exact"),
        ("w", "exact"),
    ]
