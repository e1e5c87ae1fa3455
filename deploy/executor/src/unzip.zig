//! Reads a zip file by its central directory (stored and deflated members, zip64) into a tree.

const std = @import("std");
const linux = std.os.linux;
const flate = std.compress.flate;
const kernel = @import("kernel.zig");
const streams = @import("streams.zig");
const refusals = @import("refusals.zig");
const told = @import("told.zig");
const Tree = @import("tree.zig").Tree;

pub const Error = @import("tree.zig").Error;

const end_signature = "PK\x05\x06";
const end_size = 22;
const comment_most = 65535;

const Directory = struct { entries: u64, size: u64, offset: u64 };

const Member = struct {
    name: []const u8,
    flags: u16,
    method: u16,
    checksum: u32,
    packed_size: u64,
    size: u64,
    offset: u64,
    unix_mode: u32,
};

/// Room for inflating a member; allocated once, as it is large.
pub const Room = struct {
    window: [flate.max_window_len]u8,
    input: [32 << 10]u8,
    output: [32 << 10]u8,
};

/// Lay everything that the zip in `file` holds into the tree.
pub fn read(tree: *Tree, file: kernel.Fd, size: u64, arena: std.mem.Allocator, room: *Room) Error!void {
    const directory = try findDirectory(file, size, arena);
    // The directory says beforehand what all will take: a bomb is refused before any of it is written.
    try readDirectory(.{ .foretell = tree.sizes }, file, size, directory, room);
    try readDirectory(.{ .lay = tree }, file, size, directory, room);
}

const Purpose = union(enum) { foretell: refusals.Sizes, lay: *Tree };

fn readDirectory(what_for: Purpose, file: kernel.Fd, size: u64, directory: Directory, room: *Room) Error!void {
    var purpose = what_for;
    var place = directory.offset;
    for (0..@intCast(directory.entries)) |_| {
        var header: [46]u8 = undefined;
        try readExactly(file, &header, place);
        if (!std.mem.eql(u8, header[0..4], "PK\x01\x02")) return damaged();
        const lengths = [_]u64{ int(u16, &header, 28), int(u16, &header, 30), int(u16, &header, 32) };
        var rest: [2 * 65536]u8 = undefined;
        const variable = rest[0..@intCast(lengths[0] + lengths[1])];
        try readExactly(file, variable, place + header.len);
        const found = try describe(&header, variable[0..@intCast(lengths[0])], variable[@intCast(lengths[0])..]);
        switch (purpose) {
            .foretell => |*sizes| try sizes.add(found.size),
            .lay => |tree| try layMember(tree, file, size, found, room),
        }
        place += header.len + lengths[0] + lengths[1] + lengths[2];
        if (place > size) return damaged();
    }
}

fn findDirectory(file: kernel.Fd, size: u64, arena: std.mem.Allocator) Error!Directory {
    if (size < end_size) return damaged();
    const tail = try arena.alloc(u8, @intCast(@min(size, end_size + comment_most + 20)));
    const start = size - tail.len;
    try readExactly(file, tail, start);
    var at = std.mem.lastIndexOf(u8, tail, end_signature) orelse return damaged();
    while (at + end_size > tail.len or at + end_size + int(u16, tail, at + 20) != tail.len) {
        at = std.mem.lastIndexOf(u8, tail[0..at], end_signature) orelse return damaged();
    }
    var found: Directory = .{ .entries = int(u16, tail, at + 10), .size = int(u32, tail, at + 12), .offset = int(u32, tail, at + 16) };
    if (at >= 20 and std.mem.eql(u8, tail[at - 20 ..][0..4], "PK\x06\x07")) {
        var large: [56]u8 = undefined;
        try readExactly(file, &large, int(u64, tail, at - 20 + 8));
        if (!std.mem.eql(u8, large[0..4], "PK\x06\x06")) return damaged();
        found = .{ .entries = int(u64, &large, 32), .size = int(u64, &large, 40), .offset = int(u64, &large, 48) };
    }
    const end = std.math.add(u64, found.offset, found.size) catch return damaged();
    // Each entry takes at least its header: a larger count is a lie.
    if (end > start + at or found.entries > found.size / 46) return damaged();
    return found;
}

fn describe(header: *const [46]u8, name: []const u8, extra: []const u8) Error!Member {
    var found: Member = .{
        .name = name,
        .flags = int(u16, header, 8),
        .method = int(u16, header, 10),
        .checksum = int(u32, header, 16),
        .packed_size = int(u32, header, 20),
        .size = int(u32, header, 24),
        .offset = int(u32, header, 42),
        .unix_mode = if (header[5] == 3) int(u32, header, 38) >> 16 else 0,
    };
    var rest = extra;
    while (rest.len >= 4) {
        const length: usize = int(u16, rest, 2); // wide enough for the sum below
        if (length + 4 > rest.len) break; // some writers leave a stump here
        if (int(u16, rest, 0) == 1) try readLarge(rest[4..][0..length], &found);
        rest = rest[4 + length ..];
    }
    return found;
}

/// The zip64 field holds, in this order, those numbers that did not fit into 32 bits.
fn readLarge(field: []const u8, found: *Member) Error!void {
    var at: usize = 0;
    for ([_]*u64{ &found.size, &found.packed_size, &found.offset }) |place| {
        if (place.* != 0xffffffff) continue;
        if (at + 8 > field.len) return damaged();
        place.* = int(u64, field, at);
        at += 8;
    }
}

fn layMember(tree: *Tree, file: kernel.Fd, file_size: u64, found: Member, room: *Room) Error!void {
    const kind = found.unix_mode & linux.S.IFMT;
    if (found.flags & 1 != 0) {
        try refusals.checkName(found.name);
        return told.tell("the archive is refused: its member '{s}' is encrypted", .{found.name});
    }
    if (std.mem.endsWith(u8, found.name, "/") or kind == linux.S.IFDIR) {
        const mode = if (found.unix_mode & 0o777 == 0) 0o755 else found.unix_mode;
        return tree.addFolder(found.name, mode);
    }
    if (kind == linux.S.IFLNK) {
        try refusals.checkName(found.name);
        if (found.size > 4000) return told.tell("the archive is refused: its link '{s}' has no proper target", .{found.name});
        var target: [4000]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&target);
        try inflate(file, file_size, found, &writer, room);
        return tree.addLink(found.name, writer.buffered(), .symbolic);
    }
    if (kind != 0 and kind != linux.S.IFREG) {
        try refusals.checkName(found.name);
        return refusals.special(found.name);
    }
    const target = try tree.addFile(found.name, found.size);
    errdefer kernel.close(target);
    var output: streams.FileWriter = .init(target, &room.output);
    try inflate(file, file_size, found, &output.writer, room);
    output.writer.flush() catch return cannotWrite(found.name);
    tree.finishFile(target, if (found.unix_mode & 0o777 == 0) 0o644 else found.unix_mode, null);
}

/// Write the member's contents: exactly as many bytes as its entry says, and with the checksum that it says.
fn inflate(file: kernel.Fd, file_size: u64, found: Member, output: *std.Io.Writer, room: *Room) Error!void {
    var local: [30]u8 = undefined;
    try readExactly(file, &local, found.offset);
    if (!std.mem.eql(u8, local[0..4], "PK\x03\x04")) return damaged();
    const place = found.offset + local.len + int(u16, &local, 26) + int(u16, &local, 28);
    if (place > file_size or found.packed_size > file_size - place) return damaged();
    var input: streams.PartReader = .init(file, place, found.packed_size, &room.input);
    switch (found.method) {
        0 => {
            if (found.size != found.packed_size) return damaged();
            try copy(&input.reader, output, found);
        },
        8 => {
            var inflated: flate.Decompress = .init(&input.reader, .raw, &room.window);
            try copy(&inflated.reader, output, found);
        },
        else => return told.tell("the archive is refused: its member '{s}' is packed by method {d}; use deflate or store", .{ found.name, found.method }),
    }
}

fn copy(input: *std.Io.Reader, output: *std.Io.Writer, found: Member) Error!void {
    var checksum: std.hash.Crc32 = .init();
    var left = found.size;
    while (left > 0) {
        const bytes = input.peekGreedy(1) catch return damaged();
        const wanted = bytes[0..@intCast(@min(bytes.len, left))];
        checksum.update(wanted);
        output.writeAll(wanted) catch return cannotWrite(found.name);
        input.toss(wanted.len);
        left -= wanted.len;
    }
    if (input.peekByte()) |_| {
        return told.tell("the archive is refused: its member '{s}' is larger than it says", .{found.name});
    } else |problem| {
        if (problem == error.ReadFailed) return damaged();
    }
    if (checksum.final() != found.checksum) return told.tell("the archive is damaged: the checksum of its member '{s}' is wrong", .{found.name});
}

fn cannotWrite(name: []const u8) told.Error {
    return told.tell("cannot lay '{s}': {s}", .{ name, kernel.reason() });
}

fn damaged() told.Error {
    return told.tell("the archive is damaged or cut short, or no zip", .{});
}

fn readExactly(file: kernel.Fd, buffer: []u8, offset: u64) told.Error!void {
    var done: usize = 0;
    while (done < buffer.len) {
        const place = std.math.cast(i63, std.math.add(u64, offset, done) catch return damaged()) orelse return damaged();
        const count = kernel.readAt(file, buffer[done..], @intCast(place)) catch return damaged();
        if (count == 0) return damaged();
        done += count;
    }
}

fn int(comptime T: type, bytes: []const u8, at: usize) T {
    return std.mem.readInt(T, bytes[at..][0..@sizeOf(T)], .little);
}

test "numbers that did not fit are found in the large field, in order" {
    var found: Member = .{ .name = "a", .flags = 0, .method = 0, .checksum = 0, .packed_size = 5, .size = 0xffffffff, .offset = 0xffffffff, .unix_mode = 0 };
    try readLarge("\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00", &found);
    try std.testing.expectEqual(@as(u64, (1 << 32) + 1), found.size);
    try std.testing.expectEqual(@as(u64, 5), found.packed_size);
    try std.testing.expectEqual(@as(u64, 2), found.offset);
    found.size = 0xffffffff;
    try std.testing.expectError(error.Told, readLarge("\x01\x00", &found));
}

test "an extra field that claims to be as long as can be is a stump" {
    const header: [46]u8 = @splat(0);
    const found = try describe(&header, "name", "\x01\x00\xff\xff\x00");
    try std.testing.expectEqualStrings("name", found.name);
}
