"""Exercises: made fresh, filled in, and answered.

``fresh_sheet`` draws a fair exercise from a seed, ``detectability`` says whether a slip would go
unseen on it, ``answer_key`` answers it, and ``fill_in`` asks a person for the answers one by one.
"""
