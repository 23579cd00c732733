"""The simulated students: their mathematics, their habits and what is planted."""

import pickle
import random
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from math import prod
from types import ModuleType

import pytest

from tinygrad_hw.worksheet.sheet.reader import parse_sheet
from tinygrad_hw.worksheet.solution.solve import solve

SIZES = ("2-3-1", "2-2-1", "3-4-1", "2-2-2", "3-2-3")


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("nature", ["mild", "saturated"])
def test_at_full_precision_they_agree_with_solve(
    students: ModuleType, sizes: str, nature: str
) -> None:
    for seed in range(5):
        network = students.any_network(random.Random(seed), sizes, nature)
        exact = {name: float(x) for name, x in students.exact_values(network).items()}
        text = students.sheet_text(students.work_out(network, students.Student(4)))
        solution = solve(parse_sheet(text))
        for numbers in (solution.forward, solution.partials, solution.updated):
            assert numbers == pytest.approx({name: exact[name] for name in numbers}, rel=1e-11)
        for parameter in network.numbers.keys() & solution.chains.keys():
            paths = [
                [(str(factor), pytest.approx(factor.value, rel=1e-11)) for factor in path]
                for path in solution.chains[parameter].paths
            ]
            ours = network.layout.paths[parameter]
            assert [[(name, exact[name]) for name in path] for path in ours] == paths


@pytest.mark.parametrize("nature", ["mild", "saturated"])
def test_networks_are_what_they_are_called(students: ModuleType, nature: str) -> None:
    for seed in range(40):
        network = students.any_network(random.Random(seed), nature=nature)
        exact = students.exact_values(network)
        largest = max(abs(z) for name, z in exact.items() if name.startswith("z"))
        assert largest < 3 if nature == "mild" else 3 < largest <= 10
        weights = [abs(network.numbers[name]) for name in network.layout.parameters]
        assert len(set(weights)) == len(weights)


@pytest.mark.parametrize("rounding", [ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN])
def test_who_rounds_everything_goes_on_with_what_is_written(
    students: ModuleType, rounding: str
) -> None:
    habit = next(habit for habit in students.HABITS if habit.hold == rounding and habit.guard == 0)
    for seed in range(20):
        rng = random.Random(seed)
        text, work = students.honest(rng, habit=habit, style=students.Style(), leave_out=0)
        answers, cut = parse_sheet(text).answers, Context(work.student.figures, rounding).plus
        for y, a in work.network.layout.losses:
            for partial in answers.partials.values():
                for path in partial.paths:
                    if f"dE/d{a}" in path:
                        error = Decimal(answers.forward[a]) - work.network.numbers[y]
                        assert Decimal(path[f"dE/d{a}"]) == cut(error)
        for name, partial in answers.partials.items():
            products = [prod(map(Decimal, path.values())) for path in partial.paths]
            assert Decimal(partial.value or "") == cut(sum(products, Decimal()))
            parameter = name.removeprefix("dE/d")
            change = work.network.numbers["alpha"] * Decimal(partial.value or "")
            new = cut(work.network.numbers[parameter] - change)
            assert Decimal(answers.updated[parameter]) == new
        assert answers.table == answers.updated


def test_who_keeps_a_guard_digit_or_all_of_them_writes_fewer(students: ModuleType) -> None:
    for habit in students.HABITS:
        for seed in range(5):
            _, work = students.honest(random.Random(seed), habit=habit)
            figures = work.student.figures
            cut = Context(figures, habit.write).plus
            most = max(len(held.normalize().as_tuple().digits) for held in work.held.values())
            assert most == (figures + habit.guard if habit.hold else 28)
            for name, text in work.text.items():
                if name not in work.network.layout.factors:  # those may be copied from the sheet
                    assert students.read(text) == cut(work.held[name])


def test_honest_numbers_are_within_the_bound(students: ModuleType) -> None:
    for seed in range(60):
        _, work = students.honest(random.Random(seed))
        exact = students.exact_values(work.network)
        off = students.bounds(work, exact)
        for item, text in work.items():
            if text:
                apart = float(abs(students.read(text) - exact[item.name]))
                assert apart <= off[item.name] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("style", "number", "text"),
    [
        ({}, "-0.000318", "-0.000318"),
        ({"notation": "e"}, "-0.000318", "-3.18e-4"),
        ({"notation": "times", "minus": "−"}, "-0.000318", "−3.18 × 10^−4"),
        ({"notation": "superscript", "comma": True}, "-0.000318", "-3,18·10⁻⁴"),
        ({"notation": "e", "small": 4, "bare": True}, "-0.000318", "-.000318"),
        ({"notation": "g"}, "-0.0000310", "-3.1e-05"),
        ({"notation": "g"}, "0.500", "0.5"),
        ({"pad": True}, "6", "6"),
        ({}, "1.00", "1.00"),
    ],
)
def test_styles(students: ModuleType, style: dict[str, object], number: str, text: str) -> None:
    exact = number == "6"
    assert students.Style(**style).show(Decimal(number), exact, 3) == text
    assert students.read(text) == Decimal(number)


def test_what_is_left_out_is_not_in_the_sheet(students: ModuleType) -> None:
    text, work = students.honest(random.Random(3), leave_out=0.4)
    answers = parse_sheet(text).answers
    factors = sum(len(path) for partial in answers.partials.values() for path in partial.paths)
    all_factors = sum(len(path) for paths in work.network.layout.paths.values() for path in paths)
    left_out = [item for item in work.student.left_out if item.part == "factor"]
    assert 0 < factors == all_factors - len(left_out)
    assert work.student.blank
    assert {item for item, written in work.items() if not written} == work.student.blank


def test_the_same_seed_gives_the_same_sheet(students: ModuleType) -> None:
    assert students.honest(random.Random(1))[0] == students.honest(random.Random(1))[0]
    first, second = (students.planted(random.Random(1)) for _ in range(2))
    assert first[0] == second[0]
    assert pickle.loads(pickle.dumps(first[1])) == second[1]


def every_plant(students: ModuleType, count: int) -> list[tuple[str, str, object]]:
    return [
        (kind, *students.planted(random.Random(seed), kind=kind))
        for kind in students.KINDS
        for seed in range(count)
    ]


def test_a_plant_is_what_no_honest_habit_would_write(students: ModuleType) -> None:
    for kind, text, plant in every_plant(students, 6):
        work = plant.work
        assert plant.kind == kind
        parse_sheet(text)
        written = students.read(plant.visible["written"])
        numbers = set()
        for habit in students.HABITS:
            student = students.Student(work.student.figures, habit)
            honest = students.work_out(work.network, student)
            numbers.add(students.read(honest.text[plant.name]))
        assert written not in numbers
        assert not min(numbers) <= written <= max(numbers)


def test_a_slip_is_the_first_that_differs_and_carried_or_not(students: ModuleType) -> None:
    for _, text, plant in every_plant(students, 6):
        faulty = dict(students.work_out(plant.work.network, plant.work.student, plant.slip).items())
        written = {
            item: string for item, string in plant.work.items() if faulty.get(item) != string
        }
        assert plant.item in written
        assert faulty[plant.item] == plant.visible["written"]
        assert plant.visible["written"] in text
        if not plant.carried:
            assert list(written) == [plant.item]
        for copy in plant.copies:
            assert faulty[copy] == plant.visible["written"]
        if plant.part == "updated":
            assert set(written) == {plant.item, *plant.copies}


def test_rivals_are_other_kinds_that_give_the_same_number(students: ModuleType) -> None:
    for seed in range(5):
        _, plant = students.planted(random.Random(seed), kind="y_minus_a")
        assert students.Rival("sign", "") in students.rivals(plant)
        _, plant = students.planted(random.Random(seed), kind="sigma_for_slope")
        assert plant.kind not in {rival.kind for rival in students.rivals(plant, near=True)}
    for _, _, plant in every_plant(students, 2):
        assert set(students.rivals(plant)) <= set(students.rivals(plant, near=True))
