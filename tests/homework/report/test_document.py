"""The report: every figure of the homework with ours beside it, in one page that needs nothing."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from tinygrad_hw.data import Dataset, load
from tinygrad_hw.formatting.html import figure, formula, ink_and_paper, prose, typeset
from tinygrad_hw.homework import SHEETS, sheet_path
from tinygrad_hw.homework.experiments import ALL, BINARY, INITIALIZERS, TEN, Experiment, Outcome
from tinygrad_hw.homework.report import original_figures
from tinygrad_hw.homework.report.document import figures, report, results_as_json
from tinygrad_hw.homework.report.errata import errata, rounding_section
from tinygrad_hw.homework.report.page_elements import confusion, inline_svg
from tinygrad_hw.homework.report.question1 import Example, pairs
from tinygrad_hw.homework.report.questions2_3 import ranking
from tinygrad_hw.homework.report.side_by_side import distance, write_like
from tinygrad_hw.homework.results import Results
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.reader import read_sheet
from tinygrad_hw.worksheet.solution.solve import Solution, solve

VOID = {"meta", "img", "br", "link", "input", "hr"}
DRAWING = (
    '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x">\n'
    '<svg width="90pt" height="30pt" xmlns="http://www.w3.org/2000/svg" role="img"\n'
    ' xmlns:xlink="http://www.w3.org/1999/xlink"><title>E</title><g id="a"><use xlink:href="#a"/>'
    '<path style="clip-path:url(#a)"/><text>gradient</text></g></svg>'
)

# --- A small run ----------------------------------------------------------------------------------


def images(n: int, shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def dataset(shape: tuple[int, int] = (28, 28), labels: str = "0123456789") -> Dataset:
    y = np.array([int(label) for label in labels] * 2, np.uint8)
    return Dataset(images(len(y), shape), y, images(len(y), shape), y)


def outcome(
    experiment: Experiment,
    epochs: int = 7,
    examples: int = 3,
    shape: tuple[int, int] = (28, 28),
) -> Outcome:
    classes = experiment.classes
    matrix = np.eye(classes, dtype=np.int64) * 97 + np.eye(classes, k=1, dtype=np.int64) * 3
    history = {
        name: [(3 + i + len(name)) / 10 ** (i + 1) for i in range(epochs)]
        for name in original_figures.METRICS
    }
    return Outcome(
        name=experiment.name,
        history=history,
        epochs=epochs,
        best_epoch=epochs,
        batches=302 if classes == 2 else 1500,
        parameters=100_609 if classes == 2 else 101_770,
        test_loss=0.0123456789,
        test_accuracy=float(np.trace(matrix) / matrix.sum()),
        confusion=matrix,
        examples=[(i, i % classes, (i + i // 2) % classes, 0.987654) for i in range(examples)],
        layers=experiment.model((28, 28), seed=0).summary_rows(),
        weights=experiment.model(shape, seed=0).get_weights(),
        seconds=12.5,
    )


@pytest.fixture(scope="module")
def solutions() -> dict[str, Solution]:
    return {name: solve(read_sheet(sheet_path(name))) for name in SHEETS}


@pytest.fixture(scope="module")
def marks(solutions: dict[str, Solution]) -> dict[str, Marks]:
    return {name: mark(solution.sheet) for name, solution in solutions.items()}


@pytest.fixture(scope="module")
def results(solutions: dict[str, Solution], marks: dict[str, Marks]) -> Results:
    return Results(
        solutions=solutions,
        marks=marks,
        drawings=dict.fromkeys(SHEETS, DRAWING),
        outcomes={e.name: outcome(e) for e in ALL},
        data=dataset(),
        digits=(3, 6),
        seed=0,
        seconds=158.25,
    )


class Page(HTMLParser):
    """What a test asks of a page: its text by section, its attributes, and that tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.values: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {attrs}"
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "data":
            self.values.append(given["value"])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append((tag, given.get("id")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()[0]

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self.open]
        if {"style", "script"} & {*inside}:
            return
        self.text += data
        if "td" in inside or "th" in inside:
            self.rows[-1][-1] += data

    def all(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, str]:
    return figures(results)


@pytest.fixture(scope="module")
def html(results: Results, drawn: dict[str, str]) -> str:
    return report(results, drawn)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def text_of(html: str) -> str:
    return Page(html).text


LINK = re.compile(r'<a (href)="#([^"]+)"')
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)


# --- Every figure has its neighbor ---------------------------------------------------------------


@pytest.mark.parametrize("name", SHEETS)
def test_every_figure_of_a_sheet_has_its_neighbor_and_its_mark(
    name: str, page: Page, solutions: dict[str, Solution], marks: dict[str, Marks]
) -> None:
    answers = solutions[name].sheet.answers
    written = [*answers.forward.values(), *answers.updated.values(), *answers.table.values()]
    for partial in answers.partials.values():
        written += [partial.value or "", *(v for path in partial.paths for v in path.values())]
    listed = pairs(Example(name, solutions[name], marks[name]))
    again = list(original_figures.WRITTEN_AGAIN.get(name, {}).values())
    assert sorted(pair.printed for pair in listed) == sorted([*written, *again])
    for pair in listed:
        theirs = text_of(figure(pair.printed))
        ours = text_of(figure(write_like(pair.printed, pair.ours, pair.old)))
        assert any(  # the cell of the printed figure begins with those that were struck
            row[-2] == ours and row[-3].endswith(theirs) and said(pair.mark) in row[-1]
            for row in page.rows
            if len(row) > 3
        ), pair


def said(mark: MarkedNumber | None) -> str:
    if mark is None:
        return "written again"
    return "cut" if mark.note == "truncated" else mark.verdict


@pytest.mark.parametrize("name", SHEETS)
def test_what_was_struck_is_shown_and_not_marked(
    name: str, html: str, solutions: dict[str, Solution]
) -> None:
    answers = solutions[name].sheet.answers.partials.values()
    struck = [text for answer in answers for text in answer.struck]
    struck += original_figures.STRUCK_FACTORS.get(name, {}).values()
    deleted = re.findall(r'<del[^>]*><data [^>]*value="([^"]+)"', html)
    assert struck
    assert set(struck) <= set(deleted)


def test_partials_come_in_the_homeworks_order(page: Page) -> None:
    order = [anchor for anchor in page.all("id") if re.fullmatch(r"q1a-[wb]\d", anchor)]
    names = ["w7", "b4", "w8", "w9", "w1", "b1", "w2", "w3", "w4", "b2", "w5", "w6", "b3"]
    assert order == [f"q1a-{name}" for name in names]


def test_sections_come_in_the_homeworks_order(page: Page) -> None:
    anchors = [anchor for anchor in page.all("id") if re.fullmatch(r"summary|q\w{1,2}", anchor)]
    assert anchors == ["summary", "q1a", "q1b", "q2", "q2b", "q3"]


@pytest.mark.parametrize(
    "network", [original_figures.BINARY, original_figures.INITIALIZERS, original_figures.TEN]
)
def test_every_printed_figure_of_a_network_is_there(
    network: original_figures.Network, page: Page
) -> None:
    values = [*page.values, *(cell for row in page.rows for cell in row)]
    single = [network.parameters, network.test_loss, network.test_accuracy, network.test_batches]
    single += [network.test_accuracy_rounded, network.test_time, *network.epoch_times]
    for text in [*single, *(x for epoch in network.epochs for x in epoch)]:
        assert text in [*values, ""], text
    for layer, shape, parameters in network.summary:
        assert any(row[:3] == [layer, shape, parameters] for row in page.rows)
    for name, value in network.table:
        assert any(row[:2] == [name, value] and row[2] for row in page.rows)
    for i, counts in enumerate(network.confusion):
        label = str(i if len(counts) == 10 else original_figures.DIGITS[i])
        assert [label, *map(str, counts)] in page.rows
    for layer in network.counted:
        assert set(layer[1:]) <= set(values)
    for true, predicted in network.examples:
        assert f"true {true}, predicted {predicted}" in page.text
    assert f"{network.batches} batches" in page.text
    assert f"{network.test_batches} batches" in page.text or network.test_batches in values


def test_our_numbers_of_a_network_stand_beside_the_homeworks(page: Page) -> None:
    theirs = ["1", "homework", "0.0344", "0.9899", "0.0086", "0.975…", "1s 2ms/step"]
    first = page.rows.index(theirs)
    assert page.rows[first + 1] == ["ours", "0.7", "1.1", "1.1", "1.5", ""]
    assert page.rows[first + 2] == ["difference", "+0.67", "+0.11", "+1.1", "cut off", ""]
    assert ["Loss", "0.0024", "0.01235", "+0.0099"] in page.rows
    assert ["Loss", "0.0789", "0.01235", "−0.067"] in page.rows
    assert ["Errors", "2 of 1,968", "3 of 197", "+1"] in page.rows


LAYERS = ["Homework’s layer", "Output", "Parameters", "Our layer", "Output", "Parameters"]


@pytest.mark.parametrize(
    ("position", "network", "experiment"),
    [
        (0, original_figures.BINARY, BINARY),
        (1, original_figures.INITIALIZERS, INITIALIZERS[0]),
        (2, original_figures.TEN, TEN),
    ],
)
def test_each_layer_stands_beside_its_counterpart(
    position: int, network: original_figures.Network, experiment: Experiment, page: Page
) -> None:
    heads = [i for i, row in enumerate(page.rows) if row == LAYERS]
    assert len(heads) == 3
    body = page.rows[heads[position] + 1 :]
    end = next(i for i, row in enumerate(body) if row[0] == "Total")
    layers, nothing = body[:end], ["–", "–", "–"]

    assert [tuple(row[:3]) for row in layers if row[:3] != nothing] == list(network.summary)
    model = experiment.model((28, 28), seed=0)
    lines: list[str] = []
    model.summary(lines.append)
    ours = [re.split(r"  +", line) for line in lines[2:-3]]  # between the heads and totals
    assert [row[3:] for row in layers if row[3:] != nothing] == ours
    assert [row[3] for row in layers if row[:3] == nothing] == ["rescaling (Rescaling)"]
    for row in layers:
        if row[:3] != nothing:
            kinds = [re.findall(r"\((\w+)\)", row[column]) for column in (0, 3)]
            assert kinds[0] == kinds[1]
            assert len(kinds[0]) == 1
            assert row[1] == row[4]
            assert row[2] == row[5].replace(",", "")
    for row in body[end : end + 2]:
        assert row[1:] == ["", network.parameters, "", "", f"{model.count_params():,}"]
    assert body[end + 2] == ["Not trainable", "", "0", "", "", "0"]


def test_the_classification_report_stands_beside_ours(page: Page) -> None:
    for label, cells in original_figures.REPORT.items():
        rows = [row for row in page.rows if row[0] == label and len(row) == 9]
        assert len(rows) == 1
        assert tuple(rows[0][1::2]) == cells
        assert all(
            bool(ours) == bool(theirs) for ours, theirs in zip(rows[0][2::2], cells, strict=True)
        )


def test_initializers_are_compared(page: Page) -> None:
    for experiment in ALL:
        if experiment.patience is None:
            row = next(row for row in page.rows if row[0] == experiment.name)
            assert row[1] == original_figures.INITIALIZERS_ACCURACY.get(experiment.name, "–")
            assert row[2:4] == ["0.98477", "3 of 197"]
            assert row[5] == original_figures.INITIALIZERS_TEST_TIMES[experiment.name]
            assert f"{experiment.name}: 3 errors" in page.text
    assert "trains for 30 epochs" in page.text
    assert "table of hyperparameters says 20" in page.text


def test_the_printed_pixels_stand_beside_the_same_rows_of_ours(
    results: Results, drawn: dict[str, str]
) -> None:
    page = Page(report(dataclasses.replace(results, data=load()), drawn))
    lines = [row for row in page.rows if re.fullmatch(r"1[3-6], \d+–\d+", row[0])]
    assert [row[1] for row in lines] == original_figures.PIXELS.splitlines()
    assert [row[0] for row in lines if row[3] != "same"] == ["13, 20–24", "14, 0–4"]
    assert lines[0][2:] == ["0.10980392 0. 0. 0. 0.", "≠ no multiple of 1/255"]
    assert lines[9][1:3] == ["0. 0. 0. 0. 0.17647059 0.8745098", "0. 0. 0. 0.17647059 0.8745098"]
    assert "no multiple of 1/255" in page.text
    assert "28/255" in page.text


# --- Errata ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHEETS)
def test_the_errata_are_what_is_marked_wrong(name: str, marks: dict[str, Marks]) -> None:
    section = Page(errata(name, marks[name]))
    wrong = [item for item in marks[name].items if item.verdict == "wrong"]
    assert [row[1] for row in section.rows[1:]] == [text_of(figure(i.printed)) for i in wrong]
    assert [row[3] for row in section.rows[1:]] == [text_of(typeset(i.explanation)) for i in wrong]
    assert ("Nothing is wrong." in section.text) == (not wrong)
    for (_, target), item in zip(LINK.findall(errata(name, marks[name])), wrong, strict=True):
        of = item.of or item.name
        where = "table" if item.part == "table" else of.partition("/d")[2] or of
        assert target == f"{name}-{where}"


@pytest.mark.parametrize("name", SHEETS)
def test_the_errata_hold_every_figure_once(name: str, marks: dict[str, Marks]) -> None:
    html, items = errata(name, marks[name]), marks[name].items
    section, summary = Page(html), marks[name].summary
    folded = {kind: int(n) for n, kind in re.findall(r"<summary>(\d+) figures? (\w+)", html)}
    assert folded.get("cut", 0) == sum(item.note == "truncated" for item in items)
    assert folded["honestly"] == summary["rounded"] - folded.get("cut", 0)
    assert folded["exact"] == summary["exact"]
    assert {item.printed for item in items} <= set(section.values)
    before, after = section.text.split("figures exact")
    follows = [item for item in items if item.verdict == "follows"]
    assert ("Right but for a slip before them" in before) == bool(follows)
    assert all(item.of in before for item in follows if item.of)
    exact = [item for item in items if item.verdict == "exact" and item.part == "partial"]
    assert all(f"{item.name} = {text_of(figure(item.printed))}" in after for item in exact)


def test_what_rounding_a1_costs_is_so(marks: dict[str, Marks]) -> None:
    a1, a4 = 1 / (1 + math.exp(-8)), 1 / (1 + math.exp(-1 - 3 / (1 + math.exp(-8))))
    others = (a4 - 1) * a4 * (1 - a4) * 6
    both = [
        (a1, 0.9997),
        (1 - a1, 0.0003),
        (a1 * (1 - a1), 0.9997 * 0.0003),
        (others * a1 * (1 - a1), others * 0.9997 * 0.0003),
    ]
    html = rounding_section("q1a", marks["q1a"])
    passage = Page(html)
    assert len(passage.rows) == 1 + len(both)
    for cells, numbers in zip(ROW.findall(html)[1:], both, strict=True):
        exact, rounded, off = (float(x) for x in re.findall(r'value="([^"]+)"', cells)[-3:])
        assert (exact, rounded) == pytest.approx(numbers, rel=2e-4)
        assert off == pytest.approx(100 * (numbers[1] / numbers[0] - 1), rel=0.01)
    assert "keeps 1 of its 4 figures" in passage.text
    assert "falls short by 10.5\u00a0%" in passage.text
    behind = [f"dE/d{kind}{i}" for kind, last in (("w", 6), ("b", 3)) for i in range(1, last + 1)]
    listed = passage.text.partition("layer: ")[2].partition(". To earn")[0]
    assert sorted(listed.split(", ")) == sorted(behind)
    assert rounding_section("q1b", marks["q1b"]) == ""


def test_so_many_figures_do_earn_four(marks: dict[str, Marks]) -> None:
    text = Page(rounding_section("q1a", marks["q1a"])).text
    carried = re.search(r"To earn 4 figures of dE/dw1, carry (\d+)", text)
    assert carried is not None
    exact = slope_by_w1(30)
    half_a_unit = Decimal("0.5").scaleb(exact.adjusted() - 3)
    assert abs(slope_by_w1(int(carried[1])) - exact) <= half_a_unit
    assert abs(slope_by_w1(4) - exact) > 100 * half_a_unit


def slope_by_w1(figures: int) -> Decimal:
    """Work Question 1 (a) by hand as far as dE/dw1, every number rounded to so many figures."""
    with localcontext(Context(prec=figures)) as hand:
        fine = Context(prec=40)

        def sigmoid(z: Decimal) -> Decimal:
            return hand.plus(fine.divide(1, fine.add(1, fine.exp(-z))))

        a1 = sigmoid(Decimal(8))
        a4 = sigmoid(a1 + a1 + a1 + 1)
        return (a4 - 1) * (a4 * (1 - a4)) * (a1 * (1 - a1)) * 6


def test_the_summary_says_what_the_errata_say(page: Page, marks: dict[str, Marks]) -> None:
    wrong = marks["q1a"].summary["wrong"]
    assert f"Question 1 (a): {wrong} figures wrong; and 9 partials fall short by some" in page.text
    assert "Question 1 (b): nothing but rounding." in page.text
    row = next(row for row in page.rows if row[0] == "Question 1 (a)")
    assert row[1] == f"{len(marks['q1a'].items)} printed figures"
    assert all(str(n) in row[2] for n in marks["q1a"].summary.values() if n)


def test_what_is_said_of_the_claims_is_so(solutions: dict[str, Solution]) -> None:
    solution = solutions["q1b"]
    for name in ("w1", "w3", "w5", "w6", "b3"):
        assert solution.partials[f"dE/d{name}"] == 0
        assert solution.updated[name] == solution.sheet.parameters[name]


# --- One page that needs nothing else -------------------------------------------------------------


PAGES = {"pages/q1a.html", "pages/q1b.html"}  # written beside it


def test_nothing_outside_the_page_is_referred_to(html: str, page: Page) -> None:
    for tag, name, value in page.attributes:
        if name in ("href", "src", "xlink:href", "data", "action", "poster", "srcset"):
            ours = ("#", "data:image/png;base64,")
            assert value.startswith(ours) or value in PAGES, (tag, name, value)
    assert not re.search(r"https?:|//www|@import", html)
    places = re.findall(r"url\(([^)]{1,30})", html)
    assert all(place.startswith(("#", "data:font/woff2;base64,")) for place in places)
    assert html.count("<script") == 2  # the pad's numbers, and the pad
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert policy[1].startswith("default-src 'none';")
    assert "http" not in policy[1]


def test_links_lead_somewhere_and_ids_are_unique(html: str, page: Page) -> None:
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    targets = {value[1:] for value in page.all("href") if value.startswith("#")}
    targets |= {*re.findall(r"url\(#([^)]+)\)", html), *page.all("aria-labelledby")}
    assert targets <= set(ids)


def test_the_page_can_be_read_without_seeing_it(page: Page) -> None:
    tags = [tag for tag, _, _ in page.attributes]
    assert ("html", "lang", "en") in page.attributes
    assert all(page.all("alt"))
    assert tags.count("img") >= 2 * 3
    pictures = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "role")]
    assert set(pictures) == {"img"}
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == len(pictures)
    assert all(labels)


def test_hostile_text_is_escaped(results: Results, drawn: dict[str, str]) -> None:
    evil = '"><script>alert(1)</script><img src="//evil.example">'
    sheet = dataclasses.replace(results.solutions["q1a"].sheet, title=evil, student=evil)
    hostile = dataclasses.replace(
        results,
        source=evil,
        solutions={
            **results.solutions,
            "q1a": dataclasses.replace(results.solutions["q1a"], sheet=sheet),
        },
    )
    text = report(hostile, drawn)
    assert text.count("<script") == 2
    assert "<script>alert" not in text
    assert '<img src="//' not in text
    assert "&lt;script&gt;" in text
    Page(text)


def test_the_page_is_the_same_each_time(results: Results, html: str) -> None:
    assert report(results) == html


# --- Other runs -----------------------------------------------------------------------------------


def test_a_run_cut_short_says_so_at_the_top(
    results: Results, html: str, drawn: dict[str, str]
) -> None:
    short = dataclasses.replace(results, epochs=2, outcomes={e.name: outcome(e, 2) for e in ALL})
    text = Page(report(short, drawn)).text
    assert "cut short: its networks were trained for at most 2 epochs" in text
    assert text.index("cut short") < text.index("What came out")
    assert "cut short" not in html
    assert "cut short" not in report(dataclasses.replace(results, epochs=30), drawn)
    assert "0.0011" in text  # the homework's fifth epoch, which this run does not have


def test_other_digits_leave_the_homeworks_figures_marked(
    results: Results, html: str, drawn: dict[str, str]
) -> None:
    page = Page(report(dataclasses.replace(results, digits=(1, 7)), drawn))
    assert page.text.count("figures in this part are for 3 and 6, ours for 1 and 7") == 2
    assert "(digits 3 and 6)" in page.text
    assert ["3", "1009", "1"] in page.rows
    assert ["1", "97", "3"] in page.rows
    assert "figures in this part" not in html
    assert "other way round" in report(dataclasses.replace(results, digits=(6, 3)), drawn)


@pytest.mark.parametrize("data", [dataset((5, 9)), dataset((28, 28), "0127"), dataset((28, 28))])
def test_other_images_are_coped_with(results: Results, data: Dataset) -> None:
    other = dataclasses.replace(
        results,
        data=data,
        digits=(1, 7) if 7 in data.y_train else (0, 1),
        source="a folder",
        outcomes={e.name: outcome(e, 7, 1, data.x_train.shape[1:]) for e in ALL},
    )
    drawn = figures(other)
    page = Page(report(other, drawn))
    assert "0.1039803932" in page.text
    assert "the homework’s figures are for MNIST" in page.text
    assert all("</svg>" in drawing for drawing in drawn.values())


def test_numbers_that_are_none_do_not_stop_it(results: Results) -> None:
    broken = {e.name: dataclasses.replace(outcome(e), test_loss=math.nan) for e in ALL}
    for one in broken.values():
        one.history["val_loss"][1] = math.nan
    strange = dataclasses.replace(results, outcomes=broken)
    Page(report(strange))
    numbers = results_as_json(strange)
    json.dumps(numbers, allow_nan=False)
    assert numbers["ten"]["test_loss"] is None
    assert numbers["ten"]["history"]["val_loss"][1] is None


# --- Numbers and figures as files -----------------------------------------------------------------


def test_results_hold_everything_a_program_asks_for(results: Results) -> None:
    numbers = json.loads(json.dumps(results_as_json(results), allow_nan=False))
    assert numbers["digits"] == [3, 6]
    assert numbers["seed"] == 0
    assert numbers["seconds"] == 158.25
    assert set(numbers["q1a"]) == set(numbers["q1b"]) == {"forward", "partials", "updated"}
    for name, marked in numbers["marks"].items():
        assert marked["summary"] == results.marks[name].summary
        assert len(marked["wrong"]) == marked["summary"]["wrong"]
        assert all(item["verdict"] == "wrong" and item["explanation"] for item in marked["wrong"])
    assert numbers["q1a"]["partials"]["dE/dw7"] == pytest.approx(-3.1820096758e-4)
    networks = [numbers["binary"], numbers["ten"], *numbers["initializers"].values()]
    for network in networks:
        assert {"test_accuracy", "test_loss", "confusion", "epochs", "seconds"} <= set(network)
        assert len(network["history"]["val_loss"]) == network["epochs"]
    names = ["GlorotNormal", "HeNormal", "RandomNormal", "GlorotUniform"]
    assert list(numbers["initializers"]) == names
    assert numbers["binary"]["confusion"] == [[97, 3], [0, 97]]
    assert numbers["ten"]["report"]["0"]["support"] == 100


def test_a_zero_is_never_negative_in_the_results(results: Results) -> None:
    assert repr(results_as_json(results)["q1b"]["partials"]["dE/dw1"]) == "0.0"


def test_figures_are_svg_files(drawn: dict[str, str]) -> None:
    assert drawn["q1a-graph.svg"] == DRAWING
    assert {"binary-loss.svg", "ten-accuracy.svg", "initializers-test.svg"} <= set(drawn)
    assert all(name.endswith(".svg") and "<svg" in text for name, text in drawn.items())
    assert all(len(text) < 60_000 for text in drawn.values())


# --- Comparing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ours", "old", "said"),
    [
        ("0.98199", 0.98199601, None, ""),  # cut
        ("0.98200", 0.98199601, None, ""),  # rounded
        ("2.5", 2.45, None, ""),
        ("2.4", 2.45, None, ""),
        ("2.6", 2.45, None, "+6.1 %"),
        ("8", 8.0, None, ""),
        ("0.4750", 0.47502081, None, ""),
        ("0.17679", 0.0176798, None, "ten times ours"),
        ("2999e-4", 3.352e-4, None, "895 times ours"),
        ("2.999e-4", 3.352376e-4, None, "-10.5 %"),
        ("1.00000001", 1.0000000106708735, 1.0, ""),
        ("1.000000001", 1.0000000106708735, 1.0, "0.0937 times our step"),
        ("1.000000000", 1.0000000106708735, 1.0, "no step at all"),
        ("0.4", 0.5, 0.5, "off by -0.1"),
        ("-0.5", 0.5, None, "-1 times ours"),
        ("", 1.0, None, ""),
        ("about 3", 3.0, None, ""),
        ("1e299", 3.0, None, "3.33e+298 times ours"),
        ("1e-299", 3.0, None, "3.33e-300 times ours"),
        ("0", 3.0, None, "zero"),
        ("1e999999", 3.0, None, ""),  # no float: a sheet with such a figure is refused
    ],
)
def test_the_distance_is_told(written: str, ours: float, old: float | None, said: str) -> None:
    assert distance(written, ours, old) == said


def test_ours_is_written_as_the_printed_figure_is() -> None:
    assert write_like("-5.7261e-7", -6.402524e-7) == "-6.4025e-07"
    assert write_like("0.018", 0.01800399) == "0.01800"
    assert write_like("1.00000001", 1.0000000106708735, 1.0) == "1.00000001067"
    assert write_like("6.184e-4", 0.000617804898, 0.0) == "6.178e-04"
    assert write_like("", 6.0) == "6"


# --- Typesetting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-6.403e-07", "−6.403×10−7"),
        ("100,480", "100,480"),
        ("0.975…", "0.975…"),
        ("100%", "100%"),
        ("", "–"),
        ("nan", "nan"),
    ],
)
def test_a_number_is_typeset_and_kept(text: str, shown: str) -> None:
    page = Page(figure(text))
    assert page.text == shown
    assert page.values == ([text] if text and text != "nan" else [])


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: formula("w1*x1 + (y - a4)**2 / 2"), "w1 · x1 + (y − a4)2 / 2"),
        (lambda: prose("`x1 = 0` & `dE/dw1`, 5 %"), "x1\u00a0=\u00a00 & dE/dw1, 5\u00a0%"),
        (lambda: formula("<b>"), "<b>"),
    ],
)
def test_formulas_and_prose(make: Callable[[], str], shown: str) -> None:
    assert Page(make()).text == shown


def test_errors_of_a_matrix_are_told_apart_without_color() -> None:
    matrix = confusion("errors", [[990, 10], [0, 5]], ["a", "b"])
    assert '<td class="right">990</td>' in matrix
    assert '<td class="e3">10</td>' in matrix
    assert '<td class="e0">0</td>' in matrix


def test_two_drawings_on_a_page_keep_their_ids_apart() -> None:
    one, two = inline_svg(DRAWING, "one", "A <graph>"), inline_svg(DRAWING, "two", "B")
    page = Page(one + two)
    assert page.all("id") == ["one-a", "two-a"]
    assert page.all("href") == ["#one-a", "#two-a"]
    assert "url(#one-a)" in one
    assert page.all("aria-label") == ["A <graph>", "B"]
    assert "http" not in one


def test_ranking_puts_equals_together() -> None:
    assert ranking({"a": 2.0, "b": 1.0, "c": 1.0}) == "b and c (`1`), a (`2`)"


# --- Colors --------------------------------------------------------------------------------------

ON_PAPER = ["ink", "soft", "ours", "differs"]
GROUNDS = {
    "paper": ON_PAPER,
    "panel": ON_PAPER,
    "notice": ["ink"],
    "right": ["ink"],
    **{f"error-{i}": ["ink"] for i in range(1, 5)},
}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: int) -> None:
    own = files("tinygrad_hw.homework.report").joinpath("templates/report.css").read_text("utf-8")
    blocks = [re.findall(r":root \{(.*?)\}", css, re.DOTALL) for css in (ink_and_paper(), own)]
    found = re.findall(r"--([\w-]+): (#\w{6});", blocks[0][scheme] + blocks[1][scheme])
    colors = dict(found)
    for ground, inks in GROUNDS.items():
        for ink in inks:
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
