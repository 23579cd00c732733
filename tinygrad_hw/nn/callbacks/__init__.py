"""Callbacks: observers of a training run that may change or stop it, with Keras's names."""

from tinygrad_hw.nn.callbacks.callback import Callback, Logs
from tinygrad_hw.nn.callbacks.callback_list import CallbackList
from tinygrad_hw.nn.callbacks.checkpoints import BackupAndRestore, ModelCheckpoint
from tinygrad_hw.nn.callbacks.csv_logger import CSVLogger
from tinygrad_hw.nn.callbacks.history import History
from tinygrad_hw.nn.callbacks.lambda_callback import LambdaCallback
from tinygrad_hw.nn.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from tinygrad_hw.nn.callbacks.progress import ProgbarLogger
from tinygrad_hw.nn.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
