"""A number with its definition and its interval."""
