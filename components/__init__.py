"""The steps of the pipeline: one component or one concern a file."""
