"""``python -m vidzoo.cli``: the same as ``vidzoo``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main()
