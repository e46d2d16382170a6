"""The same as ``vidzoo score-landmarks``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("score-landmarks", prog="python tools/score_landmarks.py")
