#include "h2/frames_ext.h"

/* RFC 7838 4  | Origin-Len (16) | Origin (*) | Alt-Svc-Field-Value (*) | */
bool h2_altsvc_decode(struct cur *c, union h2_payload *out)
{
    uint16_t origin_len = cur_u16(c);
    out->altsvc.origin = cur_take(c, origin_len);
    out->altsvc.field_value = cur_rest(c);
    return cur_ok(c);
}

/* RFC 8336 2.1: repeated  | Origin-Len (16) | ASCII-Origin (*) | */
bool h2_origin_next(struct cur *c, struct span *origin)
{
    if (!cur_ok(c) || cur_left(c) == 0) {
        return false;
    }
    uint16_t len = cur_u16(c);
    *origin = cur_take(c, len);
    return cur_ok(c);
}

bool h2_origin_decode(struct cur *c, union h2_payload *out)
{
    struct cur walk = *c;
    struct span entry;
    out->origin.entries = cur_rest(c);
    out->origin.count = 0;
    while (h2_origin_next(&walk, &entry)) {
        /* An empty entry names no origin: skipped, as nghttp2 skips it. */
        out->origin.count += entry.len > 0;
    }
    return cur_done(&walk);
}

/* RFC 9218 7.1  |R| Prioritized Stream ID (31) | Priority Field Value (*) | */
bool h2_priority_update_decode(struct cur *c, union h2_payload *out)
{
    out->priority_update.prioritized_stream_id = cur_u31(c);
    out->priority_update.field_value = cur_rest(c);
    return cur_ok(c);
}
