"""Read this first: events → bundle, in named steps."""
