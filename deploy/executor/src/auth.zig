//! Credentials for servers that artifacts come from or go to: they stand in variables, which the pod takes from a Secret.

const std = @import("std");
const assignment = @import("assignment.zig");
const valueOf = @import("command.zig").valueOf;

const Environment = [:null]const ?[*:0]const u8;
const encoder = std.base64.standard.Encoder;

pub const prefix = "ARGOSY_AUTH_";

/// The assignment with an `Authorization` header for each artifact that has a number under which credentials are known.
pub fn completed(arena: std.mem.Allocator, environment: Environment, given: assignment.Assignment) error{OutOfMemory}!assignment.Assignment {
    var whole = given;
    const inputs = try arena.dupe(assignment.ArtifactIn, given.artifacts_in);
    for (inputs) |*item| item.headers = try lines(arena, environment, item.auth, item.headers);
    whole.artifacts_in = inputs;
    const outputs = try arena.dupe(assignment.ArtifactOut, given.artifacts_out);
    for (outputs) |*item| item.headers = try lines(arena, environment, item.auth, item.headers);
    whole.artifacts_out = outputs;
    return whole;
}

fn lines(arena: std.mem.Allocator, environment: Environment, number: []const u8, given: []const []const u8) error{OutOfMemory}![]const []const u8 {
    if (number.len == 0) return given;
    const pair = try std.mem.concat(arena, u8, &.{
        try value(arena, environment, number, "_USERNAME"), ":", try value(arena, environment, number, "_PASSWORD"),
    });
    const text = encoder.encode(try arena.alloc(u8, encoder.calcSize(pair.len)), pair);
    const line = try std.mem.concat(arena, u8, &.{ "Authorization: Basic ", text });
    return std.mem.concat(arena, []const u8, &.{ given, &.{line} });
}

fn value(arena: std.mem.Allocator, environment: Environment, number: []const u8, part: []const u8) error{OutOfMemory}![]const u8 {
    return valueOf(environment, try std.mem.concat(arena, u8, &.{ prefix, number, part })) orelse "";
}

test "credentials become a header" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const environment = [_:null]?[*:0]const u8{ "ARGOSY_AUTH_0_USERNAME=bob", "ARGOSY_AUTH_0_PASSWORD=a:b" };
    const found = try lines(arena.allocator(), &environment, "0", &.{"A: b"});
    try std.testing.expectEqualStrings("Authorization: Basic Ym9iOmE6Yg==", found[1]);
    try std.testing.expectEqual(@as(usize, 1), (try lines(arena.allocator(), &environment, "", &.{"A: b"})).len);
}
