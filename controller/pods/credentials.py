"""Credentials that the executor sends with artifacts over HTTP: it finds them in variables, which the pod takes from Secrets.

So they stand neither in the pod's manifest nor in its annotations.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment

_FIELDS = {"USERNAME": "usernameSecret", "PASSWORD": "passwordSecret"}

Artifact = TypeVar("Artifact", ArtifactIn, ArtifactOut)


def basic_auth_of(location: Mapping[str, Any]) -> Mapping[str, Any]:
    """``http.auth.basicAuth`` of an artifact's location; empty where it has none."""
    found: Mapping[str, Any] = ((location.get("http") or {}).get("auth") or {}).get("basicAuth") or {}
    return found


def with_credentials(work: Assignment) -> tuple[Assignment, list[dict[str, Any]]]:
    """The assignment in which each artifact knows its number, and the variables that go with those numbers."""
    numbers = count()
    variables: list[dict[str, Any]] = []

    def numbered(artifact: Artifact) -> Artifact:
        selectors = basic_auth_of(artifact.location)
        if not selectors:
            return artifact
        number = str(next(numbers))
        variables.extend(
            {"name": f"ARGOSY_AUTH_{number}_{name}", "valueFrom": {"secretKeyRef": dict(selectors[field])}}
            for name, field in _FIELDS.items() if selectors.get(field))
        return replace(artifact, auth=number)

    whole = replace(work, artifacts_in=tuple(map(numbered, work.artifacts_in)),
                    artifacts_out=tuple(map(numbered, work.artifacts_out)))
    return whole, variables
