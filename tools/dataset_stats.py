"""The same as ``vidzoo dataset-stats``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("dataset-stats", prog="python tools/dataset_stats.py")
