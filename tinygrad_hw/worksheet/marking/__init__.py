"""A verdict for every number of a sheet, and points for the verdicts."""
