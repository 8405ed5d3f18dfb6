"""The nodes of the pipeline, one a file; what they do is in `albert_tfx`."""
