"""The verb that writes a page to draw on, for a network that was saved: pad."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygrad_hw.cli.arguments import Verbs, add_force
from tinygrad_hw.cli.terminal import print_line


def add_pad(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("pad", help="write a page to draw on, that a network answers")
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="a file of train, or of model.save"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write (the model's name, .html)"
    )
    parser.add_argument(
        "--classes", metavar="A,B,…", help="the names of the classes (those of train, or numbers)"
    )
    parser.add_argument(
        "--ink",
        type=float,
        metavar="X",
        help="what a wholly inked pixel is to the model (what its Rescaling makes 1, or 1)",
    )
    add_force(parser)
    parser.set_defaults(verb=_pad)


def _pad(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.nn.models import load_model
    from tinygrad_hw.nn.pad import PAD_OPENING, pad_page

    path = arguments.model
    out = arguments.out or Path(f"{path.stem}.html")
    labels = arguments.classes.split(",") if arguments.classes else None
    page = pad_page(load_model(path, compile=False), labels, arguments.ink)
    write_outputs([Output(out, page.encode(), PAD_OPENING)], reads=[path], force=arguments.force)
    print_line(f"Page: {out}")
