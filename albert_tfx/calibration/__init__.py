"""What a model answers once it has probabilities: how sure it may be, and which label it says."""
