"""Measures: times as ratios to a reference in the same run; counts that must hold."""
