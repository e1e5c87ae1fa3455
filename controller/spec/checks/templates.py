"""One template: its kind, inputs, body, outputs, and the settings that go with its kind."""

import re
from functools import partial

from argosy.manifests.findings import did_you_mean
from controller.spec.checks.graphs import check_dag, check_steps
from controller.spec.checks.leaf import check_leaf
from controller.spec.checks.library import Library
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.checks.scope import Scope
from controller.spec.checks.shapes import KINDS, is_graph, kinds_of, makes_a_pod
from controller.spec.checks.values import check_inputs, check_outputs
from controller.spec.policies import Prometheus, RetryStrategy
from controller.spec.templates import Template

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")


def check_template(template: Template, path: str, scope: Scope, library: Library) -> None:
    """Everything about one template, apart from its name."""
    report = library.report
    kinds = kinds_of(template)
    if len(kinds) != 1:
        found = "has none of them" if not kinds else f"has {' and '.join(kinds)}"
        report.error(path, f"must have exactly one of {', '.join(KINDS)}, but {found}")
        return
    inner = scope
    inline = partial(check_template, library=library)
    check_inputs(template, f"{path}.inputs", report)
    if is_graph(template):
        _check_graph_settings(template, path, report)
        if template.dag is not None:
            inner = check_dag(template.dag, f"{path}.dag", scope, library, inline=inline)
        else:
            inner = check_steps(template, path, scope, library, inline=inline)
    else:
        check_leaf(template, path, report, defaults=library.defaults)
    check_outputs(template, f"{path}.outputs", report)
    tree = template.tree()
    for calls in ("steps", "dag"):
        tree.pop(calls, None)  # their scopes are their own, and they have been checked in them
    inner.check(tree, path, report)
    _check_settings(template, path, report)


def _check_graph_settings(template: Template, path: str, report: Report) -> None:
    for key, value in (
        ("activeDeadlineSeconds", template.active_deadline_seconds), ("timeout", template.timeout),
        ("pendingTimeout", template.pending_timeout),
    ):
        if value:
            report.error(f"{path}.{key}", "is only for templates that do the work themselves; put it there, or at spec")


def _check_settings(template: Template, path: str, report: Report) -> None:
    if template.retry_strategy is not None:
        check_retry(template.retry_strategy, f"{path}.retryStrategy", report)
    if template.timeout.isdigit():
        report.error(f"{path}.timeout", f"needs a unit, such as {template.timeout}s")
    else:
        report.duration(template.timeout, f"{path}.timeout")
    if template.suspend is not None:
        report.duration(template.suspend.duration, f"{path}.suspend.duration")
    if template.resource_claims and not makes_a_pod(template):
        report.error(f"{path}.resourceClaims", "is only for templates that make a pod")
    if template.metrics is not None:
        for at, metric in enumerate(template.metrics.prometheus):
            _check_metric(metric, f"{path}.metrics.prometheus[{at}]", report)


def check_retry(strategy: RetryStrategy, path: str, report: Report) -> None:
    """How often and when a failed step is tried again."""
    policy, limit, backoff = strategy.retry_policy, strategy.limit, strategy.backoff
    if policy and policy not in _POLICIES and not is_filled_later(policy):
        hint = did_you_mean(policy, _POLICIES)
        report.error(f"{path}.retryPolicy", f"must be one of {', '.join(_POLICIES)}, but is '{policy}'{hint}")
    if limit is not None and not is_filled_later(str(limit)) and not str(limit).lstrip("-").isdigit():
        report.error(f"{path}.limit", f"must be a whole number, but is '{limit}'")
    if backoff is not None:
        for key, value in (("duration", backoff.duration), ("maxDuration", backoff.max_duration), ("cap", backoff.cap)):
            report.duration(value, f"{path}.backoff.{key}")


def _check_metric(metric: Prometheus, path: str, report: Report) -> None:
    if not _METRIC_NAME.fullmatch(metric.name):
        report.error(f"{path}.name", f"'{metric.name}' may hold only letters, digits, '_' and ':', no digit first")
    if not metric.help:
        report.error(f"{path}.help", "is required; write what the metric counts")
    kinds = [kind for kind, value in (
        ("counter", metric.counter), ("gauge", metric.gauge), ("histogram", metric.histogram)) if value is not None]
    if len(kinds) != 1:
        report.error(path, f"must have exactly one of counter, gauge and histogram, but has {' and '.join(kinds) or 'none'}")
