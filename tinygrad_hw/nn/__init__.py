"""Networks of layers, trained by the engine, with Keras's names and conventions.

Its modules are Keras's, by the same names: ``nn.layers``, ``nn.models``, ``nn.optimizers``, ...;
``import tinygrad_hw as tf`` gives them as ``tf.keras``.
"""

from tinygrad_hw.nn import (
    activations,
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
    wrappers,
)
from tinygrad_hw.nn.callbacks import Callback, EarlyStopping, History
from tinygrad_hw.nn.initializers import GlorotNormal, GlorotUniform, HeNormal, RandomNormal
from tinygrad_hw.nn.interop.from_keras import from_keras
from tinygrad_hw.nn.layers import Dense, Flatten, Input, Layer, Rescaling
from tinygrad_hw.nn.metrics import accuracy_score, classification_report, confusion_matrix
from tinygrad_hw.nn.models import Model, Sequential
from tinygrad_hw.nn.optimizers import SGD, Adam

__all__ = [
    "SGD",
    "Adam",
    "Callback",
    "Dense",
    "EarlyStopping",
    "Flatten",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "History",
    "Input",
    "Layer",
    "Model",
    "RandomNormal",
    "Rescaling",
    "Sequential",
    "accuracy_score",
    "activations",
    "callbacks",
    "classification_report",
    "confusion_matrix",
    "datasets",
    "from_keras",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "utils",
    "wrappers",
]
