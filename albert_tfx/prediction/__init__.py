"""Asks a pushed model."""
