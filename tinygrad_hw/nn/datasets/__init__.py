"""Data sets by Keras's names, and readers of other data; nothing is fetched."""

from tinygrad_hw.nn.datasets import mnist
from tinygrad_hw.nn.datasets.examples import Examples
from tinygrad_hw.nn.datasets.reading import read_examples

__all__ = ["Examples", "mnist", "read_examples"]
