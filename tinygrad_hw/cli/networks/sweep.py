"""The verb that trains a grid of networks and compares them: sweep."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinygrad_hw.cli.arguments import UsageError, Verbs, add_dask
from tinygrad_hw.cli.networks.options import add_data, add_training
from tinygrad_hw.cli.terminal import exit_when_terminated, print_line, print_wrapped

# Option, setting, kind of its values, metavar, help.
_AXES: list[tuple[str, str, Callable[[str], Any], str, str]] = [
    (
        "initializer",
        "initializer",
        str,
        "NAME,…",
        "of the hidden layers; with an argument as RandomNormal(stddev=0.1)",
    ),
    ("seed", "seed", int, "N:M", "seeds, as 0:10 for 0 to 9, or 1,2,5 (0:10)"),
    ("lr", "learning_rate", float, "RATE,…", "learning rates (the optimizer's own)"),
    ("layers", "layers", str, "784-128-10,…", "units of each layer, inputs first"),
    ("batch", "batch", int, "N,…", "examples of a step (32)"),
    ("optimizer", "optimizer", str, "NAME,…", "sgd, adam, … (adam)"),
    ("activation", "activation", str, "NAME,…", "of the hidden layers (relu)"),
]


def add_sweep(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser(
        "sweep", help="train a grid of networks over several seeds, and compare them"
    )
    add_data(parser)
    for option, _, _, metavar, help_text in _AXES:
        parser.add_argument(f"--{option}", metavar=metavar, help=help_text)
    add_training(parser)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="FILE.csv",
        help="a line for each run; runs that it has already are not done again",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="trainings side by side (one for each core)"
    )
    add_dask(parser)
    parser.set_defaults(verb=_sweep)


def _sweep(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    from tinygrad_hw import runs
    from tinygrad_hw.formatting import counted
    from tinygrad_hw.nn.datasets import read_examples
    from tinygrad_hw.workers import side_by_side

    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs is {arguments.jobs}; give at least 1")
    if arguments.out.suffix != ".csv":
        raise UsageError(f"-o is {arguments.out}; give the name of a .csv file")
    base = runs.Settings(
        epochs=arguments.epochs,
        patience=arguments.patience,
        validation_split=arguments.validation_split,
    )
    texts = {"seed": "0:10", **{name: given for name, given in vars(arguments).items() if given}}
    axes = {
        setting: runs.values_of(option, texts[option], convert)
        for option, setting, convert, _, _ in _AXES
        if option in texts
    }
    wanted = runs.grid(base, axes)
    exit_when_terminated()
    examples = read_examples(arguments.data, arguments.label)
    wanted = [runs.completed(settings, examples) for settings in wanted]
    data, path = examples.digest, arguments.out
    finished = runs.open_record(path)
    tasks = [settings for settings in wanted if runs.key_of(data, settings) not in finished]
    console = Console(stderr=True)
    results = side_by_side(runs.outcome_of, examples, tasks, arguments.jobs, arguments.dask)
    for place, outcome in track(
        results,
        "Training",
        total=len(tasks),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        runs.append(path, runs.line_of(data, tasks[place], outcome))
    finished = runs.open_record(path)
    found = [finished[runs.key_of(data, settings)] for settings in wanted]
    kept = len(wanted) - len(tasks)
    print_line(
        f"{counted(len(wanted), 'run')}: {len(tasks)} trained now"
        + f", {kept} taken from {path}" * bool(kept)
        + f". All are in {path}."
    )
    for line in runs.summary_lines(runs.kinds_of(found)):
        print_wrapped(line)
