"""One run of a function under a recorder.

- ``tracer``: the stand-ins for numbers and arrays.
- ``recordable``: the list of NumPy's functions that may be recorded, with what they alias.
- ``simplify``, ``gathers``: the normal form of calls; indices into plain arrays.
- ``twin``: private leaves that stand for Values while a run lasts.
- ``recorder``: the recorder of calls, which is a trace of the engine.
- ``run``: one run, its recording, and what becomes of it.
- ``explored``: operations that were recorded whole, spelled out.
"""
