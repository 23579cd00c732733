"""Formulas as trees: read, differentiated, simplified."""
