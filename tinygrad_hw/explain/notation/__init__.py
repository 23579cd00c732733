"""Formulas written as text, LaTeX and MathML.

``notation`` has what all three share: brackets, signs, the order of terms; ``text``, ``latex`` and
``mathml`` say how each looks. ``display`` is the base class of explanations that consist of
equations and can be shown in all three.
"""
