"""What a SciPy sparse matrix is called in this room.

Owns one name. SciPy's types do not know that arithmetic on `csr_matrix` gives `csr_matrix`, so it is not checked.
"""

from typing import Any

Csr = Any
"""`scipy.sparse.csr_matrix`, float32 unless said otherwise."""
