"""Seeded simulation: whole controllers on a clock that jumps, over a world that is slow, stale and kills them."""
