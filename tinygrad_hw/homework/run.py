"""The whole homework: solve the sheets, train the networks, write the report."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from tinygrad_hw.data import load
from tinygrad_hw.explain import svg
from tinygrad_hw.files import Output, OutputError, is_running, refuse_to_destroy, write_files
from tinygrad_hw.homework import SHEETS, sheet_path
from tinygrad_hw.homework.experiments import ALL, Outcome, train_all
from tinygrad_hw.homework.report.document import figures, report, results_as_json
from tinygrad_hw.homework.results import Results
from tinygrad_hw.nn.callbacks import Logs
from tinygrad_hw.worksheet import SHEET_PAGE_OPENING, mark, read_sheet, sheet_page, solve

# How the files of an earlier report begin: see ``files.Output``.
OPENINGS = {
    "report.html": re.compile(
        rb'<!DOCTYPE html>\n<html lang="en">\n<head>\n(<meta [^>]*>\n)*'
        rb"<title>The homework, done again</title>\n"
    ),
    "results.json": re.compile(rb'\{\n "digits": \[\n  \d,\n  \d\n \],\n "seed": '),
    **{f"pages/{name}.html": SHEET_PAGE_OPENING for name in SHEETS},
}
FIGURE_OPENING = re.compile(
    rb"<\?xml[^>]*>\n<!DOCTYPE svg[^>]*>\n<svg [^>]*>\n <g id=\"figure_1\">"  # Matplotlib's
    rb'|<svg [^>]* role="img" style="max-width: 100%; height: auto">\n<title>'
)


def run(
    out: Path,
    digits: tuple[int, int] = (3, 6),
    data: Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    console: Console | None = None,
    force: bool = False,
) -> None:
    """Do the whole homework and write the report, its figures and pages, and ``results.json``.

    Parameters
    ----------
    out
        The folder to write into; made if it is not there. Nothing in it is changed before
        everything is done.
    digits
        The two digits of Question 2; the first becomes class 0.
    data
        A folder of IDX files or an ``mnist.npz``; the shipped MNIST by default.
    epochs
        The most epochs for each network; by default as many as in the homework.
    seed
        The seed of every network's weights and order of examples.
    console
        The console for progress and results; by default standard output.
    force
        True to replace files of ``out`` that are not an earlier report's.

    Raises
    ------
    InputError
        If something is wrong with the data, the folder or a sheet.
    """
    start = time.perf_counter()
    console = console or Console(highlight=False)
    reads = list(data.iterdir() if data.is_dir() else [data]) if data else []
    refuse_to_destroy(  # before the work, and once more after it, when all names are known
        [Output(out / name, b"", opening) for name, opening in OPENINGS.items()],
        reads=reads,
        force=force,
    )
    with _unfinished_folder(out) as folder:
        dataset = load(data)
        sheets = {name: read_sheet(sheet_path(name)) for name in SHEETS}
        solutions = {name: solve(sheet) for name, sheet in sheets.items()}
        drawings = {name: svg(s.values[s.sheet.loss]) for name, s in solutions.items()}
        limited = [dataclasses.replace(e, epochs=min(e.epochs, epochs or e.epochs)) for e in ALL]
        outcomes: dict[str, Outcome] = {}
        console.print(f"Training {len(limited)} networks, side by side")
        with _ProgressDisplay(console, {e.name: e.epochs for e in limited}) as display:
            for outcome in train_all(limited, dataset, digits, seed, display.show_epoch):
                outcomes[outcome.name] = outcome
                display.show_outcome(outcome)
        results = Results(
            solutions=solutions,
            marks={name: mark(sheet) for name, sheet in sheets.items()},
            drawings=drawings,
            outcomes=outcomes,
            data=dataset,
            digits=digits,
            seed=seed,
            seconds=time.perf_counter() - start,
            epochs=epochs,
            source=None if data is None else data.name,
        )
        drawn = figures(results)
        with _write_errors_of(out):
            (folder / "pages").mkdir()
            for name, sheet in sheets.items():
                (folder / "pages" / f"{name}.html").write_text(sheet_page(sheet), "utf-8")
            (folder / "figures").mkdir()
            for name, picture in drawn.items():
                (folder / "figures" / name).write_text(picture, "utf-8")
            (folder / "report.html").write_text(report(results, drawn), "utf-8")
            (folder / "results.json").write_text(
                json.dumps(results_as_json(results), indent=1), "utf-8"
            )
        refuse_to_destroy(_outputs(folder, out), reads=reads, force=force)
    seconds = time.perf_counter() - start
    console.print(f"Done in {seconds:.0f} s. Open {out / 'report.html'}", soft_wrap=True)


def _outputs(folder: Path, out: Path) -> list[Output]:
    """List the files of a folder as what they replace in ``out``."""
    return [
        Output(
            out / file.relative_to(folder),
            file.read_bytes(),
            OPENINGS.get(file.relative_to(folder).as_posix(), FIGURE_OPENING),
        )
        for file in folder.rglob("*")
        if file.is_file()
    ]


@contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """Provide a folder to write into; move its files to ``out`` when the block has succeeded.

    The folder is made at once, inside ``out``, so that an ``out`` that cannot be written to is
    noticed before the work and not after it.
    """
    is_new = not out.exists()
    for left in out.glob(".unfinished-*"):  # by a run that was killed
        process = left.name.rpartition("-")[2]
        if process.isdecimal() and not is_running(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = out / f".unfinished-{os.getpid()}"  # named before it is made: always removed
    try:
        with _write_errors_of(out):
            unfinished.mkdir(parents=True)
        yield unfinished
        with _write_errors_of(out):
            files = sorted(path for path in unfinished.rglob("*") if path.is_file())
            write_files({out / path.relative_to(unfinished): path.read_bytes() for path in files})
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if is_new and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


@contextmanager
def _write_errors_of(out: Path) -> Iterator[None]:
    """Raise an ``OutputError`` that names ``out`` for any error of the file system."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write to {out}: {error.strerror or error}; give another folder with --out"
        ) from None


class _ProgressDisplay:
    """The display of all trainings: bars on a terminal, and a line for each finished training."""

    def __init__(self, console: Console, epochs: dict[str, int]) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description:>14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.bars: dict[str, TaskID] = {
            name: self.progress.add_task(name, total=total, metrics="")
            for name, total in epochs.items()
        }

    def __enter__(self) -> _ProgressDisplay:
        self.progress.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.progress.stop()

    def show_epoch(self, name: str, done: int, total: int, logs: Logs) -> None:
        metrics = f"loss {logs['loss']:.4f}  val_accuracy {logs['val_accuracy']:.4f}"
        self.progress.update(self.bars[name], completed=done, total=total, metrics=metrics)

    def show_outcome(self, outcome: Outcome) -> None:
        self.progress.update(self.bars[outcome.name], total=outcome.epochs)
        self.console.print(
            f"{outcome.name:>14}  test accuracy {outcome.test_accuracy:.4f}  "
            f"epochs {outcome.epochs:2}  {outcome.seconds:.0f} s"
        )
