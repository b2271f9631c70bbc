"""The only thing that crosses from training to serving."""
