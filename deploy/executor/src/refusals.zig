//! What an archive from anywhere must not do: lead out of its folder, bring devices, or fill the disk.
//!
//! The rules and the words are those of controller/artifacts/packing.py.

const std = @import("std");
const told = @import("told.zig");

pub const Limits = struct {
    bytes: u64 = 64 << 30,
    entries: u64 = 1_000_000,
    /// gzip cannot do better than 1,032 to 1 on honest data, and zip no better either.
    ratio: u64 = 1_100,
    /// Bytes below which the ratio does not matter.
    ratio_free: u64 = 64 << 20,
};

const names_most = 64 << 20; // bytes of names that are remembered until the end

/// Counts what an archive unpacks to.
pub const Sizes = struct {
    packed_size: u64,
    limits: Limits,
    entries: u64 = 0,
    bytes: u64 = 0,
    names: u64 = 0,

    pub fn add(sizes: *Sizes, size: u64) told.Error!void {
        sizes.entries += 1;
        sizes.bytes +|= size;
        if (sizes.entries > sizes.limits.entries)
            return told.tell("the archive is refused: it has more than {d} entries", .{sizes.limits.entries});
        if (sizes.bytes > sizes.limits.bytes)
            return told.tell("the archive is refused: it unpacks to more than {d} bytes", .{sizes.limits.bytes});
        if (sizes.bytes > sizes.limits.ratio_free and sizes.bytes / @max(sizes.packed_size, 1) > sizes.limits.ratio)
            return told.tell("the archive is refused: it unpacks to more than {d} times its size", .{sizes.limits.ratio});
    }

    /// A name that must be remembered costs memory, which belongs to the user's container.
    pub fn remember(sizes: *Sizes, name: []const u8) told.Error!void {
        sizes.names += name.len + 64;
        if (sizes.names > names_most) return told.tell("the archive is refused: it has too many folders and links", .{});
    }
};

pub fn checkName(name: []const u8) told.Error!void {
    if (name.len == 0) return told.tell("the archive is refused: a member has no name", .{});
    if (std.mem.indexOfScalar(u8, name, 0) != null) return told.tell("the archive is refused: a member's name contains a NUL", .{});
    if (name.len > 4000) return told.tell("the archive is refused: a member's name is longer than 4000 bytes", .{});
    if (name[0] == '/' or name[0] == '\\' or (name.len > 1 and name[1] == ':'))
        return told.tell("the archive is refused: its member '{s}' has an absolute path", .{name});
    var parts = std.mem.splitAny(u8, name, "/\\");
    while (parts.next()) |part| {
        if (std.mem.eql(u8, part, "..")) return told.tell("the archive is refused: its member '{s}' leads out of it with '..'", .{name});
    }
}

/// A link must stay in the archive: `target` counts from the link's folder, that of a hard link from the top.
pub fn checkLink(name: []const u8, target: []const u8, kind: enum { symbolic, hard }) told.Error!void {
    if (target.len == 0 or target.len > 4000 or std.mem.indexOfScalar(u8, target, 0) != null)
        return told.tell("the archive is refused: its link '{s}' has no proper target", .{name});
    var depth: i64 = 0;
    if (kind == .symbolic) {
        var folders = std.mem.tokenizeScalar(u8, name, '/');
        while (folders.next()) |part| {
            if (!std.mem.eql(u8, part, ".")) depth += 1;
        }
        depth -= 1; // the link's own name
    }
    var inside = target[0] != '/';
    var named = false;
    var parts = std.mem.tokenizeScalar(u8, target, '/');
    while (parts.next()) |part| {
        if (std.mem.eql(u8, part, "..")) {
            // Behind a name that may itself be a link, '..' leads who knows where.
            if (named) return told.tell("the archive is refused: its link '{s}' has '..' behind a name in its target '{s}'", .{ name, target });
            depth -= 1;
            if (depth < 0) inside = false;
        } else if (!std.mem.eql(u8, part, ".")) {
            named = true;
        }
    }
    if (!inside) return told.tell("the archive is refused: its link '{s}' leads out of it, to '{s}'", .{ name, target });
}

pub fn special(name: []const u8) told.Error {
    return told.tell("the archive is refused: its member '{s}' is a device or another special file", .{name});
}

test "names that lead out are refused" {
    for ([_][]const u8{ "", "/etc/passwd", "../x", "a/../../x", "a\\..\\x", "C:x", "\\x", "a\x00b" }) |name|
        try std.testing.expectError(error.Told, checkName(name));
    for ([_][]const u8{ "a", "a/b", "./a", "a..b/c", "..a" }) |name| try checkName(name);
}

test "links that lead out are refused" {
    try checkLink("a/b", "../c", .symbolic);
    try checkLink("a", "b/c", .symbolic);
    try checkLink("a", ".", .symbolic);
    try std.testing.expectError(error.Told, checkLink("a/b", "../../c", .symbolic));
    try std.testing.expectError(error.Told, checkLink("a", "/etc", .symbolic));
    try std.testing.expectError(error.Told, checkLink("./a", "../c", .symbolic));
    try std.testing.expectError(error.Told, checkLink("a/b", "../c", .hard));
    // With b -> "." this would be the folder above.
    try std.testing.expectError(error.Told, checkLink("a", "b/..", .symbolic));
}

test "bombs are refused by entries, size and ratio" {
    var many: Sizes = .{ .packed_size = 100, .limits = .{ .entries = 2 } };
    try many.add(0);
    try many.add(0);
    try std.testing.expectError(error.Told, many.add(0));
    var large: Sizes = .{ .packed_size = 100, .limits = .{ .bytes = 10 } };
    try std.testing.expectError(error.Told, large.add(11));
    var dense: Sizes = .{ .packed_size = 100, .limits = .{ .ratio_free = 10, .ratio = 5 } };
    try dense.add(500);
    try std.testing.expectError(error.Told, dense.add(100));
    var endless: Sizes = .{ .packed_size = 100, .limits = .{} };
    try std.testing.expectError(error.Told, endless.add(std.math.maxInt(u64)));
}
