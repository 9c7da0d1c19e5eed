/* Which protocol is it: takes the octets of a connection, both sides, and decides by content
 * whether they are HTTP/2 (client preface, server that speaks first, HTTP/1.1 Upgrade: h2c, frames
 * in the middle of a connection whose beginning is missing), or something else, which is named and
 * dropped (capture-layer 4). A sink that feeds a sink: sides 0 and 1 of TCP come in, DIR_C2S and
 * DIR_S2C of HTTP/2 go out, offsets from 0. */
#ifndef H2DUMP_DETECT_DETECT_H
#define H2DUMP_DETECT_DETECT_H

#include "base/mem.h"
#include "base/stream.h"
#include "spec/connection.h"

struct detect;

struct detect_options {
    uint8_t forced_ports[65536 / 8]; /* --port: bit set of TCP ports that are HTTP/2 whatever they
                                        look like */
    bool in_step; /* those begin with a frame header, if not as HTTP/2 does: nothing is searched */
    uint64_t sync_octets; /* searched for a frame boundary; 0: LIMIT_SYNC_OCTETS */
    struct mem *held_mem; /* for octets held while nothing is decided; NULL: detect_new's */
};

struct detect_events {
    /* A connection looks like TLS: returns the sink for its octets, sides as they are in info,
     * whose client_side is who sent (or was sent to by who sent) the first record. Octets held
     * while deciding follow at once. ops NULL: nobody reads TLS; the connection is given up as
     * "TLS". outer: the TLS that this one is inside of, or NULL. */
    struct stream_sink (*on_tls)(void *ctx, const struct flow_info *info,
                                 const struct tls_facts *outer);
    /* A connection is HTTP/2: returns the sink for its octets (sides are enum dir). info->conn is
     * 0: the callee numbers. upgrade: NULL, or the request that became stream 1. Octets held while
     * deciding follow at once. */
    struct stream_sink (*on_http2)(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade);
    /* A connection is given up; name is a constant: "HTTP/1.1", "TLS", "SSH", …, "unknown", "joined
     * late", "no frame". looked: octets in which frames were searched. Once each. */
    void (*on_other)(void *ctx, const struct flow_info *info, const char *name, uint64_t looked);
};

/* options are copied. NULL: memory is out. */
struct detect *detect_new(struct mem *mem, const struct detect_options *options,
                          const struct detect_events *events, void *ctx) H2D_MUST_CHECK;
void detect_free(struct detect *detect);

/* A sink for one TCP connection (what net_events.on_open asks for), or for what is inside a TLS
 * connection: then tls says what that is, and lives as long as the sink; NULL: it is TCP's. info is
 * copied, but not what it points to. ops NULL when memory is out. */
struct stream_sink detect_open(struct detect *detect, const struct flow_info *info,
                               const struct tls_facts *tls);

#endif
