//! Files as the library's readers and writers: small, and without its I/O layer.

const std = @import("std");
const kernel = @import("kernel.zig");
const Reader = std.Io.Reader;
const Writer = std.Io.Writer;

pub const FileReader = struct {
    file: kernel.Fd,
    reader: Reader,

    pub fn init(file: kernel.Fd, buffer: []u8) FileReader {
        return .{ .file = file, .reader = .{ .vtable = &.{ .stream = stream }, .buffer = buffer, .seek = 0, .end = 0 } };
    }

    fn stream(r: *Reader, w: *Writer, limit: std.Io.Limit) Reader.StreamError!usize {
        const self: *FileReader = @alignCast(@fieldParentPtr("reader", r));
        const free = limit.slice(try w.writableSliceGreedy(1));
        const count = kernel.read(self.file, free) catch return error.ReadFailed;
        if (count == 0) return error.EndOfStream;
        w.advance(count);
        return count;
    }
};

pub const FileWriter = struct {
    file: kernel.Fd,
    written: u64 = 0,
    writer: Writer,

    pub fn init(file: kernel.Fd, buffer: []u8) FileWriter {
        return .{ .file = file, .writer = .{ .vtable = &.{ .drain = drain }, .buffer = buffer } };
    }

    fn put(self: *FileWriter, bytes: []const u8) Writer.Error!void {
        kernel.writeAll(self.file, bytes) catch return error.WriteFailed;
        self.written += bytes.len;
    }

    fn drain(w: *Writer, data: []const []const u8, splat: usize) Writer.Error!usize {
        const self: *FileWriter = @alignCast(@fieldParentPtr("writer", w));
        try self.put(w.buffered());
        w.end = 0;
        var count: usize = 0;
        for (data[0 .. data.len - 1]) |part| {
            try self.put(part);
            count += part.len;
        }
        const repeated = data[data.len - 1];
        for (0..splat) |_| try self.put(repeated);
        return count + splat * repeated.len;
    }
};

/// A part of a file, read at its own place, however the file is read elsewhere.
pub const PartReader = struct {
    file: kernel.Fd,
    place: u64,
    left: u64,
    reader: Reader,

    pub fn init(file: kernel.Fd, place: u64, size: u64, buffer: []u8) PartReader {
        return .{
            .file = file,
            .place = place,
            .left = size,
            .reader = .{ .vtable = &.{ .stream = stream }, .buffer = buffer, .seek = 0, .end = 0 },
        };
    }

    fn stream(r: *Reader, w: *Writer, limit: std.Io.Limit) Reader.StreamError!usize {
        const self: *PartReader = @alignCast(@fieldParentPtr("reader", r));
        const free = limit.slice(try w.writableSliceGreedy(1));
        const wanted = free[0..@min(free.len, self.left)];
        const count = if (wanted.len == 0) 0 else kernel.readAt(self.file, wanted, self.place) catch return error.ReadFailed;
        if (count == 0) return error.EndOfStream;
        self.place += count;
        self.left -= count;
        w.advance(count);
        return count;
    }
};
