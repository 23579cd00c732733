"""What is right on a sheet.

- ``solve``: every forward value, partial and update at full precision.
- ``dependencies``: which name depends on which, and the exact derivatives between them.
- ``as_program``: the sheet as a captured program.
"""
