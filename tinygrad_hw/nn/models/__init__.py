"""Models: Sequential, and Model to derive from. Names, arguments and defaults are Keras's."""

from tinygrad_hw.nn.models.model import Model
from tinygrad_hw.nn.models.sequential import Sequential
from tinygrad_hw.nn.models.summary import LayerSummary
from tinygrad_hw.nn.storage.cloning import clone_model
from tinygrad_hw.nn.storage.whole_model import load_model, model_from_json

__all__ = ["LayerSummary", "Model", "Sequential", "clone_model", "load_model", "model_from_json"]
