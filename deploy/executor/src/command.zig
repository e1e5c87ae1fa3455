//! Runs the user's command as a child: signals are passed on, orphans are reaped, what it prints can be kept.
//!
//! The executor is usually the first process of the container. The command gets a session of its own, so that a signal
//! sent to us can be passed to all of its processes at once.

const std = @import("std");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const lock_file = @import("lock.zig");
const told = @import("told.zig");

pub const result_most = 256 << 10; // bytes of stdout that become outputs.result

pub const not_found = 127; // the exit codes that shells give for commands that cannot be run
const cannot_run = 126;

const others_milliseconds = 100;

pub const End = struct {
    code: u8,
    /// The end of stdout, or null where it was not asked for.
    result: ?[]const u8 = null,
    /// Why what it printed is not whole in the log that was asked for.
    log_problem: ?[]const u8 = null,
    /// Whether the command ran at all; if not, `told.sentence()` says why.
    started: bool = true,
};

pub const Options = struct {
    keep_result: bool = false,
    /// A file for everything that it prints.
    log: ?kernel.Fd = null,
    /// What tells that the command should end (a sidecar's main container is done).
    end_when: ?OtherEnd = null,
    grace_seconds: u32 = 20,
    /// How often it is run again where it fails, and after how long; not once we were told to end.
    retries: u32 = 0,
    pause_milliseconds: u32 = 0,
};

/// Another container's end: told by a file that appears, or by a lock that nobody holds any more where it died unheard.
pub const OtherEnd = struct {
    file: [*:0]const u8,
    lock: [*:0]const u8,

    pub fn hasCome(other: OtherEnd) bool {
        if (kernel.stat(kernel.here, other.file)) |_| return true else |_| return lock_file.look(other.lock) == .free;
    }
};

/// Run `argv` to its end. Only the first command of a process may be run this way.
pub fn run(
    arena: std.mem.Allocator,
    argv: [:null]const ?[*:0]const u8,
    environment: [:null]const ?[*:0]const u8,
    options: Options,
) (kernel.Error || error{OutOfMemory})!End {
    var all = linux.sigfillset();
    // Our own faults must still end us; everything else is read from a file, in order.
    for ([_]linux.SIG{ .SEGV, .BUS, .ILL, .FPE, .ABRT, .SYS, .TRAP }) |signal| linux.sigdelset(&all, signal);
    var before: linux.sigset_t = undefined;
    _ = linux.sigprocmask(linux.SIG.BLOCK, &all, &before);
    const signals = try kernel.signalFile(&all);
    _ = linux.prctl(@backingInt(linux.PR.SET_CHILD_SUBREAPER), 1, 0, 0, 0);

    const name = argv[0].?;
    const program = find(arena, name, environment) orelse {
        told.tell("cannot run '{s}': no such program in the image", .{name}) catch {};
        return .{ .code = not_found, .started = false };
    };
    var log: Log = .{ .file = options.log };
    var passing = [_]Passing{ .{ .to = 1, .log = &log }, .{ .to = 2, .log = &log } };
    if (options.keep_result) passing[0].ring = try arena.alloc(u8, result_most);
    var tries_left = options.retries;
    while (true) : (tries_left -= 1) {
        const child = try start(program, argv, environment, &before, &passing, options) orelse {
            told.tell("cannot run '{s}': {s}", .{ name, kernel.reason() }) catch {};
            return .{ .code = if (kernel.last == .NOENT) not_found else cannot_run, .started = false };
        };
        const code = wait(child, signals, &passing, options);
        letOthersEnd(&passing);
        endOthers(child);
        for (&passing) |*stream| stream.drain();
        if (code == 0 or tries_left == 0 or toldToEnd(signals, options.pause_milliseconds))
            return .{ .code = code, .result = if (options.keep_result) passing[0].text() else null, .log_problem = log.problem };
    }
}

/// Start the program as a child; null where that cannot be done, for `kernel.last`.
fn start(
    program: [*:0]const u8,
    argv: [:null]const ?[*:0]const u8,
    environment: [:null]const ?[*:0]const u8,
    mask: *const linux.sigset_t,
    passing: *[2]Passing,
    options: Options,
) kernel.Error!?i32 {
    const output: ?[2]kernel.Fd = if (options.keep_result or options.log != null) try kernel.pipe() else null;
    const complaints: ?[2]kernel.Fd = if (options.log != null) try kernel.pipe() else null;
    const outcome = try kernel.pipe();
    const child = try kernel.fork();
    if (child == 0) become(program, argv, environment, mask, .{ output, complaints }, outcome[1]);
    kernel.close(outcome[1]);
    for ([_]?[2]kernel.Fd{ output, complaints }) |stream| if (stream) |ends| kernel.close(ends[1]);

    var refusal: [4]u8 = undefined;
    if ((kernel.read(outcome[0], &refusal) catch 0) == refusal.len) {
        kernel.last = @fromBackingInt(@intCast(std.mem.readInt(u32, &refusal, .little)));
        return null;
    }
    kernel.close(outcome[0]);
    if (output) |ends| passing[0].begin(ends[0]);
    if (complaints) |ends| passing[1].begin(ends[0]);
    return child;
}

/// Pause; true where a signal to end came meanwhile, or since it was last looked at.
fn toldToEnd(signals: kernel.Fd, milliseconds: u32) bool {
    var left = milliseconds;
    while (true) {
        var info: linux.signalfd_siginfo = undefined;
        while ((kernel.read(signals, std.mem.asBytes(&info)) catch 0) == @sizeOf(linux.signalfd_siginfo)) {
            if (info.signo == @backingInt(linux.SIG.TERM)) return true;
        }
        if (left == 0) return false;
        const step = @min(left, 20);
        kernel.sleep(step);
        left -= step;
    }
}

/// In the child: become the program, or say through `outcome` why not.
fn become(
    program: [*:0]const u8,
    argv: [:null]const ?[*:0]const u8,
    environment: [:null]const ?[*:0]const u8,
    mask: *const linux.sigset_t,
    streams: [2]?[2]kernel.Fd,
    outcome: kernel.Fd,
) noreturn {
    _ = linux.setsid();
    for (streams, 1..) |stream, number| if (stream) |ends| {
        _ = linux.dup3(ends[1], @intCast(number), 0);
    };
    _ = linux.sigprocmask(linux.SIG.SETMASK, mask, null);
    const refusal: u32 = @backingInt(linux.errno(linux.execve(program, argv.ptr, environment.ptr)));
    kernel.writeAll(outcome, std.mem.asBytes(&std.mem.nativeToLittle(u32, refusal))) catch {};
    linux.exit_group(cannot_run);
}

/// Where the program lies: as written when it has a slash, else the first of PATH that can be run.
fn find(arena: std.mem.Allocator, name: [*:0]const u8, environment: [:null]const ?[*:0]const u8) ?[*:0]const u8 {
    const word = std.mem.span(name);
    if (word.len == 0) return null;
    if (std.mem.indexOfScalar(u8, word, '/') != null) return name;
    const path = valueOf(environment, "PATH") orelse "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    var folders = std.mem.splitScalar(u8, path, ':');
    while (folders.next()) |folder| {
        const parts = [_][]const u8{ if (folder.len == 0) "." else folder, "/", word };
        const place = std.mem.concatWithSentinel(arena, u8, &parts, 0) catch return null;
        const found = kernel.stat(kernel.here, place) catch continue;
        if (found.isFile() and kernel.canRun(place)) return place;
    }
    return null;
}

/// The value of a variable, or null where it is not set.
pub fn valueOf(environment: [:null]const ?[*:0]const u8, name: []const u8) ?[:0]const u8 {
    for (environment) |entry| {
        const text = std.mem.span(entry.?);
        if (text.len > name.len and text[name.len] == '=' and std.mem.startsWith(u8, text, name)) return text[name.len + 1 ..];
    }
    return null;
}

/// Reap and pass signals on until the child ends; its exit code, 128 + n where signal n ended it.
fn wait(child: i32, signals: kernel.Fd, passing: *[2]Passing, options: Options) u8 {
    var asked_to_end = false;
    var waited_milliseconds: u32 = 0;
    while (true) {
        while (kernel.reap()) |ended| {
            if (ended.pid == child) return exitCode(ended.status);
        }
        var files = [_]linux.pollfd{
            .{ .fd = signals, .events = linux.POLL.IN, .revents = 0 },
            .{ .fd = passing[0].file, .events = linux.POLL.IN, .revents = 0 },
            .{ .fd = passing[1].file, .events = linux.POLL.IN, .revents = 0 },
        };
        const step: i32 = if (options.end_when != null) 200 else -1;
        if (kernel.poll(&files, step)) {
            passOn(child, signals);
            for (passing, files[1..]) |*stream, file| if (file.revents != 0) stream.take();
        } else if (options.end_when) |other| {
            if (asked_to_end) {
                waited_milliseconds += 200;
                if (waited_milliseconds >= options.grace_seconds * 1000) _ = linux.kill(-child, .KILL);
            } else if (other.hasCome()) {
                asked_to_end = true;
                _ = linux.kill(-child, .TERM);
            }
        }
    }
}

fn passOn(child: i32, signals: kernel.Fd) void {
    var info: linux.signalfd_siginfo = undefined;
    while ((kernel.read(signals, std.mem.asBytes(&info)) catch 0) == @sizeOf(linux.signalfd_siginfo)) {
        const signal: linux.SIG = @fromBackingInt(@intCast(info.signo));
        if (signal != .CHLD and signal != .PIPE and signal != .XFSZ) _ = linux.kill(-child, signal);
    }
}

fn exitCode(status: u32) u8 {
    if (linux.W.IFEXITED(status)) return linux.W.EXITSTATUS(status);
    return 128 +| @as(u8, @intCast(@min(@backingInt(linux.W.TERMSIG(status)), 127)));
}

/// What the command left running may be about to end by itself, with the last of the output (a `tee`): it gets a moment.
fn letOthersEnd(passing: *[2]Passing) void {
    for (0..others_milliseconds) |_| {
        if (noneLeft()) return;
        for (passing) |*stream| stream.take();
        kernel.sleep(1);
    }
}

/// Reap whoever has ended; whether nobody is left.
fn noneLeft() bool {
    while (kernel.reap()) |_| {}
    var status: i32 = 0;
    return linux.errno(linux.wait4(-1, &status, linux.W.NOHANG, null)) == .CHILD;
}

/// What the command left running would change files while they are gathered, and hold its stdout open.
///
/// As the first process of the container we may end everything else in it; where other containers' processes are in
/// sight (shareProcessNamespace) only the command's own session is ours to end.
fn endOthers(child: i32) void {
    _ = linux.kill(if (linux.getpid() == 1) -1 else -child, .KILL);
    var patience: u32 = 100;
    while (patience > 0) : (patience -= 1) {
        if (noneLeft()) return;
        kernel.sleep(1);
    }
}

/// The file that keeps what the command prints; it may fill the disk.
const Log = struct {
    file: ?kernel.Fd,
    problem: ?[]const u8 = null,

    fn add(log: *Log, bytes: []const u8) void {
        if (log.problem != null) return;
        kernel.writeAll(log.file orelse return, bytes) catch {
            log.problem = kernel.reason();
        };
    }
};

/// One of the command's output streams on its way through us; its last bytes can be kept.
const Passing = struct {
    to: kernel.Fd,
    log: *Log,
    file: kernel.Fd = -1,
    ring: ?[]u8 = null,
    total: u64 = 0,

    fn begin(stream: *Passing, file: kernel.Fd) void {
        kernel.setNonBlocking(file);
        stream.file = file;
    }

    /// Take what can be read at once.
    fn take(stream: *Passing) void {
        var buffer: [16 << 10]u8 = undefined;
        while (stream.file >= 0) {
            const count = kernel.read(stream.file, &buffer) catch return;
            if (count == 0) return stream.end();
            // Nobody may be reading our output; it is kept all the same.
            kernel.writeAllPatiently(stream.to, buffer[0..count]) catch {};
            stream.add(buffer[0..count]);
            if (count < buffer.len) return;
        }
    }

    fn drain(stream: *Passing) void {
        while (stream.file >= 0) {
            const before = stream.total;
            stream.take();
            if (stream.total == before) return;
        }
    }

    fn end(stream: *Passing) void {
        kernel.close(stream.file);
        stream.file = -1;
    }

    fn add(stream: *Passing, bytes: []const u8) void {
        stream.log.add(bytes);
        if (stream.ring) |ring| {
            for (bytes, stream.total..) |byte, place| ring[@intCast(place % result_most)] = byte;
        }
        stream.total += bytes.len;
    }

    /// The kept bytes in order, without one newline at their end.
    fn text(stream: *Passing) []const u8 {
        const ring = stream.ring.?;
        var found: []const u8 = ring[0..@intCast(@min(stream.total, result_most))];
        if (stream.total > result_most) {
            std.mem.rotate(u8, ring, @intCast(stream.total % result_most));
            found = ring;
        }
        return if (std.mem.endsWith(u8, found, "\n")) found[0 .. found.len - 1] else found;
    }
};

test "the last bytes are kept in order" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var log: Log = .{ .file = null };
    var kept: Passing = .{ .to = 1, .log = &log, .ring = try arena.allocator().alloc(u8, result_most) };
    const line = "0123456789abcde\n";
    for (0..result_most / line.len) |_| kept.add(line);
    kept.add("end\n");
    const text = kept.text();
    try std.testing.expectEqual(@as(usize, result_most - 1), text.len);
    try std.testing.expect(std.mem.startsWith(u8, text, "456789abcde\n0123"));
    try std.testing.expect(std.mem.endsWith(u8, text, "\nend"));
}

test "exit codes are those that shells give" {
    try std.testing.expectEqual(@as(u8, 7), exitCode(7 << 8));
    try std.testing.expectEqual(@as(u8, 143), exitCode(15));
    try std.testing.expectEqual(@as(u8, 137), exitCode(9 | 0x80));
}
