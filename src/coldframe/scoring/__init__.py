"""Arrays in, scores out: the same code offline and online."""
