"""Contract tests for stores, experts and bundles, and worlds whose right answer is known."""
