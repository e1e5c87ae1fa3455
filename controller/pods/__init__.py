"""From a node to its Pod manifest, and from a Pod's status to what the engine saw. Pure."""
