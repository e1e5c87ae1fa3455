//! Making, moving and removing folders with all that is in them.

const std = @import("std");
const kernel = @import("kernel.zig");
const told = @import("told.zig");
const entries = @import("pack.zig").entries;

pub const Error = told.Error || error{OutOfMemory};

/// Make the folders above `path` where they are missing.
pub fn makeParents(path: [:0]const u8) told.Error!void {
    var buffer: [4096]u8 = undefined;
    @memcpy(buffer[0..path.len], path);
    for (path, 0..) |byte, at| {
        if (byte != '/' or at == 0) continue;
        buffer[at] = 0;
        const part = buffer[0..at :0];
        kernel.makeFolder(kernel.here, part, 0o755) catch {
            const found = kernel.stat(kernel.here, part) catch null;
            if (found == null or !found.?.isFolder()) return told.tell("cannot make the folder {s}: {s}", .{ part, kernel.reason() });
        };
        buffer[at] = '/';
    }
}

/// Remove whatever lies at `path`; what cannot be removed stays.
pub fn removeAll(gpa: std.mem.Allocator, folder: kernel.Fd, path: [:0]const u8) void {
    const found = kernel.linkStat(folder, path) catch return;
    if (!found.isFolder()) return kernel.remove(folder, path) catch {};
    if (kernel.open(folder, path, .{ .DIRECTORY = true, .NOFOLLOW = true }, 0)) |inner| {
        defer kernel.close(inner);
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const list = entries(arena.allocator(), inner, path) catch return;
        for (list) |entry| removeAll(gpa, inner, entry);
    } else |_| {}
    kernel.removeFolder(folder, path) catch {};
}

/// Move what lies at `from` to `to`. Where both are folders, what is in one goes into the other.
pub fn move(gpa: std.mem.Allocator, from_folder: kernel.Fd, from: [:0]const u8, to_folder: kernel.Fd, to: [:0]const u8) Error!void {
    kernel.rename(from_folder, from, to_folder, to) catch {
        const refused = kernel.last;
        const source = kernel.linkStat(from_folder, from) catch return cannotLay(to);
        const target = kernel.stat(to_folder, to) catch return cannotLay(to);
        kernel.last = refused;
        if (!target.isFolder()) return cannotLay(to);
        if (!source.isFolder()) {
            // An empty folder, such as an image brings to mark the place, gives way.
            kernel.removeFolder(to_folder, to) catch return cannotLay(to);
            return kernel.rename(from_folder, from, to_folder, to) catch cannotLay(to);
        }
        const outer = kernel.open(from_folder, from, .{ .DIRECTORY = true, .NOFOLLOW = true }, 0) catch return cannotLay(to);
        defer kernel.close(outer);
        const inner = kernel.open(to_folder, to, .{ .DIRECTORY = true }, 0) catch return cannotLay(to);
        defer kernel.close(inner);
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const list = entries(arena.allocator(), outer, from) catch |problem| return @errorCast(problem);
        for (list) |entry| try move(gpa, outer, entry, inner, entry);
        kernel.removeFolder(from_folder, from) catch {};
    };
}

fn cannotLay(path: []const u8) told.Error {
    return told.tell("cannot lay it at {s}: {s}", .{ path, kernel.reason() });
}

/// Folders may be entered by whom they may be read: a mode such as 0644 is meant for the files in them.
pub fn setMode(gpa: std.mem.Allocator, folder: kernel.Fd, path: [:0]const u8, mode: u32, recurse: enum { below_too, only_here }) void {
    const found = kernel.linkStat(folder, path) catch return;
    if (found.isLink()) return;
    if (!found.isFolder()) return kernel.setMode(folder, path, mode & 0o7777) catch {};
    if (recurse == .below_too) {
        if (kernel.open(folder, path, .{ .DIRECTORY = true, .NOFOLLOW = true }, 0)) |inner| {
            defer kernel.close(inner);
            var arena: std.heap.ArenaAllocator = .init(gpa);
            defer arena.deinit();
            const list = entries(arena.allocator(), inner, path) catch return;
            for (list) |entry| setMode(gpa, inner, entry, mode, recurse);
        } else |_| {}
    }
    kernel.setMode(folder, path, (mode | (mode & 0o444) >> 2) & 0o7777) catch {};
}
