"""What a piece of work takes of the machine."""
