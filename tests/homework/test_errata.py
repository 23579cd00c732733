"""The homework's own sheets, marked: every slip that the author made, and nothing that is not one.

The list was read off the homework by hand, before any marker was asked.
"""

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.reader import read_sheet

Key = tuple[str, str, str | None]

# What is wrong in question 1 (a): what was printed, and the slips that could have made it.
WRONG: dict[Key, tuple[str, set[str]]] = {
    # "-0.018 × 0.17679 × 1 × 2.999e-4 × 1 = -9.5435e-8": a zero after the point is lost in the
    # factor, which is 0.017679 in all chains before; the product was made with that one.
    ("factor", "da4/dz4", "dE/db2"): ("0.17679", {"misplaced-point", "zero"}),
    # "2999 × 10^-4" for 2.999 × 10^-4: the point is lost, and again the product has it.
    ("factor", "da3/dz3", "dE/db3"): ("2999e-4", {"misplaced-point"}),
    # -0.018 × 0.017679 × 2.999e-4 is -9.5435e-8, as beside b1, w2 and b2: two digits transposed.
    ("partial", "dE/dw4", None): ("-9.5345e-8", {"transposed"}),
    # "1 - 0.1(-0.0034822) = 1.00031824": with -3.1824e-4 it is 1.000031824. Either the rate was
    # forgotten or a zero lost: the rate is a tenth, so no number can tell.
    ("updated", "b4", None): ("1.00031824", {"rate-forgotten", "zero"}),
    # 1 + 0.95435e-8 is 1.00000001: a zero too many.
    ("updated", "b1", None): ("1.000000001", {"zero"}),
    # 1 + 0.95345e-8, and of the change no digit is left.
    ("updated", "w4", None): ("1.000000000", {"nothing-left"}),
    # Beside its partial it was worked out as 1.000000057: a zero too many in the copy.
    ("table", "w1", None): ("1.0000000057", {"zero"}),
    # Worked out as 1.00000001. Perhaps w5's 1.000000057, cut off; perhaps one wrong digit.
    ("table", "b3", None): ("1.00000005", {"other-parameter", "wrong-digit"}),
    # The answer of w7, w8 and w9; b4's own partial gives 1.000031824.
    ("table", "b4", None): ("1.000031814", {"other-parameter"}),
}

# The wrong 0.17679 of dE/db2 stands in the three chains after it, and is charged once.
FOLLOWS: set[Key] = {("factor", "da4/dz4", f"dE/d{p}") for p in ("w5", "w6", "b3")}

# Cut and not rounded: z4 = 3.998994, and 0.0176798 in every chain but the first, where it was put
# right to 0.01768. The activation 0.98199 is cut too, if it comes from 0.981996; from the 3.9989
# above it, 0.9819944, it is rounded, so nobody can say.
TRUNCATED_IN_A: set[Key] = {("forward", "z4", None)} | {
    ("factor", "da4/dz4", f"dE/d{p}") for p in ("b4", "w8", "w9", "w1", "b1", "w2", "w3", "w4")
}


def key(item: MarkedNumber) -> Key:
    return (item.part, item.name, item.of)


@pytest.fixture(scope="module")
def a() -> Marks:
    return mark(read_sheet(sheet_path("q1a")))


@pytest.fixture(scope="module")
def b() -> Marks:
    return mark(read_sheet(sheet_path("q1b")))


def test_a_has_just_the_slips_of_its_author(a: Marks) -> None:
    wrong = {key(item): item.printed for item in a.items if item.verdict == "wrong"}
    assert wrong == {where: printed for where, (printed, _) in WRONG.items()}


def test_in_a_only_the_copies_of_a_wrong_factor_follow(a: Marks) -> None:
    assert {key(item) for item in a.items if item.verdict == "follows"} == FOLLOWS


@pytest.mark.parametrize("where", WRONG, ids=lambda key: "-".join(filter(None, key)))
def test_each_slip_of_a_is_named(a: Marks, where: Key) -> None:
    item = next(item for item in a.items if key(item) == where)
    _, slips = WRONG[where]
    assert item.slip in slips
    assert slips <= set(item.candidates) or len(slips & {"misplaced-point", "zero"}) == 2


def test_the_explanations_of_a_say_what_was_meant(a: Marks) -> None:
    said = {key(item): item.explanation for item in a.items}
    assert "made with 0.017679" in said["factor", "da4/dz4", "dE/db2"]
    assert "0.0002999" in said["factor", "da3/dz3", "dE/db3"]
    assert "-9.5435e-8" in said["partial", "dE/dw4", None]
    assert "cannot tell" in said["updated", "b4", None]
    assert "rate" in said["updated", "b4", None]
    assert "1.000000057" in said["table", "w1", None]
    assert "1.00000001" in said["table", "b3", None]
    assert "w7" in said["table", "b4", None]


def test_no_explanation_of_a_suggests_what_would_itself_be_wrong(a: Marks) -> None:
    (item,) = (item for item in a.items if (item.part, item.name) == ("table", "b3"))
    assert "1.00000000 would fit" not in item.explanation  # it shows nothing of the change


def test_what_was_put_right_in_the_table_of_a_is_right(a: Marks) -> None:
    table = {item.name: item for item in a.items if item.part == "table"}
    for name in ("w4", "b1"):  # both worked out wrongly beside their partials
        assert (table[name].printed, table[name].verdict) == ("1.00000001", "exact")
    assert table["w7"].verdict in ("exact", "rounded")  # not worked out anywhere else


def test_what_was_cut_in_a_is_called_so(a: Marks) -> None:
    assert {key(item) for item in a.items if item.note == "truncated"} >= TRUNCATED_IN_A


def test_numbers_crossed_out_are_not_marked(a: Marks) -> None:
    assert "-0.0034813" not in {item.printed for item in a.items}
    assert next(item for item in a.items if item.name == "dE/dw7").verdict == "rounded"


def test_rounding_n1_costs_dw1_a_tenth_of_its_value(a: Marks) -> None:
    (item,) = (item for item in a.items if (item.part, item.name) == ("partial", "dE/dw1"))
    assert item.verdict == "rounded"
    assert float(item.printed) / item.exact == pytest.approx(0.9, abs=0.01)
    assert item.trusted_digits == 0
    said = "1 - a1, a difference of nearly equal numbers, costs 3 digits"
    assert item.cancellation.startswith(said)


def test_nothing_is_wrong_in_b_and_nothing_follows(b: Marks) -> None:
    assert b.summary["wrong"] == b.summary["follows"] == b.summary["missing"] == 0


def test_an_update_of_b_is_cut_and_its_copy_rounded(b: Marks) -> None:
    found = {item.part: item for item in b.items if item.name == "b2"}
    assert (found["updated"].printed, found["updated"].note) == ("0.099413", "truncated")
    assert (found["table"].printed, found["table"].verdict) == ("0.099414", "exact")
