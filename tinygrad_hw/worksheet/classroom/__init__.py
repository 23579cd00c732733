"""A class: the sheets that were handed in, their marks, and a summary of them.

``handed_in`` finds the sheets in folders and archives, ``downloads`` knows whose they are by how
course systems name them, ``handed_out`` compares them with the sheet that the class was given,
``results`` marks them, ``alike`` finds those that are equal, ``summary`` sums up, and
``page_paths`` says where their pages go.
"""
