"""For every test: JAX compiles fast rather than well, and linear algebra keeps to one thread.

Tests fit small models many times, often on all cores at once: compiling and waiting threads would be their whole cost.
"""

import os

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
