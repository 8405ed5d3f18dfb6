"""The pipeline: its configuration, its graph and its evaluation."""
