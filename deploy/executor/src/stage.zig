//! Before the command: files are written and input artifacts are fetched, unpacked and laid at their paths.

const std = @import("std");
const kernel = @import("kernel.zig");
const folders = @import("folders.zig");
const streams = @import("streams.zig");
const told = @import("told.zig");
const web = @import("web.zig");
const untar = @import("untar.zig");
const unzip = @import("unzip.zig");
const Limits = @import("refusals.zig").Limits;
const Tree = @import("tree.zig").Tree;
const ArtifactIn = @import("assignment.zig").ArtifactIn;
const StagedFile = @import("assignment.zig").StagedFile;
const entries = @import("pack.zig").entries;
const flate = std.compress.flate;

pub const Error = told.Error || error{OutOfMemory};

pub fn writeFile(arena: std.mem.Allocator, wanted: StagedFile) Error!void {
    const path = try arena.dupeSentinel(u8, wanted.path, 0);
    try folders.makeParents(path);
    const flags: kernel.O = .{ .ACCMODE = .WRONLY, .CREAT = true, .TRUNC = true };
    const file = kernel.open(kernel.here, path, flags, 0o600) catch return cannotWrite(path);
    defer kernel.close(file);
    kernel.writeAll(file, wanted.text) catch return cannotWrite(path);
    kernel.setFileMode(file, wanted.mode & 0o7777) catch return cannotWrite(path);
}

fn cannotWrite(path: []const u8) told.Error {
    return told.tell("cannot lay the file at {s}: {s}", .{ path, kernel.reason() });
}

/// Fetch an artifact and lay it at its path; nothing of it stays where that fails.
pub fn fetch(gpa: std.mem.Allocator, arena: std.mem.Allocator, wanted: ArtifactIn, limits: Limits, trust: web.Trust) Error!void {
    if (wanted.url.len == 0) {
        if (wanted.optional) return;
        return told.tell("the assignment has no URL to fetch it from", .{});
    }
    const path = try arena.dupeSentinel(u8, std.mem.trimEnd(u8, wanted.path, "/"), 0);
    try folders.makeParents(path);
    const aside = try makeAside(arena, path);
    defer folders.removeAll(gpa, kernel.here, aside);
    const folder = kernel.open(kernel.here, aside, .{ .DIRECTORY = true }, 0) catch return cannotUnpack(aside);
    defer kernel.close(folder);
    if (!try download(gpa, arena, wanted, folder, trust)) return;
    try unpack(gpa, arena, folder, wanted.archive, limits);
    const source = try chosen(arena, folder, wanted.sub_path);
    try folders.move(gpa, folder, source, kernel.here, path);
    if (wanted.mode) |mode| folders.setMode(gpa, kernel.here, path, mode, if (wanted.recurse) .below_too else .only_here);
}

/// A new folder on the file system where the artifact will lie: in the target where that is a folder, else beside it.
fn makeAside(arena: std.mem.Allocator, path: [:0]const u8) Error![:0]const u8 {
    const target = kernel.stat(kernel.here, path) catch null;
    const within = target != null and target.?.isFolder();
    const end = if (within) path.len else std.mem.lastIndexOfScalar(u8, path, '/') orelse 0;
    // Steps beside this one may fetch into the same folder of a volume that they share.
    var chance: [8]u8 = undefined;
    kernel.randomBytes(&chance) catch return told.tell("the kernel gives no random numbers: {s}", .{kernel.reason()});
    const own = std.fmt.bytesToHex(chance, .lower);
    const slash = if (within or end > 0 or path[0] == '/') "/" else "";
    const aside = try std.mem.concatWithSentinel(arena, u8, &.{ path[0..end], slash, ".argosy-unpacking-", &own }, 0);
    kernel.makeFolder(kernel.here, aside, 0o700) catch return cannotUnpack(aside);
    return aside;
}

fn cannotUnpack(path: []const u8) told.Error {
    return told.tell("cannot unpack it in {s}: {s}", .{ path, kernel.reason() });
}

/// Fetch into "packed"; false where there is nothing and nothing needs to be.
fn download(gpa: std.mem.Allocator, arena: std.mem.Allocator, wanted: ArtifactIn, folder: kernel.Fd, trust: web.Trust) Error!bool {
    const flags: kernel.O = .{ .ACCMODE = .RDWR, .CREAT = true, .EXCL = true };
    const file = kernel.open(folder, "packed", flags, 0o644) catch return cannotUnpack("packed");
    defer kernel.close(file);
    const answer = try web.ask(gpa, arena, .{ .method = "GET", .url = wanted.url, .header_lines = wanted.headers, .into = file, .trust = trust });
    if (answer.isGood()) return true;
    if (answer.status == 404) {
        if (wanted.optional) return false;
        return told.tell("there is no artifact at key '{s}'", .{wanted.key});
    }
    return told.tell("the store refuses it with status {d}: {s}", .{ answer.status, answer.words });
}

/// Unpack "packed" into "whole", or make it "whole" itself where it is not packed.
pub fn unpack(gpa: std.mem.Allocator, arena: std.mem.Allocator, folder: kernel.Fd, archive: []const u8, limits: Limits) Error!void {
    const file = kernel.open(folder, "packed", .{}, 0) catch return cannotUnpack("packed");
    defer kernel.close(file);
    const size = (kernel.fileStat(file) catch return cannotUnpack("packed")).size;
    const kind = if (archive.len > 0) archive else try kindOf(gpa, file, size);
    if (std.mem.eql(u8, kind, "none")) {
        kernel.rename(folder, "packed", folder, "whole") catch return cannotUnpack("whole");
        return;
    }
    kernel.makeFolder(folder, "whole", 0o755) catch return cannotUnpack("whole");
    const root = kernel.open(folder, "whole", .{ .DIRECTORY = true }, 0) catch return cannotUnpack("whole");
    defer kernel.close(root);
    var tree: Tree = .{ .arena = arena, .root = root, .sizes = .{ .packed_size = size, .limits = limits } };
    if (std.mem.eql(u8, kind, "tar")) {
        const room = try gpa.create(TarRoom);
        defer gpa.destroy(room);
        var scratch: std.heap.ArenaAllocator = .init(gpa);
        defer scratch.deinit();
        var input: streams.PartReader = .init(file, 0, size, &room.input);
        if (isGzip(file)) {
            var inflated: flate.Decompress = .init(&input.reader, .gzip, &room.window);
            try untar.read(&tree, &inflated.reader, &scratch);
        } else {
            try untar.read(&tree, &input.reader, &scratch);
        }
    } else if (std.mem.eql(u8, kind, "zip")) {
        const room = try gpa.create(unzip.Room);
        defer gpa.destroy(room);
        try unzip.read(&tree, file, size, arena, room);
    } else {
        return told.tell("'{s}' is no way to pack an artifact; write tar, zip or none", .{archive});
    }
    try tree.finish();
}

const TarRoom = struct { input: [32 << 10]u8, window: [flate.max_window_len]u8 };

fn isGzip(file: kernel.Fd) bool {
    var start: [2]u8 = undefined;
    return (kernel.readAt(file, &start, 0) catch 0) == 2 and std.mem.eql(u8, &start, "\x1f\x8b");
}

/// How it was packed, by looking at it: a gzip that holds no tar is a file like any other, and so is a zip (a .jar, a .xlsx).
fn kindOf(gpa: std.mem.Allocator, file: kernel.Fd, size: u64) Error![]const u8 {
    if (!isGzip(file)) return "none";
    const room = try gpa.create(TarRoom);
    defer gpa.destroy(room);
    var input: streams.PartReader = .init(file, 0, size, &room.input);
    var inflated: flate.Decompress = .init(&input.reader, .gzip, &room.window);
    var header: [512]u8 = undefined;
    const count = inflated.reader.readSliceShort(&header) catch 0;
    return if (count == header.len and std.mem.eql(u8, header[257..262], "ustar")) "tar" else "none";
}

/// What is to be laid at the path: the only entry of an archive, or all of them as a folder; of that, the part wished for.
fn chosen(arena: std.mem.Allocator, folder: kernel.Fd, sub_path: []const u8) Error![:0]const u8 {
    var source: [:0]const u8 = "whole";
    if ((kernel.linkStat(folder, source) catch return cannotUnpack(source)).isFolder()) {
        const inner = kernel.open(folder, source, .{ .DIRECTORY = true }, 0) catch return cannotUnpack(source);
        defer kernel.close(inner);
        const list = entries(arena, inner, source) catch |problem| return @errorCast(problem);
        if (list.len == 1) source = try std.mem.concatWithSentinel(arena, u8, &.{ source, "/", list[0] }, 0);
    }
    var parts = std.mem.tokenizeScalar(u8, sub_path, '/');
    while (parts.next()) |part| {
        if (std.mem.eql(u8, part, ".")) continue;
        const found = kernel.linkStat(folder, source) catch null;
        if (std.mem.eql(u8, part, "..") or (found != null and found.?.isLink()))
            return told.tell("subPath '{s}' leads out of the artifact", .{sub_path});
        source = try std.mem.concatWithSentinel(arena, u8, &.{ source, "/", part }, 0);
        _ = kernel.linkStat(folder, source) catch return told.tell("the artifact has no '{s}'", .{sub_path});
    }
    return source;
}
