"""What is written down is read back as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.symbolic import is_name, read_expression
from tinygrad_hw.worksheet import parse_sheet, read_sheet, sheet_text
from tinygrad_hw.worksheet.sheet.model import Answers, Ask, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import ASK_KEYS

letters = st.sampled_from("wxyzŷσ名_9E") | st.characters(categories=["Ll", "Lu", "Nd"])
names = st.text(letters, min_size=1, max_size=6).filter(is_name)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    "\"'\\\n\r\t\x00\x7f\u2028[]#={}", max_size=8
)
lines = st.text(max_size=20).map(lambda s: "".join(c for c in s if c.isprintable()))
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-100, 100).map(float)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    words = draw(st.lists(names, min_size=3, max_size=9, unique=True))
    cuts = sorted(draw(st.tuples(*[st.integers(0, len(words) - 1)] * 2)))
    free, formed = words[: cuts[1]], words[cuts[1] :]
    forward = {}
    for i, name in enumerate(formed):
        known = [*free, *formed[:i], "2.5"]
        a, b = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        forward[name] = read_expression(draw(st.sampled_from([f"{a}*{b}", f"({a} - {b})**2 / 2"])))
    given = {name: draw(numbers) for name in free[: cuts[0]]}
    parameters = {name: draw(numbers) for name in free[cuts[0] :]}
    loss = draw(st.sampled_from(formed))
    no_update = loss == formed[-1] and draw(st.booleans())
    updated = {} if no_update else parameters

    def answers(known: Any) -> st.SearchStrategy[dict[str, str]]:
        return st.dictionaries(st.sampled_from([*known]), texts) if known else st.just({})

    def step() -> Answers:
        paths = st.lists(answers([f"d{a}/d{b}" for a in formed for b in words]), max_size=3)
        partial = st.builds(
            PartialAnswer,
            paths.map(tuple),
            st.none() | texts,
            st.lists(texts, max_size=2).map(tuple),
        )
        asked = [f"d{loss}/d{name}" for name in parameters]
        partials = st.dictionaries(st.sampled_from(asked), partial) if asked else st.just({})
        return Answers(draw(answers(forward)), draw(partials), draw(answers(updated)))

    def some(known: Any) -> st.SearchStrategy[bool | tuple[str, ...]]:
        chosen = st.lists(st.sampled_from([*known]), min_size=1, unique=True).map(tuple)
        return st.booleans() | chosen if known else st.booleans()

    partials = [f"d{loss}/d{name}" for name in parameters]
    factors = [f"d{a}/d{b}" for a in formed for b in words]
    worth = [*ASK_KEYS, *forward, *partials]
    kinds = (forward, factors, partials, updated, updated)
    points = st.dictionaries(st.sampled_from(worth), st.integers(0, 9).map(float))
    ask = st.builds(Ask, *map(some, kinds), points)
    steps = 1 if no_update else draw(st.integers(1, 3))
    changing = {} if no_update else {name: given[name] for name in given if draw(st.booleans())}
    examples = [{name: draw(numbers) for name in changing} for _ in range(steps if changing else 0)]
    given = given | (examples[0] if examples else {})
    first, *later = [step() for _ in range(steps)]
    return Sheet(
        title=draw(lines),
        student=draw(lines),
        given=given,
        parameters=parameters,
        forward=forward,
        loss=loss,
        rate=None if no_update else draw(numbers | st.sampled_from([0.5, *given.values()])),
        rounding=draw(
            st.none() | st.tuples(st.sampled_from(["figures", "decimals"]), st.integers(1, 17))
        ),
        answers=Answers(
            first.forward,
            first.partials,
            first.updated,
            draw(answers(updated)),
            tuple(draw(st.lists(lines, max_size=2))),
        ),
        where="drawn",
        lines=[],
        steps=steps,
        later_answers=tuple(later),
        ask=draw(st.none() | ask),
        momentum=0.0 if no_update else draw(numbers),
        examples=tuple(examples),
    )


@given(sheets())
def test_a_sheet_is_read_back_equal_and_in_order(sheet: Sheet) -> None:
    text = sheet_text(sheet)
    again = parse_sheet(text)
    assert again == sheet
    assert list(again.forward) == list(sheet.forward)
    assert list(again.parameters) == list(sheet.parameters)
    assert sheet_text(again) == text
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("name", ["q1a", "q1b"])
def test_the_homeworks_sheets_are_written_as_they_stand(name: str) -> None:
    text = sheet_path(name).read_text("utf-8")
    assert sheet_text(read_sheet(sheet_path(name))) == text[text.index("title") :]


def test_the_rate_is_a_name_only_where_a_given_number_has_no_other_use() -> None:
    text = '[given]\nx = 0.5\n\n[parameters]\nw = 1\n\n[forward]\nE = "{}"\n\n[update]\n'
    for formula, rate in [("w*x", "0.5"), ("w", '"x"')]:
        sheet = parse_sheet(text.format(formula) + 'loss = "E"\nrate = 0.5\n')
        assert f"rate = {rate}\n" in sheet_text(sheet)
