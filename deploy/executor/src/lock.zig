//! Locks that tell others whether a container lives: the kernel lets go of them, whatever ends it.

const std = @import("std");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const told = @import("told.zig");

pub const Error = told.Error || error{OutOfMemory};

pub const State = enum { not_begun, held, free };

/// Hold the lock of this name for as long as the file that is returned stays open.
pub fn hold(arena: std.mem.Allocator, name: []const u8) Error!kernel.Fd {
    const path = try std.mem.concatWithSentinel(arena, u8, &.{ name, ".new" }, 0);
    const file = kernel.open(kernel.here, path, .{ .ACCMODE = .RDWR, .CREAT = true }, 0o666) catch return cannot(path);
    kernel.setFileMode(file, 0o666) catch {}; // containers of a pod may belong to different users
    _ = linux.syscall2(.flock, @as(usize, @intCast(file)), exclusive);
    // Nobody sees the lock before it is held.
    kernel.rename(kernel.here, path, kernel.here, try pathOf(arena, name)) catch return cannot(path);
    return file;
}

/// The file that is locked.
pub fn pathOf(arena: std.mem.Allocator, name: []const u8) error{OutOfMemory}![:0]const u8 {
    return std.mem.concatWithSentinel(arena, u8, &.{ name, ".lock" }, 0);
}

/// How things stand with the lock at this path.
pub fn look(path: [*:0]const u8) State {
    const file = kernel.open(kernel.here, path, .{ .ACCMODE = .RDONLY }, 0) catch return .not_begun;
    defer kernel.close(file);
    return if (linux.errno(linux.syscall2(.flock, @as(usize, @intCast(file)), shared | at_once)) == .SUCCESS) .free else .held;
}

fn cannot(path: [:0]const u8) told.Error {
    return told.tell("cannot tell the other containers of this one at {s}: {s}", .{ path, kernel.reason() });
}

// of flock(2)
const shared = 1;
const exclusive = 2;
const at_once = 4;
