"""The engine: what was seen goes in, what should be true comes out. Pure: no clock, no chance, no I/O."""

from controller.engine.contract import (
    Answer,
    Changes,
    ContainerSeen,
    Move,
    Need,
    Observation,
    Outputs,
    PodDelayed,
    PodGone,
    PodRefused,
    PodSeen,
    Resumed,
    Supplied,
    UnwantedPod,
    WantedPod,
    Wish,
)
from controller.engine.run import Run

__all__ = [
    "Answer", "Changes", "ContainerSeen", "Move", "Need", "Observation", "Outputs", "PodDelayed", "PodGone", "PodRefused",
    "PodSeen", "Resumed", "Run", "Supplied", "UnwantedPod", "WantedPod", "Wish",
]
