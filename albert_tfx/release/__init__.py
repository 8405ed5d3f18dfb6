"""Which model wins, whether it may replace another, and what was pushed."""
