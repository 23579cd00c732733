"""The catalogue of slips, and which of them explains a wrong number."""
