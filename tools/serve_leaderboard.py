"""The same as ``vidzoo serve-leaderboard``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("serve-leaderboard", prog="python tools/serve_leaderboard.py")
