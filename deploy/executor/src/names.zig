//! Finds the addresses of a host: written as such, in /etc/hosts, or by asking the name servers of /etc/resolv.conf.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const kernel = @import("kernel.zig");
const told = @import("told.zig");

pub const addresses_most = 8;
const file_most = 64 << 10;
const servers_most = 3;

/// A socket address, as the kernel takes it.
pub const Address = struct {
    bytes: [28]u8 align(4) = @splat(0),
    length: usize = 0,

    fn v4(octets: [4]u8, port: u16) Address {
        var address: Address = .{ .length = 16 };
        address.begin(linux.AF.INET, port);
        @memcpy(address.bytes[4..8], &octets);
        return address;
    }

    fn v6(octets: [16]u8, port: u16) Address {
        var address: Address = .{ .length = 28 };
        address.begin(linux.AF.INET6, port);
        @memcpy(address.bytes[8..24], &octets);
        return address;
    }

    fn begin(address: *Address, family: u16, port: u16) void {
        std.mem.writeInt(u16, address.bytes[0..2], family, builtin.cpu.arch.endian());
        std.mem.writeInt(u16, address.bytes[2..4], port, .big);
    }

    pub fn slice(address: *const Address) []const u8 {
        return address.bytes[0..address.length];
    }
};

pub const Found = struct {
    list: [addresses_most]Address = undefined,
    count: usize = 0,

    fn add(found: *Found, address: Address) void {
        if (found.count == addresses_most) return;
        found.list[found.count] = address;
        found.count += 1;
    }

    pub fn items(found: *const Found) []const Address {
        return found.list[0..found.count];
    }
};

/// The addresses of `host`. Tells where there is none.
pub fn lookUp(host: []const u8, port: u16) told.Error!Found {
    var found: Found = .{};
    if (parse(host, port)) |address| {
        found.add(address);
        return found;
    }
    var buffer: [file_most]u8 = undefined;
    if (contents("/etc/hosts", &buffer)) |text| readHosts(text, host, port, &found);
    if (found.count > 0) return found;
    if (std.ascii.eqlIgnoreCase(host, "localhost")) {
        found.add(.v4(.{ 127, 0, 0, 1 }, port));
        return found;
    }
    const settings: Settings = .read(contents("/etc/resolv.conf", &buffer) orelse "");
    try settings.resolve(host, port, &found);
    if (found.count == 0) return told.tell("the name servers know no host '{s}'", .{host});
    return found;
}

fn parse(host: []const u8, port: u16) ?Address {
    if (parse4(host)) |octets| return .v4(octets, port);
    if (parse6(host)) |octets| return .v6(octets, port);
    return null;
}

fn parse4(text: []const u8) ?[4]u8 {
    var octets: [4]u8 = undefined;
    var parts = std.mem.splitScalar(u8, text, '.');
    for (&octets) |*octet| {
        const part = parts.next() orelse return null;
        if (part.len == 0 or part.len > 3) return null;
        octet.* = std.fmt.parseInt(u8, part, 10) catch return null;
    }
    return if (parts.next() == null) octets else null;
}

fn parse6(text: []const u8) ?[16]u8 {
    if (std.mem.indexOfScalar(u8, text, ':') == null) return null;
    var octets: [16]u8 = @splat(0);
    const gap = std.mem.indexOf(u8, text, "::");
    const front = if (gap) |at| groups(text[0..at], octets[0..]) orelse return null else groups(text, octets[0..]) orelse return null;
    const at = gap orelse return if (front == 16) octets else null;
    var back: [16]u8 = undefined;
    const count = groups(text[at + 2 ..], &back) orelse return null;
    if (front + count > 14) return null;
    @memcpy(octets[16 - count ..], back[0..count]);
    return octets;
}

/// Groups of four hexadecimal digits; how many octets they fill.
fn groups(text: []const u8, octets: []u8) ?usize {
    if (text.len == 0) return 0;
    var at: usize = 0;
    var parts = std.mem.splitScalar(u8, text, ':');
    while (parts.next()) |part| {
        if (at + 2 > octets.len or part.len == 0 or part.len > 4) return null;
        std.mem.writeInt(u16, octets[at..][0..2], std.fmt.parseInt(u16, part, 16) catch return null, .big);
        at += 2;
    }
    return at;
}

fn readHosts(text: []const u8, host: []const u8, port: u16, found: *Found) void {
    var lines = std.mem.splitScalar(u8, text, '\n');
    while (lines.next()) |line| {
        var words = std.mem.tokenizeAny(u8, std.mem.sliceTo(line, '#'), " \t\r");
        const address = parse(words.next() orelse continue, port) orelse continue;
        while (words.next()) |word| {
            if (std.ascii.eqlIgnoreCase(word, host)) found.add(address);
        }
    }
}

const Settings = struct {
    servers: [servers_most]Address = undefined,
    server_count: usize = 0,
    search: []const u8 = "",
    dots: usize = 1,

    fn read(text: []const u8) Settings {
        var settings: Settings = .{};
        var lines = std.mem.splitScalar(u8, text, '\n');
        while (lines.next()) |line| {
            var words = std.mem.tokenizeAny(u8, line, " \t\r");
            const key = words.next() orelse continue;
            if (std.mem.eql(u8, key, "nameserver") and settings.server_count < servers_most) {
                settings.servers[settings.server_count] = parse(words.next() orelse continue, 53) orelse continue;
                settings.server_count += 1;
            } else if (std.mem.eql(u8, key, "search") or std.mem.eql(u8, key, "domain")) {
                settings.search = words.rest();
            } else if (std.mem.eql(u8, key, "options")) {
                while (words.next()) |option| {
                    if (std.mem.startsWith(u8, option, "ndots:")) settings.dots = std.fmt.parseInt(usize, option[6..], 10) catch 1;
                }
            }
        }
        return settings;
    }

    /// The name as written and with each search domain, in the order that its dots call for.
    fn resolve(settings: *const Settings, host: []const u8, port: u16, found: *Found) told.Error!void {
        if (settings.server_count == 0) return told.tell("cannot look up '{s}': /etc/resolv.conf names no name server", .{host});
        const absolute = std.mem.endsWith(u8, host, ".");
        const as_written_first = absolute or std.mem.count(u8, host, ".") >= settings.dots;
        var all_answered = true;
        if (as_written_first) all_answered = settings.ask(host, port, found);
        if (found.count > 0) return;
        if (absolute and !all_answered) return told.tell("cannot look up '{s}': no name server answers", .{host});
        if (absolute) return;
        var domains = std.mem.tokenizeAny(u8, settings.search, " \t\r");
        while (domains.next()) |domain| {
            var buffer: [254]u8 = undefined;
            const name = std.fmt.bufPrint(&buffer, "{s}.{s}", .{ host, domain }) catch continue;
            all_answered = settings.ask(name, port, found) and all_answered;
            if (found.count > 0) return;
        }
        if (!as_written_first) all_answered = settings.ask(host, port, found) and all_answered;
        if (found.count == 0 and !all_answered) return told.tell("cannot look up '{s}': no name server answers", .{host});
    }

    /// Take all addresses of the name, of either kind; whether both questions were answered.
    fn ask(settings: *const Settings, name: []const u8, port: u16, found: *Found) bool {
        var all_answered = true;
        for ([_]u16{ 1, 28 }) |kind| { // A, AAAA: many a name server fails at the second
            var question: [300]u8 = undefined;
            const length = writeQuestion(&question, name, kind) orelse return true;
            const patience: i32 = if (found.count > 0) 500 else 3000; // milliseconds
            all_answered = settings.askFor(question[0..length], port, found, patience) and all_answered;
        }
        return all_answered;
    }

    /// Whether any server answered.
    fn askFor(settings: *const Settings, question: []const u8, port: u16, found: *Found, patience: i32) bool {
        for (0..2) |_| {
            for (settings.servers[0..settings.server_count]) |server| {
                var answer: [1500]u8 = undefined;
                const count = kernel.ask(server.slice(), question, &answer, patience) catch continue;
                if (count < 12 or !std.mem.eql(u8, answer[0..2], question[0..2])) continue;
                const code = answer[3] & 15;
                if (code != 0 and code != 3) continue; // 3: there is no such name, which is an answer
                readAnswer(answer[0..count], port, found);
                return true;
            }
        }
        return false;
    }
};

fn writeQuestion(buffer: *[300]u8, name: []const u8, kind: u16) ?usize {
    @memset(buffer, 0);
    kernel.randomBytes(buffer[0..2]) catch return null;
    buffer[2] = 1; // recursion desired
    buffer[5] = 1; // one question
    var at: usize = 12;
    var labels = std.mem.splitScalar(u8, std.mem.trimEnd(u8, name, "."), '.');
    while (labels.next()) |label| {
        if (label.len == 0 or label.len > 63 or at + label.len + 6 > buffer.len) return null;
        buffer[at] = @intCast(label.len);
        @memcpy(buffer[at + 1 ..][0..label.len], label);
        at += 1 + label.len;
    }
    at += 1;
    std.mem.writeInt(u16, buffer[at..][0..2], kind, .big);
    std.mem.writeInt(u16, buffer[at + 2 ..][0..2], 1, .big);
    return at + 4;
}

/// Take the addresses out of an answer. The name server has followed aliases already, so names are only stepped over.
pub fn readAnswer(answer: []const u8, port: u16, found: *Found) void {
    var at: usize = 12;
    for (0..std.mem.readInt(u16, answer[4..6], .big)) |_| at = (pastName(answer, at) orelse return) + 4;
    for (0..std.mem.readInt(u16, answer[6..8], .big)) |_| {
        at = pastName(answer, at) orelse return;
        if (at + 10 > answer.len) return;
        const kind = std.mem.readInt(u16, answer[at..][0..2], .big);
        const length = std.mem.readInt(u16, answer[at + 8 ..][0..2], .big);
        at += 10;
        if (at + length > answer.len) return;
        if (kind == 1 and length == 4) found.add(.v4(answer[at..][0..4].*, port));
        if (kind == 28 and length == 16) found.add(.v6(answer[at..][0..16].*, port));
        at += length;
    }
}

fn pastName(answer: []const u8, start: usize) ?usize {
    var at = start;
    while (at < answer.len) {
        const length = answer[at];
        if (length == 0) return at + 1;
        if (length & 0xc0 == 0xc0) return at + 2; // the rest of the name stands elsewhere
        at += 1 + @as(usize, length);
    }
    return null;
}

fn contents(path: [*:0]const u8, buffer: []u8) ?[]const u8 {
    const file = kernel.open(kernel.here, path, .{}, 0) catch return null;
    defer kernel.close(file);
    var length: usize = 0;
    while (length < buffer.len) {
        const count = kernel.read(file, buffer[length..]) catch return null;
        if (count == 0) break;
        length += count;
    }
    return buffer[0..length];
}

test "addresses as written" {
    try std.testing.expectEqual([4]u8{ 10, 0, 0, 1 }, parse4("10.0.0.1").?);
    for ([_][]const u8{ "10.0.0", "10.0.0.256", "a.b.c.d", "1.2.3.4.5", "1..2.3", "" }) |text| try std.testing.expect(parse4(text) == null);
    var one: [16]u8 = @splat(0);
    one[15] = 1;
    try std.testing.expectEqual(one, parse6("::1").?);
    try std.testing.expectEqual([16]u8{ 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4 }, parse6("fe80::1:2:3:4").?);
    for ([_][]const u8{ "::g", "1:2", "1:2:3:4:5:6:7:8:9", ":::", "12345::" }) |text| try std.testing.expect(parse6(text) == null);
}

test "hosts, settings and answers" {
    var found: Found = .{};
    readHosts("# x\n10.0.0.7 store store.local # y\n::1 localhost\n", "STORE.local", 80, &found);
    try std.testing.expectEqual(@as(usize, 1), found.count);
    const settings: Settings = .read("nameserver 10.96.0.10\nsearch a.svc svc\noptions ndots:5\nnameserver bad\n");
    try std.testing.expectEqual(@as(usize, 1), settings.server_count);
    try std.testing.expectEqual(@as(usize, 5), settings.dots);
    try std.testing.expectEqualStrings("a.svc svc", settings.search);
    const answer = "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" ++ "\x01a\x00\x00\x01\x00\x01" ++ "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x09";
    found = .{};
    readAnswer(answer, 80, &found);
    try std.testing.expectEqual(@as(u8, 9), found.items()[0].bytes[7]);
    for (0..answer.len) |length| readAnswer(answer[0..@max(length, 12)], 80, &found); // cut anywhere, nothing happens
}
