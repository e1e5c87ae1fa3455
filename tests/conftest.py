"""What the whole suite has in common: a line that a test wants told at the end is told, whichever worker ran it."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, text in getattr(report, "user_properties", []):
            if name == "told at the end":
                terminalreporter.write_line(str(text))
