"""What an event is, and files of events, items and users read and written by one set of rules."""
