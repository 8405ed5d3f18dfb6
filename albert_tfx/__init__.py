"""The library that the components call; it knows no TFX."""
