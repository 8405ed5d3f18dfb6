"""A run's findings in plain words, for page, terminal, notebook and card. Light to load."""
