"""MNIST, shipped with the package, and readers for data sets of the same layout."""

from tinygrad_hw.data.mnist import Dataset, has_idx_files, load
from tinygrad_hw.data.source import DataError

__all__ = ["DataError", "Dataset", "has_idx_files", "load"]
