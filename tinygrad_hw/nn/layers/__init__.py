"""Layers: functions from one batch to the next. Names, arguments and defaults are Keras's."""

from tinygrad_hw.nn.layers.activations import Activation, LeakyReLU, ReLU, Softmax
from tinygrad_hw.nn.layers.attention import MultiHeadAttention
from tinygrad_hw.nn.layers.base import Layer
from tinygrad_hw.nn.layers.core import (
    Dense,
    Embedding,
    Flatten,
    Input,
    InputLayer,
    Operation,
    Rescaling,
    Reshape,
)
from tinygrad_hw.nn.layers.images import (
    AveragePooling2D,
    Conv2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from tinygrad_hw.nn.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from tinygrad_hw.nn.layers.normalization import BatchNormalization, LayerNormalization
from tinygrad_hw.nn.layers.regularization import Dropout, GaussianNoise
from tinygrad_hw.nn.layers.symbolic import Symbol

__all__ = [
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Operation",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "Symbol",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
