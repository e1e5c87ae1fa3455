"""The state diagrams of the documentation, drawn from the tables of moves (``python -m controller.engine.diagram``)."""

import sys
from collections.abc import Mapping

from controller.engine.moves import NEW, NODE_MOVES, WORKFLOW_MOVES

HEAD = """# What may become of a node, and of a workflow

Drawn from the tables in `controller/engine/moves.py` by `python -m controller.engine.diagram`; a move that is not here
stops the run with an AssertionError.
"""


def mermaid(moves: Mapping[str, frozenset[str]]) -> str:
    """One table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for before, onward in moves.items():
        lines += [f"    {before or '[*]'} --> {after}" for after in sorted(onward)]
        if not onward:
            lines.append(f"    {before} --> [*]")
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    assert NEW in NODE_MOVES, "a table of moves begins with what does not exist yet"
    parts = [HEAD]
    for title, moves in (("A node", NODE_MOVES), ("A workflow", WORKFLOW_MOVES)):
        parts.append(f"## {title}\n\n```mermaid\n{mermaid(moves)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
