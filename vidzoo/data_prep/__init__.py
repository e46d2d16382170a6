"""From recordings to a data file: reading, synchronising, smoothing, cropping, judging."""
