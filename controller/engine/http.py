"""An http template: a request, made in a pod of its own, that the graph shows as a node of type HTTP."""

from dataclasses import replace

from controller.engine.contract import PodSeen
from controller.engine.pod import PodBody

FAILED_CODE = 64  # of the program that makes the request, where its answer is no success
_OF_ITS_CONTAINER = f"main: Error (exit code {FAILED_CODE}): "


class Http(PodBody):
    """A node of type HTTP."""

    node_type = "HTTP"
    __slots__ = ()

    def seen(self, pod: PodSeen) -> None:
        """The request is under way, or was answered: what is told is the answer, not the container that asked."""
        super().seen(replace(pod, exit_code=None, message=pod.message.removeprefix(_OF_ITS_CONTAINER)))
