"""How good is a model, honestly."""
