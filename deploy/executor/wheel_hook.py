"""Every wheel carries the executor: built, if it is not there yet, before hatchling gathers the files."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ExecutorHook(BuildHookInterface):
    """Puts the programs into the wheel's ``controller/programs/``; in a checkout ``make executor`` does it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are gathered."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "deploy" / "executor"))
        import build  # the script beside this one

        for architecture in build.TARGETS:
            build_data["force_include"][str(build.build(architecture))] = f"controller/programs/{architecture}"
