"""Intervals and written numbers: what honest rounding admits."""
