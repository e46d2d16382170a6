"""The same as ``vidzoo ablation``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("ablation", prog="python tools/ablation.py")
