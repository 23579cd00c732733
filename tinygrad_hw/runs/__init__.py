"""Runs: networks trained by settings, one or a grid of them, and how they compare."""

from tinygrad_hw.runs.architecture import read_architecture
from tinygrad_hw.runs.comparison import SIGNIFICANT, Comparison, Spread, compare, spread
from tinygrad_hw.runs.prediction import Network, fitting, prepared, read_network
from tinygrad_hw.runs.record import Run, append, key_of, line_of, open_record, read_runs
from tinygrad_hw.runs.settings import Settings, SettingsError, completed
from tinygrad_hw.runs.summary import (
    compared,
    comparison_text,
    kinds_of,
    summary_lines,
)
from tinygrad_hw.runs.sweep import grid, outcome_of, values_of
from tinygrad_hw.runs.training import Outcome, train

__all__ = [
    "SIGNIFICANT",
    "Comparison",
    "Network",
    "Outcome",
    "Run",
    "Settings",
    "SettingsError",
    "Spread",
    "append",
    "compare",
    "compared",
    "comparison_text",
    "completed",
    "fitting",
    "grid",
    "key_of",
    "kinds_of",
    "line_of",
    "open_record",
    "outcome_of",
    "prepared",
    "read_architecture",
    "read_network",
    "read_runs",
    "spread",
    "summary_lines",
    "train",
    "values_of",
]
