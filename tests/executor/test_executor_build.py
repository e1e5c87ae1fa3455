"""What the build makes: small, static programs, with checks in every function that reads what strangers send."""

import importlib.util
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy" / "executor"


@pytest.fixture(scope="module")
def checked() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checked", DEPLOY / "checked.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("before", "after"), [
    ("fn a() void { b(); }", "fn a() void { @setRuntimeSafety(true); b(); }"),
    ("pub fn a(x: fn () void) error{A}!struct { u8 } { b(); }", None),
    ("fn a() E!void {\n@branchHint(.cold);\nb(); }", "fn a() E!void {\n@branchHint(.cold); @setRuntimeSafety(true);\nb(); }"),
    ("extern fn a() void; fn b() void {}", "extern fn a() void; fn b() void { @setRuntimeSafety(true);}"),
    ('const a = "fn a() {"; // fn b() {', 'const a = "fn a() {"; // fn b() {'),
    ("fn a() callconv(.naked) void {}", "fn a() callconv(.naked) void {}"),
    ("const T = *const fn (u8) void; fn a(b: [2]u8, c: switch (d) { else => u8 }) [b{}]u8 { }", None),
])
def test_checks_are_put_first_into_a_functions_body(checked: ModuleType, before: str, after: str | None) -> None:
    found = checked.with_checks(before)
    if after is not None:
        assert found == after
    assert found.replace(" @setRuntimeSafety(true);", "") == before
    assert found.count("@setRuntimeSafety") == (1 if after is None else after.count("@setRuntimeSafety"))


@pytest.mark.parametrize("source", sorted((DEPLOY / "src").glob("*.zig")), ids=lambda path: path.name)
def test_no_function_of_ours_goes_without(checked: ModuleType, source: Path) -> None:
    text = source.read_text()
    functions = re.findall(r"^\s*(?:pub )?fn \w+\(", text, re.MULTILINE)
    assert checked.with_checks(text).count("@setRuntimeSafety(true);") == len(functions)


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", 62), ("arm64", 183)])
def test_a_program_is_small_and_needs_nothing_of_the_image(architecture: str, machine: int) -> None:
    build = [sys.executable, str(DEPLOY / "build.py"), architecture]
    answer = subprocess.run(build, check=True, capture_output=True, text=True)
    program = Path(answer.stdout.strip().split("\t")[2]).read_bytes()
    assert len(program) < 700_000
    assert struct.unpack_from("<H", program, 18)[0] == machine
    start, size, count = struct.unpack_from("<Q", program, 32)[0], *struct.unpack_from("<HH", program, 54)
    kinds = {struct.unpack_from("<I", program, start + size * number)[0] for number in range(count)}
    assert kinds.isdisjoint({2, 3}), "it wants a dynamic linker"


@pytest.mark.parametrize("source", sorted((DEPLOY / "src").glob("*.zig")), ids=lambda path: path.name)
def test_a_source_opens_with_what_it_is_for_and_is_small(source: Path) -> None:
    text = source.read_text()
    assert text.startswith("//! ")
    assert text.count("\n") <= 500
