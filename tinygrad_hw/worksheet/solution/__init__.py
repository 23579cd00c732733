"""The solution of a sheet.

- ``solve``: every forward value, partial and update at full precision.
- ``dependencies``: the names that each name depends on, and the exact derivatives between them.
- ``blanks``: what the sheet asks for.
- ``as_program``: the sheet as a captured program.
"""
