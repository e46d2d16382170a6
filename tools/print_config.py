"""The same as ``vidzoo print-config``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("print-config", prog="python tools/print_config.py")
