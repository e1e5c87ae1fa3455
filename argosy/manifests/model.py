"""What all manifests' models share: camelCase names, nothing unknown, errors as findings, and schemas built on first use.

Argo's kinds reach some four hundred classes, of which a manifest touches twenty. Building pydantic's schema for all of
them would cost more than running the workflow; so a model sees the models inside it only as a function to call, and
each class builds its own small schema when the first value of it is read.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from argosy.errors import Problem, SpecErrors
from argosy.manifests.findings import Finding, Json, Path, dotted, explain, object_expected

_inside_of_another: ContextVar[bool] = ContextVar("_inside_of_another", default=False)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join([word.capitalize() for word in rest])


class Model(BaseModel):
    """A part of a manifest. Attributes are snake_case, YAML keys camelCase; reading is strict, values never change."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, defer_build=True, alias_generator=_camel, serialize_by_alias=True,
        protected_namespaces=(),
    )

    retired: ClassVar[Mapping[str, str]] = {}
    """Keys that manifests in the wild still have and that mean nothing any more, each with what to do about it."""

    def tree(self) -> dict[str, Json]:
        """The JSON tree it was read from: only what was written, under Argo's names."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    @classmethod
    def read(cls, value: Json, *, source: str = "") -> Self:
        """Read a JSON tree; raises SpecErrors with all mistakes at once."""
        try:
            return _read(cls, value)
        except PydanticCustomError as error:
            problems = [Problem(dotted(found.path), found.text, source=source) for found in carried(error)]
        except RecursionError:
            problems = [Problem("", "is nested too deeply to be read", source=source)]
        raise SpecErrors(problems)

    @classmethod
    def tidy(cls, value: dict[str, Json]) -> dict[str, Json]:
        """A chance to rewrite older spellings before the fields are read; returns a tree of today's form."""
        return value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if _inside_of_another.get():
            return core_schema.no_info_plain_validator_function(lambda value: _read(cls, value))
        token = _inside_of_another.set(True)
        try:
            return handler(source)
        finally:
            _inside_of_another.reset(token)


class late:  # noqa: N801 (it stands where a module's name would)
    """A module of models that is imported only when the first value of one of them is read.

    ``volumes = late("controller.spec.volumes")`` stands for the import; ``volumes.Volume`` may be used in annotations.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return Annotated[Any, _Late(self._module, name)]


class _Late:
    """The mark that `late` leaves in an annotation in place of the model itself."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def model(self) -> "type[Model]":
        found: type[Model] = getattr(import_module(self.module), self.name)
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: _read(self.model(), value))


_AnyModel = TypeVar("_AnyModel", bound=Model)


def _read(cls: type[_AnyModel], value: Json) -> _AnyModel:
    if isinstance(value, cls):
        return value
    if not isinstance(value, dict):
        raise _carrying([Finding((), object_expected(value, keys_of(cls)))])
    try:
        return cls.model_validate(_known_spelling(cls, cls.tidy(value)))
    except ValidationError as error:
        found: list[Finding] = []
        for detail in error.errors(include_url=False):
            inner = detail.get("ctx", {}).get("findings")
            here = tuple(detail["loc"])
            if inner is None:
                found.append(explain(here, detail, keys_of(cls)))
            else:
                found += [Finding(here + finding.path, finding.text) for finding in inner]
        raise _carrying(found) from None


def _known_spelling(cls: type[Model], value: dict[str, Json]) -> dict[str, Json]:
    """As Go reads JSON: a null is as good as absent, and keys match whatever their case."""
    keys = keys_of(cls)
    if value.keys() <= keys.keys() and None not in value.values():
        return value
    exact = {key: entry for key, entry in value.items() if key in keys and entry is not None}
    folded = _folded_keys_of(cls)
    for key, entry in value.items():
        if key in keys:
            continue
        known = folded.get(key.lower()) if isinstance(key, str) else None
        if known is None:
            if key not in cls.retired:
                exact[key] = entry
        elif entry is not None:
            exact.setdefault(known, entry)
    return exact


@cache
def keys_of(cls: type[Model]) -> Mapping[str, str]:
    """The YAML keys of a model, each with its attribute."""
    return {field.alias or name: name for name, field in cls.model_fields.items()}


@cache
def _folded_keys_of(cls: type[Model]) -> Mapping[str, str]:
    return {key.lower(): key for key in keys_of(cls)}


def spelled(cls: type[Model], key: str) -> str | None:
    """How a key is written that Go would take for this one; None if the model has none like it."""
    return key if key in keys_of(cls) else _folded_keys_of(cls).get(key.lower())


@cache
def model_at(cls: type[Model], key: str) -> type[Model] | None:
    """The model that a key's value, or each element of it, is; None if it is none."""
    name = keys_of(cls).get(key)
    return None if name is None else _model_of(cls.model_fields[name])


def _model_of(field: FieldInfo) -> type[Model] | None:
    late_ones = [mark.model() for mark in field.metadata if isinstance(mark, _Late)]
    return late_ones[0] if late_ones else _model_in(field.annotation)


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, _Late):
        return annotation.model()
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _carrying(findings: list[Finding]) -> PydanticCustomError:
    return PydanticCustomError("findings", "see the findings", {"findings": findings})


def carried(error: PydanticCustomError) -> list[Finding]:
    """The findings that an error of a nested model carries out."""
    context = error.context or {}
    findings: list[Finding] = context["findings"]
    return findings


__all__ = ["Finding", "Json", "Model", "Path", "keys_of", "late", "model_at", "spelled"]
