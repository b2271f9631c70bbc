"""Live feeds: what a broker holds, into the store, each message exactly once."""
