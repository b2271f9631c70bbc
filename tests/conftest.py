"""For every test: JAX compiles fast rather than well, since tests fit small models many times."""

import os

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
