"""The same as ``vidzoo physics-baseline``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("physics-baseline", prog="python tools/physics_baseline.py")
