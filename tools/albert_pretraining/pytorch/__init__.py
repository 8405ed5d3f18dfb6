"""The same ALBERT in PyTorch, which reads more tokens a second, and objectives for every token."""
