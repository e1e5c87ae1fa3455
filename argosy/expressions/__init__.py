"""The languages people write inside manifests, behind one door: expressions, conditions, `when`, paths, text templates.

Nothing here reads a clock, a file or the environment, and nothing here runs Python code that a manifest holds. Each
language is loaded when it is first used, since most workflows use few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argosy.expressions.conditions import STATES, Condition, parse_condition
from argosy.expressions.errors import ExpressionError, did_you_mean
from argosy.expressions.missing import MISSING

if TYPE_CHECKING:
    from argosy.expressions.decisions import decide, evaluate_named, field_names
    from argosy.expressions.gjson import lookup
    from argosy.expressions.gotemplate import render
    from argosy.expressions.interpreter import evaluate
    from argosy.expressions.reading import names
    from argosy.expressions.sjson import place

__all__ = [
    "MISSING",
    "STATES",
    "Condition",
    "ExpressionError",
    "decide",
    "did_you_mean",
    "evaluate",
    "evaluate_named",
    "field_names",
    "lookup",
    "names",
    "parse_condition",
    "place",
    "render",
]
HOMES = {
    "decide": "decisions",
    "evaluate": "interpreter",
    "evaluate_named": "decisions",
    "field_names": "decisions",
    "lookup": "gjson",
    "names": "reading",
    "place": "sjson",
    "render": "gotemplate",
}


def __getattr__(name: str) -> Any:
    """Load the module in which a function lives when the function is first asked for."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = found
    return found
