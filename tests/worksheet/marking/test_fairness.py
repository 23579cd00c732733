"""The marker against simulated students: the honest are never marked wrong, slips are found.

The tests take a few hundred sheets. For as many as one likes, by any number of processes:

    python tests/worksheet/marking/test_fairness.py honest 100000 4
    python tests/worksheet/marking/test_fairness.py planted 10000 4

``scratch`` is for students who also round what they do not write down. Seeds that fail are printed.
"""

import importlib
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Context
from itertools import product
from multiprocessing import Pool
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.reader import parse_sheet
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE

DIGITS = {
    "decimal_point": {"misplaced-point"},
    "zero_lost": {"zero", "misplaced-point"},
    "zero_extra": {"zero", "misplaced-point"},
    "transposed": {"transposed"},
    "digit": {"wrong-digit"},
    "sign": {"sign"},
}
SLIPS = DIGITS | {
    "factor_dropped": {"factor-dropped"},
    "factor_twice": {"factor-twice"},
    "loss_doubled": {"loss-factor"},
    "loss_halved": {"loss-factor"},
    "sigma_for_slope": {"sigmoid-prime"},
    "one_minus_for_slope": {"sigmoid-prime"},
    "weight_for_activation": {"weight-for-activation"},
    "activation_for_weight": {"activation-for-weight"},
    "wrong_input": {"wrong-input"},
    "path_missing": {"path-missing"},
    "gradient_added": {"ascent"},
    "rate_forgotten": {"rate-forgotten"},
    "answer_of_another": {"other-parameter"},
    "miscopied_table": {"miscopied"},  # or the slip of digits that the copy shows
    "updated_too_early": {"early-update"},
    "y_minus_a": {"loss-turned"},
    "term_missing": {"term-missing"},
    "term_turned": {"sign-in-sum"},
    "not_activated": {"not-activated"},
    "tanh": {"other-activation"},
    "exponent": {"sign-of-exponent"},
    "change_alone": {"change-alone"},
    "miscopied_factor": {"made-with"},  # or the slip of digits
}
"""The catalogue's names for the simulator's kinds."""


# --- Honest sheets --------------------------------------------------------------------------------


def complaints(text: str) -> list[MarkedNumber]:
    items = mark(parse_sheet(text)).items
    return [i for i in items if i.verdict in ("wrong", "follows") or i.note == "figures"]


def said(items: Iterable[MarkedNumber]) -> str:
    return "; ".join(
        f"{i.part} {i.name} = {i.printed} ({i.exact:.8g}): {i.verdict}, {i.slip} {i.note}"
        for i in items
    )


def every_sort(students: ModuleType) -> list[tuple[Any, str, int]]:
    return list(product(students.HABITS, students.NATURES, (3, 4, 5, 6)))


def test_nothing_is_wrong_on_an_honest_sheet(students: ModuleType) -> None:
    for seed, (habit, nature, figures) in enumerate(2 * every_sort(students)):
        sort = {"habit": habit, "nature": nature, "figures": figures}
        sort["sizes"] = students.SIZES[seed % len(students.SIZES)]
        text, _ = students.honest(random.Random(seed), **sort)
        assert not (found := complaints(text)), f"seed {seed}, {sort}: {said(found)}"


def test_nothing_is_wrong_where_the_habit_changes(students: ModuleType, monkeypatch: Any) -> None:
    """Some numbers are carried with all digits, some rounded, some cut."""
    cut_down, rng = students.cut_down, random.Random(1)

    def as_it_comes(student: Any, value: Any) -> Any:
        habit = rng.choice(students.HABITS)
        return cut_down(replace(student, habit=habit), value)

    monkeypatch.setattr(students.work, "cut_down", as_it_comes)
    for seed in range(25):
        text, _ = students.honest(random.Random(seed), leave_out=0.2 * (seed % 2))
        assert not (found := complaints(text)), f"seed {seed}: {said(found)}"


def test_fewer_figures_than_asked_for_are_seen(students: ModuleType) -> None:
    """All but what is as short in the figures that are asked for: 0.214 for 0.21402."""
    for seed, figures in enumerate((1, 2, 3)):
        text, work = students.honest(random.Random(seed), figures=figures, leave_out=0)
        asked = text.replace(f"[rounding]\nfigures = {figures}\n", "[rounding]\nfigures = 5\n")
        exact = students.exact_values(work.network)
        for item in mark(parse_sheet(asked)).items:
            five = Context(prec=5).plus(exact[item.name])
            cut = Context(prec=5, rounding=ROUND_DOWN).plus(exact[item.name])
            if item.verdict != "wrong":
                is_short = students.read(item.printed) not in (five, cut)
                assert (item.note == "figures") == is_short, (seed, said([item]))


def test_nothing_is_wrong_where_no_rounding_is_asked_for(students: ModuleType) -> None:
    """All is written, so nothing hangs on it but numbers that show nothing."""
    for seed in range(25):
        text, work = students.honest(random.Random(seed), leave_out=0)
        text = text.replace(f"[rounding]\nfigures = {work.student.figures}\n", "")
        found = [item for item in complaints(text) if item.slip != "nothing-left"]
        assert not found, f"seed {seed}: {said(found)}"


def test_who_rounds_what_is_not_written_too_is_not_called_wrong(students: ModuleType) -> None:
    """Each term of a sum, a product after each multiplication, e^-z: at most 1 % of all sheets.

    Such a number can be many units of its last digit off, but the sheet shows how it was rounded.
    """
    for seed in range(24):
        habit = students.SCRATCH_HABITS[seed % 4]
        text, _ = students.honest(random.Random(seed), habit=habit)
        found = complaints(text)
        assert not found, f"seed {seed}, {habit.name}: {said(found)}"


def test_slips_are_found_where_every_step_is_rounded(students: ModuleType) -> None:
    """To the last digit, since the marker rounds every step as the student did."""
    tally = Tally()
    for seed, kind in enumerate(("sigma_for_slope", "factor_dropped", "transposed", "sign")):
        for habit in students.SCRATCH_HABITS[::3]:
            tally.add(students, seed, kind, habit)
    assert not tally.missed, tally
    assert not tally.others, tally
    assert not tally.not_among, tally


# --- Planted sheets -------------------------------------------------------------------------------


@dataclass
class Tally:
    """How the marker did on sheets with one slip each; seeds by what went wrong."""

    sheets: int = 0
    missed: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    tellable: int = 0
    not_first: list[str] = field(default_factory=list)
    not_among: list[str] = field(default_factory=list)

    def add(
        self, students: ModuleType, seed: int, kind: str | None = None, habit: Any = None
    ) -> None:
        text, plant = students.planted(random.Random(seed), kind=kind, habit=habit)
        items = mark(parse_sheet(text)).items
        faulty = students.work_out(plant.work.network, plant.work.student, plant.slip)
        places = [place for place, _ in faulty.items()]
        assert [(p.part, p.name, p.of) for p in places] == [(i.part, i.name, i.of) for i in items]
        item = items[places.index(plant.item)]
        which = f"seed {seed}, {plant.kind} {plant.visible['how']}".rstrip()
        self.sheets += 1
        others = [each for each in items if each.verdict == "wrong" and each is not item]
        if others:
            self.others.append(f"{which}: {said(others)}")
        if item.verdict != "wrong":
            self.missed.append(f"{which}: {said([item])}")
            return
        meant = SLIPS[plant.kind] | DIGITS.get(plant.visible["how"], set())
        which += f": {item.printed} for {item.exact:.8g} is called {item.candidates}"
        if not meant & set(item.candidates):
            self.not_among.append(which)
        if not students.rivals(plant):
            self.tellable += 1
            if item.slip not in meant:
                self.not_first.append(which)

    def __iadd__(self, other: "Tally") -> "Tally":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    def __str__(self) -> str:
        lines = []
        for name, whole in (
            ("missed", self.sheets),
            ("others", self.sheets),
            ("not_first", self.tellable),
            ("not_among", self.sheets),
        ):
            seeds = getattr(self, name)
            share = f"{len(seeds) / whole:.2%}" if whole else "-"
            lines += [f"{name}: {len(seeds)} of {whole}, {share}", *(f"  {each}" for each in seeds)]
        return "\n".join(lines)


def test_the_kinds_of_the_simulator_are_in_the_catalogue(students: ModuleType) -> None:
    assert set(SLIPS) == set(students.KINDS)
    assert set().union(*SLIPS.values()) <= {slip.id for slip in CATALOGUE}


def test_planted_slips_are_found_and_named(students: ModuleType) -> None:
    tally = Tally()
    for kind in students.KINDS:
        for seed in range(7):
            tally.add(students, seed, kind)
    assert not tally.missed, tally
    assert len(tally.others) <= 0.01 * tally.sheets, tally
    assert len(tally.not_first) <= 0.1 * tally.tellable, tally
    assert len(tally.not_among) <= 0.02 * tally.sheets, tally
    assert tally.tellable > 0.6 * tally.sheets


# --- By hand --------------------------------------------------------------------------------------

CHUNK = 50


def some(task: tuple[str, int]) -> Tally:
    """Mark the sheets of ``CHUNK`` seeds."""
    what, start = task
    students = importlib.import_module("students")
    tally = Tally()
    for seed in range(start, start + CHUNK):
        if what == "planted":
            tally.add(students, seed)
            continue
        rng = random.Random(seed)
        habit = rng.choice(students.SCRATCH_HABITS) if what == "scratch" else None
        text, _ = students.honest(rng, habit=habit)
        tally.sheets += 1
        if found := complaints(text):
            tally.others.append(f"seed {seed}: {said(found)}")
    return tally


def main(what: str, count: str, processes: str = "1") -> None:
    """Mark many sheets: ``honest``, ``scratch`` or ``planted``."""
    tally = Tally()
    tasks = [(what, start) for start in range(0, int(count), CHUNK)]
    with Pool(int(processes)) as pool:
        for done in pool.imap_unordered(some, tasks):
            tally += done
            counts = Counter({k: len(v) for k, v in vars(tally).items() if isinstance(v, list)})
            print(tally.sheets, dict(+counts), end="\r", file=sys.stderr)
    print(f"\n{tally}" if what == "planted" else f"\n{len(tally.others)} of {tally.sheets} sheets")
    if what != "planted":
        print(*tally.others, sep="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(*sys.argv[1:])
