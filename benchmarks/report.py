"""What came out: the tables, on the terminal and as Markdown and JSON, and the figures."""

import datetime
import importlib.metadata
import json
import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import figures
from rich.console import Console
from rich.table import Table
from rows import Row, Target
from threadpoolctl import threadpool_info

PACKAGES = (
    *("numpy", "numba", "torch", "jax", "keras"),
    *("mygrad", "autograd", "micrograd", "threadpoolctl"),
)

WIDTH = 150  # of a table where no terminal says how wide it is

NOTE = """# Benchmarks

Made by `python benchmarks/run.py`. Each figure is the median of the rounds, each round's the
median of many calls; each side has the setting of its threads that suits it best. Ratios are ours
to theirs: below 1, ours is faster. Beside each stand the lowest and the highest of the rounds.
"""

Results = dict[tuple[str, str, str], list[dict[str, Any]]]
Curve = list[tuple[int, float]]


@dataclass
class Outcome:
    """One side with the setting that suited it best.

    Attributes
    ----------
    values
        One for each round; ``value`` is their median, infinite where there is none.
    settings
        The median of each setting that was tried.
    note
        Why there is no value, or what is wrong with it.
    """

    setting: str
    value: float
    values: list[float]
    first: float
    settings: dict[str, float]
    check: list[float]
    curve: Curve
    note: str


@dataclass
class Verdict:
    """One target, with the ratio of the medians and the lowest and highest of a round."""

    ours: str
    theirs: str
    at_most: float
    ratio: float
    low: float
    high: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is small enough."""
        return self.ratio <= self.at_most


# --- From results to outcomes ---------------------------------------------------------------------


def outcomes(key: str, row: Row, results: Results) -> dict[str, Outcome]:
    """Judge each side by its best setting, and compare what they computed."""
    sides = {name: _outcome(key, name, results) for name in row.sides}
    reference = next((o.check for o in sides.values() if o.check), [])
    for side in sides.values():
        if side.check and not _agree(side.check, reference, row.tolerance):
            side.note = f"does not compute the same (tolerance {row.tolerance:g}): not judged"
            side.value, side.values = math.inf, []
    return sides


def _outcome(key: str, name: str, results: Results) -> Outcome:
    mine = {k[2]: found for k, found in results.items() if k[:2] == (key, name)}
    good = {s: [f for f in found if "value" in f] for s, found in mine.items()}
    good = {setting: found for setting, found in good.items() if found}
    if not good:
        found = next(iter(mine.values()), [{"missing": "not measured"}])[0]
        note = found.get("missing") or f"failed: {found['failed']}"
        return Outcome("", math.inf, [], 0, {}, [], [], note)
    medians = {s: statistics.median(f["value"] for f in found) for s, found in good.items()}
    best = min(medians, key=lambda setting: medians[setting])
    found = good[best]
    return Outcome(
        setting=best,
        value=medians[best],
        values=[f["value"] for f in found],
        first=statistics.median(f["first"] for f in found),
        settings=medians,
        check=found[0]["check"],
        curve=_curve(good),
        note=found[0]["stopped"],
    )


def _curve(good: dict[str, list[dict[str, Any]]]) -> Curve:
    """At every size the median of the setting that is best there."""
    by_size: dict[int, list[float]] = {}
    for found in good.values():
        values: dict[int, list[float]] = {}
        for size, value in (point for f in found for point in f["curve"]):
            values.setdefault(size, []).append(value)
        for size, several in values.items():
            by_size.setdefault(size, []).append(statistics.median(several))
    return [(size, min(medians)) for size, medians in sorted(by_size.items())]


def _agree(check: list[float], reference: list[float], tolerance: float) -> bool:
    return len(check) == len(reference) and all(
        math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
        for a, b in zip(check, reference, strict=True)
    )


def verdict(target: Target, sides: dict[str, Outcome]) -> Verdict:
    """Set the best of ours beside the best of theirs."""
    ours = min(target.ours, key=lambda name: sides[name].value)
    if not target.theirs:
        values = sides[ours].values or [math.inf]
        return Verdict(ours, "", target.at_most, sides[ours].value, min(values), max(values))
    theirs = min(target.theirs, key=lambda name: sides[name].value)
    a, b = sides[ours], sides[theirs]
    if not a.values or not b.values:
        return Verdict(ours, theirs, target.at_most, math.nan, math.nan, math.nan)
    rounds = min(len(a.values), len(b.values))  # a side that fails has no later rounds
    both = zip(a.values[:rounds], b.values[:rounds], strict=True)
    ratios = [mine / other for mine, other in both]
    return Verdict(ours, theirs, target.at_most, a.value / b.value, min(ratios), max(ratios))


# --- Tables ---------------------------------------------------------------------------------------


@dataclass
class Sheet:
    """A table with a title and notes under it, to be printed or written."""

    title: str
    header: list[str]
    lines: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """As Markdown, the first column left and the others right."""
        rule = ["---", *("---:" for _ in self.header[1:])]
        table = [f"| {' | '.join(line)} |" for line in (self.header, rule, *self.lines)]
        notes = ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join([f"## {self.title}", "", *table, *notes, ""])

    def show(self, console: Console) -> None:
        """On the terminal."""
        table = Table(title=self.title, title_justify="left")
        for i, name in enumerate(self.header):
            table.add_column(name, justify="right" if i else "left")
        for line in self.lines:
            table.add_row(*line)
        console.print(table)
        for note in self.notes:
            console.print(note, markup=False, highlight=False)


def target_sheet(rows: dict[str, Row], sides: dict[str, dict[str, Outcome]]) -> Sheet:
    """Every target and whether it was reached."""
    header = ["what", "ours", "beside", "ratio", "lowest to highest", "target", "reached"]
    lines = []
    for key, row in rows.items():
        for target in row.targets:
            judged = verdict(target, sides[key])
            lines.append([key, judged.ours, judged.theirs, *_judged(judged, row)])
    return Sheet("Targets", header, lines)


def _judged(judged: Verdict, row: Row) -> list[str]:
    def text(value: float) -> str:
        return _ratio(value) if judged.theirs else _amount(value, row)

    if not math.isfinite(judged.ratio):
        return ["", "", text(judged.at_most), "not measured"]
    spread = f"{text(judged.low)} to {text(judged.high)}"
    reached = "yes" if judged.reached else "no"
    return [text(judged.ratio), spread, f"at most {text(judged.at_most)}", reached]


def row_sheet(row: Row, sides: dict[str, Outcome]) -> Sheet:
    """Every side of a row, and how ours compare with it."""
    judged = [verdict(target, sides) for target in row.targets]
    ours = list(dict.fromkeys(v.ours for v in judged if math.isfinite(v.ratio)))
    header = ["side", "best at", "median", "lowest to highest", "first call"]
    lines = []
    for name, side in sides.items():
        if side.values:
            spread = f"{_amount(min(side.values), row)} to {_amount(max(side.values), row)}"
            first = _amount(side.first, row) if side.first else ""
            ratios = [_ratio(sides[mine].value / side.value) for mine in ours]
            lines.append([name, side.setting, _amount(side.value, row), spread, first, *ratios])
        else:
            lines.append([name, *["-"] * (4 + len(ours))])
    return Sheet(row.title, [*header, *(f"{name} / this" for name in ours)], lines, _notes(sides))


def curve_sheet(row: Row, sides: dict[str, Outcome]) -> Sheet:
    """Every side of a row by size."""
    curves = {name: dict(side.curve) for name, side in sides.items()}
    lines = [
        [f"{size:,}", *(_amount(c[size], row) if size in c else "-" for c in curves.values())]
        for size in sorted({size for curve in curves.values() for size in curve})
    ]
    return Sheet(row.title, ["size", *curves], lines, _notes(sides))


def _notes(sides: dict[str, Outcome]) -> list[str]:
    return [f"{name}: {side.note}" for name, side in sides.items() if side.note]


def _amount(value: float, row: Row) -> str:
    if row.unit != "s":
        return f"{value:.0f} {row.unit}"
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
        if value * factor >= 1 or unit == "ns":
            return f"{value * factor:#.3g}".rstrip(".") + f" {unit}"
    raise AssertionError(value)


def _ratio(value: float) -> str:
    return (
        f"1/{1 / value:.0f}" if value < 0.02 else f"{value:.0f}" if value > 99 else f"{value:.2f}"
    )


# --- Writing --------------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """What it was measured on, and with what."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": names[0] if names else platform.processor(),
        "cores": str(cores),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found["BLAS"] = ", ".join(f"{li['internal_api']} {li['version']}" for li in libraries)
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _draw(sides: dict[str, dict[str, Outcome]], folder: Path) -> list[Path]:
    curves = {
        key: {name: (side.curve, side.note) for name, side in row.items() if side.curve}
        for key, row in sides.items()
    }
    curves = {key: curve for key, curve in curves.items() if curve}
    try:
        return figures.draw(curves, folder) if curves else []
    except ModuleNotFoundError as error:
        Console(stderr=True).print(f"No figures: {error.name} is not installed.")
        return []


def _as_json(rows: dict[str, Row], sides: dict[str, dict[str, Outcome]]) -> dict[str, Any]:
    """Everything, with None where nothing was measured: JSON knows no infinity."""
    return {
        key: {
            "title": row.title,
            "unit": row.unit,
            "sides": {name: _finite(asdict(side)) for name, side in sides[key].items()},
            "targets": [
                _finite(asdict(judged) | {"reached": judged.reached})
                for judged in (verdict(target, sides[key]) for target in row.targets)
            ],
        }
        for key, row in rows.items()
    }


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }


def write(rows: dict[str, Row], results: Results, folder: Path) -> None:
    """Print the tables and write results.md, results.json and the figures."""
    sides = {key: outcomes(key, row, results) for key, row in rows.items()}
    sheets = [target_sheet(rows, sides)] if any(row.targets for row in rows.values()) else []
    for key, row in rows.items():
        curved = any(side.curve for side in sides[key].values())
        sheets.append((curve_sheet if curved else row_sheet)(row, sides[key]))
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _draw(sides, folder)
    where = machine() | {"rounds": str(max(map(len, results.values()), default=0))}
    told = [f"- {name}: {value}" for name, value in where.items()]
    pictures = [f"![{path.stem}]({path.name})\n" for path in drawn]
    pages = [NOTE, "\n".join(told) + "\n", *(s.markdown() for s in sheets), *pictures]
    (folder / "results.md").write_text("\n".join(pages), "utf-8")
    text = json.dumps({"machine": where, "rows": _as_json(rows, sides)}, indent=1)
    (folder / "results.json").write_text(text, "utf-8")
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    for sheet in sheets:
        sheet.show(console)
    console.print(f"Written to {folder}", soft_wrap=True)
