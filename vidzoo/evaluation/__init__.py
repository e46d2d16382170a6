"""Score joint torques: the three-level metric, intervals, comparisons, files and tables.

Everything here but :mod:`vidzoo.evaluation.torque_benchmark` works without torch, so that a leaderboard can re-score
predictions on a machine that has none; nothing is imported on behalf of it.
"""
