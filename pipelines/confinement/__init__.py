"""What a run may open to the network and start: nobody else reaches it, and nothing outlives it."""
