"""Which kinds of event source there are."""

from sources.calendar import Calendar
from sources.contract import Kinds
from sources.github import GitHub
from sources.webhook import Webhook

KINDS = Kinds(hooks={"github": GitHub(), "webhook": Webhook()}, runners={"calendar": Calendar()})
# What stands beside the kinds in an EventSource's spec.
NOT_KINDS = frozenset(("eventBusName", "replicas", "service", "template"))
