/* A connection and any octets of both directions: octet 0: bit 0 one direction only, 1 an Upgrade,
 * 2 mid-stream, 3 with --check's rules, all of them, in front, a packet a run; then runs, each a
 * length octet (0: the direction changes) and its octets, of the client and the server in turn.
 * Whatever comes: all memory is given back. */
#include <assert.h>
#include <string.h>

#include "check/check.h"
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

static void on_finding(void *ctx, void *owner, const struct finding *finding)
{
    uint64_t *seen = ctx;
    assert(owner == ctx && finding->message != NULL && finding->also_count <= FINDING_ALSO);
    *seen += strlen(finding->message);
}

/* What stands in front of the digest when the rules of check/ are to be tried, too. */
struct checking {
    struct checker *checker;
    struct check_conn *conn;
    uint64_t seen;
};

static struct h2_events begin_checking(struct checking *checking, struct mem *mem,
                                       struct digest *digest)
{
    static bool all[CHECK_COUNT];
    static const struct connection_info info = { .conn = 1, .transport = TRANSPORT_H2C };
    memset(all, true, sizeof all);
    struct check_options options = {
        .wanted = all, .heard = all, .on_finding = on_finding, .ctx = &checking->seen
    };
    checking->checker = check_new(mem, &options, &digest_events);
    assert(checking->checker != NULL);
    checking->conn = check_connection_begin(checking->checker, &info, digest, &checking->seen);
    assert(checking->conn != NULL);
    return check_events(checking->checker);
}

static void end_checking(struct checking *checking)
{
    check_connection_end(checking->conn);
    check_free(checking->checker);
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
    struct checking checking = { NULL, NULL, 0 };
    bool checks = (octets[0] & 8) != 0;
    struct h2_events events = digest_events;
    if (checks) {
        events = begin_checking(&checking, &mem, &digest);
    }
    struct h2_connection *connection = h2_connection_new(
        &mem, &events, &options, checks ? (void *)checking.conn : (void *)&digest);
    assert(connection != NULL);
    if (octets[0] & 1) {
        h2_connection_one_direction(connection);
    }
    if (octets[0] & 2) {
        int rv = h2_connection_upgraded(connection, span_str("GET"), NULL, 0);
        assert(rv == 0);
    }
    enum dir dir = DIR_C2S;
    struct pos pos = { .ts_known = true, .ordered = (octets[0] & 16) != 0 };
    for (size_t at = 1; at < len; dir = dir_other(dir)) {
        size_t n = octets[at++];
        n = n < len - at ? n : len - at;
        pos.packet++;
        pos.ts_ns += UINT64_C(50000000);
        h2_session_set_pos(h2_connection_session(connection, dir), &pos);
        give(h2_connection_session(connection, dir), octets + at, n);
        at += n;
    }
    for (int side = DIR_C2S; checks && side <= DIR_S2C; side++) {
        check_closed(checking.conn, (enum dir)side, cause[side], &pos,
                     h2_session_open_streams(h2_connection_session(connection, (enum dir)side)));
    }
    h2_connection_end(connection, cause);
    h2_connection_free(connection);
    if (checks) {
        end_checking(&checking);
    }
    assert(mem.used == 0);
    return 0;
}
