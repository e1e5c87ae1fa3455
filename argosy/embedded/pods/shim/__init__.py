"""What runs outside Argosy's own process: the forking helper, one shim per pod, and the first process of each container.

These modules are imported by ``python -I -S`` and then forked for every pod: they import little (not even pathlib), start
no thread, and never import from the rest of Argosy.
"""
