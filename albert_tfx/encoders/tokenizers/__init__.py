"""Tokenizers of Hugging Face model folders: what their files hold, and graphs that do the same."""
