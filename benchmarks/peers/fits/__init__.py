"""One module per library: `fit(data, params)` returns a function from a `Batch` to float32 scores [n, n_items].

To add a peer: write a module, name it here and give it a search space in `names.py`.
"""

FITS = {
    "implicit-als": "fits.als",
    "implicit-bpr": "fits.bpr",
    "lightfm": "fits.warp",
    "rectools-ials": "fits.ials",
    "cicerone": "fits.recipe",
    "cicerone-curve": "fits.recipe",
}
"""Peer → module, imported when it is asked for."""
