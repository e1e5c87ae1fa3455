//! Speaks HTTP/1.1 with the artifact store and the API server, over TLS where the URL says https.
//!
//! One connection a request; every wait has a limit; what may pass by itself is tried again.

const std = @import("std");
const kernel = @import("kernel.zig");
const names = @import("names.zig");
const streams = @import("streams.zig");
const told = @import("told.zig");
const Reader = std.Io.Reader;
const Writer = std.Io.Writer;
const tls = std.crypto.tls;
const Bundle = std.crypto.Certificate.Bundle;

const connect_seconds = 10;
const wait_seconds = 60; // without a single byte
const tries_most = 5;
const redirects_most = 5;
const head_most = 16 << 10;
const line_most = 4 << 10;

pub const Error = told.Error || error{OutOfMemory};

pub const Trust = struct {
    /// A file of certificates in PEM form; null: those that the image brings.
    file: ?[*:0]const u8 = null,
    /// More of them, in the same form.
    text: []const u8 = "",
};

pub const Body = union(enum) {
    none,
    text: []const u8,
    /// A file, and what is sent around it.
    file: struct { file: kernel.Fd, size: u64, before: []const u8 = "", after: []const u8 = "" },
};

pub const Request = struct {
    method: []const u8,
    url: []const u8,
    headers: []const [2][]const u8 = &.{},
    /// More headers, each a whole line; another server that we are sent to does not get them.
    header_lines: []const []const u8 = &.{},
    body: Body = .none,
    /// Where the body of a good answer goes; emptied before each try.
    into: ?kernel.Fd = null,
    trust: Trust = .{},
    /// Connect here instead of looking up the URL's host, whose name is still the one to be proved.
    address: ?Url.Place = null,
};

pub const Answer = struct {
    status: u16,
    /// The beginning of the body of an answer that is not good, for the message.
    words: []const u8 = "",

    pub fn isGood(answer: Answer) bool {
        return answer.status >= 200 and answer.status < 300;
    }
};

/// Ask, again where the failure may pass. Answers that are final (404, 403 ...) are returned, not told.
pub fn ask(gpa: std.mem.Allocator, arena: std.mem.Allocator, request: Request) Error!Answer {
    var wait: u64 = 500;
    var url = request.url;
    var redirects: u32 = 0;
    var tries: u32 = 0;
    while (true) {
        tries += 1;
        var one: Exchange = .{ .gpa = gpa, .arena = arena, .request = request };
        one.request.url = url;
        if (redirects > 0 and !try sameServer(request.url, url)) {
            one.request.headers = &.{};
            one.request.header_lines = &.{};
        }
        const outcome = one.run();
        if (outcome) |answer| {
            if (one.location.len > 0 and redirects < redirects_most) {
                redirects += 1;
                tries -= 1;
                url = one.location;
                continue;
            }
            const passing = answer.status >= 500 or answer.status == 429 or answer.status == 408;
            if (!passing or tries == tries_most) return answer;
        } else |problem| {
            if (problem == error.OutOfMemory or one.hopeless or tries == tries_most) return problem;
        }
        kernel.sleep(wait);
        wait *= 2;
    }
}

fn sameServer(one: []const u8, other: []const u8) told.Error!bool {
    const first: Url = try .parse(one);
    const second: Url = try .parse(other);
    return first.secure == second.secure and std.mem.eql(u8, first.authority, second.authority);
}

pub const Url = struct {
    secure: bool,
    place: Place,
    target: []const u8,
    authority: []const u8,

    pub const Place = struct { host: []const u8, port: u16 };

    pub fn parse(text: []const u8) told.Error!Url {
        for (text) |byte| {
            if (byte <= ' ' or byte == 0x7f) return told.tell("the URL holds a space or a control character", .{});
        }
        const secure = std.mem.startsWith(u8, text, "https://");
        if (!secure and !std.mem.startsWith(u8, text, "http://")) return told.tell("the URL begins neither with https:// nor with http://", .{});
        const rest = text[if (secure) 8 else 7..];
        const end = std.mem.indexOfAny(u8, rest, "/?#") orelse rest.len;
        const authority = rest[0..end];
        var host = authority;
        var port: u16 = if (secure) 443 else 80;
        if (std.mem.indexOfScalar(u8, authority, '@') != null) return told.tell("the URL holds a user name, which is not supported", .{});
        const bracket = std.mem.indexOfScalar(u8, authority, ']') orelse 0;
        if (std.mem.lastIndexOfScalar(u8, authority, ':')) |colon| {
            if (colon > bracket or bracket == 0) {
                host = authority[0..colon];
                port = std.fmt.parseInt(u16, authority[colon + 1 ..], 10) catch return told.tell("the URL's port is no number", .{});
            }
        }
        host = std.mem.trim(u8, host, "[]");
        if (host.len == 0) return told.tell("the URL names no host", .{});
        const target = std.mem.sliceTo(rest[end..], '#');
        return .{ .secure = secure, .place = .{ .host = host, .port = port }, .target = target, .authority = authority };
    }
};

/// Read an answer from a stream that is open already. For the fuzz targets, which have no server.
pub fn receive(arena: std.mem.Allocator, input: *Reader, into: kernel.Fd) (Error || Reader.Error)!Answer {
    var one: Exchange = .{ .gpa = arena, .arena = arena, .request = .{ .method = "GET", .url = "http://fuzz/", .into = into } };
    return one.receive(input);
}

/// One try: connect, ask, take the answer.
const Exchange = struct {
    gpa: std.mem.Allocator,
    arena: std.mem.Allocator,
    request: Request,
    location: []const u8 = "",
    /// Whether trying again cannot help.
    hopeless: bool = false,

    fn run(one: *Exchange) Error!Answer {
        one.hopeless = true;
        const url = try Url.parse(one.request.url);
        one.hopeless = false;
        const file = try connect(one.request.address orelse url.place, url.authority);
        defer kernel.close(file);
        const line = try one.gpa.create(Line);
        defer one.gpa.destroy(line);
        line.socket = .init(file, &line.socket_in);
        line.sink = .init(file, &line.socket_out);
        if (!url.secure) return one.talk(url, &line.socket.reader, &line.sink.writer, null);
        var bundle: Bundle = .empty;
        defer bundle.deinit(one.gpa);
        one.hopeless = true;
        try trusted(one.gpa, one.request.trust, &bundle);
        one.hopeless = false;
        var client = try one.shakeHands(url, line, &bundle);
        return one.talk(url, &client.reader, &client.writer, &line.sink.writer);
    }

    const Line = struct {
        socket: streams.FileReader,
        sink: streams.FileWriter,
        socket_in: [tls.Client.min_buffer_len]u8,
        socket_out: [tls.Client.min_buffer_len]u8,
        plain_in: [tls.Client.min_buffer_len + head_most]u8,
        plain_out: [tls.Client.min_buffer_len]u8,
    };

    fn shakeHands(one: *Exchange, url: Url, line: *Line, bundle: *Bundle) Error!tls.Client {
        var chance: [tls.Client.Options.entropy_len]u8 = undefined;
        kernel.randomBytes(&chance) catch return told.tell("the kernel gives no random numbers: {s}", .{kernel.reason()});
        var lock: std.Io.RwLock = .init;
        return tls.Client.init(&line.socket.reader, &line.sink.writer, .{
            .host = .{ .explicit = url.place.host },
            .ca = .{ .bundle = .{ .gpa = one.gpa, .io = .failing, .lock = &lock, .bundle = bundle } },
            .write_buffer = &line.plain_out,
            .read_buffer = &line.plain_in,
            .entropy = &chance,
            .realtime_now = .{ .nanoseconds = @as(i96, kernel.realTime()) * std.time.ns_per_s },
            // An HTTP body says its own length, so a cut is noticed all the same.
            .allow_truncation_attacks = true,
        }) catch |problem| {
            if (problem == error.ReadFailed or problem == error.WriteFailed)
                return told.tell("no TLS with {s}: {s}", .{ url.authority, kernel.reason() });
            one.hopeless = std.mem.startsWith(u8, @errorName(problem), "Certificate") or problem == error.TlsCertificateNotVerified;
            return told.tell("no TLS with {s}: {s}", .{ url.authority, inWords(problem) });
        };
    }

    fn talk(one: *Exchange, url: Url, input: *Reader, output: *Writer, below: ?*Writer) Error!Answer {
        one.send(url, output, below) catch |problem| {
            if (problem == error.Told) return error.Told;
            // A server that refuses a body answers before it has all of it; that answer says more than the broken pipe.
            return one.receive(input) catch told.tell("cannot send to {s}: {s}", .{ url.authority, kernel.reason() });
        };
        return one.receive(input) catch |problem| switch (problem) {
            error.ReadFailed, error.EndOfStream => told.tell("no whole answer from {s}: {s}", .{ url.authority, if (problem == error.EndOfStream) "the connection was closed" else kernel.reason() }),
            else => |other| other,
        };
    }

    fn send(one: *Exchange, url: Url, output: *Writer, below: ?*Writer) (told.Error || Writer.Error)!void {
        try output.print("{s} {s}{s} HTTP/1.1\r\nHost: {s}\r\nConnection: close\r\nUser-Agent: argosy-executor\r\nAccept: */*\r\n", .{
            one.request.method, if (std.mem.startsWith(u8, url.target, "/")) "" else "/", url.target, url.authority,
        });
        for (one.request.headers) |header| try output.print("{s}: {s}\r\n", .{ header[0], header[1] });
        for (one.request.header_lines) |line| try output.print("{s}\r\n", .{line});
        switch (one.request.body) {
            .none => try output.writeAll("\r\n"),
            .text => |text| try output.print("Content-Length: {d}\r\n\r\n{s}", .{ text.len, text }),
            .file => |body| {
                try output.print("Content-Length: {d}\r\n\r\n{s}", .{ body.before.len + body.size + body.after.len, body.before });
                kernel.seek(body.file, 0) catch return told.tell("cannot read what is to be sent: {s}", .{kernel.reason()});
                var buffer: [16 << 10]u8 = undefined;
                var left = body.size;
                while (left > 0) {
                    const count = kernel.read(body.file, buffer[0..@intCast(@min(buffer.len, left))]) catch return told.tell("cannot read what is to be sent: {s}", .{kernel.reason()});
                    if (count == 0) return told.tell("what is to be sent became smaller meanwhile", .{});
                    try output.writeAll(buffer[0..count]);
                    left -= count;
                }
                try output.writeAll(body.after);
            },
        }
        try output.flush();
        if (below) |writer| try writer.flush();
    }

    fn receive(one: *Exchange, input: *Reader) (Error || Reader.Error)!Answer {
        var head: Head = try .read(input, one.arena);
        while (head.status < 200) head = try .read(input, one.arena); // 100 Continue and its like
        const moved = switch (head.status) {
            301, 302, 303, 307, 308 => head.location.len > 0,
            else => false,
        };
        if (moved) {
            _ = try Url.parse(head.location);
            one.location = head.location;
            return .{ .status = head.status };
        }
        var answer: Answer = .{ .status = head.status };
        if (answer.isGood()) {
            if (one.request.into) |file| try head.take(input, file);
        } else {
            answer.words = try head.beginning(input, one.arena);
        }
        return answer;
    }
};

const Head = struct {
    status: u16,
    length: ?u64 = null,
    chunked: bool = false,
    location: []const u8 = "",

    fn read(input: *Reader, arena: std.mem.Allocator) (Error || Reader.Error)!Head {
        const first = try readLine(input);
        if (first.len < 12 or !std.mem.startsWith(u8, first, "HTTP/1.")) return told.tell("the answer is not HTTP", .{});
        var head: Head = .{ .status = std.fmt.parseInt(u16, first[9..12], 10) catch return told.tell("the answer is not HTTP", .{}) };
        if (head.status < 100) return told.tell("the answer is not HTTP", .{});
        var total: usize = 0;
        while (true) {
            const line = try readLine(input);
            if (line.len == 0) return head;
            total += line.len;
            if (total > head_most) return told.tell("the answer's headers are longer than {d} bytes", .{head_most});
            const colon = std.mem.indexOfScalar(u8, line, ':') orelse continue;
            const value = std.mem.trim(u8, line[colon + 1 ..], " \t");
            if (std.ascii.eqlIgnoreCase(line[0..colon], "content-length")) {
                head.length = std.fmt.parseInt(u64, value, 10) catch return told.tell("the answer's Content-Length is no number", .{});
            } else if (std.ascii.eqlIgnoreCase(line[0..colon], "transfer-encoding")) {
                head.chunked = std.ascii.endsWithIgnoreCase(value, "chunked");
            } else if (std.ascii.eqlIgnoreCase(line[0..colon], "location")) {
                head.location = try arena.dupe(u8, value);
            }
        }
    }

    /// The whole body into the file.
    fn take(head: Head, input: *Reader, file: kernel.Fd) (Error || Reader.Error)!void {
        kernel.truncate(file) catch return cannotKeep();
        var buffer: [32 << 10]u8 = undefined;
        var output: streams.FileWriter = .init(file, &buffer);
        if (head.status == 204) return;
        if (head.chunked) {
            while (true) {
                const size = try chunkSize(input);
                if (size == 0) break;
                try pass(input, &output.writer, size);
                if ((try readLine(input)).len != 0) return told.tell("the answer's chunks are damaged", .{});
            }
        } else if (head.length) |length| {
            try pass(input, &output.writer, length);
        } else {
            return told.tell("the answer does not say its length", .{});
        }
        output.writer.flush() catch return cannotKeep();
    }

    fn pass(input: *Reader, output: *Writer, size: u64) (Error || Reader.Error)!void {
        input.streamExact64(output, size) catch |problem| switch (problem) {
            error.WriteFailed => return cannotKeep(),
            else => |other| return other,
        };
    }

    /// Some of the body's text.
    fn beginning(head: Head, input: *Reader, arena: std.mem.Allocator) error{OutOfMemory}![]const u8 {
        var buffer: [1024]u8 = undefined;
        const wanted: usize = if (head.chunked) @intCast(@min(chunkSize(input) catch 0, buffer.len)) else @intCast(@min(head.length orelse buffer.len, buffer.len));
        const count = input.readSliceShort(buffer[0..wanted]) catch 0;
        return arena.dupe(u8, std.mem.trim(u8, buffer[0..count], " \t\r\n"));
    }
};

fn cannotKeep() told.Error {
    return told.tell("cannot keep what was fetched: {s}", .{kernel.reason()});
}

fn chunkSize(input: *Reader) (Error || Reader.Error)!u64 {
    const line = try readLine(input);
    const digits = std.mem.trim(u8, std.mem.sliceTo(line, ';'), " \t");
    return std.fmt.parseInt(u64, digits, 16) catch told.tell("the answer's chunks are damaged", .{});
}

/// A line without its end; valid until the next read.
fn readLine(input: *Reader) (Error || Reader.Error)![]const u8 {
    const line = input.takeDelimiterInclusive('\n') catch |problem| switch (problem) {
        error.StreamTooLong => return told.tell("a line of the answer's head is too long", .{}),
        else => |other| return other,
    };
    if (line.len > line_most) return told.tell("a line of the answer's head is longer than {d} bytes", .{line_most});
    return std.mem.trimEnd(u8, line, "\r\n");
}

fn connect(place: Url.Place, authority: []const u8) told.Error!kernel.Fd {
    const found = try names.lookUp(place.host, place.port);
    for (found.items()) |address| return kernel.connect(address.slice(), connect_seconds, wait_seconds) catch continue;
    return told.tell("cannot reach {s}: {s}", .{ authority, kernel.reason() });
}

const image_bundles = [_][*:0]const u8{
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

fn trusted(gpa: std.mem.Allocator, trust: Trust, bundle: *Bundle) Error!void {
    try addCertificates(gpa, trust.text, bundle);
    if (trust.file) |path| {
        const file = kernel.open(kernel.here, path, .{}, 0) catch
            return told.tell("cannot read the certificates in {s}: {s}", .{ path, kernel.reason() });
        defer kernel.close(file);
        return addCertificatesIn(gpa, file, bundle);
    }
    for (image_bundles) |path| {
        const file = kernel.open(kernel.here, path, .{}, 0) catch continue;
        defer kernel.close(file);
        return addCertificatesIn(gpa, file, bundle);
    }
    if (trust.text.len > 0) return;
    return told.tell("the image has no certificate authorities (looked for {s} and others); give a file with them", .{image_bundles[0]});
}

fn addCertificatesIn(gpa: std.mem.Allocator, file: kernel.Fd, bundle: *Bundle) Error!void {
    const found = kernel.fileStat(file) catch return told.tell("cannot read the certificates: {s}", .{kernel.reason()});
    if (found.size > 8 << 20) return told.tell("the file of certificates is larger than 8 MiB", .{});
    const text = try gpa.alloc(u8, @intCast(found.size));
    defer gpa.free(text);
    var reader: streams.PartReader = .init(file, 0, found.size, &.{});
    reader.reader.readSliceAll(text) catch return told.tell("cannot read the certificates: {s}", .{kernel.reason()});
    return addCertificates(gpa, text, bundle);
}

/// Add every certificate of a PEM text. One that cannot be read is left out: it vouches for nobody then.
fn addCertificates(gpa: std.mem.Allocator, text: []const u8, bundle: *Bundle) Error!void {
    const decoder = std.base64.standard.decoderWithIgnore(" \t\r\n");
    var parts = std.mem.splitSequence(u8, text, "-----BEGIN CERTIFICATE-----");
    _ = parts.next();
    while (parts.next()) |part| {
        const end = std.mem.indexOf(u8, part, "-----END CERTIFICATE-----") orelse continue;
        const start = bundle.bytes.items.len;
        const room = try bundle.bytes.addManyAsSlice(gpa, part[0..end].len);
        const length = decoder.decode(room, part[0..end]) catch 0;
        bundle.bytes.shrinkRetainingCapacity(start + length);
        if (length == 0) continue;
        bundle.parseCert(gpa, @intCast(start), kernel.realTime()) catch bundle.bytes.shrinkRetainingCapacity(start);
    }
}

fn inWords(problem: anyerror) []const u8 {
    return switch (problem) {
        error.CertificateHostMismatch => "its certificate is for another host",
        error.CertificateExpired => "its certificate has expired",
        error.CertificateNotYetValid => "its certificate is not valid yet",
        error.TlsCertificateNotVerified, error.CertificateIssuerNotFound => "its certificate is signed by nobody whom we trust",
        error.CertificateSignatureInvalid => "its certificate's signature is wrong",
        error.TlsAlert => "it refuses the connection",
        error.TlsConnectionTruncated, error.EndOfStream => "it closed the connection",
        else => @errorName(problem),
    };
}

test "urls" {
    const plain = try Url.parse("http://store:9000/bucket/key?X-Amz-Signature=a%2Fb#x");
    try std.testing.expectEqualStrings("store", plain.place.host);
    try std.testing.expectEqual(@as(u16, 9000), plain.place.port);
    try std.testing.expectEqualStrings("/bucket/key?X-Amz-Signature=a%2Fb", plain.target);
    const six = try Url.parse("https://[::1]/x");
    try std.testing.expectEqualStrings("::1", six.place.host);
    try std.testing.expectEqual(@as(u16, 443), six.place.port);
    for ([_][]const u8{ "ftp://a/", "http://", "http://a b/", "http://a/\r\nX: y", "http://a:x/", "http://u@a/", "" }) |text|
        try std.testing.expectError(error.Told, Url.parse(text));
}
