//! Writes a zip file: deflated members, Unix modes, links as links.

const std = @import("std");
const linux = std.os.linux;
const flate = std.compress.flate;
const kernel = @import("kernel.zig");
const streams = @import("streams.zig");
const told = @import("told.zig");

const Error = @import("pack.zig").Error;

const size_most = 0xffffffff - 1;
const entries_most = 0xffff - 1;

/// The archive while it is written. Sizes and checksums are put into a member's header when it is done.
pub const Zip = struct {
    memory: std.mem.Allocator,
    target: kernel.Fd,
    output: *streams.FileWriter,
    window: []u8,
    options: flate.Compress.Options,
    directory: std.ArrayList(u8) = .empty,
    count: u32 = 0,

    pub fn deinit(zip: *Zip) void {
        zip.directory.deinit(zip.memory);
    }

    pub fn folder(zip: *Zip, name: []const u8, found: kernel.Stat) Error!void {
        var with_slash: [4097]u8 = undefined;
        if (name.len > 4096) return told.tell("the name '{s}' is too long", .{name});
        @memcpy(with_slash[0..name.len], name);
        with_slash[name.len] = '/';
        _ = try zip.begin(with_slash[0 .. name.len + 1], 0, linux.S.IFDIR | found.mode, found.modified);
    }

    pub fn link(zip: *Zip, name: []const u8, target: []const u8, found: kernel.Stat) Error!void {
        const place = try zip.begin(name, 0, linux.S.IFLNK | 0o777, found.modified);
        try zip.output.writer.writeAll(target);
        try zip.end(place, std.hash.Crc32.hash(target), target.len, target.len);
    }

    pub fn file(zip: *Zip, name: []const u8, source: kernel.Fd, found: kernel.Stat) Error!void {
        const place = try zip.begin(name, 8, linux.S.IFREG | found.mode, found.modified);
        try zip.output.writer.flush();
        const start = zip.output.written;
        var deflate: flate.Compress = try .init(&zip.output.writer, zip.window, .raw, zip.options);
        var checksum: std.hash.Crc32 = .init();
        var size: u64 = 0;
        var buffer: [16 << 10]u8 = undefined;
        while (true) {
            const count = kernel.read(source, &buffer) catch return told.tell("cannot read '{s}': {s}", .{ name, kernel.reason() });
            if (count == 0) break;
            checksum.update(buffer[0..count]);
            size += count;
            if (size > size_most) return told.tell("'{s}' is larger than 4 GiB, which a zip cannot hold; use archive: tar", .{name});
            try deflate.writer.writeAll(buffer[0..count]);
        }
        try deflate.finish();
        try zip.output.writer.flush();
        try zip.end(place, checksum.final(), zip.output.written - start, size);
    }

    /// The central directory, which ends the file.
    pub fn finish(zip: *Zip) Error!void {
        const offset = try zip.position();
        const w = &zip.output.writer;
        try w.writeAll(zip.directory.items);
        try w.writeAll("PK\x05\x06\x00\x00\x00\x00");
        try w.writeInt(u16, @intCast(zip.count), .little);
        try w.writeInt(u16, @intCast(zip.count), .little);
        try w.writeInt(u32, @intCast(zip.directory.items.len), .little);
        try w.writeInt(u32, offset, .little);
        try w.writeInt(u16, 0, .little);
    }

    fn position(zip: *Zip) Error!u32 {
        const place = zip.output.written + zip.output.writer.end;
        if (place > size_most or zip.directory.items.len > size_most) return told.tell("the zip is larger than 4 GiB; use archive: tar", .{});
        return @intCast(place);
    }

    const Place = struct { local: u32, central: usize };

    fn begin(zip: *Zip, name: []const u8, method: u16, mode: u32, modified: i64) Error!Place {
        zip.count += 1;
        if (zip.count > entries_most) return told.tell("the zip has more than {d} entries; use archive: tar", .{entries_most});
        const place: Place = .{ .local = try zip.position(), .central = zip.directory.items.len };
        // 20: unpacked by version 2.0; 0x800: names are UTF-8.
        var fields: [26]u8 = @splat(0);
        put(u16, &fields, 0, 20);
        put(u16, &fields, 2, 0x800);
        put(u16, &fields, 4, method);
        put(u32, &fields, 6, dosTime(modified));
        put(u16, &fields, 22, @intCast(name.len));
        const w = &zip.output.writer;
        try w.writeAll("PK\x03\x04");
        try w.writeAll(&fields);
        try w.writeAll(name);

        var tail: [14]u8 = @splat(0); // comment's length, disk, attributes, offset
        put(u32, &tail, 6, mode << 16);
        put(u32, &tail, 10, place.local);
        try zip.directory.appendSlice(zip.memory, "PK\x01\x02\x14\x03"); // made on Unix
        try zip.directory.appendSlice(zip.memory, &fields);
        try zip.directory.appendSlice(zip.memory, &tail);
        try zip.directory.appendSlice(zip.memory, name);
        return place;
    }

    fn end(zip: *Zip, place: Place, checksum: u32, packed_size: u64, size: u64) Error!void {
        var fields: [12]u8 = undefined;
        put(u32, &fields, 0, checksum);
        put(u32, &fields, 4, std.math.cast(u32, packed_size) orelse return told.tell("the zip is larger than 4 GiB; use archive: tar", .{}));
        put(u32, &fields, 8, @intCast(size));
        @memcpy(zip.directory.items[place.central + 16 ..][0..12], &fields);
        try zip.output.writer.flush();
        kernel.writeAllAt(zip.target, &fields, place.local + 14) catch return error.WriteFailed;
    }
};

fn put(comptime T: type, bytes: []u8, at: usize, value: T) void {
    std.mem.writeInt(T, bytes[at..][0..@sizeOf(T)], value, .little);
}

/// Date and time as DOS packed them, in UTC; what lies before 1980 becomes its first day.
fn dosTime(seconds: i64) u32 {
    if (seconds < 315532800) return 0x21 << 16;
    const moment: std.time.epoch.EpochSeconds = .{ .secs = @intCast(@min(seconds, 4354819198)) };
    const year = moment.getEpochDay().calculateYearDay();
    const month = year.calculateMonthDay();
    const time = moment.getDaySeconds();
    const date: u32 = (@as(u32, year.year) - 1980) << 9 | @as(u32, month.month.numeric()) << 5 | (@as(u32, month.day_index) + 1);
    return date << 16 | @as(u32, time.getHoursIntoDay()) << 11 | @as(u32, time.getMinutesIntoHour()) << 5 | time.getSecondsIntoMinute() / 2;
}

test "times as DOS packed them" {
    try std.testing.expectEqual(@as(u32, 0x21 << 16), dosTime(0));
    // 2026-01-02 03:04:06
    try std.testing.expectEqual(@as(u32, (46 << 9 | 1 << 5 | 2) << 16 | (3 << 11 | 4 << 5 | 3)), dosTime(1767323046));
}
