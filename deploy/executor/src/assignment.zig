//! What is to be done around the command, as the controller wrote it (controller/pods/assignment.py is the contract).

const std = @import("std");
const told = @import("told.zig");
const Turn = @import("turn.zig").Turn;

pub const StagedFile = struct { path: []const u8, text: []const u8, mode: u32 = 0o644 };

pub const ArtifactIn = struct {
    name: []const u8,
    path: []const u8,
    key: []const u8 = "",
    archive: []const u8 = "",
    mode: ?u32 = null,
    recurse: bool = false,
    optional: bool = false,
    sub_path: []const u8 = "",
    url: []const u8 = "",
    /// Header lines of the request.
    headers: []const []const u8 = &.{},
    /// The number of the credentials that it needs; empty if none.
    auth: []const u8 = "",
};

pub const ParameterOut = struct { name: []const u8, path: []const u8, default: ?[]const u8 = null };

pub const ArtifactOut = struct {
    name: []const u8,
    path: []const u8 = "",
    key: []const u8 = "",
    archive: []const u8 = "tar",
    compression_level: ?i32 = null,
    optional: bool = false,
    url: []const u8 = "",
    headers: []const []const u8 = &.{},
    auth: []const u8 = "",
    /// For a folder that is not packed: where each of its files is posted, with these fields ("name=value") before it.
    form_url: []const u8 = "",
    form: []const []const u8 = &.{},
};

pub const Assignment = struct {
    container: []const u8 = "main",
    files: []const StagedFile = &.{},
    artifacts_in: []const ArtifactIn = &.{},
    result: bool = false,
    parameters: []const ParameterOut = &.{},
    artifacts_out: []const ArtifactOut = &.{},
    /// Where all that the command prints is kept.
    logs: ?ArtifactOut = null,
    /// When the command runs, in a container set.
    turn: ?Turn = null,
    /// Certificates (PEM) of authorities that may vouch for a store, beside those that the image brings.
    authorities: []const u8 = "",
};

/// Read an assignment. Tells what is wrong with a text that is none.
pub fn parse(arena: std.mem.Allocator, text: []const u8) (told.Error || error{OutOfMemory})!Assignment {
    var scanner: std.json.Scanner = .initCompleteInput(arena, text);
    var place: std.json.Diagnostics = .{};
    scanner.enableDiagnostics(&place);
    const found = std.json.parseFromTokenSourceLeaky(Assignment, arena, &scanner, .{ .ignore_unknown_fields = true }) catch |problem| {
        if (problem == error.OutOfMemory) return error.OutOfMemory;
        return told.tell("the assignment cannot be read: {s} in line {d}, column {d}", .{ @errorName(problem), place.getLine(), place.getColumn() });
    };
    for (found.files) |item| try checkPath("file", item.path);
    for (found.artifacts_in) |item| try checkPath("input artifact", item.path);
    for (found.parameters) |item| try checkPath("output parameter", item.path);
    for (found.artifacts_out) |item| try checkPath("output artifact", item.path);
    return found;
}

/// A path with a NUL would be cut short by the kernel and mean another file.
fn checkPath(kind: []const u8, path: []const u8) told.Error!void {
    if (path.len == 0) return told.tell("the assignment cannot be read: a path of an {s} is empty", .{kind});
    if (std.mem.indexOfScalar(u8, path, 0) != null) return told.tell("the assignment cannot be read: a path of an {s} contains a NUL", .{kind});
    if (path.len > 4000) return told.tell("the assignment cannot be read: a path of an {s} is longer than 4000 bytes", .{kind});
}

test "an assignment as the controller writes it" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const found = try parse(arena.allocator(),
        \\{"container":"main","files":[{"path":"/a/b","text":"x\ny","mode":493}],"artifacts_in":[],"result":true,
        \\ "parameters":[{"name":"p","path":"/p","default":null}],"artifacts_out":[],"later":1}
    );
    try std.testing.expectEqual(true, found.result);
    try std.testing.expectEqualStrings("x\ny", found.files[0].text);
    try std.testing.expectEqual(@as(u32, 0o755), found.files[0].mode);
    try std.testing.expectEqual(@as(?[]const u8, null), found.parameters[0].default);
}

test "a text that is no assignment is told where" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    try std.testing.expectError(error.Told, parse(arena.allocator(), "{\"files\": 3}"));
    try std.testing.expect(std.mem.startsWith(u8, told.sentence(), "the assignment cannot be read: UnexpectedToken in line 1"));
    try std.testing.expectError(error.Told, parse(arena.allocator(), "{\"files\":[{\"path\":\"a\\u0000b\",\"text\":\"\"}]}"));
}
