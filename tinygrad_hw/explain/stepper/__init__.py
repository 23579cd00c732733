"""The computation frame by frame, and a terminal to step through it."""
