"""What an event is and what it is worth."""
