"""The TOML sheet.

``model`` holds what a sheet says and ``parts`` what its parts are called, ``reader`` and ``writer``
turn text into a sheet and back, ``from_function`` starts one from a Python function, and
``messages`` says where in the text something is wrong.
"""
