//! Gives mutated inputs to all that reads what strangers send, and checks that nothing leads or lands outside.
//!
//!     fuzz TARGET SEEDS WORK SECONDS NUMBER
//!
//! TARGET is assignment, tar, zip, http or dns; SEEDS a folder with inputs to begin with; WORK a folder to play in;
//! NUMBER the random seed. It ends with 0, or breaks off with the input that did it in WORK/input.

const std = @import("std");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const told = @import("told.zig");
const streams = @import("streams.zig");
const folders = @import("folders.zig");
const stage = @import("stage.zig");
const web = @import("web.zig");
const names = @import("names.zig");
const assignment = @import("assignment.zig");
const handover = @import("handover.zig");
const entries = @import("pack.zig").entries;

pub const panic = std.debug.FullPanic(onPanic);

const Target = enum { assignment, tar, zip, http, dns };
const input_most = 64 << 10;
const hang_seconds = 20;

var current: []const u8 = "";

fn onPanic(text: []const u8, address: ?usize) noreturn {
    keepInput();
    std.debug.defaultPanic(text, address);
}

fn keepInput() void {
    const file = kernel.open(kernel.here, "input", .{ .ACCMODE = .WRONLY, .CREAT = true, .TRUNC = true }, 0o644) catch return;
    kernel.writeAll(file, current) catch {};
}

pub fn main(start: std.process.Init.Minimal) !void {
    const arguments = start.args.vector;
    if (arguments.len != 6) return error.Usage;
    const target = std.meta.stringToEnum(Target, std.mem.span(arguments[1])) orelse return error.NoSuchTarget;
    const seconds = try std.fmt.parseInt(i64, std.mem.span(arguments[4]), 10);
    var chance: std.Random.DefaultPrng = .init(try std.fmt.parseInt(u64, std.mem.span(arguments[5]), 10));
    const gpa = std.heap.page_allocator;
    var lasting: std.heap.ArenaAllocator = .init(gpa);
    const seeds = try readSeeds(lasting.allocator(), arguments[2]);
    if (linux.errno(linux.chdir(arguments[3])) != .SUCCESS) return error.NoSuchFolder;
    const buffer = try gpa.alloc(u8, input_most);
    var arena: std.heap.ArenaAllocator = .init(gpa);
    const end = kernel.realTime() + seconds;
    var count: u64 = 0;
    var good: u64 = 0;
    while (kernel.realTime() < end) : (count += 1) {
        current = mutate(chance.random(), seeds, buffer, target);
        // A hang ends by SIGALRM; the input is then made anew from the number that is printed.
        const limit: linux.itimerspec = .{ .it_interval = .{ .sec = 0, .nsec = 0 }, .it_value = .{ .sec = hang_seconds, .nsec = 0 } };
        _ = linux.setitimer(@backingInt(linux.ITIMER.REAL), &limit, null);
        if (tryOne(gpa, arena.allocator(), target)) |_| {
            good += 1;
        } else |problem| if (problem != error.Told) return problem;
        _ = arena.reset(.{ .retain_with_limit = 4 << 20 });
    }
    var text: [128]u8 = undefined;
    kernel.writeAll(1, try std.fmt.bufPrint(&text, "{s}: {d} inputs, {d} of them accepted\n", .{ @tagName(target), count, good })) catch {};
}

fn readSeeds(arena: std.mem.Allocator, path: [*:0]const u8) ![]const []const u8 {
    const folder = try kernel.open(kernel.here, path, .{ .DIRECTORY = true }, 0);
    var found: std.ArrayList([]const u8) = .empty;
    for (try entries(arena, folder, "seeds")) |name| {
        const file = try kernel.open(folder, name, .{}, 0);
        defer kernel.close(file);
        const text = try arena.alloc(u8, @min((try kernel.fileStat(file)).size, input_most / 2));
        try found.append(arena, text[0..try kernel.read(file, text)]);
    }
    return found.items;
}

/// One of the seeds, changed in a few places.
fn mutate(chance: std.Random, seeds: []const []const u8, buffer: []u8, target: Target) []u8 {
    const seed = seeds[chance.uintLessThan(usize, seeds.len)];
    @memcpy(buffer[0..seed.len], seed);
    var length = seed.len;
    for (0..chance.uintLessThan(usize, 8)) |_| {
        if (length == 0) break;
        const at = chance.uintLessThan(usize, length);
        switch (chance.uintLessThan(u8, 9)) {
            0 => buffer[at] ^= @as(u8, 1) << chance.int(u3),
            1 => buffer[at] = chance.int(u8),
            2 => buffer[at] = ([_]u8{ 0, 0xff, 0x80, '/', '.', '0', '7', '"', '\\', ' ', '\n' })[chance.uintLessThan(usize, 11)],
            3 => @memset(buffer[at..@min(length, at + chance.uintLessThan(usize, 16))], chance.int(u8)),
            4 => if (chance.uintLessThan(u8, 4) == 0) {
                length = at; // cut short
            },
            5 => { // a piece of another seed
                const other = seeds[chance.uintLessThan(usize, seeds.len)];
                if (other.len > 0) {
                    const from = chance.uintLessThan(usize, other.len);
                    const size = @min(chance.uintLessThan(usize, 1024), other.len - from, length - at);
                    @memcpy(buffer[at..][0..size], other[from..][0..size]);
                }
            },
            6 => { // a piece of itself once more, behind
                const size = @min(chance.uintLessThan(usize, 1024), length - at, buffer.len - length);
                @memcpy(buffer[length..][0..size], buffer[at..][0..size]);
                length += size;
            },
            7 => { // a piece taken out
                const size = @min(chance.uintLessThan(usize, 64), length - at);
                @memmove(buffer[at .. length - size], buffer[at + size .. length]);
                length -= size;
            },
            else => { // a path that leads out
                const path = ([_][]const u8{ "../", "/etc/", "a/..", "./", "a/b", "b" })[chance.uintLessThan(usize, 6)];
                const size = @min(path.len, length - at);
                @memcpy(buffer[at..][0..size], path[0..size]);
            },
        }
    }
    if (target == .tar and chance.uintLessThan(u8, 8) > 0) mendChecksums(buffer[0..length]);
    return buffer[0..length];
}

/// Without this nearly every changed header would be refused for its checksum alone.
fn mendChecksums(text: []u8) void {
    var at: usize = 0;
    while (at + 512 <= text.len) : (at += 512) {
        const header = text[at..][0..512];
        if (!std.mem.eql(u8, header[257..262], "ustar")) continue;
        @memset(header[148..156], ' ');
        var sum: u32 = 0;
        for (header) |byte| sum += byte;
        _ = std.fmt.bufPrint(header[148..154], "{o:0>6}", .{sum}) catch unreachable;
        header[154] = 0;
    }
}

fn tryOne(gpa: std.mem.Allocator, arena: std.mem.Allocator, target: Target) !void {
    switch (target) {
        .assignment => {
            const found = try assignment.parse(arena, current);
            var text: std.Io.Writer.Allocating = .init(arena);
            try (handover.Handover{ .result = current, .problem = found.container }).write(&text.writer);
            _ = try std.json.parseFromSliceLeaky(std.json.Value, arena, text.written(), .{});
        },
        .tar, .zip => try unpack(gpa, arena, @tagName(target)),
        .http => {
            const file = try kernel.scratchFile(null);
            defer kernel.close(file);
            // The connection's buffer is larger than any line that is taken.
            const buffer = try arena.alloc(u8, 17 << 10);
            const sent = try kernel.scratchFile(null);
            defer kernel.close(sent);
            try kernel.writeAll(sent, current);
            var input: streams.PartReader = .init(sent, 0, current.len, buffer);
            _ = web.receive(arena, &input.reader, file) catch |problem| switch (problem) {
                error.ReadFailed, error.EndOfStream => return error.Told,
                else => |other| return other,
            };
        },
        .dns => {
            if (current.len < 12) return error.Told;
            var found: names.Found = .{};
            names.readAnswer(current, 80, &found);
            if (found.count == 0) return error.Told;
        },
    }
}

/// Unpack the input in a folder of its own, and look whether anything lies or leads outside.
fn unpack(gpa: std.mem.Allocator, arena: std.mem.Allocator, kind: []const u8) !void {
    folders.removeAll(gpa, kernel.here, "outer");
    try kernel.makeFolder(kernel.here, "outer", 0o700);
    try kernel.makeFolder(kernel.here, "outer/inner", 0o700);
    const folder = try kernel.open(kernel.here, "outer/inner", .{ .DIRECTORY = true }, 0);
    defer kernel.close(folder);
    {
        const file = try kernel.open(folder, "packed", .{ .ACCMODE = .WRONLY, .CREAT = true }, 0o600);
        defer kernel.close(file);
        try kernel.writeAll(file, current);
    }
    defer mustBeOnly(arena, "outer", &.{"inner"});
    defer mustBeOnly(arena, "outer/inner", &.{ "packed", "whole" });
    try stage.unpack(gpa, arena, folder, kind, .{ .bytes = 16 << 20, .entries = 2000, .ratio_free = 8 << 20 });
    var buffer: [4096]u8 = undefined;
    const root = try kernel.open(folder, "whole", .{ .DIRECTORY = true }, 0);
    defer kernel.close(root);
    const place = try realPlace(root, &buffer);
    try mustStayBelow(arena, root, place);
}

fn mustBeOnly(arena: std.mem.Allocator, path: [:0]const u8, allowed: []const []const u8) void {
    const folder = kernel.open(kernel.here, path, .{ .DIRECTORY = true }, 0) catch @panic("the folder is gone");
    defer kernel.close(folder);
    for (entries(arena, folder, path) catch @panic("the folder cannot be read")) |name| {
        for (allowed) |one| {
            if (std.mem.eql(u8, one, name)) break;
        } else @panic("something landed outside");
    }
}

fn mustStayBelow(arena: std.mem.Allocator, folder: kernel.Fd, root: []const u8) !void {
    for (try entries(arena, folder, "")) |name| {
        const found = try kernel.linkStat(folder, name);
        if (found.isFolder()) {
            const inner = try kernel.open(folder, name, .{ .DIRECTORY = true, .NOFOLLOW = true }, 0);
            defer kernel.close(inner);
            try mustStayBelow(arena, inner, root);
        } else if (found.isLink()) {
            const led = kernel.open(folder, name, .{ .PATH = true }, 0) catch continue; // it leads nowhere
            defer kernel.close(led);
            var buffer: [4096]u8 = undefined;
            if (!std.mem.startsWith(u8, try realPlace(led, &buffer), root)) @panic("a link leads outside");
        } else if (!found.isFile()) @panic("something special was made");
    }
}

fn realPlace(file: kernel.Fd, buffer: []u8) ![]const u8 {
    var path: [32]u8 = undefined;
    return kernel.readLink(kernel.here, try std.fmt.bufPrintSentinel(&path, "/proc/self/fd/{d}", .{file}, 0), buffer);
}
