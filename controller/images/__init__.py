"""How container images start where a template names no command."""
