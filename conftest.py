"""For every test: JAX compiles fast rather than well, and linear algebra keeps to one thread.

Tests fit small models many times, often on all cores at once: compiling and waiting threads would be their whole cost.
"""

import os

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore_glob = ["tests/*/conftest.py"]
"""Loaded as what they are, never collected for doctests: several modules of one name would be in each other's way."""
