"""Encoders from Hugging Face model folders, made into SavedModels with TF Hub's text interface."""
