"""The nodes of the pipeline, one TFX component a file."""
