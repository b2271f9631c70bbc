"""Training rows on disk: the sinks of the pipeline.

Owns how prepared columns become files that trainers outside of coldframe read: whole or not there at all, the same
bytes for the same columns. Never decides what a row is or which rows there are.
"""
