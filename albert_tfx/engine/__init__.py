"""The arithmetic of training and inference, in fewer and larger programs than by default."""
