"""Texts that repeat others: found, counted and taken out."""
