"""The shared leaderboard: benchmarks, submissions that are scored again, their store, its table, page and server.

A figure that an author states is a claim; only predictions that this code has scored are a result. The record is plain
files. Nothing here imports torch or MMEngine.
"""
