/* How a connection ends: what was never put right, and whether the end was announced (checks.md
 * 4.6, 4.11). */
#include "check/check_int.h"

void chk_side_closed(struct check_conn *conn, enum dir dir)
{
    struct check_side *side = &conn->sides[dir];
    const struct check_side *other = &conn->sides[dir_other(dir)];
    side->left_open = check_ended(side) && !other->closed && !side->goaway && !other->goaway;
}

/* RFC 9113 6.8: who closes a connection says which streams it has processed. */
static void closed_in_silence(struct check_conn *conn, enum dir dir)
{
    const struct check_side *side = &conn->sides[dir], *other = &conn->sides[dir_other(dir)];
    if (side->left_open && side->open_streams > 0 && side->frames > 0 && other->frames > 0) {
        struct frame_place place = { .last = { .packet = side->closed_packet } };
        check_tell_side(conn, dir, CHECK_GOAWAY_MISSING, CONFIDENCE_LIKELY, &place,
                        "the connection was closed without GOAWAY, with %u stream%s open",
                        side->open_streams, side->open_streams == 1 ? "" : "s");
    }
}

void chk_end(struct check_conn *conn)
{
    const struct check_side *server = &conn->sides[DIR_S2C];
    if (conn->lossy) {
        return;
    }
    /* RFC 9113 6.5.2: only for a short time. */
    if (server->concurrency_said && server->concurrency == 0) {
        check_tell_side(conn, DIR_S2C, CHECK_SETTINGS_MAX_CONCURRENT_ZERO,
                        check_ended(server) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
                        &server->concurrency_at,
                        "MAX_CONCURRENT_STREAMS is 0, and stays so to the end");
    }
    closed_in_silence(conn, DIR_C2S);
    closed_in_silence(conn, DIR_S2C);
}
