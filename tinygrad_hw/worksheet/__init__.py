"""Sheets of hand work: reading and solving them."""
