"""What a workflow that can be read may still have wrong: names that lead nowhere, values that come from nowhere."""

from controller.spec.checks.library import FindTemplate
from controller.spec.checks.schedules import schedule_mistake
from controller.spec.checks.workflows import check_workflow

__all__ = ["FindTemplate", "check_workflow", "schedule_mistake"]
