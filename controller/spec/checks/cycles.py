"""Circles in a graph of names, and what comes after what."""

from collections.abc import Mapping, Sequence


def cycle_in(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """The names of one circle, the first repeated at the end; empty if there is none."""
    done: set[str] = set()
    for start in graph:
        trail: list[str] = []
        on_trail: set[str] = set()
        todo = [(start, False)]
        while todo:
            name, is_leaving = todo.pop()
            if is_leaving:
                done.add(name)
                on_trail.discard(trail.pop())
            elif name in on_trail:
                return [*trail[trail.index(name):], name]
            elif name not in done:
                trail.append(name)
                on_trail.add(name)
                todo.append((name, True))
                todo += [(other, False) for other in graph.get(name, ())]
    return []


def comes_after(graph: Mapping[str, Sequence[str]], name: str, other: str) -> bool:
    """Whether `name` waits for `other`, directly or through others."""
    if other in graph.get(name, ()):
        return True
    seen: set[str] = set()
    todo = list(graph.get(name, ()))
    while todo:
        before = todo.pop()
        if before == other:
            return True
        if before not in seen:
            seen.add(before)
            todo += graph.get(before, ())
    return False
