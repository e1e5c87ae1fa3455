"""The small types of manifests: text that any scalar becomes, whole numbers or text, quantities, plain JSON."""

from typing import Annotated, Any, TypeAlias

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from argosy.manifests.findings import kind_of
from argosy.manifests.yaml_scalars import float_text


def scalar_text(value: Any) -> str:
    """The text that Argo makes of a scalar: ``true``, ``1``, ``1.5``; large numbers are written out."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    raise PydanticCustomError(
        "scalar", "must be text, a number or a boolean, but is {found}; write JSON as text in quotes",
        {"found": kind_of(value)})


def _number_or_text(value: Any) -> int | float | str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("number_or_text", "must be a number or text, but is {found}", {"found": kind_of(value)})


def _whole_number_or_text(value: Any) -> int | str:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise PydanticCustomError(
        "int_or_string", "must be a whole number or text, but is {found}", {"found": kind_of(value)})


def _list_or_text(value: Any) -> list[Any] | str:
    if isinstance(value, list | str):
        return value
    raise PydanticCustomError("list_or_text", "must be a list, but is {found}", {"found": kind_of(value)})


AnyString: TypeAlias = Annotated[str, PlainValidator(scalar_text)]
IntOrString: TypeAlias = Annotated[int | str, PlainValidator(_whole_number_or_text)]
Quantity: TypeAlias = Annotated[int | float | str, PlainValidator(_number_or_text)]
Amount: TypeAlias = Annotated[int | float | str, PlainValidator(_number_or_text)]
ListOrText: TypeAlias = Annotated[list[Any] | str, PlainValidator(_list_or_text)]
