/* libnghttp2 under the harness rules of receive-engine A.1: one unit a call, everything that it
 * queued is sent behind each (or at LOCAL_DRAIN). */
#ifndef H2DUMP_TESTS_ORACLE_REFERENCE_H
#define H2DUMP_TESTS_ORACLE_REFERENCE_H

#include "transcript.h"

/* What the local endpoint really sent, to be mirrored on our session. */
struct sent {
    uint8_t type, flags;
    uint32_t stream, length, code, promised;
    bool is_request, has_protocol, is_upgrade;
    char method[12];
    struct h2_setting settings[LOCAL_SETTINGS_MAX];
    size_t setting_count;
    uint8_t opaque[8];
};

struct reference_run {
    struct transcript transcript;
    struct sent *sent;
    size_t sent_count, sent_cap;
    size_t *sent_ends; /* by step */
    size_t deaf_from;  /* from this step on it neither reads nor sends anything any more */
};

void reference_run(const struct script *script, struct reference_run *run);
void reference_free(struct reference_run *run);

/* What the installed library does, found out by asking it. */
struct reference_traits {
    int version;              /* 0xMMmmpp */
    bool limits_resets;       /* F6 */
    bool limits_continuation; /* F4 */
};

const struct reference_traits *reference_traits(void);

#endif
