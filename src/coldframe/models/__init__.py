"""Fit the experts and the mixer."""
