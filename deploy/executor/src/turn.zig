//! The turn of a container among those of its container set: it starts when others have ended well, and tells how it ended.
//!
//! All containers of the set share a folder. Each holds a lock there while it lives, which the kernel lets go of whatever
//! ends it, and leaves its exit code in a file beside it.

const std = @import("std");
const kernel = @import("kernel.zig");
const lock_file = @import("lock.zig");
const told = @import("told.zig");

pub const Turn = struct {
    folder: []const u8,
    name: []const u8,
    after: []const []const u8 = &.{},
    /// All others of the set: outputs are gathered once they have ended too.
    others: []const []const u8 = &.{},
    retries: u32 = 0,
    wait_seconds: f64 = 0,
    /// Whether this is the container that hands over what the set leaves behind.
    hands_over: bool = false,

    /// Say that this container lives. What is returned must stay open until it has told its end.
    pub fn begin(turn: Turn, arena: std.mem.Allocator) Error!kernel.Fd {
        return lock_file.hold(arena, try turn.place(arena, turn.name, ""));
    }

    /// Wait until all that this container follows have ended; why it is not to start, or null.
    pub fn awaitOwn(turn: Turn, arena: std.mem.Allocator) Error!?[]const u8 {
        for (turn.after) |name| {
            const code = try turn.codeOf(arena, name) orelse
                return try std.fmt.allocPrint(arena, "dependency \"{s}\" died without reporting exit code", .{name});
            if (code != 0)
                return try std.fmt.allocPrint(arena, "dependency \"{s}\" exited with non-zero code: {d}", .{ name, code });
        }
        return null;
    }

    /// Wait until every other container has ended, however it did.
    pub fn awaitOthers(turn: Turn, arena: std.mem.Allocator) Error!void {
        for (turn.others) |name| _ = try turn.codeOf(arena, name);
    }

    /// Tell how this container's command ended, and let those go on that wait for it.
    pub fn end(turn: Turn, arena: std.mem.Allocator, lock: kernel.Fd, code: u8) Error!void {
        var text: [4]u8 = undefined;
        const written = std.fmt.bufPrint(&text, "{d}", .{code}) catch unreachable; // 255 at most
        const path = try turn.place(arena, turn.name, ".code");
        const file = kernel.open(kernel.here, path, .{ .ACCMODE = .WRONLY, .CREAT = true, .TRUNC = true }, 0o666) catch return cannot(path);
        kernel.writeAll(file, written) catch return cannot(path);
        kernel.setFileMode(file, 0o666) catch {};
        kernel.close(file);
        kernel.close(lock);
    }

    /// The exit code of another container, once it has ended; null where it died without a word.
    fn codeOf(turn: Turn, arena: std.mem.Allocator, name: []const u8) Error!?u8 {
        const path = try lock_file.pathOf(arena, try turn.place(arena, name, ""));
        while (lock_file.look(path) != .free) kernel.sleep(look_milliseconds);
        const told_in = kernel.open(kernel.here, try turn.place(arena, name, ".code"), .{ .ACCMODE = .RDONLY }, 0) catch return null;
        defer kernel.close(told_in);
        var text: [8]u8 = undefined;
        const count = kernel.read(told_in, &text) catch return null;
        return std.fmt.parseInt(u8, text[0..count], 10) catch null;
    }

    fn place(turn: Turn, arena: std.mem.Allocator, name: []const u8, kind: []const u8) error{OutOfMemory}![:0]const u8 {
        return std.mem.concatWithSentinel(arena, u8, &.{ turn.folder, "/", name, kind }, 0);
    }
};

pub const Error = told.Error || error{OutOfMemory};

pub const not_started = 64; // the exit code of a container that is left out

const look_milliseconds = 10; // asking costs two calls of the kernel; a blocking call could not be left by a signal

fn cannot(path: [:0]const u8) told.Error {
    return told.tell("cannot take part in the container set at {s}: {s}", .{ path, kernel.reason() });
}
