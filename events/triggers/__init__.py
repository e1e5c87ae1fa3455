"""What a trigger can do: one file per kind, one line each in the registry."""
