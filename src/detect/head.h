/* Could these nine octets be a frame header? The test of capture-layer 4.4, for whoever has octets
 * and no framing. Pure. */
#ifndef H2DUMP_DETECT_HEAD_H
#define H2DUMP_DETECT_HEAD_H

#include "base/stream.h"
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

/* Could they follow a true frame? As head_plausible, and also of a type that nobody has defined:
 * some senders send such ones on purpose (RFC 9113 5.5). */
bool head_may_follow(const uint8_t octets[H2_FRAME_HEADER_LEN], uint32_t length_max,
                     struct h2_frame_hd *hd);

/* Judges a whole payload (hd.length octets) of a header that was plausible. */
enum head_verdict head_judge(const struct h2_frame_hd *hd, struct span payload);

/* Who sends such a frame: DIR_C2S or DIR_S2C; -1: both may. Tells by what a field block begins with
 * (a request's or a response's pseudo-header field, RFC 9113 8.3), by PUSH_PROMISE, and by HEADERS
 * on a stream that a server opened (RFC 9113 5.1.1). payload: of a header that was plausible. */
int head_sender(const struct h2_frame_hd *hd, struct span payload);

/* The payload of a DATA frame is one or more whole gRPC messages, none of them empty: octet 0 or 1,
 * then four of length, then the message. */
bool head_is_grpc(const struct h2_frame_hd *hd, struct span payload);

#endif
