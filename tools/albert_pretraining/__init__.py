"""Pretrains a small ALBERT on the unlabelled text of IMDB reviews."""
