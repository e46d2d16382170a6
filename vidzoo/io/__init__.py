"""Files that vidzoo reads and writes: data files, pose files, splits, predictions, OpenSim's tables; without torch."""
