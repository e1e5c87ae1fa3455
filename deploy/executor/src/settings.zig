//! What the pod's manifest tells the executor through its environment; the user's command does not see it.

const std = @import("std");
const valueOf = @import("command.zig").valueOf;
const Limits = @import("refusals.zig").Limits;
const told = @import("told.zig");
const auth_prefix = @import("auth.zig").prefix;
const message_most = @import("handover.zig").message_most;

const Environment = [:null]const ?[*:0]const u8;

/// Every variable that is ours.
const ours = [_][]const u8{
    "ARGOSY_ASSIGNMENT",          "ARGOSY_ASSIGNMENT_JSON", "ARGOSY_TERMINATION_MESSAGE", "ARGOSY_RESULT_URL",
    "ARGOSY_RESULT_NAME",         "ARGOSY_RESULT_WORKFLOW", "ARGOSY_TOKEN_FILE",          "ARGOSY_CA_FILE",
    "ARGOSY_POD_NAME",            "ARGOSY_POD_UID",
    "ARGOSY_STORE_CA_FILE",       "ARGOSY_MAIN_ENDED",      "ARGOSY_UNPACK_BYTES",        "ARGOSY_UNPACK_ENTRIES",
    "ARGOSY_UNPACK_RATIO",        "ARGOSY_SCRATCH",         "ARGOSY_MESSAGE_BYTES",
};

pub const Settings = struct {
    /// The assignment: a file with it, or itself, in pieces to be put together.
    assignment_file: ?[:0]const u8,
    assignment_pieces: []const []const u8,
    message_file: [:0]const u8,
    message_most: usize,
    /// Where WorkflowTaskResults are made, the name of ours, and its workflow's; for outputs too large for the message.
    result_url: ?[:0]const u8,
    result_name: [:0]const u8,
    result_workflow: [:0]const u8,
    /// The pod, whose end ends its WorkflowTaskResult too.
    pod_name: [:0]const u8,
    pod_uid: [:0]const u8,
    token_file: [:0]const u8,
    api_ca_file: [:0]const u8,
    store_ca_file: ?[:0]const u8,
    /// Made when the main container is done; its sidecars watch for it.
    main_ended_file: ?[:0]const u8,
    scratch_folder: ?[:0]const u8,
    limits: Limits,
    api_host: ?[:0]const u8,
    api_port: u16,

    pub fn read(arena: std.mem.Allocator, environment: Environment) (told.Error || error{OutOfMemory})!Settings {
        var limits: Limits = .{};
        try readNumber(environment, "ARGOSY_UNPACK_BYTES", &limits.bytes);
        try readNumber(environment, "ARGOSY_UNPACK_ENTRIES", &limits.entries);
        try readNumber(environment, "ARGOSY_UNPACK_RATIO", &limits.ratio);
        var api_port: u64 = 443;
        try readNumber(environment, "KUBERNETES_SERVICE_PORT", &api_port);
        return .{
            .assignment_file = valueOf(environment, "ARGOSY_ASSIGNMENT"),
            .assignment_pieces = try assignmentPieces(arena, environment),
            .message_file = messageFile(environment),
            .message_most = messageMost(environment),
            .result_url = valueOf(environment, "ARGOSY_RESULT_URL"),
            .result_name = valueOf(environment, "ARGOSY_RESULT_NAME") orelse "",
            .result_workflow = valueOf(environment, "ARGOSY_RESULT_WORKFLOW") orelse "",
            .pod_name = valueOf(environment, "ARGOSY_POD_NAME") orelse "",
            .pod_uid = valueOf(environment, "ARGOSY_POD_UID") orelse "",
            .token_file = valueOf(environment, "ARGOSY_TOKEN_FILE") orelse "/var/run/secrets/argosy/token",
            .api_ca_file = valueOf(environment, "ARGOSY_CA_FILE") orelse "/var/run/secrets/argosy/ca.crt",
            .store_ca_file = valueOf(environment, "ARGOSY_STORE_CA_FILE"),
            .main_ended_file = valueOf(environment, "ARGOSY_MAIN_ENDED"),
            .scratch_folder = valueOf(environment, "ARGOSY_SCRATCH"),
            .limits = limits,
            .api_host = valueOf(environment, "KUBERNETES_SERVICE_HOST"),
            .api_port = std.math.cast(u16, api_port) orelse 443,
        };
    }
};

const pieces_name = "ARGOSY_ASSIGNMENT_JSON";

/// A variable holds 128 kB at most, so a large assignment comes in ARGOSY_ASSIGNMENT_JSON, ARGOSY_ASSIGNMENT_JSON_1, ..._2 and so on.
fn assignmentPieces(arena: std.mem.Allocator, environment: Environment) error{OutOfMemory}![]const []const u8 {
    var pieces: std.ArrayList([]const u8) = .empty;
    var next: ?[:0]const u8 = valueOf(environment, pieces_name);
    while (next) |piece| {
        try pieces.append(arena, piece);
        var buffer: [64]u8 = undefined;
        const name = std.fmt.bufPrint(&buffer, pieces_name ++ "_{d}", .{pieces.items.len}) catch break;
        next = valueOf(environment, name);
    }
    return pieces.items;
}

/// Also for the case that the other settings cannot be read.
pub fn messageFile(environment: Environment) [:0]const u8 {
    return valueOf(environment, "ARGOSY_TERMINATION_MESSAGE") orelse "/dev/termination-log";
}

/// How long a termination message may be in this pod; also for that case.
pub fn messageMost(environment: Environment) usize {
    const wished = std.fmt.parseInt(usize, valueOf(environment, "ARGOSY_MESSAGE_BYTES") orelse "", 10) catch message_most;
    return @max(256, @min(wished, message_most));
}

fn readNumber(environment: Environment, name: []const u8, into: *u64) told.Error!void {
    const text = valueOf(environment, name) orelse return;
    into.* = std.fmt.parseInt(u64, text, 10) catch return told.tell("{s} is '{s}'; write a whole number", .{ name, text });
}

/// The environment for the user's command: without what is ours.
pub fn withoutOurs(arena: std.mem.Allocator, environment: Environment) error{OutOfMemory}!Environment {
    var kept: std.ArrayList(?[*:0]const u8) = .empty;
    for (environment) |entry| {
        const name = std.mem.sliceTo(std.mem.span(entry.?), '=');
        if (!isOurs(name)) try kept.append(arena, entry);
    }
    return kept.toOwnedSliceSentinel(arena, null);
}

fn isOurs(name: []const u8) bool {
    for (ours) |one| if (std.mem.eql(u8, one, name)) return true;
    return std.mem.startsWith(u8, name, pieces_name ++ "_") or std.mem.startsWith(u8, name, auth_prefix);
}
