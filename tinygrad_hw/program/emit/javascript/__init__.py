"""JavaScript: a program for a page, which computes it anew in a browser.

``writer`` writes the program, ``elementwise`` one operation on numbers or elements, ``moving`` and
``arrays`` the operations on whole arrays, ``kernels`` their loops; ``layout`` says where elements
are in memory, ``parts`` which Values share an array. ``library`` has the functions that JavaScript
lacks.
"""

from tinygrad_hw.program.emit.javascript.writer import javascript

__all__ = ["javascript"]
