"""``argosy cluster-template``: stored ClusterWorkflowTemplates."""

from argosy.cli.stored import template_group
from argosy.kube.resources import CLUSTER_WORKFLOW_TEMPLATES

command = template_group(CLUSTER_WORKFLOW_TEMPLATES, "cluster-template")
