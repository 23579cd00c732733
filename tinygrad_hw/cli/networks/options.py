"""The arguments that the verbs for networks share."""

from __future__ import annotations

from pathlib import Path

from tinygrad_hw.cli.arguments import Parser

DATA_HELP = (
    "a folder with MNIST's four IDX files or with a folder of images for each class, an .npz, "
    "or a .csv"
)


def add_data(parser: Parser) -> None:
    """Add ``--data`` and ``--label``."""
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help=f"{DATA_HELP} (the package's MNIST)"
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="of a .csv, the column of classes (label, class, target)"
    )


def add_training(parser: Parser) -> None:
    """Add the arguments of a training that have one value in a sweep, too."""
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="at most (20)")
    parser.add_argument(
        "--patience",
        type=int,
        default=10,
        metavar="N",
        help="stop after so many epochs without a better validation loss, and take the weights of "
        "the best (10); 0 trains them all",
    )
    parser.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="of the training examples, drawn by the seed, not trained on (0.2)",
    )
