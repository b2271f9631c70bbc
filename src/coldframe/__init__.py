"""coldframe: a self-hosted hybrid recommender, from an event log to live recommendations."""

__version__ = "0.1.0"
