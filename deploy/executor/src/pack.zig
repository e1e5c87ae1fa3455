//! Packs a file or folder as tar.gz or zip into a scratch file: sorted names, links as links, special files left out.

const std = @import("std");
const linux = std.os.linux;
const flate = std.compress.flate;
const kernel = @import("kernel.zig");
const streams = @import("streams.zig");
const told = @import("told.zig");
const Zip = @import("packzip.zig").Zip;
const Writer = std.Io.Writer;

pub const Error = told.Error || error{ OutOfMemory, WriteFailed };

const depth_most = 128; // folders within folders; each holds a file open

/// Pack what `path` leads to into `file`, under the last part of `path`. `archive` is "tar" or "zip".
pub fn pack(gpa: std.mem.Allocator, path: [:0]const u8, file: kernel.Fd, archive: []const u8, level: ?i32) (told.Error || error{OutOfMemory})!void {
    const trimmed = std.mem.trimEnd(u8, path, "/");
    const slash = std.mem.lastIndexOfScalar(u8, trimmed, '/');
    const name = if (slash) |at| trimmed[at + 1 ..] else trimmed;
    const options = try optionsOf(level);
    const buffers = try gpa.create(Buffers);
    defer gpa.destroy(buffers);
    var output: streams.FileWriter = .init(file, &buffers.output);
    if (std.mem.eql(u8, archive, "tar")) {
        packTar(gpa, path, if (name.len == 0) "root" else name, &output.writer, &buffers.window, options) catch |problem| return whole(problem);
    } else {
        var zip: Zip = .{ .memory = gpa, .target = file, .output = &output, .window = &buffers.window, .options = options };
        defer zip.deinit();
        packZip(gpa, path, if (name.len == 0) "root" else name, &zip) catch |problem| return whole(problem);
    }
    output.writer.flush() catch return whole(error.WriteFailed);
}

const Buffers = struct {
    output: [64 << 10]u8,
    window: [flate.max_window_len]u8,
};

fn whole(problem: Error) (told.Error || error{OutOfMemory}) {
    return switch (problem) {
        error.WriteFailed => told.tell("cannot write the archive: {s}", .{kernel.reason()}),
        else => |other| @errorCast(other),
    };
}

fn optionsOf(level: ?i32) told.Error!flate.Compress.Options {
    const Options = flate.Compress.Options;
    return switch (level orelse 6) {
        0, 1 => Options.level_1, // gzip's fastest; nothing here stores without packing
        2 => Options.level_2,
        3 => Options.level_3,
        4 => Options.level_4,
        5 => Options.level_5,
        -1, 6 => Options.level_6,
        7 => Options.level_7,
        8 => Options.level_8,
        9 => Options.level_9,
        else => |wrong| told.tell("compressionLevel {d} is none; write a number from 0 (fast) to 9 (small), or -1", .{wrong}),
    };
}

fn packTar(gpa: std.mem.Allocator, path: [:0]const u8, name: []const u8, output: *Writer, window: []u8, options: flate.Compress.Options) Error!void {
    var gzip: flate.Compress = try .init(output, window, .gzip, options);
    var tar: Tar = .{ .output = &gzip.writer };
    try walk(gpa, &tar, kernel.here, path, name, 0);
    try gzip.writer.splatByteAll(0, 1024);
    try gzip.finish();
}

fn packZip(gpa: std.mem.Allocator, path: [:0]const u8, name: []const u8, zip: *Zip) Error!void {
    try walk(gpa, zip, kernel.here, path, name, 0);
    try zip.finish();
}

/// Give everything at `path` to `archive`, folders before what they hold. The topmost may be a link and is followed.
fn walk(gpa: std.mem.Allocator, archive: anytype, folder: kernel.Fd, path: [:0]const u8, name: []const u8, depth: u32) Error!void {
    const found = (if (depth == 0) kernel.stat(folder, path) else kernel.linkStat(folder, path)) catch return cannotRead(name);
    if (found.isLink()) {
        var buffer: [4096]u8 = undefined;
        const target = kernel.readLink(folder, path, &buffer) catch return cannotRead(name);
        return archive.link(name, target, found);
    }
    if (found.isFile()) {
        const flags: kernel.O = .{ .NONBLOCK = true, .NOFOLLOW = depth > 0 };
        const file = kernel.open(folder, path, flags, 0) catch return cannotRead(name);
        defer kernel.close(file);
        return archive.file(name, file, kernel.fileStat(file) catch return cannotRead(name));
    }
    if (!found.isFolder()) return;
    if (depth == depth_most) return told.tell("'{s}' lies more than {d} folders deep", .{ name, depth_most });
    const inner = kernel.open(folder, path, .{ .DIRECTORY = true, .NOFOLLOW = depth > 0 }, 0) catch return cannotRead(name);
    defer kernel.close(inner);
    try archive.folder(name, found);
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    for (try entries(arena.allocator(), inner, name)) |entry| {
        const below = try std.mem.concat(arena.allocator(), u8, &.{ name, "/", entry });
        try walk(gpa, archive, inner, entry, below, depth + 1);
    }
}

fn cannotRead(name: []const u8) told.Error {
    return told.tell("cannot read '{s}': {s}", .{ name, kernel.reason() });
}

/// The names in a folder, sorted: the same folder gives the same archive.
pub fn entries(arena: std.mem.Allocator, folder: kernel.Fd, name: []const u8) Error![][:0]const u8 {
    var found: std.ArrayList([:0]const u8) = .empty;
    var buffer: [8192]u8 align(8) = undefined;
    while (true) {
        const count = linux.getdents64(folder, &buffer, buffer.len);
        if (linux.errno(count) != .SUCCESS) {
            kernel.last = linux.errno(count);
            return cannotRead(name);
        }
        if (count == 0) break;
        var at: usize = 0;
        while (at < count) {
            const entry: *align(1) linux.dirent64 = @ptrCast(&buffer[at]);
            const text = std.mem.sliceTo(buffer[at + @offsetOf(linux.dirent64, "name") .. at + entry.reclen], 0);
            at += entry.reclen;
            if (std.mem.eql(u8, text, ".") or std.mem.eql(u8, text, "..")) continue;
            try found.append(arena, try arena.dupeSentinel(u8, text, 0));
        }
    }
    std.mem.sortUnstable([:0]const u8, found.items, {}, before);
    return found.items;
}

fn before(_: void, one: [:0]const u8, other: [:0]const u8) bool {
    return std.mem.lessThan(u8, one, other);
}

const Tar = struct {
    output: *Writer,

    fn folder(tar: *Tar, name: []const u8, found: kernel.Stat) Error!void {
        try tar.header(name, "", '5', 0, found);
    }

    fn link(tar: *Tar, name: []const u8, target: []const u8, found: kernel.Stat) Error!void {
        try tar.header(name, target, '2', 0, found);
    }

    fn file(tar: *Tar, name: []const u8, source: kernel.Fd, found: kernel.Stat) Error!void {
        try tar.header(name, "", '0', found.size, found);
        var buffer: [16 << 10]u8 = undefined;
        var left = found.size;
        while (left > 0) {
            const count = kernel.read(source, buffer[0..@intCast(@min(buffer.len, left))]) catch return cannotRead(name);
            if (count == 0) return told.tell("'{s}' became smaller while it was packed", .{name});
            try tar.output.writeAll(buffer[0..count]);
            left -= count;
        }
        try tar.pad(found.size);
    }

    fn header(tar: *Tar, name: []const u8, target: []const u8, kind: u8, size: u64, found: kernel.Stat) Error!void {
        const slash: usize = @intFromBool(kind == '5');
        const long_name = name.len + slash > 100;
        const long_target = target.len > 100;
        const large = size >= 1 << 33; // 11 octal digits hold no more
        if (long_name or long_target or large) {
            var buffer: [16 << 10]u8 = undefined;
            var pax: Writer = .fixed(&buffer);
            if (long_name) try paxLine(&pax, "path", name);
            if (long_target) try paxLine(&pax, "linkpath", target);
            if (large) {
                var digits: [20]u8 = undefined;
                try paxLine(&pax, "size", std.fmt.bufPrint(&digits, "{d}", .{size}) catch unreachable);
            }
            try tar.block("@PaxHeader", "", 'x', pax.end, 0o644, 0);
            try tar.output.writeAll(pax.buffered());
            try tar.pad(pax.end);
        }
        var short: [101]u8 = undefined;
        const kept = name[0..@min(name.len, 100 - slash)];
        @memcpy(short[0..kept.len], kept);
        if (slash == 1) short[kept.len] = '/';
        try tar.block(short[0 .. kept.len + slash], target[0..@min(target.len, 100)], kind, if (large) 0 else size, found.mode, found.modified);
    }

    fn block(tar: *Tar, name: []const u8, target: []const u8, kind: u8, size: u64, mode: u32, modified: i64) Error!void {
        var bytes: [512]u8 = @splat(0);
        @memcpy(bytes[0..name.len], name);
        octal(bytes[100..108], mode & 0o7777);
        octal(bytes[108..116], 0);
        octal(bytes[116..124], 0);
        octal(bytes[124..136], size);
        octal(bytes[136..148], @intCast(@min(@max(modified, 0), (1 << 33) - 1)));
        @memset(bytes[148..156], ' ');
        bytes[156] = kind;
        @memcpy(bytes[157..][0..target.len], target);
        @memcpy(bytes[257..265], "ustar\x0000");
        var sum: u64 = 0;
        for (bytes) |byte| sum += byte;
        octal(bytes[148..155], sum);
        try tar.output.writeAll(&bytes);
    }

    fn pad(tar: *Tar, size: u64) Error!void {
        try tar.output.splatByteAll(0, @intCast((512 - size % 512) % 512));
    }
};

fn octal(field: []u8, value: u64) void {
    var left = value;
    var at = field.len - 1;
    field[at] = 0;
    while (at > 0) : (at -= 1) {
        field[at - 1] = '0' + @as(u8, @intCast(left & 7));
        left >>= 3;
    }
}

/// "<length> key=value\n", where the length counts its own digits too.
fn paxLine(w: *Writer, key: []const u8, value: []const u8) Error!void {
    const rest = key.len + value.len + 3;
    var length = rest + 1;
    while (std.fmt.count("{d}", .{length}) + rest != length) length += 1;
    w.print("{d} {s}={s}\n", .{ length, key, value }) catch return told.tell("the name '{s}' is too long", .{value});
}

test "the length of an extended header's line counts itself" {
    var buffer: [128]u8 = undefined;
    var writer: Writer = .fixed(&buffer);
    try paxLine(&writer, "path", "a");
    try paxLine(&writer, "path", &@as([91]u8, @splat('a')));
    try std.testing.expect(std.mem.startsWith(u8, writer.buffered(), "9 path=a\n"));
    const second = writer.buffered()[9..];
    try std.testing.expectEqual(second.len, try std.fmt.parseInt(usize, std.mem.sliceTo(second, ' '), 10));
}

test "octal fields" {
    var field: [8]u8 = undefined;
    octal(&field, 0o755);
    try std.testing.expectEqualStrings("0000755\x00", &field);
}
