//! Stores a folder file by file, each as an object of its own, through a form that was signed before the names were known.

const std = @import("std");
const kernel = @import("kernel.zig");
const told = @import("told.zig");
const web = @import("web.zig");
const entries = @import("pack.zig").entries;
const ArtifactOut = @import("assignment.zig").ArtifactOut;

pub const Error = told.Error || error{OutOfMemory};

const depth_most = 128; // folders within folders; each holds a file open

/// Store every file below `path`. Links to files are followed, there being none in a store; what is no file is left out.
pub fn folder(gpa: std.mem.Allocator, wanted: ArtifactOut, path: [:0]const u8, trust: web.Trust) Error!void {
    var chance: [16]u8 = undefined;
    kernel.randomBytes(&chance) catch return told.tell("the kernel gives no random numbers: {s}", .{kernel.reason()});
    const boundary = std.fmt.bytesToHex(chance, .lower);
    try below(gpa, .{ .wanted = wanted, .boundary = &boundary, .trust = trust }, kernel.here, path, "", 0);
}

const Upload = struct { wanted: ArtifactOut, boundary: []const u8, trust: web.Trust };

fn below(gpa: std.mem.Allocator, upload: Upload, within: kernel.Fd, path: [:0]const u8, name: []const u8, depth: u32) Error!void {
    if (depth > depth_most) return told.tell("'{s}' lies more than {d} folders deep", .{ name, depth_most });
    const here = kernel.open(within, path, .{ .DIRECTORY = true }, 0) catch return cannotRead(path);
    defer kernel.close(here);
    var memory: std.heap.ArenaAllocator = .init(gpa);
    defer memory.deinit();
    const arena = memory.allocator();
    const list = entries(arena, here, name) catch |problem| return @errorCast(problem);
    for (list) |item| {
        const own = try std.mem.concat(arena, u8, if (name.len == 0) &.{item} else &.{ name, "/", item });
        const found = kernel.linkStat(here, item) catch return cannotRead(own);
        if (found.isFolder()) {
            try below(gpa, upload, here, item, own, depth + 1);
        } else if (found.isFile() or found.isLink()) {
            try one(gpa, upload, here, item, own);
        }
    }
}

fn cannotRead(name: []const u8) told.Error {
    return told.tell("cannot read {s}: {s}", .{ name, kernel.reason() });
}

fn one(gpa: std.mem.Allocator, upload: Upload, within: kernel.Fd, item: [:0]const u8, name: []const u8) Error!void {
    var memory: std.heap.ArenaAllocator = .init(gpa);
    defer memory.deinit();
    const arena = memory.allocator();
    const file = kernel.open(within, item, .{ .NONBLOCK = true }, 0) catch return cannotRead(name);
    defer kernel.close(file);
    const found = kernel.fileStat(file) catch return cannotRead(name);
    if (!found.isFile()) return; // a link that leads to a folder or a device
    const kind = try std.mem.concat(arena, u8, &.{ "Content-Type: multipart/form-data; boundary=", upload.boundary });
    const answer = try web.ask(gpa, arena, .{
        .method = "POST",
        .url = upload.wanted.form_url,
        .header_lines = &.{kind},
        .body = .{ .file = .{
            .file = file,
            .size = found.size,
            .before = try fieldsBefore(arena, upload, name),
            .after = try std.mem.concat(arena, u8, &.{ "\r\n--", upload.boundary, "--\r\n" }),
        } },
        .trust = upload.trust,
    });
    if (!answer.isGood()) return told.tell("the store refuses '{s}' with status {d}: {s}", .{ name, answer.status, answer.words });
}

/// The form up to the file's first byte; the first field is the key's beginning, and the file's name completes it.
fn fieldsBefore(arena: std.mem.Allocator, upload: Upload, name: []const u8) error{OutOfMemory}![]const u8 {
    var text: std.ArrayList(u8) = .empty;
    for (upload.wanted.form) |field| {
        const split = std.mem.indexOfScalar(u8, field, '=') orelse field.len;
        const value = if (split < field.len) field[split + 1 ..] else "";
        const more = if (std.mem.eql(u8, field[0..split], "key")) name else "";
        for ([_][]const u8{ "--", upload.boundary, "\r\nContent-Disposition: form-data; name=\"", field[0..split], "\"\r\n\r\n", value, more, "\r\n" }) |part|
            try text.appendSlice(arena, part);
    }
    for ([_][]const u8{ "--", upload.boundary, "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: application/octet-stream\r\n\r\n" }) |part|
        try text.appendSlice(arena, part);
    return text.items;
}
