"""Objects printed as ``-o`` says, and tables with aligned columns."""

from collections.abc import Sequence
from typing import Any

from argosy.cli.paint import Line, Segment
from argosy.cli.session import Session
from argosy.kube.contract import Object


def to_text(thing: Any, output: str) -> str:
    """JSON or YAML, indented for people."""
    if output == "json":
        import orjson

        return orjson.dumps(thing, option=orjson.OPT_INDENT_2).decode()
    import yaml

    text: str = yaml.safe_dump(thing, sort_keys=False, allow_unicode=True, width=120)
    return text.rstrip("\n")


def print_objects(session: Session, objects: Sequence[Object], output: str) -> bool:
    """Print as name, json or yaml; False where `output` is none of these and the verb prints its own form.

    Several are printed as a JSON list, or as YAML documents.
    """
    if output == "name":
        session.print(*(item["metadata"]["name"] for item in objects))
    elif output == "json":
        session.print(to_text(objects[0] if len(objects) == 1 else list(objects), "json"))
    elif output == "yaml":
        session.print("\n---\n".join(to_text(item, "yaml") for item in objects))
    else:
        return False
    return True


def table(titles: Sequence[str], rows: Sequence[Sequence[str | Segment]], *, header: bool = True) -> list[Line]:
    """Columns aligned with two spaces between; a cell may carry a style."""
    cells: list[list[Segment]] = [[cell if isinstance(cell, tuple) else (cell, "") for cell in row] for row in rows]
    if header:
        cells.insert(0, [(title, "bold") for title in titles])
    widths = [max((len(row[column][0]) for row in cells), default=0) for column in range(len(titles))]
    last = len(titles) - 1
    return [
        [(text if column == last else text.ljust(widths[column] + 2), style) for column, (text, style) in enumerate(row)]
        for row in cells
    ]
