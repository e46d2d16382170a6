"""The same as ``vidzoo plot``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("plot", prog="python tools/plot_torques.py")
