"""Chains and formulas written as text, LaTeX and MathML."""
