"""``argosy template``: stored WorkflowTemplates."""

from argosy.cli.stored import template_group
from argosy.kube.resources import WORKFLOW_TEMPLATES

command = template_group(WORKFLOW_TEMPLATES, "template")
