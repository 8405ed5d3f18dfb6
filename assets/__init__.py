"""What a run needs offline: the small ALBERT and the sample reviews."""
