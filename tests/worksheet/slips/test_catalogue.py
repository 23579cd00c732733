"""The catalogue of slips: each is made in an honest sheet, found there, and explained."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.sheet.parts import FACTOR, PARTIAL, PARTS
from tinygrad_hw.worksheet.sheet.reader import parse_sheet
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Alternative, Slip

# --- A 2-2-2 network worked by hand ---------------------------------------------------------------

GIVEN = {"x1": 2.0, "x2": 0.7, "y1": 1.0, "y2": 0.0, "alpha": 0.3}
START = {
    "w1": 0.37,
    "w2": -0.46,
    "w3": 0.72,
    "w4": 0.23,
    "w5": 0.81,
    "w6": -0.64,
    "w7": 0.53,
    "w8": 1.19,
    "b1": 0.12,
    "b2": -0.95,
    "b3": 0.57,
    "b4": -0.28,
}
NEURONS = {  # number: weights, inputs
    1: (("w1", "x1"), ("w2", "x2")),
    2: (("w3", "x1"), ("w4", "x2")),
    3: (("w5", "a1"), ("w6", "a2")),
    4: (("w7", "a1"), ("w8", "a2")),
}
FORMULAS = {
    f"{kind}{i}": f"sigmoid(z{i})"
    if kind == "a"
    else " + ".join([*(f"{w}*{x}" for w, x in NEURONS[i]), f"b{i}"])
    for i in NEURONS
    for kind in "za"
} | {"E": "(y1 - a3)**2 / 2 + (y2 - a4)**2 / 2"}
HEADS = {3: ("dE/da3", "da3/dz3"), 4: ("dE/da4", "da4/dz4")}

Numbers = dict[str, float]
Change = Callable[[Numbers], float]


def paths_to(parameter: str) -> list[tuple[str, ...]]:
    (i,) = (i for i, terms in NEURONS.items() if parameter in (f"b{i}", *dict(terms)))
    last = f"dz{i}/d{parameter}"
    if i in HEADS:
        return [(*HEADS[i], last)]
    return [(*HEADS[k], f"dz{k}/da{i}", f"da{i}/dz{i}", last) for k in HEADS]


PATHS = {parameter: paths_to(parameter) for parameter in START}


def figures(number: float, count: int = 4) -> str:
    text = format(number, f"#.{count}g")
    return text.rstrip(".") if "e" not in text else text


@dataclass
class Work:
    """What a student writes who rounds every number to four figures, and one slip in it.

    ``change`` gives, from the numbers held by then, what takes the place of one number; the student
    goes on with it. ``only`` replaces strings in single places: ("table", "w1") or ("factor",
    "dE/da3", "dE/dw5").
    """

    change: Mapping[str, Change | str] = field(default_factory=dict)
    only: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    count: int = 4
    start: Mapping[str, float] = field(default_factory=lambda: START)
    given: Mapping[str, float] = field(default_factory=lambda: GIVEN)

    def __post_init__(self) -> None:
        self.text: dict[str, str] = {}
        self.held: Numbers = {**self.given, **self.start}
        held = self.held
        for i, terms in NEURONS.items():
            self.keep(f"z{i}", sum(held[w] * held[x] for w, x in terms) + held[f"b{i}"])
            self.keep(f"a{i}", 1 / (1 + math.exp(-held[f"z{i}"])))
        self.keep("E", sum((held[y] - held[a]) ** 2 / 2 for y, a in (("y1", "a3"), ("y2", "a4"))))
        self.keep("dE/da3", held["a3"] - held["y1"])
        self.keep("dE/da4", held["a4"] - held["y2"])
        for i, terms in NEURONS.items():
            self.keep(f"da{i}/dz{i}", held[f"a{i}"] * (1 - held[f"a{i}"]))
            for w, x in terms:
                self.keep(f"dz{i}/d{w}", held[x], exact=x[0] == "x")
                if x[0] == "a":
                    self.keep(f"dz{i}/d{x}", held[w], exact=True)
            self.keep(f"dz{i}/db{i}", 1.0, exact=True)
        for parameter, paths in PATHS.items():
            sums = (math.prod(held[name] for name in path) for path in paths)
            self.keep(f"dE/d{parameter}", sum(sums))
        for parameter in self.start:
            step = self.given["alpha"] * held[f"dE/d{parameter}"]
            self.keep(f"new {parameter}", self.start[parameter] - step)

    def keep(self, name: str, number: float, exact: bool = False) -> None:
        changed = self.change.get(name)
        if isinstance(changed, str):
            self.text[name] = changed
        elif changed:
            self.text[name] = figures(changed(self.held | {name: number}), self.count)
        else:
            self.text[name] = format(number, "g") if exact else figures(number, self.count)
        self.held[name] = float(self.text[name])

    def written(self, *place: str) -> str:
        name = place[1] if place[0] not in ("updated", "table") else f"new {place[1]}"
        return self.only.get(place, self.text[name])

    def sheet(self, rounding: bool = True, chains: bool = True) -> str:
        lines = ['title = "A 2-2-2 network"', "[given]"]
        lines += [f"{name} = {x}" for name, x in self.given.items()]
        lines += ["[parameters]", *(f"{name} = {x}" for name, x in self.start.items())]
        lines += ["[forward]", *(f'{name} = "{formula}"' for name, formula in FORMULAS.items())]
        lines += ["[update]", 'loss = "E"', 'rate = "alpha"']
        lines += ["[rounding]", f"figures = {self.count}"] if rounding else []
        lines += ["[answers.forward]"]
        lines += [f'{name} = "{self.written("forward", name)}"' for name in FORMULAS]
        for parameter, paths in PATHS.items():
            partial = f"dE/d{parameter}"
            tables = (
                ", ".join(f'"{name}" = "{self.written("factor", name, partial)}"' for name in path)
                for path in paths
            )
            lines += [f'[answers.partials."{partial}"]']
            if chains:
                lines += ["paths = [" + ", ".join(f"{{ {each} }}" for each in tables) + "]"]
            lines += [f'value = "{self.written("partial", partial)}"']
        for part in ("updated", "table"):
            lines += [f"[answers.{part}]"]
            lines += [f'{name} = "{self.written(part, name)}"' for name in self.start]
        return "\n".join(lines) + "\n"


def wrong(work: Work, catalogue: tuple[Slip, ...] = CATALOGUE) -> list[MarkedNumber]:
    items = mark(parse_sheet(work.sheet()), catalogue).items
    return [item for item in items if item.verdict == "wrong"]


def the_wrong_one(work: Work) -> MarkedNumber:
    (item,) = wrong(work)
    return item


def transposed(text: str, i: int) -> str:
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


HONEST = Work()
TEXT, HELD = HONEST.text, HONEST.held


def test_the_honest_sheet_has_nothing_wrong() -> None:
    marks = mark(parse_sheet(HONEST.sheet()))
    assert marks.summary["wrong"] == marks.summary["follows"] == marks.summary["missing"] == 0


# --- Every record of the catalogue ----------------------------------------------------------------


@dataclass
class Made:
    """A slip as it was made, in which item, and what may be named first for it."""

    slip: str
    work: Work
    place: tuple[str, str]
    first: tuple[str, ...] = ()  # other slips that give just the same number
    says: str = ""

    def __str__(self) -> str:
        return f"{self.slip} in {self.place[1]}"


def product_of(parameter: str, *leave: str, twice: str = "") -> Change:
    def change(held: Numbers) -> float:
        return sum(
            math.prod(
                held[name] ** (0 if name in leave else 2 if name == twice else 1) for name in path
            )
            for path in PATHS[parameter]
        )

    return change


def made(slip: str, name: str, change: Change | str, *first: str, says: str = "") -> Made:
    """Make a slip in working a number out, and go on with it."""
    if name in FORMULAS:
        part = "forward"
    elif name.startswith("new "):
        part = "updated"
    else:
        part = "partial" if name in (f"dE/d{p}" for p in START) else "factor"
    return Made(slip, Work({name: change}), (part, name.removeprefix("new ")), first, says)


def copied(slip: str, *place: str, text: str, first: tuple[str, ...] = (), says: str = "") -> Made:
    """Make a slip in copying a number, which changes nothing but what is written there."""
    return Made(slip, Work(only={place: text}), (place[0], place[1]), first, says)


SLIPS = [
    made("sign", "z1", lambda h: -h["z1"], says=TEXT["z1"]),
    made("sign", "dE/dw5", lambda h: -h["dE/dw5"], "loss-turned", says=TEXT["dE/dw5"]),
    made("loss-turned", "dE/da3", lambda h: h["y1"] - h["a3"], says="y1 - a3"),
    made("loss-factor", "dE/da3", lambda h: 2 * (h["a3"] - h["y1"]), says="twice"),
    made("loss-factor", "dE/da4", lambda h: (h["a4"] - h["y2"]) / 2, says="half"),
    made("loss-factor", "E", lambda h: 2 * h["E"], says="twice"),
    made("ascent", "new w8", lambda h: START["w8"] + 0.3 * h["dE/dw8"], says="added"),
    made("rate-forgotten", "new w8", lambda h: START["w8"] - h["dE/dw8"], says="rate"),
    made("change-alone", "new w8", lambda h: -0.3 * h["dE/dw8"], says="change"),
    made("change-alone", "new w8", lambda h: 0.3 * h["dE/dw8"], says="change"),
    made("change-alone", "new w8", lambda h: h["dE/dw8"], says="dE/dw8 itself"),
    made(
        "rate-forgotten", "new w8", lambda h: START["w8"] + h["dE/dw8"], says="rate, and added in"
    ),
    made("other-rate", "new w8", lambda h: START["w8"] - 0.5 * h["dE/dw8"], says="rate 0.5 in"),
    made("other-parameter", "dE/dw7", TEXT["dE/dw8"], says="dE/dw8"),
    copied("other-parameter", "table", "w7", text=TEXT["new w5"], says="w5"),
    made("sigmoid-prime", "da4/dz4", lambda h: h["a4"], says="a4 in place of a4 · (1 - a4)"),
    made("sigmoid-prime", "da4/dz4", lambda h: 1 - h["a4"], says="1 - a4 in place"),
    made(
        "sigmoid-prime", "da2/dz2", lambda h: h["z2"] * (1 - h["z2"]), says="z2 · (1 - z2) in place"
    ),
    made("weight-for-activation", "dz3/dw5", "0.81", says="w5 in place of a1"),
    made("weight-for-activation", "dz2/db2", "-0.95", says="b2 in place of 1: a bias is added"),
    made("held-constant", "dz2/db2", "0", says="z2 does depend on b2"),
    made("factor-dropped", "da4/dz4", "1", says="1 in place of a4 · (1 - a4)"),
    made("activation-for-weight", "dz3/da1", TEXT["a1"], says="a1 in place of w5"),
    made("early-update", "dz3/da1", TEXT["new w5"], says="new w5"),
    made("wrong-input", "dz1/dw1", "0.7", says="x2 in place of x1"),
    made("wrong-input", "dz3/dw5", TEXT["a2"], says="a2 in place of a1"),
    made("wrong-input", "z1", lambda h: (0.37 - 0.46) * 2 + 0.12, says="x1 in place of x2"),
    made("misplaced-point", "dE/dw5", lambda h: h["dE/dw5"] * 10, says=TEXT["dE/dw5"]),
    made("misplaced-point", "a3", lambda h: h["a3"] / 100, says=TEXT["a3"]),
    made("zero", "new b4", lambda h: START["b4"] - 3 * h["dE/db4"], says="the change is 1 place"),
    made("transposed", "da3/dz3", transposed(TEXT["da3/dz3"], 3), says=TEXT["da3/dz3"]),
    copied("transposed", "table", "w8", text=transposed(TEXT["new w8"], 2), says=TEXT["new w8"]),
    made(
        "path-missing",
        "dE/dw1",
        lambda h: math.prod(h[name] for name in PATHS["w1"][0]),
        says="without the path dE/da4 · da4/dz4 · dz4/da1 · da1/dz1 · dz1/dw1",
    ),
    made(
        "factor-dropped", "dE/dw5", product_of("w5", "da3/dz3"), says="without the factor da3/dz3"
    ),
    made("factor-dropped", "dE/dw2", product_of("w2", "da1/dz1"), says="da1/dz1 in any path"),
    made(
        "factor-dropped",
        "dE/dw2",
        product_of("w2", "da3/dz3", "da4/dz4"),
        says="without the factors da3/dz3, da4/dz4",
    ),
    made(
        "factor-dropped",
        "dE/dw2",
        product_of("w2", "da3/dz3", "da4/dz4", "da1/dz1"),
        says="without the factors da3/dz3, da1/dz1, da4/dz4",
    ),
    made("factor-twice", "dE/dw6", product_of("w6", twice="dz3/dw6"), says="dz3/dw6 twice"),
    made("term-missing", "z3", lambda h: h["z3"] - 0.57, says="without b3"),
    made("sign-in-sum", "z3", lambda h: h["z3"] - 2 * 0.57, says="b3 turned"),
    made("sign-of-exponent", "a3", lambda h: 1 / (1 + math.exp(h["z3"])), says="σ(-z3) in place"),
    made("other-activation", "a3", lambda h: math.tanh(h["z3"]), says="tanh(z3) in place of σ(z3)"),
    made("sigmoid-prime", "da4/dz4", lambda h: 1 - h["a4"] ** 2, says="1 - a4"),
    made("not-activated", "a3", lambda h: h["z3"], says="z3 in place of σ(z3)"),
    made(
        "not-squared",
        "E",
        lambda h: (h["y1"] - h["a3"]) / 2 + (h["y2"] - h["a4"]) ** 2 / 2,
        says="in place of",
    ),
    made("wrong-digit", "a1", "0.6" + ("7" if TEXT["a1"][3] != "7" else "1") + TEXT["a1"][4:]),
    made(
        "misread",
        "dE/dw5",
        lambda h: product_of("w5")(h | {"da3/dz3": 0.2426}),
        "transposed",  # 0.05216 for -0.04829
        says="made with 0.2426 for da3/dz3, which is 0.2246",
    ),
    copied("zero", "forward", "E", text=TEXT["E"].replace("0.30", "0.3"), says=TEXT["E"]),
    copied("made-with", "factor", "dz3/dw6", "dE/dw6", text="0.3333", says="beside it is right"),
    copied("miscopied", "table", "w3", text="0.5566", says=TEXT["new w3"]),
    copied("nothing-left", "updated", "b2", text="-0.95", says="too few digits"),
]


def test_every_record_of_the_catalogue_is_here() -> None:
    in_two_steps = {"outdated", "momentum-forgotten"}
    assert {each.slip for each in SLIPS} | in_two_steps == {slip.id for slip in CATALOGUE}


@pytest.mark.parametrize(
    ("part", "name", "text", "says"),
    [
        ("forward", "z", "0.7000", "the parameters of the step before"),  # 0.5 * 2 - 0.3
        ("updated", "w", "0.6258", "w as it was a step before"),  # 0.5 + 0.5 * 0.2517
    ],
)
def test_the_parameters_of_the_step_before_are_told(
    part: str, name: str, text: str, says: str
) -> None:
    sheet = key(
        parse_sheet(
            "[given]\nx = 2\ny = 1\n[parameters]\nw = 0.5\nb = -0.3\n"
            '[forward]\nz = "w*x + b"\nE = "(y - sigmoid(z))**2 / 2 + (y - z)**2"\n'
            '[update]\nloss = "E"\nrate = 0.5\nsteps = 2\n[rounding]\nfigures = 4\n'
        )
    )
    later = sheet.later_answers[0]
    answers = {**getattr(later, part), name: text}
    if part == "updated":  # from the first w, by the second gradient
        slope = float(later.partials["dE/dw"].value or "")
        answers[name] = f"{0.5 - 0.5 * slope:.4g}"
    slipped = replace(sheet, later_answers=(replace(later, **{part: answers}),))
    (item,) = (i for i in mark(slipped).items if i.verdict == "wrong" and i.part == part)
    assert (item.name, item.step) == (name, 2)
    assert "outdated" in item.candidates
    assert says in item.explanation


@pytest.mark.parametrize("each", SLIPS, ids=str)
def test_a_slip_is_found_and_named_and_nothing_else(each: Made) -> None:
    item = the_wrong_one(each.work)
    assert (item.part, item.name) == each.place
    assert item.slip in (each.slip, *each.first)
    assert each.slip in item.candidates
    assert item.candidates[0] == item.slip
    assert len(set(item.candidates)) == len(item.candidates)


@pytest.mark.parametrize("each", SLIPS, ids=str)
def test_an_explanation_is_made_of_sentences_and_names_the_place(each: Made) -> None:
    item = the_wrong_one(each.work)
    assert re.search(rf"\b{re.escape(item.name)} (=|is)", item.explanation)
    assert item.printed in item.explanation
    assert each.says in item.explanation
    assert item.explanation.endswith(".")
    assert not re.search(r"[{}]|None|  |\.\.|: *\.|′", item.explanation)
    told = [slip for slip in item.candidates if slip not in ("made-with", "miscopied")]
    if len(told) > 1:
        assert item.explanation.startswith("The numbers cannot tell which. ")
        assert item.explanation.count(" Or: ") == len(told) - 1


@pytest.mark.parametrize("each", SLIPS, ids=str)
def test_a_hint_gives_nothing_away(each: Made) -> None:
    item = the_wrong_one(each.work)
    assert re.fullmatch(r"[A-Z][^{}]*[.?]", item.hint)
    assert item.printed not in item.hint
    assert item.name not in item.hint.split()
    assert item.explanation not in item.hint


@pytest.mark.parametrize("each", SLIPS, ids=str)
def test_a_slip_is_found_where_nothing_is_said_of_rounding(each: Made) -> None:
    items = mark(parse_sheet(each.work.sheet(rounding=False))).items
    (item,) = (item for item in items if item.verdict == "wrong")
    assert (item.part, item.name) == each.place
    assert each.slip in item.candidates


@pytest.mark.parametrize("slip", CATALOGUE, ids=lambda slip: slip.id)
def test_a_record_is_whole(slip: Slip) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slip.id)
    assert re.fullmatch(r"[A-Z][^{}]*[.?]", slip.hint)
    said = slip.explanation.format(name="NAME", printed="PRINTED", meant="MEANT", detail="DETAIL")
    assert said.startswith("NAME")
    assert said.endswith(".")
    assert slip.parts
    assert set(slip.parts) <= set(PARTS)
    assert sum(map(bool, (slip.undo, slip.alternatives, slip.evidence))) == 1


# --- When the numbers cannot tell -----------------------------------------------------------------


def test_a_rate_of_a_tenth_forgotten_or_a_zero_lost() -> None:
    work = Work({"new w8": lambda h: 1.19 - h["dE/dw8"]}, given=GIVEN | {"alpha": 0.1})
    item = the_wrong_one(work)
    assert item.candidates == ("rate-forgotten", "zero")
    assert "not multiplied by the rate" in item.explanation
    assert " Or: " in item.explanation


def test_who_cannot_tell_names_them_all() -> None:
    # x = 2, w = y = 1: dE/db in place of dE/dw is the answer of another parameter, a factor
    # dropped, the weight or y for the input, or half of the loss's derivative
    lines = ["[given]", "x = 2", "y = 1", "[parameters]", "w = 1", "b = -0.3", "[forward]"]
    lines += ['z = "w*x + b"', 'a = "sigmoid(z)"', 'E = "(y - a)**2 / 2"', "[update]"]
    lines += ['loss = "E"', "rate = 0.1", '[answers.partials."dE/dw"]', "value"]
    a = 1 / (1 + math.exp(-1.7))
    lines[-1] = f'value = "{figures((a - 1) * a * (1 - a))}"'
    (item,) = mark(parse_sheet("\n".join(lines))).items
    told = {"other-parameter", "factor-dropped", "loss-factor", "weight-for-activation"}
    assert set(item.candidates) >= told | {"wrong-input"}
    assert item.explanation.count(" Or: ") == len(item.candidates) - 1


def test_a_factor_that_three_figures_cannot_show_is_not_missed() -> None:
    # a1 = 0.9997: with it or without it, dE/dw5 has the same three figures, or a unit less
    start = START | {"w1": 4.16}
    work = Work({"dE/dw5": product_of("w5", "dz3/dw5")}, start=start, count=3)
    assert work.held["dz3/dw5"] == 1.0
    assert float(Work(start=start).text["a1"]) == 0.9997
    assert not wrong(work)


def test_a_factor_that_six_figures_show_is_missed() -> None:
    start = START | {"w1": 4.16}
    work = Work({"dE/dw5": product_of("w5", "dz3/dw5")}, start=start, count=6)
    item = the_wrong_one(work)
    assert item.name == "dE/dw5"
    assert "factor-dropped" in item.candidates


def test_a_number_that_nothing_explains() -> None:
    item = the_wrong_one(Work(only={("forward", "z4"): "3.141"}))
    assert (item.slip, item.candidates, item.hint) == (None, (), "")
    assert item.explanation == "z4 = 3.141 fits no slip of the catalogue."


# --- Two slips ------------------------------------------------------------------------------------


def test_a_wrong_number_whose_formula_is_one_is_marked() -> None:
    sheet = """
        [parameters]
        w = 2
        [forward]
        bias = "1"
        z = "w + bias"
        [answers.forward]
        bias = "3.7"
        z = "5.7"
        """
    verdicts = [item.verdict for item in mark(parse_sheet(sheet)).items]
    assert verdicts == ["wrong", "follows"]


def test_two_slips_where_no_single_one_fits() -> None:
    work = Work({"dE/dw5": lambda h: -product_of("w5", "da3/dz3")(h)})
    item = the_wrong_one(work)
    assert item.slip == "factor-dropped"
    assert item.explanation.startswith("Two slips. ")
    assert "wrong sign" in item.explanation
    assert "without the factor da3/dz3" in item.explanation


def test_two_slips_of_one_number_s_digits() -> None:
    item = the_wrong_one(Work(only={("forward", "z1"): "-0.5308"}))  # 0.5380
    assert item.explanation.startswith("Two slips. ")


def test_one_slip_is_cheaper_than_two() -> None:
    for each in SLIPS:
        assert "Two slips" not in the_wrong_one(each.work).explanation


# --- Where only the values are written ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change", "slip", "says"),
    [
        ("dE/dw5", product_of("w5", "da3/dz3"), "factor-dropped", "without the factor da3/dz3"),
        ("dE/dw2", product_of("w2", "da1/dz1"), "factor-dropped", "da1/dz1 in any path"),
        (
            "dE/dw2",
            product_of("w2", "da3/dz3", "da4/dz4"),
            "factor-dropped",
            "without the factors da3/dz3, da4/dz4",
        ),
        (
            "dE/dw1",
            lambda h: product_of("w1")(h | {"dz3/da1": HELD["new w5"], "dz4/da1": HELD["new w7"]}),
            "early-update",
            "new w5, new w7 in place of the old",
        ),
        ("dE/dw8", lambda h: 2 * h["dE/dw8"], "loss-factor", "dE/da4 is twice as large"),
    ],
)
def test_a_slip_in_a_factor_is_found_in_the_value(
    name: str, change: Change, slip: str, says: str
) -> None:
    work = Work({name: change})
    items = mark(parse_sheet(work.sheet(chains=False))).items
    (item,) = (item for item in items if item.verdict == "wrong")
    assert (item.name, item.slip) == (name, slip)
    assert says in item.explanation


def test_a_slip_in_every_gradient_is_explained_in_every_one() -> None:
    slopes = [f"da{i}/dz{i}" for i in NEURONS]
    work = Work({f"dE/d{parameter}": product_of(parameter, *slopes) for parameter in START})
    items = mark(parse_sheet(work.sheet(chains=False))).items
    slips = {item.name: item.slip for item in items if item.slip}
    assert slips == dict.fromkeys((f"dE/d{parameter}" for parameter in START), "factor-dropped")
    assert [item.name for item in items if item.verdict == "wrong"] == ["dE/dw1"]
    assert {item.note for item in items if item.slip} == {"", "again"}


def test_a_half_is_told_in_the_factor_that_it_belongs_to() -> None:
    """The loss is a sum of parts here, each with its square and its half."""
    parts = {"E1": "(y1 - a3)**2 / 2", "E2": "(y2 - a4)**2 / 2"}
    whole = f'E = "{FORMULAS["E"]}"'
    for place, text in (("dE/dw5", "-0.09658"), ("E1", figures((1 - HELD["a3"]) ** 2))):
        change = {"dE/dw5": text} if place == "dE/dw5" else {}
        sheet = Work(change).sheet(chains=False)
        split = "\n".join([*(f'{name} = "{formula}"' for name, formula in parts.items())])
        sheet = sheet.replace(whole, f'{split}\nE = "E1 + E2"')
        if place == "E1":
            sheet = sheet.replace("[answers.forward]", f'[answers.forward]\nE1 = "{text}"')
        (item,) = (item for item in mark(parse_sheet(sheet)).items if item.verdict == "wrong")
        assert (item.name, item.slip) == (place, "loss-factor")
        assert ("dE1/da3" if place == "dE/dw5" else "E1") + " is twice" in item.explanation


def test_a_total_derivative_among_the_factors_is_explained_too() -> None:
    """dE/dz3 is written in one go, and the derivative of its activation forgotten."""
    right = "{ " + ", ".join(f'"{name}" = "{TEXT[name]}"' for name in PATHS["w5"][0]) + " }"
    short = f'{{ "dE/dz3" = "{TEXT["dE/da3"]}", "dz3/dw5" = "{TEXT["dz3/dw5"]}" }}'
    sheet = HONEST.sheet().replace(f"paths = [{right}]", f"paths = [{short}]")
    (item,) = (item for item in mark(parse_sheet(sheet)).items if item.verdict == "wrong")
    assert (item.part, item.name, item.slip) == (FACTOR, "dE/dz3", "factor-dropped")
    assert "without the factor da3/dz3" in item.explanation


def test_slips_in_two_places_are_two() -> None:
    work = Work({"z1": lambda h: -h["z1"], "dE/dw6": product_of("w6", "da3/dz3")})
    assert [(item.name, item.slip) for item in wrong(work)] == [
        ("z1", "sign"),
        ("dE/dw6", "factor-dropped"),
    ]


# --- One rule, got wrong wherever it is used ------------------------------------------------------


SLOPES = [f"da{i}/dz{i}" for i in NEURONS]


def at_each(names: Iterable[str], change: Callable[[Numbers, str], float]) -> Work:
    """Get a rule wrong in the same way for several numbers, and go on with them.

    ``change`` gets the numbers held, and the last of the name: 3 of z3, w8 of the new w8.
    """

    def changed(name: str) -> Change:
        last = name.removeprefix("new ") if name in UPDATES else name[-1]
        return lambda held: change(held | {"was": held[name]}, last)

    return Work({name: changed(name) for name in names})


ACTIVATIONS, SUMS = [f"a{i}" for i in NEURONS], [f"z{i}" for i in NEURONS]
UPDATES = [f"new {parameter}" for parameter in START]
LOSSES = ["dE/da3", "dE/da4"]
EVERYWHERE = [
    ("sigmoid-prime", at_each(SLOPES, lambda h, i: h[f"a{i}"])),
    ("sigmoid-prime", at_each(SLOPES, lambda h, i: 1 - h[f"a{i}"] ** 2)),
    ("factor-dropped", Work(dict.fromkeys(SLOPES, "1"))),
    ("weight-for-activation", Work({f"dz{i}/db{i}": str(START[f"b{i}"]) for i in NEURONS})),
    ("held-constant", Work(dict.fromkeys([f"dz{i}/db{i}" for i in NEURONS], "0"))),
    ("loss-turned", at_each(LOSSES, lambda h, i: -h["was"])),
    ("loss-factor", at_each(LOSSES, lambda h, i: 2 * h["was"])),
    ("not-activated", at_each(ACTIVATIONS, lambda h, i: h[f"z{i}"])),
    ("other-activation", at_each(ACTIVATIONS, lambda h, i: math.tanh(h[f"z{i}"]))),
    ("sign-of-exponent", at_each(ACTIVATIONS, lambda h, i: 1 / (1 + math.exp(h[f"z{i}"])))),
    ("term-missing", at_each(SUMS, lambda h, i: h["was"] - START[f"b{i}"])),
    ("other-rate", at_each(UPDATES, lambda h, p: START[p] - 0.1 * h[f"dE/d{p}"])),
    ("zero", at_each(UPDATES, lambda h, p: START[p] - 0.03 * h[f"dE/d{p}"])),
    ("change-alone", at_each(UPDATES, lambda h, p: h[f"dE/d{p}"])),
]


@pytest.mark.parametrize(
    ("slip", "work"), EVERYWHERE, ids=[f"{slip}-{i}" for i, (slip, _) in enumerate(EVERYWHERE)]
)
def test_a_rule_that_is_got_wrong_everywhere_is_charged_once(slip: str, work: Work) -> None:
    has_chains = any("/" in name for name in work.change)
    marks = mark(parse_sheet(work.sheet(chains=has_chains)))
    (first,) = (item for item in marks.items if item.verdict == "wrong")
    again = [item for item in marks.items if item.note == "again"]
    places = {name.removeprefix("new ") for name in work.change}
    assert {first.name, *(item.name for item in again)} == places
    assert {first.slip, *(item.slip for item in again)} == {slip}
    assert {item.verdict for item in again} == {"follows"}


def test_a_mistake_of_the_moment_is_charged_each_time() -> None:
    terms = {"z1": ("w1", "x1"), "z2": ("w4", "x2")}
    products = at_each(terms, lambda h, i: h["was"] - h[terms[f"z{i}"][0]] * h[terms[f"z{i}"][1]])
    digits = Work({name: transposed(TEXT[name], 3) for name in ("a3", "a4")})
    for work, slip in ((products, "term-missing"), (digits, "transposed")):
        assert [slip in item.candidates for item in wrong(work)] == [True, True]


@pytest.mark.parametrize(
    ("slip", "says", "wrong_slope"),
    [
        ("sigmoid-prime", "a1 in place of a1 · (1 - a1) in da1/dz1, and so in", lambda a: a),
        ("sigmoid-prime", "1 - a1 in place of", lambda a: 1 - a),
        ("factor-dropped", "without the factors", lambda a: 1.0),
    ],
)
def test_a_derivative_of_all_activations_is_found_in_the_values(
    slip: str, says: str, wrong_slope: Callable[[float], float]
) -> None:
    def change(parameter: str) -> Change:
        return lambda h: product_of(parameter)(
            h | {f"da{i}/dz{i}": wrong_slope(h[f"a{i}"]) for i in NEURONS}
        )

    work = Work({f"dE/d{parameter}": change(parameter) for parameter in START})
    items = mark(parse_sheet(work.sheet(chains=False))).items
    first, *again = (item for item in items if item.slip)
    assert (first.name, first.verdict) == ("dE/dw1", "wrong")
    assert says in first.explanation
    assert [f"dE/d{parameter}" for parameter in START] == [first.name, *(x.name for x in again)]
    assert {first.slip, *(item.slip for item in again)} == {slip}
    assert {(item.verdict, item.note) for item in again} == {("follows", "again")}


DELTAS = """
[given]
x = 2
t = 1
[parameters]
w = 0.5
v = 0.8
[forward]
n1 = "w*x"
o1 = "sigmoid(n1)"
n2 = "v*o1"
o2 = "sigmoid(n2)"
E = "(t - o2)**2 / 2"
[define]
d2 = "-dE/dn2"
d1 = "-dE/dn1"
[rounding]
figures = 4
[answers.forward]
o1 = "0.7311"
o2 = "0.6422"
d2 = "%s"
d1 = "%s"
"""


RELU = """
[given]
x = 2
[parameters]
w = 0.6
v = -0.7
u = -0.5
[forward]
n = "w*x"
r = "relu(n)"
m = "u*x"
s = "relu(m)"
E = "v*r + v*s"
[answers.partials."dE/dw"]
factors = { "dE/dr" = "-0.7", "dr/dn" = "%s", "dn/dw" = "2" }
[answers.partials."dE/dv"]
value = "%s"
[answers.partials."dE/ds"]
value = "%s"
"""


@pytest.mark.parametrize(
    ("answers", "name", "slip", "says"),
    [
        (("1.2", "1.2", "-0.7"), "dr/dn", "sigmoid-prime", "r in place of [n > 0]"),
        (("1", "1.2", "0"), "dE/ds", "activation-for-weight", "s in place of v"),  # which is 0
    ],
)
def test_a_relu_is_not_its_derivative_and_0_may_be_what_a_slip_gives(
    answers: tuple[str, ...], name: str, slip: str, says: str
) -> None:
    items = mark(parse_sheet(RELU % answers)).items
    (item,) = (item for item in items if item.verdict == "wrong")
    assert (item.name, item.slip) == (name, slip)
    assert says in item.explanation


@pytest.mark.parametrize(
    ("answers", "slip", "says"),
    [
        (("0.3578", "0.05627"), "factor-dropped", "without the factor do2/dn2"),
        (("0.2298", "0.03614"), "sigmoid-prime", "o2 in place of o2 · (1 - o2)"),
        (("0.1644", "0.02585"), "loss-factor", "dE/do2 is twice as large"),
        (("0.08222", "0.01182"), "activation-for-weight", "o1 in place of v"),
        (("0.08222", "0.06578"), "factor-dropped", "without the factor do1/dn1"),
    ],
)
def test_a_slip_is_found_in_what_is_defined_by_a_partial(
    answers: tuple[str, str], slip: str, says: str
) -> None:
    items = mark(parse_sheet(DELTAS % answers)).items
    (item,) = (item for item in items if item.verdict == "wrong")
    assert item.slip == slip
    assert says in item.explanation


# --- A teacher's own ------------------------------------------------------------------------------


def thirds(case: Case) -> Iterator[Alternative]:
    if case.part == PARTIAL:
        yield Alternative(3.0, "three")


def fourfold(written: WrittenNumber) -> Iterator[WrittenNumber]:
    yield replace(written, digits=written.digits * 4)


def mentioned(case: Case) -> Iterator[str]:
    if case.name == "z4":
        yield "it always is"


def test_a_teacher_may_add_a_record() -> None:
    work = Work({"dE/db4": lambda h: 3.0})
    assert the_wrong_one(work).slip is None
    own = Slip(
        "third", "Three?", "{name} = {printed} is {detail}.", (PARTIAL,), alternatives=thirds
    )
    (item,) = wrong(work, (*CATALOGUE, own))
    assert (item.slip, item.hint) == ("third", "Three?")
    assert item.explanation == "dE/db4 = 3.000 is three."


def test_a_record_of_digits_and_one_of_evidence_may_be_added() -> None:
    own = (
        Slip("quarter", "Four?", "{name} = {printed}; {meant} would fit.", undo=fourfold),
        Slip("often", "Again?", "{name} = {printed}: {detail}.", evidence=mentioned),
    )
    (item,) = wrong(Work(only={("forward", "z4"): "3.141"}), own)
    assert (item.slip, item.explanation) == ("often", "z4 = 3.141: it always is.")
    (item,) = wrong(Work({"z1": "0.1345"}), own)  # 0.5380 / 4
    assert (item.slip, item.candidates) == ("quarter", ("quarter",))
    assert item.explanation == "z1 = 0.1345; 0.5380 would fit."


def test_records_that_stand_first_are_named_first() -> None:
    own = Slip("minus", "A minus?", "{name} = {printed}: {detail}.", (FACTOR,), alternatives=turned)
    work = Work({"dE/da3": lambda h: h["y1"] - h["a3"]})
    (item,) = wrong(work, (own, *CATALOGUE))
    assert item.candidates == ("minus", "loss-turned", "sign")
    (item,) = wrong(work, (*CATALOGUE, own))
    assert item.candidates == ("loss-turned", "sign", "minus")


def turned(case: Case) -> Iterator[Alternative]:
    if case.name == "dE/da3":
        yield Alternative(case.work.dependencies.derivative("dE/da3") * -1.0, "turned")


def test_without_a_catalogue_it_is_still_wrong() -> None:
    (item,) = wrong(Work({"z1": lambda h: -h["z1"]}), ())
    assert (item.slip, item.candidates) == (None, ())
