"""Brings a model's files to this machine, into caches that belong to the user alone."""
