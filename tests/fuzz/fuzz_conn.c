/* A connection and any octets of both directions: octet 0: bit 0 one direction only, 1 an Upgrade,
 * 2 mid-stream; then runs, each a length octet (0: the direction changes) and its octets, of the
 * client and the server in turn. Whatever comes: all memory is given back. */
#include <assert.h>
#include <string.h>

#include "digest.h"
#include "h2/conn.h"

static void give(struct h2_session *session, const uint8_t *octets, size_t len)
{
    if (!h2_session_in_step(session)) {
        h2_session_resume(session, 0);
    }
    ssize_t used = h2_session_mem_recv(session, octets, len);
    assert(used <= (ssize_t)len);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    static const enum close_cause cause[2] = { CLOSE_FIN, CLOSE_RST };
    struct digest digest = { 0 };
    struct mem mem;
    struct h2_options options;
    if (len < 1) {
        return 0;
    }
    mem_init(&mem, 0);
    h2_options_init(&options);
    options.mid_stream = octets[0] & 4;
    struct h2_connection *connection = h2_connection_new(&mem, &digest_events, &options, &digest);
    assert(connection != NULL);
    if (octets[0] & 1) {
        h2_connection_one_direction(connection);
    }
    if (octets[0] & 2) {
        int rv = h2_connection_upgraded(connection, span_str("GET"), NULL, 0);
        assert(rv == 0);
    }
    enum dir dir = DIR_C2S;
    for (size_t at = 1; at < len; dir = dir_other(dir)) {
        size_t n = octets[at++];
        n = n < len - at ? n : len - at;
        give(h2_connection_session(connection, dir), octets + at, n);
        at += n;
    }
    h2_connection_end(connection, cause);
    h2_connection_free(connection);
    assert(mem.used == 0);
    return 0;
}
