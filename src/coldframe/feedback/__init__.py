"""Which outcome belongs to which impression."""
