"""The same as ``vidzoo compare-motion``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("compare-motion", prog="python tools/compare_motion.py")
