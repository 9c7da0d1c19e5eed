/* A session and any octets. Octet 0: bit 0 client role, 1 ENDPOINT, 2 mid-stream, 3 no preface,
 * 4 a gap; octet 1: size of the pieces, and where the gap is; octet 2: how many requests (client
 * role) were sent. Whatever comes: all memory is given back, and an OBSERVER accounts for every
 * octet and says the same however they are cut. */
#include <assert.h>
#include <string.h>

#include "digest.h"

struct totals {
    uint64_t digest, accounted;
};

/* The next octet is taken for the first of a frame. */
static void resume(struct h2_session *session)
{
    if (!h2_session_in_step(session)) {
        h2_session_resume(session, 0);
    }
}

static struct totals run(const uint8_t plan[3], const uint8_t *octets, size_t len, size_t piece)
{
    struct digest digest = { 0 };
    struct mem mem;
    struct h2_options options;
    mem_init(&mem, 0);
    h2_options_init(&options);
    options.profile = plan[0] & 2 ? H2_PROFILE_ENDPOINT : H2_PROFILE_OBSERVER;
    options.mid_stream = (plan[0] & 6) == 4;
    options.check_preface = !(plan[0] & 8);
    options.enable_altsvc = options.enable_origin = options.enable_priority_update = true;
    struct h2_session *session = h2_session_new(&mem, plan[0] & 1 ? H2_ROLE_CLIENT : H2_ROLE_SERVER,
                                                &digest_events, &options, &digest);
    assert(session != NULL);
    for (uint32_t i = 0; i < (plan[2] & 7u) && (plan[0] & 1); i++) {
        int rv = h2_feed_request_sent(session, 2 * i + 1, span_str("GET"), false, true);
        assert(rv == 0);
    }
    size_t hole = plan[0] & 16 ? H2_PREFACE_LEN + plan[1] * 4u : SIZE_MAX;
    bool lost = false;
    resume(session);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < piece ? len - at : piece;
        n = at < hole && hole - at < n ? hole - at : n;
        if (at == hole) {
            hole = SIZE_MAX;
            h2_session_gap(session, 10, GAP_LOST, NULL, NULL);
            resume(session);
            continue;
        }
        ssize_t used = h2_session_mem_recv(session, octets + at, n);
        lost = used >= 0 && !h2_session_in_step(session); /* not a client's octets */
        if (used < 0 || lost) {
            break;
        }
        assert((size_t)used == n);
        at += n;
    }
    h2_session_end(session, CLOSE_FIN);
    struct totals totals = { digest.hash, digest.accounted };
    if (options.profile == H2_PROFILE_OBSERVER && !lost) {
        assert(digest.accounted == h2_session_offset(session));
    }
    h2_session_free(session);
    assert(mem.used == 0);
    return totals;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    if (len < 3) {
        return 0;
    }
    struct totals whole = run(octets, octets + 3, len - 3, SIZE_MAX);
    struct totals pieces = run(octets, octets + 3, len - 3, 1 + octets[1] % 20);
    if (!(octets[0] & 2)) {
        assert(whole.digest == pieces.digest && whole.accounted == pieces.accounted);
    }
    return 0;
}
