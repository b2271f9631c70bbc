"""Closed worlds with a known truth."""
