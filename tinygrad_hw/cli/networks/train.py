"""The verb that trains a network on data of the user's: train."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from tinygrad_hw.cli.arguments import UsageError, Verbs, add_force, add_seed
from tinygrad_hw.cli.networks.options import add_data, add_training
from tinygrad_hw.cli.terminal import INTERRUPTED, exit_when_terminated, print_line


def add_train(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("train", help="train a network on data, and save it")
    add_data(parser)
    parser.add_argument(
        "--layers",
        default="",
        metavar="784-128-10|FILE.json",
        help="units of each layer, inputs first, classes last (one hidden layer of 128); or a file "
        "of model.to_json(), for any layers",
    )
    add_training(parser)
    parser.add_argument(
        "--batch", type=int, default=32, metavar="N", help="examples of a step (32)"
    )
    parser.add_argument(
        "--lr", type=float, metavar="RATE", help="learning rate (the optimizer's own)"
    )
    parser.add_argument("--optimizer", default="adam", metavar="NAME", help="sgd, adam, … (adam)")
    parser.add_argument("--activation", metavar="NAME", help="of the hidden layers (relu)")
    parser.add_argument(
        "--initializer", metavar="NAME", help="of the hidden layers' weights (GlorotUniform)"
    )
    add_seed(parser, "of the weights, and of what is drawn of the examples (0)")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE.safetensors", help="where to save"
    )
    add_force(parser)
    parser.set_defaults(verb=_train)


def _train(arguments: argparse.Namespace) -> int:
    from tinygrad_hw.formatting import counted
    from tinygrad_hw.nn.datasets import read_examples
    from tinygrad_hw.nn.utils import set_random_seed
    from tinygrad_hw.runs import Settings, SettingsError, completed, read_architecture, train

    layers = Path(arguments.layers) if arguments.layers.endswith(".json") else None
    given = {
        name: getattr(arguments, name)
        for name in ("activation", "initializer")
        if getattr(arguments, name) is not None
    }
    if layers is not None and given:
        raise UsageError(f"--{min(given)} is given, and {layers} has its own; leave one out")
    settings = Settings(
        layers="" if layers else arguments.layers,
        **given,
        optimizer=arguments.optimizer,
        learning_rate=arguments.lr,
        batch=arguments.batch,
        epochs=arguments.epochs,
        patience=arguments.patience,
        validation_split=arguments.validation_split,
        seed=arguments.seed,
    )
    settings.check()
    _check_place(arguments.out, arguments.force)
    exit_when_terminated()
    examples = read_examples(arguments.data, arguments.label)
    model = None
    if layers is None:
        settings = completed(settings, examples)
        network = settings.layers
    else:
        set_random_seed(settings.seed)  # a file has no seed
        model = read_architecture(layers, settings, examples)
        network = f"{layers}, {model.count_params():,} parameters"
    parts = f"{len(examples.x):,} examples of {len(examples.class_names)} classes"
    if examples.x_test is not None:
        parts += f", {len(examples.x_test):,} to test"
    print_line(f"{examples.source}: {parts}. Network: {network}")
    model, outcome = train(settings, examples, verbose="auto", model=model)
    if not math.isfinite(outcome.loss):
        raise SettingsError(
            f"the training has diverged: its loss is {outcome.loss}; give a smaller --lr, or look "
            "for numbers in the data that are far too large; nothing is saved"
        )
    model.save(arguments.out)
    if outcome.interrupted:
        print_line("Stopped by Ctrl-C; what was learned until then is saved")
    wrong = outcome.examples - outcome.correct
    print_line(
        f"{outcome.measured_on.capitalize()} accuracy {outcome.accuracy:.4f}: "
        f"{counted(wrong, 'error')} in {outcome.examples:,}; "
        f"loss {outcome.loss:.4f}, epoch {outcome.best_epoch} of {outcome.epochs}, "
        f"{outcome.seconds:.0f} s"
    )
    print_line(f"Model: {arguments.out}")
    return INTERRUPTED if outcome.interrupted else 0


def _check_place(out: Path, force: bool) -> None:
    """Refuse a place that the model cannot be saved in, before hours have gone into it."""
    from tinygrad_hw.files import Output, refuse_to_destroy
    from tinygrad_hw.nn.storage.tensor_file import ENDING, import_safetensors

    if out.suffix != ENDING:
        raise UsageError(f"-o is {out}; give a name that ends in {ENDING}")
    if out.is_dir():
        raise UsageError(f"-o is {out}, a folder; give the name of a file")
    refuse_to_destroy([Output(out, b"")], force=force)
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise UsageError(f"-o is {out}, and {there} cannot be written to; give another place")
    import_safetensors()
