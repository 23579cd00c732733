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
        nargs="?",
        metavar="IMAGE|DATA",
        help=f"an image, or a folder of images; or {DATA_HELP}, of which the test part is taken "
        "where there is one (the package's MNIST)",
    )
    parser.add_argument("--label", metavar="COLUMN", help="of a .csv, the column of classes")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE.csv", help="write all predictions on data"
    )
    add_force(parser)
    parser.set_defaults(verb=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.nn.datasets.images import images_in, is_image
    from tinygrad_hw.runs import read_network

    if arguments.out is not None and arguments.out.suffix != ".csv":
        raise UsageError(f"-o is {arguments.out}; give the name of a .csv file")
    network = read_network(arguments.model)
    if arguments.data is None:
        _predict_data(network, arguments)
    elif is_image(arguments.data) and not arguments.data.is_dir():
        if arguments.out is not None:
            raise UsageError("-o is for data; what is seen in one image is printed")
        _predict_image(network, arguments.data)
    elif arguments.data.is_dir() and (images := images_in(arguments.data)):
        _predict_images(network, images, arguments)
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


def _predict_images(network: Any, images: list[Path], arguments: argparse.Namespace) -> None:
    import numpy as np

    from tinygrad_hw.runs import prepared

    taken = images[:SHOWN] if arguments.out is None else images
    pixels, done = zip(*[prepared(network, path) for path in taken], strict=True)
    rows = network.probabilities(np.stack(pixels))
    if arguments.out is not None:
        _write(arguments, network.class_names, rows, None, [path.name for path in images], images)
        return
    for path, row, steps in zip(taken, rows, done, strict=True):
        seen = f"{_named(network.class_names[row.argmax()])}  {row.max():.4f}"
        print_line(f"  {_named(path.name)}  {seen}  ({', '.join(steps)})")
    if len(images) > len(taken):
        print_line(f"  and {len(images) - len(taken):,} more; -o FILE.csv writes all")


def _named(name: str) -> str:
    from tinygrad_hw.formatting import printable, shorten

    return shorten(printable(name))


def _predict_data(network: Any, arguments: argparse.Namespace) -> None:
    from tinygrad_hw.formatting import counted
    from tinygrad_hw.nn.datasets.examples import check_part
    from tinygrad_hw.nn.datasets.reading import read_parts
    from tinygrad_hw.runs import fitting

    train, test, names = read_parts(
        arguments.data, arguments.label, needs_labels=False, features=network.feature_names
    )
    part = train if test is None else test
    check_part(part)
    part = fitting(network, part, names)
    probabilities = network.probabilities(part.x)
    labels = None if part.labels is None else [str(label) for label in part.labels]
    chosen = [network.class_names[i] for i in probabilities.argmax(axis=1)]
    print_line(f"{part.source}: {counted(len(chosen), 'example')}")
    if arguments.out is None:
        for i, name in enumerate(chosen[:SHOWN]):
            right = "" if labels is None else f"  (label {_named(labels[i])})"
            print_line(f"  {i}  {_named(name)}  {probabilities[i].max():.4f}{right}")
        if len(chosen) > SHOWN:
            print_line(f"  and {len(chosen) - SHOWN:,} more; -o FILE.csv writes all")
    if labels is not None:
        right_ones = sum(a == b for a, b in zip(chosen, labels, strict=True))
        wrong = len(chosen) - right_ones
        print_line(f"Accuracy {right_ones / len(chosen):.4f}: {counted(wrong, 'error')}")
    if arguments.out is not None:
        numbers = list(map(str, range(len(chosen))))
        reads = [] if arguments.data is None else [arguments.data]
        _write(arguments, network.class_names, probabilities, labels, numbers, reads)


def _write(
    arguments: argparse.Namespace,
    class_names: Any,
    probabilities: Any,
    labels: list[str] | None,
    names: list[str],
    reads: list[Path],
) -> None:
    """Write a line for each example: its name, label and predicted class, all probabilities."""
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.formatting import spreadsheet_cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["example", *(["label"] if labels else []), "predicted", "probability"]
    writer.writerow([*head, *(spreadsheet_cell(f"p({name})") for name in class_names)])
    for i, row in enumerate(probabilities):
        best = int(row.argmax())
        known = [spreadsheet_cell(labels[i])] if labels else []
        seen = [spreadsheet_cell(class_names[best]), f"{row[best]:.6f}"]
        numbers = [f"{p:.6f}" for p in row]
        writer.writerow([spreadsheet_cell(names[i]), *known, *seen, *numbers])
    output = Output(arguments.out, text.getvalue().encode(), PREDICTIONS_OPENING)
    write_outputs([output], reads=[arguments.model, *reads], force=arguments.force)
    print_line(f"Predictions: {arguments.out}")
