//! The outcome as JSON: for the termination message, and as the outputs of a WorkflowTaskResult.

const std = @import("std");
const Assignment = @import("assignment.zig").Assignment;
const Settings = @import("settings.zig").Settings;
const Writer = std.Io.Writer;

pub const message_most = 4096; // bytes; Kubernetes cuts a termination message there, or earlier where a pod has many containers

pub const Parameter = struct { name: []const u8, value: []const u8 };

pub const Handover = struct {
    result: ?[]const u8 = null,
    parameters: []const Parameter = &.{},
    artifacts: []const []const u8 = &.{},
    problem: []const u8 = "",
    elsewhere: bool = false,
    started: bool = true,
    /// What the command itself left as its termination message.
    message: []const u8 = "",

    /// The termination message.
    pub fn write(handover: Handover, w: *Writer) Writer.Error!void {
        try w.writeAll("{\"argosy\":1,\"result\":");
        if (handover.result) |text| try writeString(w, text) else try w.writeAll("null");
        try w.writeAll(",\"parameters\":{");
        for (handover.parameters, 0..) |parameter, number| {
            if (number > 0) try w.writeByte(',');
            try writeString(w, parameter.name);
            try w.writeByte(':');
            try writeString(w, parameter.value);
        }
        try w.writeAll("},\"artifacts\":[");
        for (handover.artifacts, 0..) |name, number| {
            if (number > 0) try w.writeByte(',');
            try writeString(w, name);
        }
        try w.writeAll("],\"error\":");
        try writeString(w, handover.problem);
        if (handover.elsewhere) try w.writeAll(",\"elsewhere\":true");
        if (!handover.started) try w.writeAll(",\"started\":false");
        if (handover.message.len > 0) {
            try w.writeAll(",\"message\":");
            try writeString(w, handover.message);
        }
        try w.writeByte('}');
    }

    /// The same with as much of the problem as there is room for, and without what the command said if that is too much.
    pub fn writeShort(handover: Handover, w: *Writer, most: usize) Writer.Error!void {
        var short = handover;
        while (true) {
            w.end = 0;
            if (short.write(w)) |_| {
                if (w.end <= most) return;
            } else |_| {}
            if (short.message.len > 0) {
                short.message = "";
            } else if (short.problem.len > 0) {
                short.problem = short.problem[0 .. short.problem.len * 3 / 4];
            } else return;
        }
    }

    /// The body of a WorkflowTaskResult, with Argo's field names and labels.
    pub fn writeTaskResult(handover: Handover, w: *Writer, settings: Settings, assignment: Assignment) Writer.Error!void {
        try w.writeAll("{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"WorkflowTaskResult\",\"metadata\":{\"name\":");
        try writeString(w, settings.result_name);
        try w.writeAll(",\"labels\":{\"workflows.argoproj.io/report-outputs-completed\":\"true\",\"workflows.argoproj.io/workflow\":");
        try writeString(w, settings.result_workflow);
        try w.writeByte('}');
        if (settings.pod_uid.len > 0) {
            try w.writeAll(",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":");
            try writeString(w, settings.pod_name);
            try w.writeAll(",\"uid\":");
            try writeString(w, settings.pod_uid);
            try w.writeAll("}]");
        }
        try w.writeAll("},\"message\":");
        try writeString(w, handover.problem);
        try w.writeAll(",\"outputs\":{");
        if (handover.result) |text| {
            try w.writeAll("\"result\":");
            try writeString(w, text);
            try w.writeByte(',');
        }
        try w.writeAll("\"parameters\":[");
        for (handover.parameters, 0..) |parameter, number| {
            if (number > 0) try w.writeByte(',');
            try w.writeAll("{\"name\":");
            try writeString(w, parameter.name);
            try w.writeAll(",\"value\":");
            try writeString(w, parameter.value);
            try w.writeByte('}');
        }
        try w.writeAll("],\"artifacts\":[");
        var first = true;
        for (assignment.artifacts_out) |artifact| {
            if (!contains(handover.artifacts, artifact.name)) continue;
            if (!first) try w.writeByte(',');
            first = false;
            try w.writeAll("{\"name\":");
            try writeString(w, artifact.name);
            try w.writeAll(",\"path\":");
            try writeString(w, artifact.path);
            try w.writeAll(",\"s3\":{\"key\":");
            try writeString(w, artifact.key);
            try w.writeAll("}}");
        }
        if (assignment.logs) |logs| if (contains(handover.artifacts, logs.name)) {
            if (!first) try w.writeByte(',');
            try w.writeAll("{\"name\":");
            try writeString(w, logs.name);
            try w.writeByte('}');
        };
        try w.writeAll("]}}");
    }
};

fn contains(names: []const []const u8, wanted: []const u8) bool {
    for (names) |name| if (std.mem.eql(u8, name, wanted)) return true;
    return false;
}

/// A JSON string; bytes that are no UTF-8 become U+FFFD, as JSON can hold nothing else.
pub fn writeString(w: *Writer, text: []const u8) Writer.Error!void {
    try w.writeByte('"');
    var at: usize = 0;
    while (at < text.len) {
        const byte = text[at];
        if (byte < 0x80) {
            switch (byte) {
                '"', '\\' => try w.writeAll(&.{ '\\', byte }),
                '\n' => try w.writeAll("\\n"),
                '\r' => try w.writeAll("\\r"),
                '\t' => try w.writeAll("\\t"),
                0...8, 11, 12, 14...0x1f, 0x7f => try w.print("\\u{x:0>4}", .{byte}),
                else => try w.writeByte(byte),
            }
            at += 1;
            continue;
        }
        const length = std.unicode.utf8ByteSequenceLength(byte) catch 0;
        if (length > 0 and at + length <= text.len and std.unicode.utf8ValidateSlice(text[at..][0..length])) {
            try w.writeAll(text[at..][0..length]);
            at += length;
        } else {
            try w.writeAll("\u{fffd}");
            at += 1;
        }
    }
    try w.writeByte('"');
}

test "a handover is what the controller reads" {
    var buffer: [512]u8 = undefined;
    var writer: Writer = .fixed(&buffer);
    const handover: Handover = .{ .result = "a\"b\n\xff\x01é", .parameters = &.{.{ .name = "p", .value = "" }}, .artifacts = &.{"x"} };
    try handover.write(&writer);
    try std.testing.expectEqualStrings(
        "{\"argosy\":1,\"result\":\"a\\\"b\\n\u{fffd}\\u0001é\",\"parameters\":{\"p\":\"\"},\"artifacts\":[\"x\"],\"error\":\"\"}",
        writer.buffered(),
    );
}
