"""The table of allowed moves: from which phase a node, or the workflow, may go to which other."""

from collections.abc import Mapping

from controller.engine.contract import NodePhase

NEW = ""  # the phase of what does not exist yet

NODE_MOVES: Mapping[str, frozenset[str]] = {
    NEW: frozenset({"Pending", "Running", "Skipped", "Omitted", "Failed", "Error"}),
    "Pending": frozenset({"Running", "Succeeded", "Failed", "Error"}),
    "Running": frozenset({"Succeeded", "Failed", "Error"}),
    "Succeeded": frozenset(),
    "Skipped": frozenset(),
    "Omitted": frozenset(),
    "Failed": frozenset(),
    "Error": frozenset(),
}

WORKFLOW_MOVES: Mapping[str, frozenset[str]] = {
    NEW: frozenset({"Pending", "Running", "Failed", "Error"}),
    "Pending": frozenset({"Running", "Failed", "Error"}),
    "Running": frozenset({"Succeeded", "Failed", "Error"}),
    "Succeeded": frozenset(),
    "Failed": frozenset(),
    "Error": frozenset(),
}

SETTLED: frozenset[str] = frozenset(phase for phase, onward in NODE_MOVES.items() if not onward)
WORKFLOW_ENDED: frozenset[str] = frozenset(phase for phase, onward in WORKFLOW_MOVES.items() if not onward)
FAILED: frozenset[str] = frozenset({"Failed", "Error"})
COMPLETED: frozenset[str] = FAILED | {"Succeeded"}  # it ran: neither skipped nor omitted

# What a workflow's own phase becomes when its entry node is in this phase.
WORKFLOW_PHASE_OF_ENTRY: Mapping[str, str] = {
    "Pending": "Pending", "Running": "Running", "Succeeded": "Succeeded", "Skipped": "Succeeded",
    "Omitted": "Succeeded", "Failed": "Failed", "Error": "Error",
}


def check_move(moves: Mapping[str, frozenset[str]], what: str, before: str, after: str) -> None:
    """Raise AssertionError where the table does not list this move: a bug of ours, never the user's."""
    assert after in moves[before], f"illegal move of {what}: {before or 'new'} -> {after}"


__all__ = [
    "COMPLETED", "FAILED", "NEW", "NODE_MOVES", "SETTLED", "WORKFLOW_ENDED", "WORKFLOW_MOVES",
    "WORKFLOW_PHASE_OF_ENTRY", "NodePhase", "check_move",
]
