"""From an event log to arrays a trainer can read."""
