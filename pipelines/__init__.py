"""The graph of the pipeline, and what a run of it is."""
