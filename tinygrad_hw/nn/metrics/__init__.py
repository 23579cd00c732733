"""Metrics of an epoch by Keras's names, and reports on predictions in scikit-learn's form."""

from tinygrad_hw.nn.metrics.reports import accuracy_score, classification_report, confusion_matrix
from tinygrad_hw.nn.metrics.running_means import RunningMeans

__all__ = ["RunningMeans", "accuracy_score", "classification_report", "confusion_matrix"]
