"""Teaches the TLS client of Zig's library to say that it has no certificate when a server asks for one.

API servers ask every client, and take a token as well; the library ends the connection there. RFC 8446, section 4.4.2: the
answer is a Certificate message without certificates, sent before Finished and covered by it.
"""

CLIENT = "crypto/tls/Client.zig"

_ASKED = """\
                    .certificate_request => {
                        if (tls_version != .tls_1_3 or handshake_state != .certificate) return error.TlsUnexpectedMessage;
                        try hsd.ensure(1);
                        if (hsd.decode(u8) != 0) return error.TlsIllegalParameter;
                        switch (handshake_cipher) {
                            inline else => |*p| p.transcript_hash.update(wrapped_handshake),
                        }
                        certificate_asked = true;
                    },
"""
_HASHES = """\
                                    const handshake_hash = p.transcript_hash.peek();
                                    const kind = @backingInt(tls.HandshakeType.certificate);
                                    const no_certificate = [_]u8{ kind, 0, 0, 4, 0, 0, 0, 0 };
                                    if (certificate_asked) p.transcript_hash.update(&no_certificate);
                                    const finished_hash = p.transcript_hash.finalResult();
                                    const verify_data = tls.hmac(P.Hmac, &finished_hash, pv.client_finished_key);
                                    switch (certificate_asked) { inline else => |asked| {
                                    const out_cleartext = (if (asked) no_certificate else [0]u8{}) ++
                                        .{@backingInt(tls.HandshakeType.finished)} ++
"""
_CHANGES = (  # what stands in the library, and what takes its place
    ("    var handshake_state: HandshakeState = .hello;\n",
     "    var handshake_state: HandshakeState = .hello;\n    var certificate_asked = false;\n"),
    ("                    .certificate => cert: {\n", _ASKED + "                    .certificate => cert: {\n"),
    ("""\
                                    const handshake_hash = p.transcript_hash.finalResult();
                                    const verify_data = tls.hmac(P.Hmac, &handshake_hash, pv.client_finished_key);
                                    const out_cleartext = .{@backingInt(tls.HandshakeType.finished)} ++
""", _HASHES),
    ("""\
                                    try output.flush();

                                    const client_secret = hkdfExpandLabel(P.Hkdf, pv.master_secret, "c ap traffic\"""",
     """\
                                    try output.flush();
                                    } }

                                    const client_secret = hkdfExpandLabel(P.Hkdf, pv.master_secret, "c ap traffic\""""),
)


def answering(source: str) -> str:
    """The client's source with the answer in it. Raises ValueError where the library is another than it was written for."""
    for before, after in _CHANGES:
        if source.count(before) != 1:
            raise ValueError(f"std/{CLIENT} is not as expected near {before.strip()[:80]!r}")
        source = source.replace(before, after)
    return source
