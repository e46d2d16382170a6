"""The same as ``vidzoo make-synthetic``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("make-synthetic", prog="python tools/make_synthetic.py")
