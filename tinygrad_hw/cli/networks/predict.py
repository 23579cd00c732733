"""The verb that says what a trained network sees: predict."""

from __future__ import annotations

import argparse
import csv
import io
import re
from pathlib import Path
from typing import Any

from tinygrad_hw.cli.arguments import UsageError, Verbs, add_force
from tinygrad_hw.cli.networks.options import DATA_HELP
from tinygrad_hw.cli.terminal import print_line

PREDICTIONS_OPENING = re.compile(rb"example,(label,)?predicted,probability,")
SHOWN = 10  # classes of an image, and rows of a table, on the screen


def add_predict(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("predict", help="say what a trained network sees in data")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a file of train")
    parser.add_argument(
        "data",
        type=Path,
        metavar="IMAGE|DATA",
        help=f"an image; or {DATA_HELP}: the test part, where there is one",
    )
    parser.add_argument("--label", metavar="COLUMN", help="of a .csv, the column of classes")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE.csv", help="write all predictions on data"
    )
    add_force(parser)
    parser.set_defaults(verb=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.nn.datasets.images import is_image
    from tinygrad_hw.runs import read_network

    if arguments.out is not None and arguments.out.suffix != ".csv":
        raise UsageError(f"-o is {arguments.out}; give the name of a .csv file")
    network = read_network(arguments.model)
    if is_image(arguments.data) and not arguments.data.is_dir():
        if arguments.out is not None:
            raise UsageError("-o is for data; what is seen in one image is printed")
        _predict_image(network, arguments.data)
    else:
        _predict_data(network, arguments)


def _predict_image(network: Any, path: Path) -> None:
    from tinygrad_hw.runs import prepared

    pixels, done = prepared(network, path)
    probabilities = network.probabilities(pixels[None])[0]
    order = sorted(range(len(probabilities)), key=lambda i: -probabilities[i])
    best = order[0]
    print_line(
        f"{path}: {_named(network.class_names[best])}, probability {probabilities[best]:.4f}"
    )
    width = max(len(_named(network.class_names[i])) for i in order[:SHOWN])
    for i in order[:SHOWN]:
        print_line(f"  {_named(network.class_names[i]):<{width}}  {probabilities[i]:.4f}")
    print_line("The image: " + ", ".join(done))


def _named(name: str) -> str:
    from tinygrad_hw.formatting import printable, shorten

    return shorten(printable(name))


def _predict_data(network: Any, arguments: argparse.Namespace) -> None:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.nn.datasets.examples import check_part
    from tinygrad_hw.nn.datasets.reading import read_parts
    from tinygrad_hw.runs import fitting

    train, test, names = read_parts(arguments.data, arguments.label, needs_labels=False)
    part = train if test is None else test
    check_part(part)
    part = fitting(network, part, names)
    probabilities = network.probabilities(part.x)
    labels = None if part.labels is None else [str(label) for label in part.labels]
    if arguments.out is not None:
        text = _table(network.class_names, probabilities, labels).encode()
        output = Output(arguments.out, text, PREDICTIONS_OPENING)
        write_outputs([output], reads=[arguments.model, arguments.data], force=arguments.force)
    chosen = [network.class_names[i] for i in probabilities.argmax(axis=1)]
    print_line(f"{part.source}: {len(chosen):,} example{'s' * (len(chosen) != 1)}")
    if arguments.out is None:
        for i, name in enumerate(chosen[:SHOWN]):
            right = "" if labels is None else f"  (label {_named(labels[i])})"
            print_line(f"  {i}  {_named(name)}  {probabilities[i].max():.4f}{right}")
        if len(chosen) > SHOWN:
            print_line(f"  and {len(chosen) - SHOWN:,} more; -o FILE.csv writes all")
    if labels is not None:
        right_ones = sum(a == b for a, b in zip(chosen, labels, strict=True))
        wrong = len(chosen) - right_ones
        print_line(f"Accuracy {right_ones / len(chosen):.4f}: {wrong:,} error{'s' * (wrong != 1)}")
    if arguments.out is not None:
        print_line(f"Predictions: {arguments.out}")


def _table(class_names: Any, probabilities: Any, labels: list[str] | None) -> str:
    """Write a line for each example: its label, the predicted class, all probabilities."""
    from tinygrad_hw.formatting import spreadsheet_cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["example", *(["label"] if labels else []), "predicted", "probability"]
    writer.writerow([*head, *(spreadsheet_cell(f"p({name})") for name in class_names)])
    for i, row in enumerate(probabilities):
        best = int(row.argmax())
        known = [spreadsheet_cell(labels[i])] if labels else []
        predicted = spreadsheet_cell(class_names[best])
        writer.writerow([i, *known, predicted, f"{row[best]:.6f}", *(f"{p:.6f}" for p in row)])
    return text.getvalue()
