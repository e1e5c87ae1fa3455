"""Steps and tasks: what they call, with what, how many times."""

import json
from dataclasses import replace

from argosy.manifests.model import Json
from controller.spec.checks.library import Library
from controller.spec.checks.report import Report
from controller.spec.checks.scope import Scope
from controller.spec.checks.values import check_arguments, check_supplied
from controller.spec.graph import Call, LifecycleHook
from controller.spec.templates import Template


def check_call(call: Call, path: str, library: Library) -> Template | None:
    """A step or task by itself; returns the template that it calls, if it is known."""
    report = library.report
    template = library.called(call, path)
    check_arguments(call.arguments, f"{path}.arguments", report, needs_values=True)
    _check_fan_out(call, path, report)
    if template is not None:
        check_supplied(template, call.arguments, path, report)
    if call.on_exit:
        library.named(call.on_exit, f"{path}.onExit")
    check_hooks(call.hooks, path, library)
    return template


def check_hooks(hooks: dict[str, LifecycleHook], path: str, library: Library) -> None:
    """A hook needs an expression that says when, unless it is the one named exit."""
    for name, hook in hooks.items():
        here = f"{path}.hooks.{name}"
        library.called(hook, here)
        if name != "exit" and not hook.expression:
            library.report.error(here, "has no expression; write when the hook is to run (only 'exit' needs none)")


def _check_fan_out(call: Call, path: str, report: Report) -> None:
    ways = [name for name, value in (
        ("withItems", call.with_items), ("withParam", call.with_param), ("withSequence", call.with_sequence)) if value]
    if isinstance(call.with_items, str) and call.with_items:
        report.warn(f"{path}.withItems", f'is the text "{call.with_items}", which Argo refuses; write it as withParam')
    if len(ways) > 1:
        report.error(path, f"has {' and '.join(ways)}; keep one of them")
    sequence = call.with_sequence
    if sequence is not None and (sequence.count is None) == (sequence.end is None):
        found = "neither" if sequence.count is None else "both"
        report.error(f"{path}.withSequence", f"must have count or end, but has {found}")


def is_fan_out(call: Call) -> bool:
    """Whether it runs once for each of several items."""
    return bool(call.with_items or call.with_param or call.with_sequence is not None)


def scope_of(call: Call, around: Scope) -> Scope:
    """What the call's own fields may name: the item too."""
    scope = replace(around, item_keys=_item_keys(call))
    return scope if call.inline is None else scope.within(call.inline)


def _item_keys(call: Call) -> list[str] | None:
    if call.with_param or isinstance(call.with_items, str):
        return None
    keys: list[str] = []
    for item in call.with_items:
        keys += _keys_of(item)
    return keys


def _keys_of(item: Json) -> list[str]:
    if isinstance(item, str) and item.lstrip().startswith(("{", "[")):
        try:
            item = json.loads(item)  # Argo reads an item that is JSON text as what it says
        except ValueError:
            return []
    if isinstance(item, dict):
        return list(item)
    return [f"[{at}]" for at in range(len(item))] if isinstance(item, list) else []
