"""Callbacks: observers of a training run that may change or stop it, with Keras's names."""

from tinygrad_hw.nn.callbacks.callback import Callback, Logs
from tinygrad_hw.nn.callbacks.callback_list import CallbackList
from tinygrad_hw.nn.callbacks.early_stopping import EarlyStopping
from tinygrad_hw.nn.callbacks.history import History
from tinygrad_hw.nn.callbacks.progress import ProgbarLogger

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "Logs",
    "ProgbarLogger",
]
