//! The folder that an archive is laid into: regular files at once, links and folders' modes when all files lie.
//!
//! So nothing is ever written through a link or into a closed folder, whatever order the archive has. The folder is new
//! and ours alone; if anything is refused, its owner removes it and nothing is left.

const std = @import("std");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const refusals = @import("refusals.zig");
const told = @import("told.zig");

pub const Error = told.Error || error{OutOfMemory};

const Link = struct { path: [:0]const u8, target: [:0]const u8, hard: bool };
const Folder = struct { path: [:0]const u8, mode: u32 };

pub const Tree = struct {
    arena: std.mem.Allocator,
    root: kernel.Fd,
    sizes: refusals.Sizes,
    links: std.ArrayList(Link) = .empty,
    folders: std.ArrayList(Folder) = .empty,

    /// A folder, and those above it.
    pub fn addFolder(tree: *Tree, name: []const u8, mode: u32) Error!void {
        try refusals.checkName(name);
        try tree.sizes.add(0);
        const path = try tree.plain(name) orelse return; // "." is the root itself
        try tree.makeFolders(path);
        try tree.makeFolder(path);
        try tree.sizes.remember(path);
        try tree.folders.append(tree.arena, .{ .path = path, .mode = mode });
    }

    /// A regular file to be written; close it with `finishFile`. A later member of the same name takes its place.
    pub fn addFile(tree: *Tree, name: []const u8, size: u64) Error!kernel.Fd {
        try refusals.checkName(name);
        try tree.sizes.add(size);
        var buffer: [4096]u8 = undefined;
        var memory: std.heap.FixedBufferAllocator = .init(&buffer);
        const path = try plainIn(memory.allocator(), name) orelse
            return told.tell("the archive is refused: its member '{s}' is a file where its folder must be", .{name});
        try tree.makeFolders(path);
        const flags: kernel.O = .{ .ACCMODE = .WRONLY, .CREAT = true, .EXCL = true, .NOFOLLOW = true };
        return kernel.open(tree.root, path, flags, 0o600) catch {
            if (kernel.last == .EXIST) {
                kernel.remove(tree.root, path) catch {};
                if (kernel.open(tree.root, path, flags, 0o600)) |file| return file else |_| {}
            }
            return told.tell("cannot lay '{s}': {s}", .{ name, kernel.reason() });
        };
    }

    /// Owners and set-user-id bits are left behind.
    pub fn finishFile(_: *Tree, file: kernel.Fd, mode: u32, modified: ?i64) void {
        kernel.setFileMode(file, mode & 0o777 | 0o400) catch {};
        if (modified) |seconds| kernel.setModified(file, seconds);
        kernel.close(file);
    }

    pub fn addLink(tree: *Tree, name: []const u8, target: []const u8, kind: enum { symbolic, hard }) Error!void {
        try refusals.checkName(name);
        try refusals.checkLink(name, target, if (kind == .hard) .hard else .symbolic);
        try tree.sizes.add(0);
        try tree.sizes.remember(name);
        try tree.sizes.remember(target);
        const path = try tree.plain(name) orelse
            return told.tell("the archive is refused: its member '{s}' is a link where its folder must be", .{name});
        const to = if (kind == .hard) try tree.plain(target) orelse "." else try tree.arena.dupeSentinel(u8, target, 0);
        try tree.links.append(tree.arena, .{ .path = path, .target = to, .hard = kind == .hard });
    }

    /// Lay the links and set the folders' modes.
    pub fn finish(tree: *Tree) Error!void {
        for ([_]bool{ true, false }) |hard| {
            for (tree.links.items) |link| {
                if (link.hard == hard) try tree.layLink(link);
            }
        }
        var at = tree.folders.items.len;
        while (at > 0) : (at -= 1) {
            const folder = tree.folders.items[at - 1];
            const found = kernel.linkStat(tree.root, folder.path) catch continue;
            if (found.isFolder()) kernel.setMode(tree.root, folder.path, folder.mode & 0o777 | 0o700) catch {};
        }
    }

    fn layLink(tree: *Tree, link: Link) Error!void {
        // Where a folder lies in the link's place, members were laid below the link's name.
        if (kernel.linkStat(tree.root, link.path)) |found| {
            if (found.isFolder())
                return told.tell("the archive is refused: it has members below its link '{s}'", .{link.path});
            kernel.remove(tree.root, link.path) catch {};
        } else |_| {}
        try tree.makeFolders(link.path);
        if (link.hard) {
            const found = kernel.linkStat(tree.root, link.target) catch
                return told.tell("the archive is refused: its hard link '{s}' names '{s}', which it does not hold", .{ link.path, link.target });
            if (!found.isFile())
                return told.tell("the archive is refused: its hard link '{s}' names '{s}', which is no file", .{ link.path, link.target });
            kernel.makeHardLink(tree.root, link.target, link.path) catch return cannotLay(link.path);
        } else {
            kernel.makeLink(link.target, tree.root, link.path) catch return cannotLay(link.path);
        }
    }

    fn cannotLay(path: []const u8) told.Error {
        return told.tell("cannot lay '{s}': {s}", .{ path, kernel.reason() });
    }

    fn plain(tree: *Tree, name: []const u8) Error!?[:0]const u8 {
        return plainIn(tree.arena, name);
    }

    /// Make the folders above `path`; one that is a link, or lies in a file's place, is refused.
    fn makeFolders(tree: *Tree, path: [:0]const u8) told.Error!void {
        var buffer: [4096]u8 = undefined;
        @memcpy(buffer[0..path.len], path);
        for (path, 0..) |byte, at| {
            if (byte != '/') continue;
            buffer[at] = 0;
            try tree.makeFolder(buffer[0..at :0]);
            buffer[at] = '/';
        }
    }

    fn makeFolder(tree: *Tree, path: [:0]const u8) told.Error!void {
        kernel.makeFolder(tree.root, path, 0o755) catch {
            if (kernel.last != .EXIST) return cannotLay(path);
            const found = kernel.linkStat(tree.root, path) catch return cannotLay(path);
            if (found.isLink()) return told.tell("the archive is refused: it has members below its link '{s}'", .{path});
            if (!found.isFolder()) return told.tell("the archive is refused: it has members below its file '{s}'", .{path});
        };
    }
};

/// The name without ".", empty parts and a slash at its end; null where nothing is left.
fn plainIn(memory: std.mem.Allocator, name: []const u8) error{OutOfMemory}!?[:0]const u8 {
    var path: std.ArrayList(u8) = try .initCapacity(memory, name.len + 1);
    var parts = std.mem.tokenizeScalar(u8, name, '/');
    while (parts.next()) |part| {
        if (std.mem.eql(u8, part, ".")) continue;
        if (path.items.len > 0) path.appendAssumeCapacity('/');
        path.appendSliceAssumeCapacity(part);
    }
    if (path.items.len == 0) return null;
    path.appendAssumeCapacity(0);
    return path.items[0 .. path.items.len - 1 :0];
}
