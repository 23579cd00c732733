"""Saving and loading whole models, by Keras's names."""

from tinygrad_hw.nn.storage.whole_model import load_model, save_model

__all__ = ["load_model", "save_model"]
