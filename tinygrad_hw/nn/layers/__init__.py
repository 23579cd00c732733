"""Layers: functions from one batch to the next. Names, arguments and defaults are Keras's."""

from tinygrad_hw.nn.layers.activations import Activation, LeakyReLU, ReLU, Softmax
from tinygrad_hw.nn.layers.base import Layer
from tinygrad_hw.nn.layers.core import Dense, Embedding, Flatten, Input, Rescaling, Reshape
from tinygrad_hw.nn.layers.symbolic import Symbol

__all__ = [
    "Activation",
    "Dense",
    "Embedding",
    "Flatten",
    "Input",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Symbol",
]
