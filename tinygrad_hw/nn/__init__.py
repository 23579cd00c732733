"""Networks of layers, trained by the engine, with Keras's names and conventions."""

from tinygrad_hw.nn.callbacks import Callback, EarlyStopping, History
from tinygrad_hw.nn.initializers import GlorotNormal, GlorotUniform, HeNormal, RandomNormal
from tinygrad_hw.nn.layers import Dense, Flatten, Rescaling
from tinygrad_hw.nn.metrics import accuracy_score, classification_report, confusion_matrix
from tinygrad_hw.nn.models import Sequential
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
    "RandomNormal",
    "Rescaling",
    "Sequential",
    "accuracy_score",
    "classification_report",
    "confusion_matrix",
]
