"""From recordings to a vid file: reading, synchronising, smoothing, cropping, judging."""
