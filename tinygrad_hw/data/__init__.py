"""MNIST, shipped with the package, and readers for sets laid out like it."""

from tinygrad_hw.data.mnist import Dataset, load
from tinygrad_hw.data.source import DataError

__all__ = ["DataError", "Dataset", "load"]
