"""What ``resource`` templates do: one action on a Kubernetes object, a wait for a condition, values read from the object."""
