"""The event log, the catalogue, the users and the impressions."""
