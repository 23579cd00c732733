"""Fresh sheets, their blanks and keys, and filling them in."""
