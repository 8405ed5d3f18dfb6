"""The card of a model: what it is, what it was trained on, what it reaches, what it is not for."""
