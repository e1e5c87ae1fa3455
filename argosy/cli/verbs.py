"""The table of verbs: what each is called, which module holds it, and its one line of help.

``argosy --help`` is printed from this table alone; a verb's module (its attribute ``command``) is imported when used.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One command of ``argosy``."""

    name: str
    module: str
    help: str
    group: str


_START = "Start here"
_WORKFLOWS = "Workflows"
_STEERING = "Steering"
_OTHERS = "Everything else"

VERBS: tuple[Verb, ...] = (
    Verb("up", "up", "Start the whole system on this machine.", _START),
    Verb("run", "run", "Run one workflow in a throw-away system and show it.", _START),
    Verb("lint", "lint", "Check manifests and say what is wrong, where.", _START),
    Verb("submit", "submit", "Create workflows from files or stored templates.", _WORKFLOWS),
    Verb("list", "list", "List workflows.", _WORKFLOWS),
    Verb("get", "get", "Show a workflow and its tree of steps.", _WORKFLOWS),
    Verb("logs", "logs", "Print or follow the logs of a workflow's steps.", _WORKFLOWS),
    Verb("watch", "watch", "Watch a workflow until it ends.", _WORKFLOWS),
    Verb("wait", "wait", "Wait until workflows end.", _WORKFLOWS),
    Verb("delete", "delete", "Delete workflows.", _WORKFLOWS),
    Verb("stop", "stop", "End workflows, running their exit handlers.", _STEERING),
    Verb("terminate", "terminate", "End workflows at once, without exit handlers.", _STEERING),
    Verb("suspend", "suspend", "Start no new steps until resumed.", _STEERING),
    Verb("resume", "resume", "Let suspended workflows and steps go on.", _STEERING),
    Verb("retry", "retry", "Run the failed steps of ended workflows again.", _STEERING),
    Verb("resubmit", "resubmit", "Run workflows again as new ones.", _STEERING),
    Verb("node", "node", "Set the outcome of a suspend step.", _STEERING),
    Verb("controller", "controller", "Run the workflows of a Kubernetes cluster.", _OTHERS),
    Verb("eventing", "eventing", "Run the event sources and sensors of a Kubernetes cluster.", _OTHERS),
    Verb("resource", "resource", "Do the work of a resource template, inside its pod.", _OTHERS),
    Verb("request", "request", "Make the request of an http template, inside its pod.", _OTHERS),
    Verb("events", "events", "See what became of each event, and replay what failed.", _OTHERS),
    Verb("template", "template", "Manage WorkflowTemplates.", _OTHERS),
    Verb("cluster-template", "cluster_template", "Manage ClusterWorkflowTemplates.", _OTHERS),
    Verb("completion", "completion", "Print the script that completes commands in your shell.", _OTHERS),
    Verb("version", "version", "Print the version.", _OTHERS),
)
