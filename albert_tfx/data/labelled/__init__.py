"""The user's own labelled file as a data set: its labels, its split, what it becomes."""
