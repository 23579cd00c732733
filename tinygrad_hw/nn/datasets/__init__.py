"""Data sets by Keras's names; they come with the package, and nothing is fetched."""

from tinygrad_hw.nn.datasets import mnist

__all__ = ["mnist"]
