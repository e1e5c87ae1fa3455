//! After the command: output parameters are read, output artifacts are packed and stored.

const std = @import("std");
const kernel = @import("kernel.zig");
const told = @import("told.zig");
const web = @import("web.zig");
const pack = @import("pack.zig");
const upload = @import("upload.zig");
const assignment = @import("assignment.zig");
const Settings = @import("settings.zig").Settings;

pub const Error = told.Error || error{OutOfMemory};

pub const parameter_most = 1 << 20; // bytes; an object of the API server holds little more

/// The parameter's text without one newline at its end.
pub fn readParameter(arena: std.mem.Allocator, wanted: assignment.ParameterOut) Error![]const u8 {
    const path = try arena.dupeSentinel(u8, wanted.path, 0);
    // A FIFO that nobody writes must not hold us.
    const file = kernel.open(kernel.here, path, .{ .NONBLOCK = true }, 0) catch {
        if (wanted.default) |text| return text;
        if (kernel.last == .NOENT) return told.tell("cannot read output parameter '{s}': the container left no file {s}; write that file, or give valueFrom.default", .{ wanted.name, wanted.path });
        return cannotRead(wanted, kernel.reason());
    };
    defer kernel.close(file);
    const found = kernel.fileStat(file) catch return cannotRead(wanted, kernel.reason());
    if (!found.isFile()) return if (wanted.default) |text| text else cannotRead(wanted, "it is no regular file");
    var text: std.ArrayList(u8) = .empty;
    var buffer: [16 << 10]u8 = undefined;
    while (true) {
        const count = kernel.read(file, &buffer) catch return cannotRead(wanted, kernel.reason());
        if (count == 0) break;
        if (text.items.len + count > parameter_most) return cannotRead(wanted, "it is larger than 1 MiB; make it an artifact");
        try text.appendSlice(arena, buffer[0..count]);
    }
    return if (std.mem.endsWith(u8, text.items, "\n")) text.items[0 .. text.items.len - 1] else text.items;
}

fn cannotRead(wanted: assignment.ParameterOut, why: []const u8) told.Error {
    return told.tell("cannot read output parameter '{s}' from {s}: {s}", .{ wanted.name, wanted.path, why });
}

pub const Options = struct { scratch_folder: ?[*:0]const u8, trust: web.Trust };

/// Where archives and logs are spooled, if that was said.
pub fn scratchOf(settings: Settings) ?[*:0]const u8 {
    return if (settings.scratch_folder) |folder| folder.ptr else null;
}

/// Store all that the command printed.
pub fn storeLog(gpa: std.mem.Allocator, arena: std.mem.Allocator, wanted: assignment.ArtifactOut, file: kernel.Fd, incomplete: ?[]const u8, options: Options) Error!void {
    try put(gpa, arena, wanted, file, options);
    if (incomplete) |why| return told.tell("cannot save all of the log: {s}", .{why});
}

/// Pack and store the artifact; false where it is optional and there is nothing.
pub fn storeArtifact(gpa: std.mem.Allocator, arena: std.mem.Allocator, wanted: assignment.ArtifactOut, options: Options) Error!bool {
    const path = try arena.dupeSentinel(u8, wanted.path, 0);
    const found = kernel.stat(kernel.here, path) catch {
        if (kernel.last != .NOENT and kernel.last != .NOTDIR) return cannotSave(wanted, kernel.reason());
        if (wanted.optional) return false;
        return told.tell("cannot save output artifact '{s}': the container left nothing at {s}; write it there, or mark the artifact optional: true", .{ wanted.name, wanted.path });
    };
    if (wanted.url.len == 0) return cannotSave(wanted, "the assignment has no URL to store it at");
    if (found.isFolder() and wanted.form_url.len > 0) {
        upload.folder(gpa, wanted, path, options.trust) catch |problem| return because(wanted, problem);
        return true;
    }
    const file = try packedFile(gpa, wanted, path, found, options);
    defer kernel.close(file);
    try put(gpa, arena, wanted, file, options);
    return true;
}

fn put(gpa: std.mem.Allocator, arena: std.mem.Allocator, wanted: assignment.ArtifactOut, file: kernel.Fd, options: Options) Error!void {
    const size = (kernel.fileStat(file) catch return cannotSave(wanted, kernel.reason())).size;
    const answer = web.ask(gpa, arena, .{
        .method = "PUT",
        .url = wanted.url,
        .header_lines = wanted.headers,
        .body = .{ .file = .{ .file = file, .size = size } },
        .trust = options.trust,
    }) catch |problem| return because(wanted, problem);
    if (!answer.isGood()) return told.tell("cannot save output artifact '{s}': the store refuses it with status {d}: {s}", .{ wanted.name, answer.status, answer.words });
}

fn packedFile(gpa: std.mem.Allocator, wanted: assignment.ArtifactOut, path: [:0]const u8, found: kernel.Stat, options: Options) Error!kernel.Fd {
    if (std.mem.eql(u8, wanted.archive, "none")) {
        if (!found.isFile()) return cannotSave(wanted, "it is no file, and archive: none stores only one; use archive: tar or zip");
        return kernel.open(kernel.here, path, .{ .NONBLOCK = true }, 0) catch cannotSave(wanted, kernel.reason());
    }
    if (!std.mem.eql(u8, wanted.archive, "tar") and !std.mem.eql(u8, wanted.archive, "zip"))
        return cannotSave(wanted, "its archive is none of tar, zip and none");
    if (!found.isFile() and !found.isFolder()) return cannotSave(wanted, "it is neither a file nor a folder");
    const file = kernel.scratchFile(options.scratch_folder) catch return cannotSave(wanted, kernel.reason());
    errdefer kernel.close(file);
    pack.pack(gpa, path, file, wanted.archive, wanted.compression_level) catch |problem| return because(wanted, problem);
    return file;
}

fn cannotSave(wanted: assignment.ArtifactOut, why: []const u8) told.Error {
    if (wanted.path.len == 0) return told.tell("cannot save output artifact '{s}': {s}", .{ wanted.name, why });
    return told.tell("cannot save output artifact '{s}' from {s}: {s}", .{ wanted.name, wanted.path, why });
}

/// The sentence told below, with the artifact's name before it.
fn because(wanted: assignment.ArtifactOut, problem: Error) Error {
    if (problem == error.OutOfMemory) return problem;
    var buffer: [2048]u8 = undefined;
    const below = told.sentence();
    const kept = buffer[0..@min(below.len, buffer.len)];
    @memcpy(kept, below[0..kept.len]);
    return told.tell("cannot save output artifact '{s}': {s}", .{ wanted.name, kept });
}
