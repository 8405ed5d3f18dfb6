"""Reads users' files: one reader for training, scoring and predicting. See `reader`."""
