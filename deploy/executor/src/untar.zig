//! Reads a tar stream (ustar, pax, GNU long names) into a tree.

const std = @import("std");
const kernel = @import("kernel.zig");
const streams = @import("streams.zig");
const told = @import("told.zig");
const Tree = @import("tree.zig").Tree;
const Reader = std.Io.Reader;

const block = 512;
const extension_most = 1 << 20; // bytes of one extended header
const extensions_most = 16; // of them before one member; honest archives have three at most

pub const Error = @import("tree.zig").Error;

/// What the headers before a member say about it.
const Extended = struct {
    name: ?[]const u8 = null,
    target: ?[]const u8 = null,
    size: ?u64 = null,
};

/// Lay everything that `input` holds into the tree. `scratch` is for names and is free again after each member.
pub fn read(tree: *Tree, input: *Reader, scratch: *std.heap.ArenaAllocator) Error!void {
    var extended: Extended = .{};
    var zeros: u32 = 0;
    var extensions: u32 = 0;
    while (true) {
        var header: [block]u8 = undefined;
        const got = input.readSliceShort(&header) catch return damaged();
        if (got == 0) return; // an archive without its two closing blocks is read by every tar
        if (got < block) return damaged();
        if (std.mem.allEqual(u8, &header, 0)) {
            zeros += 1;
            if (zeros == 2) return;
            continue;
        }
        zeros = 0;
        if (!checksumFits(&header)) return told.tell("the archive is refused: a header in it is damaged", .{});
        const own_size = try number(header[124..136]);
        switch (header[156]) {
            'x', 'g', 'L', 'K' => |kind| {
                const text = try extension(input, own_size, scratch.allocator());
                switch (kind) {
                    'x' => try readPax(text, &extended),
                    'L' => extended.name = std.mem.sliceTo(text, 0),
                    'K' => extended.target = std.mem.sliceTo(text, 0),
                    else => {}, // a global header holds comments and times
                }
                extensions += 1;
                if (extensions > extensions_most) return told.tell("the archive is refused: it has {d} extended headers in a row", .{extensions});
                continue;
            },
            else => |kind| try member(tree, input, &header, kind, extended, own_size, scratch.allocator()),
        }
        extended = .{};
        extensions = 0;
        _ = scratch.reset(.{ .retain_with_limit = 64 << 10 });
    }
}

fn member(tree: *Tree, input: *Reader, header: *const [block]u8, kind: u8, extended: Extended, own_size: u64, scratch: std.mem.Allocator) Error!void {
    const name = extended.name orelse try shortName(header, scratch);
    const target = extended.target orelse std.mem.sliceTo(header[157..257], 0);
    const mode: u32 = @truncate(try number(header[100..108]));
    const modified: i64 = std.math.cast(i64, try number(header[136..148])) orelse 0;
    const size = extended.size orelse own_size;
    switch (kind) {
        // Old archives mark a folder only by the slash at the end of its name.
        0, '0', '7' => if (std.mem.endsWith(u8, name, "/")) {
            try tree.addFolder(name, mode);
            try skip(input, size);
        } else {
            const file = try tree.addFile(name, size);
            errdefer kernel.close(file);
            try copy(input, file, size, name);
            tree.finishFile(file, mode, modified);
        },
        '5' => {
            try tree.addFolder(name, mode);
            try skip(input, size);
        },
        '2' => try tree.addLink(name, target, .symbolic),
        '1' => {
            try tree.addLink(name, target, .hard);
            try skip(input, size);
        },
        'S' => return told.tell("the archive is refused: its member '{s}' is sparse; pack it again without --sparse", .{name}),
        '3', '4', '6' => return @import("refusals.zig").special(name),
        else => return told.tell("the archive is refused: its member '{s}' is of an unknown kind", .{name}),
    }
}

fn copy(input: *Reader, file: kernel.Fd, size: u64, name: []const u8) Error!void {
    var output: streams.FileWriter = .init(file, &.{});
    var buffer: [32 << 10]u8 = undefined;
    output.writer.buffer = &buffer;
    input.streamExact64(&output.writer, size) catch |problem| return if (problem == error.WriteFailed) cannotWrite(name) else damaged();
    output.writer.flush() catch return cannotWrite(name);
    input.discardAll64(padding(size)) catch return damaged();
}

fn cannotWrite(name: []const u8) told.Error {
    return told.tell("cannot lay '{s}': {s}", .{ name, kernel.reason() });
}

fn skip(input: *Reader, size: u64) Error!void {
    input.discardAll64(size +| padding(size)) catch return damaged();
}

fn padding(size: u64) u64 {
    return (block - size % block) % block;
}

fn extension(input: *Reader, size: u64, scratch: std.mem.Allocator) Error![]u8 {
    if (size > extension_most) return told.tell("the archive is refused: an extended header in it is larger than {d} bytes", .{extension_most});
    const text = try scratch.alloc(u8, @intCast(size));
    input.readSliceAll(text) catch return damaged();
    input.discardAll64(padding(size)) catch return damaged();
    return text;
}

/// Lines such as "30 mtime=1700000000.5\n", each beginning with its own length.
fn readPax(text: []const u8, extended: *Extended) Error!void {
    var rest = text;
    while (rest.len > 0 and rest[0] != 0) {
        const space = std.mem.indexOfScalar(u8, rest, ' ') orelse return badPax();
        const length = std.fmt.parseInt(usize, rest[0..space], 10) catch return badPax();
        if (length <= space + 1 or length > rest.len or rest[length - 1] != '\n') return badPax();
        const line = rest[space + 1 .. length - 1];
        rest = rest[length..];
        const equals = std.mem.indexOfScalar(u8, line, '=') orelse return badPax();
        const key, const value = .{ line[0..equals], line[equals + 1 ..] };
        if (std.mem.eql(u8, key, "path")) extended.name = value;
        if (std.mem.eql(u8, key, "linkpath")) extended.target = value;
        if (std.mem.eql(u8, key, "size")) extended.size = std.fmt.parseInt(u64, value, 10) catch return badPax();
        if (std.mem.startsWith(u8, key, "GNU.sparse."))
            return told.tell("the archive is refused: it has a sparse member; pack it again without --sparse", .{});
    }
}

fn badPax() told.Error {
    return told.tell("the archive is refused: an extended header in it is damaged", .{});
}

fn damaged() told.Error {
    return told.tell("the archive is damaged or cut short", .{});
}

fn shortName(header: *const [block]u8, scratch: std.mem.Allocator) Error![]const u8 {
    const name = std.mem.sliceTo(header[0..100], 0);
    const prefix = std.mem.sliceTo(header[345..500], 0);
    // Only POSIX archives have a prefix; GNU's old ones keep other things there.
    if (prefix.len == 0 or !std.mem.eql(u8, header[257..263], "ustar\x00")) return try scratch.dupe(u8, name);
    return std.mem.concat(scratch, u8, &.{ prefix, "/", name });
}

fn checksumFits(header: *const [block]u8) bool {
    const said = number(header[148..156]) catch return false;
    var sum: u64 = 8 * ' ';
    for (header, 0..) |byte, at| {
        if (at < 148 or at >= 156) sum += byte;
    }
    return sum == said;
}

/// An octal number, or a large one in base 256 as GNU writes it. A negative one (a time before 1970) is read as 0.
fn number(field: []const u8) told.Error!u64 {
    if (field[0] & 0x80 != 0) {
        if (field[0] == 0xff) return 0;
        var value: u64 = field[0] & 0x7f;
        for (field[1..]) |byte| {
            if (value >> 56 != 0) return told.tell("the archive is refused: a number in a header is too large", .{});
            value = value << 8 | byte;
        }
        return value;
    }
    const digits = std.mem.trim(u8, std.mem.sliceTo(field, 0), " ");
    if (digits.len == 0) return 0;
    return std.fmt.parseInt(u64, digits, 8) catch told.tell("the archive is refused: a number in a header is damaged", .{});
}

test "numbers of headers" {
    try std.testing.expectEqual(@as(u64, 0o644), try number("0000644\x00"));
    try std.testing.expectEqual(@as(u64, 0), try number("\x00\x00\x00\x00\x00\x00\x00\x00"));
    try std.testing.expectEqual(@as(u64, 1 << 33), try number("\x80\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00"));
    try std.testing.expectError(error.Told, number("\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    try std.testing.expectError(error.Told, number("12x45\x00\x00\x00"));
}

test "extended headers" {
    var extended: Extended = .{};
    try readPax("13 path=a/b\n\n", &extended); // a value may hold a newline
    try std.testing.expectEqualStrings("a/b\n", extended.name.?);
    try std.testing.expectError(error.Told, readPax("99 path=a\n", &extended));
    try std.testing.expectError(error.Told, readPax("path=a\n", &extended));
    try std.testing.expectError(error.Told, readPax("3 \n", &extended));
    try std.testing.expectError(error.Told, readPax("22 GNU.sparse.major=1\n", &extended));
}
