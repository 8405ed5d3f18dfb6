"""From a text encoder to an exported classifier."""
