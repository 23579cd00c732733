"""Write a program as NumPy, as numba loops, for batches of points, as JavaScript, as ONNX.

``primitives`` is the table of elementary operations with their spellings, ``identifiers`` gives
names, ``expressions`` writes one instruction as Python, ``numpy`` the whole program with its memory
and its guards, ``numba`` its compiled loops, ``batch`` the same for many points at once,
``javascript`` for pages, ``onnx`` for ONNX Runtime. ``runtime`` has the functions of Python
programs, ``loading`` compiles. ``compositions`` has the elementary functions that a language lacks;
an operation that was recorded whole is spelled out by ``record.explored``.
"""
