"""The same as ``vidzoo leaderboard``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("leaderboard", prog="python tools/leaderboard.py")
