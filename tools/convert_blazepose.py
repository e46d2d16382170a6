"""The same as ``vidzoo convert-blazepose``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("convert-blazepose", prog="python tools/convert_blazepose.py")
