"""Renders Go text templates over event data, as sensors' dataTemplate and filters use them, within limits."""

import importlib
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from argosy.expressions.errors import ExpressionError, did_you_mean
from argosy.expressions.functions import Function, Table
from argosy.expressions.gotemplate_functions import FUNCTIONS, truth
from argosy.expressions.gotemplate_syntax import Action, Block, Operand, Part, Pipeline, read_template
from argosy.expressions.limits import Budget, check_text
from argosy.expressions.operators import kind
from argosy.expressions.rendering import go_value

NO_VALUE = "<no value>"  # what Go's templates print for a field that is missing


def render(template: str, data: Any, *, now: datetime | None = None) -> str:
    """The template filled in with the data, which `.` names; `now` is what its function of that name gives."""
    try:
        own = deepcopy(data) if "set" in template else data  # set and unset change maps in place
        rendering = _Rendering(template, own, now)
        rendering.parts(read_template(template), own)
    except RecursionError:
        raise ExpressionError(template, 0, len(template), "the template is nested too deeply") from None
    return "".join(rendering.out)


class _BreakError(Exception):
    """`{{ break }}`."""


class _ContinueError(Exception):
    """`{{ continue }}`."""


class _Rendering:
    """One rendering: what has been written, and the variables that are in sight."""

    def __init__(self, source: str, data: Any, now: datetime | None) -> None:
        self.source = source
        self.now = now
        self.out: list[str] = []
        self.letters = 0
        self.budget = Budget()
        self.variables: list[tuple[str, Any]] = [("$", data)]

    def parts(self, parts: list[Part], dot: Any) -> None:
        mark = len(self.variables)
        for part in parts:
            if isinstance(part, str):
                self.write(part)
            elif isinstance(part, Block):
                self.block(part, dot)
            else:
                self.action(part, dot)
        del self.variables[mark:]

    def write(self, text: str) -> None:
        self.letters += len(text)
        check_text(self.letters)
        self.out.append(text)

    def action(self, action: Action, dot: Any) -> None:
        if action.kind == "break":
            raise _BreakError
        if action.kind == "continue":
            raise _ContinueError
        assert action.pipeline is not None, "only break and continue have no pipeline"
        value = self.kept(action.pipeline, dot)
        if not action.pipeline.variables:
            self.attempt(action, self.write, NO_VALUE if value is None else go_value(value))

    def block(self, block: Block, dot: Any) -> None:
        mark = len(self.variables)
        if block.kind == "range":
            self.each(block, dot)
        else:
            value = self.kept(block.pipeline, dot)
            chosen = block.body if truth(value) else block.other
            self.parts(chosen, value if block.kind == "with" and chosen is block.body else dot)
        del self.variables[mark:]

    def each(self, block: Block, dot: Any) -> None:
        pairs = self.attempt(block.pipeline, _pairs, self.pipeline(block.pipeline, dot))
        if not pairs:
            self.parts(block.other, dot)
        for key, value in pairs:
            mark = len(self.variables)
            names = block.pipeline.variables
            for name, bound in zip(reversed(names), (value, key), strict=False):
                self.bind(name, bound, block.pipeline)
            self.attempt(block.pipeline, self.budget.spend)
            try:
                self.parts(block.body, value)
            except _BreakError:
                break
            except _ContinueError:
                continue
            finally:
                del self.variables[mark:]

    def kept(self, pipeline: Pipeline, dot: Any) -> Any:
        """The pipeline's value, which its variable, if it names one, keeps."""
        value = self.pipeline(pipeline, dot)
        for name in pipeline.variables:
            self.bind(name, value, pipeline)
        return value

    def bind(self, name: str, value: Any, pipeline: Pipeline) -> None:
        if pipeline.declares:
            self.variables.append((name, value))
            return
        for index in range(len(self.variables) - 1, -1, -1):
            if self.variables[index][0] == name:
                self.variables[index] = (name, value)
                return
        raise self.error(pipeline, f"the variable {name} is not known here; write := where it is first set")

    def pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        given: list[Any] = []
        for command in pipeline.commands:
            given = [self.command(command, dot, given)]
        return given[0]

    def command(self, command: list[Operand], dot: Any, given: list[Any]) -> Any:
        first = command[0]
        if first.kind == "function":
            return self.call(first, command[1:], dot, given)
        if len(command) > 1:
            raise self.error(command[1], "only functions take arguments; join commands with '|'")
        return self.operand(first, dot)

    def operand(self, operand: Operand, dot: Any) -> Any:
        self.attempt(operand, self.budget.spend)
        if operand.kind == "constant":
            return operand.value
        if operand.kind == "function":
            return self.call(operand, [], dot, [])
        if operand.kind == "dot":
            value = dot
        elif operand.kind == "variable":
            value = self.variable(operand)
        else:
            value = self.pipeline(operand.value, dot)
        for name in operand.fields:
            value = self.field(operand, value, name)
        return value

    def variable(self, operand: Operand) -> Any:
        for name, value in reversed(self.variables):
            if name == operand.value:
                return value
        known = [name for name, _ in self.variables]
        raise self.error(operand, f"the variable {operand.value} is not known here{did_you_mean(operand.value, known)}")

    def field(self, operand: Operand, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return value.get(name)
        if value is None:
            return None
        raise self.error(operand, f"'.{name}' is asked of {kind(value)}, which has no fields")

    def call(self, function: Operand, arguments: list[Operand], dot: Any, given: list[Any]) -> Any:
        name = function.value
        if name in ("and", "or"):
            return self.logic(function, arguments, dot, given)
        found = FUNCTIONS.get(name) or _sprig().get(name)
        if found is None:
            hint = did_you_mean(name, [*FUNCTIONS, *_sprig()])
            raise self.error(function, f"there is no function '{name}'{hint}")
        values = [self.operand(argument, dot) for argument in arguments] + given
        if name == "now" and not values:
            values = [self.now]
        return self.attempt(function, self.result, found, name, values)

    def result(self, function: Function, name: str, values: list[Any]) -> Any:
        found = function.call(name, values)
        for value in (found, *values):
            if isinstance(value, list | dict):
                self.budget.spend(len(value))
            elif isinstance(value, str):
                self.budget.spend(len(value) >> 6)
        return found

    def logic(self, function: Operand, arguments: list[Operand], dot: Any, given: list[Any]) -> Any:
        """`and` and `or` stop at the first value that decides, and give that value."""
        if not arguments and not given:
            raise self.error(function, f"'{function.value}' needs values")
        stop = function.value == "or"
        value: Any = None
        for argument in (*arguments, *given):
            value = self.operand(argument, dot) if isinstance(argument, Operand) else argument
            if truth(value) is stop:
                break
        return value

    def attempt(self, place: Action | Operand | Pipeline, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except (TypeError, ValueError, OverflowError, LookupError) as error:
            raise self.error(place, str(error)) from None

    def error(self, place: Action | Operand | Pipeline, text: str) -> ExpressionError:
        return ExpressionError(self.source, place.start, place.end, text)


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(value.items())
    if type(value) is int:
        from argosy.expressions.limits import check_items

        check_items(value)
        return [(index, index) for index in range(value)]
    if value is None:
        return []
    raise TypeError(f"range needs a list or a map, not {kind(value)}")


def _sprig() -> Table:
    table: Table = importlib.import_module("argosy.expressions.sprig").SPRIG
    return table
