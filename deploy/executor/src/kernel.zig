//! The kernel, called directly: each call either works or returns error.Refused, and `reason()` then says why.
//!
//! The executor is one thread without a C library. What the kernel said last is kept here, so that whoever knows what
//! was being done can put both into one sentence.

const std = @import("std");
const linux = std.os.linux;

pub const Fd = i32;
pub const Error = error{Refused};
pub const O = linux.O;
pub const here: Fd = linux.AT.FDCWD;

/// What the last refused call was refused for.
pub var last: linux.E = .SUCCESS;

fn check(answer: usize) Error!usize {
    const errno = linux.errno(answer);
    if (errno == .SUCCESS) return answer;
    last = errno;
    return error.Refused;
}

fn checkDone(answer: usize) Error!void {
    _ = try check(answer);
}

/// The last refusal in words.
pub fn reason() []const u8 {
    return switch (last) {
        .NOENT => "no such file or directory",
        .ACCES, .PERM => "permission denied",
        .EXIST => "it exists already",
        .NOTDIR => "a part of the path is no directory",
        .ISDIR => "it is a directory",
        .NOSPC => "no space is left on the device",
        .DQUOT => "the disk quota is used up",
        .ROFS => "the file system is read-only",
        .NAMETOOLONG => "the name is too long",
        .LOOP => "too many symbolic links, or one where none may be",
        .MFILE, .NFILE => "too many open files",
        .NOMEM => "out of memory",
        .CONNREFUSED => "connection refused",
        .CONNRESET, .PIPE => "the connection was closed by the other side",
        .TIMEDOUT, .AGAIN, .INPROGRESS => "timed out",
        .NETUNREACH, .HOSTUNREACH => "the network has no way there",
        .NOEXEC => "it is no program for this machine; a script needs a first line such as #!/bin/sh",
        .@"2BIG" => "its arguments and environment are larger than the kernel takes",
        .NOTEMPTY => "the directory is not empty",
        .BUSY => "it is in use",
        .FBIG => "the file is too large",
        .IO => "input/output error",
        .INVAL => "invalid argument",
        .XDEV => "it lies on another file system",
        else => std.enums.tagName(linux.E, last) orelse "unknown error",
    };
}

// ---- files ----

pub fn open(folder: Fd, path: [*:0]const u8, flags: O, mode: u32) Error!Fd {
    var wanted = flags;
    wanted.CLOEXEC = true;
    while (true) {
        const answer = linux.openat(folder, path, wanted, mode);
        if (linux.errno(answer) == .INTR) continue;
        return @intCast(try check(answer));
    }
}

pub fn close(file: Fd) void {
    _ = linux.close(file);
}

pub fn read(file: Fd, buffer: []u8) Error!usize {
    while (true) {
        const answer = linux.read(file, buffer.ptr, buffer.len);
        if (linux.errno(answer) == .INTR) continue;
        return check(answer);
    }
}

pub fn readAt(file: Fd, buffer: []u8, offset: u64) Error!usize {
    return check(linux.pread(file, buffer.ptr, buffer.len, @intCast(offset)));
}

pub fn writeAll(file: Fd, bytes: []const u8) Error!void {
    var left = bytes;
    while (left.len > 0) {
        const answer = linux.write(file, left.ptr, left.len);
        if (linux.errno(answer) == .INTR) continue;
        left = left[try check(answer)..];
    }
}

/// As `writeAll`, also into a pipe that somebody has made non-blocking.
pub fn writeAllPatiently(file: Fd, bytes: []const u8) Error!void {
    var left = bytes;
    while (left.len > 0) {
        const answer = linux.write(file, left.ptr, left.len);
        if (linux.errno(answer) == .AGAIN) {
            var files = [_]linux.pollfd{.{ .fd = file, .events = linux.POLL.OUT, .revents = 0 }};
            _ = poll(&files, -1);
        } else if (linux.errno(answer) != .INTR) {
            left = left[try check(answer)..];
        }
    }
}

pub fn writeAllAt(file: Fd, bytes: []const u8, offset: u64) Error!void {
    var done: usize = 0;
    while (done < bytes.len) {
        done += try check(linux.pwrite(file, bytes[done..].ptr, bytes.len - done, @intCast(offset + done)));
    }
}

pub fn seek(file: Fd, offset: u64) Error!void {
    try checkDone(linux.lseek(file, @intCast(offset), linux.SEEK.SET));
}

pub fn truncate(file: Fd) Error!void {
    try checkDone(linux.ftruncate(file, 0));
    try seek(file, 0);
}

pub const Stat = struct {
    kind: u32,
    mode: u32,
    size: u64,
    modified: i64,

    pub fn isFolder(found: Stat) bool {
        return found.kind == linux.S.IFDIR;
    }
    pub fn isFile(found: Stat) bool {
        return found.kind == linux.S.IFREG;
    }
    pub fn isLink(found: Stat) bool {
        return found.kind == linux.S.IFLNK;
    }
};

fn statOf(folder: Fd, path: [*:0]const u8, flags: u32) Error!Stat {
    var found: linux.Statx = undefined;
    const mask: linux.STATX = .{ .TYPE = true, .MODE = true, .SIZE = true, .MTIME = true };
    try checkDone(linux.statx(folder, path, flags, mask, &found));
    return .{
        .kind = found.mode & linux.S.IFMT,
        .mode = found.mode & 0o7777,
        .size = found.size,
        .modified = found.mtime.sec,
    };
}

/// What `path` leads to.
pub fn stat(folder: Fd, path: [*:0]const u8) Error!Stat {
    return statOf(folder, path, 0);
}

/// What lies at `path` itself, a link not followed.
pub fn linkStat(folder: Fd, path: [*:0]const u8) Error!Stat {
    return statOf(folder, path, linux.AT.SYMLINK_NOFOLLOW);
}

pub fn fileStat(file: Fd) Error!Stat {
    return statOf(file, "", linux.AT.EMPTY_PATH);
}

pub fn makeFolder(folder: Fd, path: [*:0]const u8, mode: u32) Error!void {
    try checkDone(linux.mkdirat(folder, path, mode));
}

pub fn remove(folder: Fd, path: [*:0]const u8) Error!void {
    try checkDone(linux.unlinkat(folder, path, 0));
}

pub fn removeFolder(folder: Fd, path: [*:0]const u8) Error!void {
    try checkDone(linux.unlinkat(folder, path, linux.AT.REMOVEDIR));
}

pub fn rename(from: Fd, old: [*:0]const u8, to: Fd, new: [*:0]const u8) Error!void {
    try checkDone(linux.renameat2(from, old, to, new, .{}));
}

pub fn makeLink(target: [*:0]const u8, folder: Fd, path: [*:0]const u8) Error!void {
    try checkDone(linux.symlinkat(target, folder, path));
}

pub fn makeHardLink(folder: Fd, target: [*:0]const u8, path: [*:0]const u8) Error!void {
    try checkDone(linux.linkat(folder, target, folder, path, 0));
}

pub fn readLink(folder: Fd, path: [*:0]const u8, buffer: []u8) Error![]u8 {
    return buffer[0..try check(linux.readlinkat(folder, path, buffer.ptr, buffer.len))];
}

pub fn setMode(folder: Fd, path: [*:0]const u8, mode: u32) Error!void {
    try checkDone(linux.fchmodat(folder, path, mode));
}

pub fn setFileMode(file: Fd, mode: u32) Error!void {
    try checkDone(linux.fchmod(file, mode));
}

pub fn setModified(file: Fd, seconds: i64) void {
    const times: [2]linux.timespec = .{ .{ .sec = seconds, .nsec = 0 }, .{ .sec = seconds, .nsec = 0 } };
    _ = linux.futimens(file, &times);
}

pub fn canRun(path: [*:0]const u8) bool {
    return linux.errno(linux.faccessat(here, path, linux.X_OK, 0)) == .SUCCESS;
}

/// A file without a name that vanishes when it is closed: on disk where a folder for it is found, else in memory.
pub fn scratchFile(wish: ?[*:0]const u8) Error!Fd {
    const folders = [_]?[*:0]const u8{ wish, "/tmp", "/var/tmp" };
    for (folders) |folder| {
        const flags: O = .{ .ACCMODE = .RDWR, .DIRECTORY = true, .TMPFILE = true };
        return open(here, folder orelse continue, flags, 0o600) catch continue;
    }
    return @intCast(try check(linux.memfd_create("argosy-executor", linux.MFD.CLOEXEC)));
}

// ---- processes and signals ----

pub fn pipe() Error![2]Fd {
    var ends: [2]Fd = undefined;
    try checkDone(linux.pipe2(&ends, .{ .CLOEXEC = true }));
    return ends;
}

pub fn fork() Error!i32 {
    return @intCast(try check(linux.fork()));
}

pub const Ended = struct { pid: i32, status: u32 };

/// A child that has ended, or null where none has.
pub fn reap() ?Ended {
    var status: i32 = 0;
    const answer = linux.wait4(-1, &status, linux.W.NOHANG, null);
    if (linux.errno(answer) != .SUCCESS or answer == 0) return null;
    return .{ .pid = @intCast(answer), .status = @bitCast(status) };
}

pub fn signalFile(set: *const linux.sigset_t) Error!Fd {
    return @intCast(try check(linux.signalfd(-1, set, linux.SFD.CLOEXEC | linux.SFD.NONBLOCK)));
}

/// Let SIGTERM end this process at once. The first process of a container would not be ended by it otherwise.
pub fn endOnTerm() void {
    const action: linux.Sigaction = .{ .handler = .{ .handler = endByTerm }, .mask = linux.sigemptyset(), .flags = 0 };
    _ = linux.sigaction(.TERM, &action, null);
}

fn endByTerm(_: linux.SIG) callconv(.c) void {
    linux.exit_group(128 + 15);
}

pub fn setNonBlocking(file: Fd) void {
    const flags = linux.fcntl(file, linux.F.GETFL, 0);
    if (linux.errno(flags) != .SUCCESS) return;
    var wanted: O = @bitCast(@as(u32, @truncate(flags)));
    wanted.NONBLOCK = true;
    _ = linux.fcntl(file, linux.F.SETFL, @as(u32, @bitCast(wanted)));
}

/// Wait until one of `files` can be read; false after `milliseconds` (-1: no limit).
pub fn poll(files: []linux.pollfd, milliseconds: i32) bool {
    const answer = linux.poll(files.ptr, files.len, milliseconds);
    return linux.errno(answer) == .SUCCESS and answer > 0;
}

pub fn sleep(milliseconds: u64) void {
    const wanted: linux.timespec = .{
        .sec = @intCast(milliseconds / 1000),
        .nsec = @intCast(milliseconds % 1000 * std.time.ns_per_ms),
    };
    _ = linux.nanosleep(&wanted, null);
}

pub fn realTime() i64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.REALTIME, &now);
    return now.sec;
}

pub fn randomBytes(buffer: []u8) Error!void {
    var done: usize = 0;
    while (done < buffer.len) {
        const answer = linux.getrandom(buffer[done..].ptr, buffer.len - done, 0);
        if (linux.errno(answer) == .INTR) continue;
        done += try check(answer);
    }
}

// ---- sockets ----

/// A connected stream socket; each later wait for a byte has its limit too.
pub fn connect(address: []const u8, connect_seconds: u32, wait_seconds: u32) Error!Fd {
    const family = std.mem.readInt(u16, address[0..2], @import("builtin").cpu.arch.endian());
    const file: Fd = @intCast(try check(linux.socket(family, linux.SOCK.STREAM | linux.SOCK.CLOEXEC, 0)));
    errdefer close(file);
    try setLimit(file, linux.SO.SNDTIMEO, connect_seconds); // connecting waits as sending does
    try checkDone(linux.connect(file, address.ptr, @intCast(address.len)));
    try setLimit(file, linux.SO.SNDTIMEO, wait_seconds);
    try setLimit(file, linux.SO.RCVTIMEO, wait_seconds);
    return file;
}

fn setLimit(file: Fd, option: u32, seconds: u32) Error!void {
    const limit: linux.timeval = .{ .sec = seconds, .usec = 0 };
    try checkDone(linux.setsockopt(file, linux.SOL.SOCKET, option, std.mem.asBytes(&limit), @sizeOf(linux.timeval)));
}

/// Ask by datagram and wait for one answer; its length.
pub fn ask(address: []const u8, question: []const u8, answer: []u8, milliseconds: i32) Error!usize {
    const family = std.mem.readInt(u16, address[0..2], @import("builtin").cpu.arch.endian());
    const file: Fd = @intCast(try check(linux.socket(family, linux.SOCK.DGRAM | linux.SOCK.CLOEXEC, 0)));
    defer close(file);
    try checkDone(linux.connect(file, address.ptr, @intCast(address.len)));
    try checkDone(linux.sendto(file, question.ptr, question.len, 0, null, 0));
    var files = [_]linux.pollfd{.{ .fd = file, .events = linux.POLL.IN, .revents = 0 }};
    if (!poll(&files, milliseconds)) {
        last = .TIMEDOUT;
        return error.Refused;
    }
    return check(linux.recvfrom(file, answer.ptr, answer.len, 0, null, null));
}
