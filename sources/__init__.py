"""The outside world becomes events: one file per kind of source, one line each in the registry."""
