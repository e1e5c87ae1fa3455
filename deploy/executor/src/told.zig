//! Failures in words for the step's author: who finds one says the sentence here and returns error.Told.

const std = @import("std");

pub const Error = error{Told};

var text_buffer: [4096]u8 = undefined;
var text_length: usize = 0;

/// Keep the sentence (cut to what a termination message could hold) and return the error that stands for it.
pub fn tell(comptime format: []const u8, args: anytype) Error {
    var writer: std.Io.Writer = .fixed(&text_buffer);
    writer.print(format, args) catch {};
    text_length = writer.end;
    return error.Told;
}

/// The sentence told last.
pub fn sentence() []const u8 {
    return text_buffer[0..text_length];
}
