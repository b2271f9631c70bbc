"""Live answers, in process and over HTTP."""
