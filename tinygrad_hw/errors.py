"""The one kind of error that is meant for a user and not for a programmer."""


class InputError(ValueError):
    """Something given cannot be used: a file, a number, a place.

    The text is one line that says what was given, what was expected and what to do; the command
    line prints it as it is and exits with status 2.
    """
