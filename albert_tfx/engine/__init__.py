"""Arithmetic of training and inference, in fewer and larger programs than TensorFlow makes of it."""
