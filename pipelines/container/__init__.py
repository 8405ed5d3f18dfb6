"""What a task brings into its container beside TFX: fewer imports, and what it used."""
