"""Layers: functions from one batch to the next. Names, arguments and defaults are Keras's."""

from tinygrad_hw.nn.layers.activations import Activation, LeakyReLU, ReLU, Softmax
from tinygrad_hw.nn.layers.base import Layer
from tinygrad_hw.nn.layers.core import Dense, Embedding, Flatten, Input, Rescaling, Reshape
from tinygrad_hw.nn.layers.normalization import BatchNormalization, LayerNormalization
from tinygrad_hw.nn.layers.regularization import Dropout, GaussianNoise
from tinygrad_hw.nn.layers.symbolic import Symbol

__all__ = [
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Symbol",
]
