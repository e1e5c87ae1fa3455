//! The executor: carries out an assignment around the user's command, inside the user's container.
//!
//!     argosy-executor -- COMMAND [ARGUMENT...]             the main container
//!     argosy-executor --sidecar -- COMMAND [ARGUMENT...]   a container that ends when the main one has ended
//!     argosy-executor --lay                                an init container that lays files and artifacts, no more

const std = @import("std");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const web = @import("web.zig");
const told = @import("told.zig");
const command = @import("command.zig");
const stage = @import("stage.zig");
const gather = @import("gather.zig");
const report = @import("report.zig");
const settings_file = @import("settings.zig");
const assignment = @import("assignment.zig");
const auth = @import("auth.zig");
const turn_file = @import("turn.zig");
const lock_file = @import("lock.zig");
const Turn = turn_file.Turn;
const handover = @import("handover.zig");
const Settings = settings_file.Settings;

const Failure = told.Error || error{OutOfMemory};

// The library's I/O layer, its stack traces and its signal handlers would double our size.
pub const std_options: std.Options = .{
    .enable_segfault_handler = false,
    .signal_stack_size = null,
    .allow_stack_tracing = false,
    .networking = false,
};
pub const std_options_debug_threaded_io: ?*std.Io.Threaded = null;
pub const std_options_debug_io: std.Io = .failing;
pub const panic = std.debug.FullPanic(onBug);

const usage_code = 64;
const bug_code = 70;
const not_started_code = 128; // what container runtimes give a container whose command could not be started

const usage =
    \\usage: argosy-executor [--sidecar] -- COMMAND [ARGUMENT...]
    \\       argosy-executor --lay
    \\Carries out the assignment in the file $ARGOSY_ASSIGNMENT (or in $ARGOSY_ASSIGNMENT_JSON) around the command.
    \\
;

var message_file: [:0]const u8 = "/dev/termination-log";
var message_most: usize = handover.message_most;

/// A failed check: our own mistake. It ends this step loudly, and the message says that it was not the user's.
fn onBug(text: []const u8, address: ?usize) noreturn {
    var buffer: [1024]u8 = undefined;
    var problem: [512]u8 = undefined;
    const sentence = std.fmt.bufPrint(&problem, "the executor has a bug ({s} at {x}); please report it", .{ text[0..@min(text.len, 200)], address orelse 0 }) catch "the executor has a bug";
    var writer: std.Io.Writer = .fixed(&buffer);
    const outcome: handover.Handover = .{ .problem = sentence, .started = false };
    outcome.write(&writer) catch {};
    report.writeMessage(message_file, writer.buffered());
    kernel.writeAll(2, sentence) catch {};
    kernel.writeAll(2, "\n") catch {};
    linux.exit_group(bug_code);
}

pub fn main(start: std.process.Init.Minimal) u8 {
    const environment = start.environ.block.slice;
    message_file = settings_file.messageFile(environment);
    message_most = settings_file.messageMost(environment);
    var arena: std.heap.ArenaAllocator = .init(std.heap.page_allocator);
    return run(arena.allocator(), start.args.vector, environment) catch |problem| {
        return fail(if (problem == error.OutOfMemory) "the executor ran out of memory" else told.sentence());
    };
}

/// Nothing was run: the reason goes into the message and the log.
fn fail(sentence: []const u8) u8 {
    var buffer: [handover.message_most]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    const outcome: handover.Handover = .{ .problem = sentence, .started = false };
    outcome.writeShort(&writer, message_most) catch {};
    report.writeMessage(message_file, writer.buffered());
    for ([_][]const u8{ "argosy-executor: ", sentence, "\n" }) |text| kernel.writeAll(2, text) catch {};
    return not_started_code;
}

fn run(arena: std.mem.Allocator, arguments: []const [*:0]const u8, environment: [:null]const ?[*:0]const u8) Failure!u8 {
    const gpa = std.heap.page_allocator;
    if (arguments.len == 2 and std.mem.eql(u8, std.mem.span(arguments[1]), "--lay")) return lay(gpa, arena, environment);
    var first: usize = 1;
    const sidecar = arguments.len > 1 and std.mem.eql(u8, std.mem.span(arguments[1]), "--sidecar");
    if (sidecar) first += 1;
    if (arguments.len < first + 2 or !std.mem.eql(u8, std.mem.span(arguments[first]), "--")) {
        kernel.writeAll(2, usage) catch {};
        return usage_code;
    }
    const argv = try arena.allocSentinel(?[*:0]const u8, arguments.len - first - 1, null);
    for (argv, arguments[first + 1 ..]) |*to, from| to.* = from;
    const settings: Settings = try .read(arena, environment);
    const visible = try settings_file.withoutOurs(arena, environment);
    if (sidecar) return runSidecar(arena, argv, visible, settings);
    // Sidecars must end however this ends, and they see it where we are killed.
    if (settings.main_ended_file) |path| _ = try lock_file.hold(arena, path);
    defer if (settings.main_ended_file) |path| report.writeMessage(path, "");
    const work = try auth.completed(arena, environment, try readAssignment(arena, settings));
    kernel.endOnTerm(); // a pod that is deleted while it fetches need not wait for its grace period's end
    const lock = if (work.turn) |turn| try turn.begin(arena) else -1;
    if (work.turn) |turn| if (try turn.awaitOwn(arena)) |why| return leftOut(arena, turn, lock, why);
    try prepare(gpa, arena, work, settings);
    const log = if (work.logs == null) null else kernel.scratchFile(gather.scratchOf(settings)) catch
        return told.tell("cannot keep what the command prints: {s}", .{kernel.reason()});
    const end = command.run(arena, argv, visible, .{
        .keep_result = work.result,
        .log = log,
        .retries = if (work.turn) |turn| turn.retries else 0,
        .pause_milliseconds = if (work.turn) |turn| @trunc(@min(@max(turn.wait_seconds, 0), 86400) * 1000) else 0,
    }) catch |problem| return cannotStart(problem);
    if (work.turn) |turn| {
        try turn.end(arena, lock, end.code);
        if (!turn.hands_over and end.started) return end.code;
        if (turn.hands_over) try turn.awaitOthers(arena);
    }
    try report.handOver(gpa, arena, settings, work, try outcomeOf(gpa, arena, work, settings, end, log));
    return end.code;
}

/// What an init container does for the main one, which may not write where these belong.
fn lay(gpa: std.mem.Allocator, arena: std.mem.Allocator, environment: [:null]const ?[*:0]const u8) Failure!u8 {
    const settings: Settings = try .read(arena, environment);
    const work = try auth.completed(arena, environment, try readAssignment(arena, settings));
    kernel.endOnTerm();
    try prepare(gpa, arena, work, settings);
    return 0;
}

/// A container of a set whose turn never comes.
fn leftOut(arena: std.mem.Allocator, turn: Turn, lock: kernel.Fd, why: []const u8) Failure!u8 {
    report.writeMessage(message_file, why);
    for ([_][]const u8{ why, "\n" }) |text| kernel.writeAll(2, text) catch {};
    try turn.end(arena, lock, turn_file.not_started);
    if (turn.hands_over) try turn.awaitOthers(arena); // sidecars end with this container
    return turn_file.not_started;
}

fn cannotStart(problem: (kernel.Error || error{OutOfMemory})) Failure {
    return if (problem == error.OutOfMemory) error.OutOfMemory else told.tell("cannot start the command: {s}", .{kernel.reason()});
}

fn runSidecar(arena: std.mem.Allocator, argv: [:null]const ?[*:0]const u8, environment: [:null]const ?[*:0]const u8, settings: Settings) Failure!u8 {
    const ended = settings.main_ended_file orelse return told.tell("--sidecar needs ARGOSY_MAIN_ENDED, the file whose appearance ends it", .{});
    const other: command.OtherEnd = .{ .file = ended, .lock = try lock_file.pathOf(arena, ended) };
    const end = command.run(arena, argv, environment, .{ .end_when = other }) catch |problem| return cannotStart(problem);
    if (!end.started) return error.Told;
    // One that was told to end has done its duty, whatever its exit code.
    return if (other.hasCome()) 0 else end.code;
}

fn readAssignment(arena: std.mem.Allocator, settings: Settings) Failure!assignment.Assignment {
    if (settings.assignment_pieces.len > 0) return assignment.parse(arena, try std.mem.concat(arena, u8, settings.assignment_pieces));
    const path = settings.assignment_file orelse return told.tell("neither ARGOSY_ASSIGNMENT nor ARGOSY_ASSIGNMENT_JSON is set", .{});
    const file = kernel.open(kernel.here, path, .{}, 0) catch return told.tell("cannot read the assignment in {s}: {s}", .{ path, kernel.reason() });
    defer kernel.close(file);
    var text: std.ArrayList(u8) = .empty;
    var buffer: [16 << 10]u8 = undefined;
    while (true) {
        const count = kernel.read(file, &buffer) catch return told.tell("cannot read the assignment in {s}: {s}", .{ path, kernel.reason() });
        if (count == 0) return assignment.parse(arena, text.items);
        if (text.items.len > 16 << 20) return told.tell("the assignment in {s} is larger than 16 MiB", .{path});
        try text.appendSlice(arena, buffer[0..count]);
    }
}

fn prepare(gpa: std.mem.Allocator, arena: std.mem.Allocator, work: assignment.Assignment, settings: Settings) Failure!void {
    for (work.files) |file| try stage.writeFile(arena, file);
    for (work.artifacts_in) |artifact| {
        // Names of links and folders take memory that the command may need; it is given back before that starts.
        var passing: std.heap.ArenaAllocator = .init(gpa);
        defer passing.deinit();
        stage.fetch(gpa, passing.allocator(), artifact, settings.limits, storeTrust(settings, work)) catch |problem| {
            if (problem == error.OutOfMemory) return problem;
            const sentence = try arena.dupe(u8, told.sentence());
            return told.tell("input artifact '{s}': {s}", .{ artifact.name, sentence });
        };
    }
}

fn storeTrust(settings: Settings, work: assignment.Assignment) web.Trust {
    return .{ .file = if (settings.store_ca_file) |path| path.ptr else null, .text = work.authorities };
}

/// What the command left, and what is missing.
fn outcomeOf(gpa: std.mem.Allocator, arena: std.mem.Allocator, work: assignment.Assignment, settings: Settings, end: command.End, log: ?kernel.Fd) error{OutOfMemory}!handover.Handover {
    if (!end.started) return .{ .message = try arena.dupe(u8, told.sentence()) };
    var parameters: std.ArrayList(handover.Parameter) = .empty;
    var artifacts: std.ArrayList([]const u8) = .empty;
    var problems: std.ArrayList([]const u8) = .empty;
    for (work.parameters) |wanted| {
        if (gather.readParameter(arena, wanted)) |value| {
            try parameters.append(arena, .{ .name = wanted.name, .value = value });
        } else |problem| try note(arena, &problems, problem);
    }
    const options: gather.Options = .{ .scratch_folder = gather.scratchOf(settings), .trust = storeTrust(settings, work) };
    if (work.logs) |wanted| {
        if (gather.storeLog(gpa, arena, wanted, log.?, end.log_problem, options)) {
            try artifacts.append(arena, wanted.name);
        } else |problem| try note(arena, &problems, problem);
    }
    for (work.artifacts_out) |wanted| {
        if (gather.storeArtifact(gpa, arena, wanted, options)) |stored| {
            if (stored) try artifacts.append(arena, wanted.name);
        } else |problem| try note(arena, &problems, problem);
    }
    return .{
        .result = if (work.result) end.result orelse "" else null,
        .parameters = parameters.items,
        .artifacts = artifacts.items,
        .problem = try std.mem.join(arena, "; ", problems.items),
    };
}

fn note(arena: std.mem.Allocator, problems: *std.ArrayList([]const u8), problem: Failure) error{OutOfMemory}!void {
    if (problem == error.OutOfMemory) return error.OutOfMemory;
    try problems.append(arena, try arena.dupe(u8, told.sentence()));
}

test {
    _ = @import("assignment.zig");
    _ = @import("auth.zig");
    _ = @import("command.zig");
    _ = @import("turn.zig");
    _ = @import("handover.zig");
    _ = @import("names.zig");
    _ = @import("pack.zig");
    _ = @import("packzip.zig");
    _ = @import("refusals.zig");
    _ = @import("untar.zig");
    _ = @import("unzip.zig");
    _ = @import("web.zig");
}
