/* Could these nine octets be a frame header? The test of capture-layer 4.4, for whoever has octets
 * and no framing. Pure. */
#ifndef H2DUMP_DETECT_HEAD_H
#define H2DUMP_DETECT_HEAD_H

#include "h2/frames.h"

/* What a frame can tell once its payload is there. */
enum head_verdict {
    HEAD_FALSE,  /* no true frame has this payload */
    HEAD_WEAK,   /* it could be one, as could much else */
    HEAD_STRONG, /* chance rarely makes one */
};

/* Reads the header into *hd; false when no sender would write it. length_max: the longest payload
 * that its receiver takes. CONTINUATION passes: whether one may stand here is the caller's. */
bool head_plausible(const uint8_t octets[H2_FRAME_HEADER_LEN], uint32_t length_max,
                    struct h2_frame_hd *hd);

/* Judges a whole payload (hd.length octets) of a header that was plausible. */
enum head_verdict head_judge(const struct h2_frame_hd *hd, struct span payload);

#endif
