"""A real one-node Kubernetes on this machine, and the tests that need it: ``python -m tests.cluster up|down|status``."""
