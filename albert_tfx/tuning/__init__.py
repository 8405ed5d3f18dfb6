"""Options that are chosen by trying, on training texts alone."""
