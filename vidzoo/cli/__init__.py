"""The command ``vidzoo``: argument parsing and nothing else, one module per command.

A command's module has a docstring, which is its description; ``EXAMPLES`` for the end of its ``--help``;
``add_arguments(parser)``; and ``run(args)``, which returns the exit status (None: 0). ``run`` imports what it needs, so
that ``--help`` waits for no library.
"""
