"""One whole Argosy on one machine: the object store, its HTTPS face, the pods and the event bus."""
