//! Hands the outcome over: in the termination message, or through the API server where it is too large for that.

const std = @import("std");
const kernel = @import("kernel.zig");
const told = @import("told.zig");
const web = @import("web.zig");
const Assignment = @import("assignment.zig").Assignment;
const Handover = @import("handover.zig").Handover;
const Settings = @import("settings.zig").Settings;

const Error = told.Error || error{OutOfMemory};

pub fn handOver(gpa: std.mem.Allocator, arena: std.mem.Allocator, settings: Settings, work: Assignment, handover: Handover) error{OutOfMemory}!void {
    var text: std.Io.Writer.Allocating = .init(arena);
    var whole = handover;
    if (whole.message.len == 0) whole.message = try messageSoFar(arena, settings.message_file);
    whole.write(&text.writer) catch return error.OutOfMemory;
    if (text.written().len <= settings.message_most) return writeMessage(settings.message_file, text.written());
    if (try fitsWithout(arena, whole, settings.message_most)) { // it is what went wrong that takes the room
        text.clearRetainingCapacity();
        whole.writeShort(&text.writer, settings.message_most) catch return error.OutOfMemory;
        return writeMessage(settings.message_file, text.written());
    }
    var short: Handover = .{ .problem = handover.problem, .elsewhere = true, .message = whole.message };
    sendTaskResult(gpa, arena, settings, work, handover, text.written().len) catch |problem| {
        if (problem == error.OutOfMemory) return error.OutOfMemory;
        short = .{ .problem = try arena.dupe(u8, told.sentence()) };
    };
    text.clearRetainingCapacity();
    short.writeShort(&text.writer, settings.message_most) catch return error.OutOfMemory;
    writeMessage(settings.message_file, text.written());
}

/// Whether all but the problem leaves room for the beginning of that.
fn fitsWithout(arena: std.mem.Allocator, whole: Handover, most: usize) error{OutOfMemory}!bool {
    var rest = whole;
    rest.problem = "";
    rest.message = "";
    var text: std.Io.Writer.Allocating = .init(arena);
    rest.write(&text.writer) catch return error.OutOfMemory;
    return whole.problem.len > 0 and text.written().len <= most / 2;
}

/// What the command itself has written there: it is told in the step's message, so its beginning is enough.
fn messageSoFar(arena: std.mem.Allocator, path: [:0]const u8) error{OutOfMemory}![]const u8 {
    const file = kernel.open(kernel.here, path, .{ .ACCMODE = .RDONLY, .NONBLOCK = true }, 0) catch return "";
    defer kernel.close(file);
    const buffer = try arena.alloc(u8, 1000);
    const count = kernel.read(file, buffer) catch return "";
    return buffer[0..count];
}

/// The last resort is the pod's log: whoever looks for the reason finds it there.
pub fn writeMessage(path: [:0]const u8, text: []const u8) void {
    const flags: kernel.O = .{ .ACCMODE = .WRONLY, .CREAT = true, .TRUNC = true, .NONBLOCK = true };
    const file = kernel.open(kernel.here, path, flags, 0o644) catch return complain(path);
    defer kernel.close(file);
    kernel.writeAll(file, text) catch complain(path);
}

fn complain(path: [:0]const u8) void {
    var buffer: [512]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, "argosy-executor: cannot write the termination message to {s}: {s}\n", .{ path, kernel.reason() }) catch return;
    kernel.writeAll(2, text) catch {};
}

fn sendTaskResult(gpa: std.mem.Allocator, arena: std.mem.Allocator, settings: Settings, work: Assignment, handover: Handover, size: usize) Error!void {
    const url = settings.result_url orelse return told.tell(
        "the step's outputs take {d} bytes, more than the {d} of a termination message, and nothing is set up for larger ones; write less, or make them artifacts",
        .{ size, settings.message_most },
    );
    var body: std.Io.Writer.Allocating = .init(arena);
    handover.writeTaskResult(&body.writer, settings, work) catch return error.OutOfMemory;
    const token = try readToken(arena, settings.token_file);
    const bearer = try std.mem.concat(arena, u8, &.{ "Bearer ", token });
    var request: web.Request = .{
        .method = "POST",
        .url = url,
        .headers = &.{ .{ "Authorization", bearer }, .{ "Content-Type", "application/json" } },
        .body = .{ .text = body.written() },
        .trust = .{ .file = settings.api_ca_file },
        .address = try apiAddress(url, settings),
    };
    var answer = try web.ask(gpa, arena, request);
    if (answer.status == 409) { // it is there already: from an earlier try whose answer was lost, or from a watcher
        request.method = "PATCH";
        request.url = try std.mem.concat(arena, u8, &.{ url, "/", settings.result_name });
        request.headers = &.{ .{ "Authorization", bearer }, .{ "Content-Type", "application/merge-patch+json" } };
        answer = try web.ask(gpa, arena, request);
    }
    if (answer.status == 403) return told.tell(
        "the step's outputs take {d} bytes and go into a WorkflowTaskResult, which the pod's service account may not make: grant it `create` and `patch` on workflowtaskresults.argoproj.io ({s})",
        .{ size, try wordsOf(arena, answer.words) },
    );
    if (!answer.isGood()) return told.tell("the outputs cannot be handed over: the API server answers {d}: {s}", .{ answer.status, try wordsOf(arena, answer.words) });
}

/// What the API server's Status object says, or the answer as it is.
fn wordsOf(arena: std.mem.Allocator, text: []const u8) error{OutOfMemory}![]const u8 {
    const Status = struct { message: []const u8 };
    const status = std.json.parseFromSliceLeaky(Status, arena, text, .{ .ignore_unknown_fields = true }) catch |problem|
        return if (problem == error.OutOfMemory) error.OutOfMemory else text;
    return status.message;
}

/// In a pod, the API server is found without any name server.
fn apiAddress(url: []const u8, settings: Settings) told.Error!?web.Url.Place {
    const parsed = try web.Url.parse(url);
    const host = settings.api_host orelse return null;
    return if (std.mem.eql(u8, parsed.place.host, "kubernetes.default.svc")) .{ .host = host, .port = settings.api_port } else null;
}

fn readToken(arena: std.mem.Allocator, path: [:0]const u8) Error![]const u8 {
    const file = kernel.open(kernel.here, path, .{}, 0) catch return told.tell("cannot read the token in {s}: {s}", .{ path, kernel.reason() });
    defer kernel.close(file);
    const buffer = try arena.alloc(u8, 16 << 10);
    const count = kernel.read(file, buffer) catch return told.tell("cannot read the token in {s}: {s}", .{ path, kernel.reason() });
    const token = std.mem.trim(u8, buffer[0..count], " \r\n");
    for (token) |byte| if (byte <= ' ' or byte >= 0x7f) return told.tell("the token in {s} is none", .{path});
    return token;
}
