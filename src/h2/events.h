/* The seam: what a session tells its listener. Names, meanings and return values are nghttp2's
 * where it has the callback; those marked [ours] are additions. A member that is NULL is not
 * interested and costs nothing.
 *
 * Order of calls, as a grammar (receive-engine 2.2):
 *
 *   session      := preface? unit* session_end
 *   unit         := (frame | gap | unsynchronised) stream_close*
 *   frame        := begin_frame inner* (frame_recv | invalid_frame_recv)? inner* end_frame
 *   inner        := begin_headers | header | invalid_header | data_chunk_recv
 *                 | extension_chunk_recv | unpack_extension | stream_close
 *                 | action | flood | finding | error
 *   field block  := begin_frame(HEADERS) begin_headers header* end_frame
 *                   (begin_frame(CONTINUATION) header* end_frame)*
 *
 * The one frame_recv of a field block in several frames comes before its last end_frame and has
 * type HEADERS (or PUSH_PROMISE), the summed length and the END_HEADERS flag. A header is told as
 * soon as its last octet is in. ENDPOINT leaves frames that nghttp2 ignores without begin_frame;
 * end_frame comes only after a begin_frame. OBSERVER makes begin_frame and end_frame for every
 * frame on the wire. findings and actions stand where they arise. end_frame comes when the frame's
 * 9 + length octets are accounted for. stream_close that belongs to a frame comes after its
 * frame_recv and before end_frame where the frame itself closes the stream (RST_STREAM,
 * END_STREAM), and at the unit boundary, after end_frame, for a stream that the receiver reset.
 *
 * Pointers live until the callback returns. A callback must not call back into its session, but for
 * the h2_session_* queries. Return 0 to go on; other values: the table of receive-engine 1.5,
 * repeated at each callback. "failure" means that h2_session_recv returns H2_ERR_CALLBACK_FAILURE.
 */
#ifndef H2DUMP_H2_EVENTS_H
#define H2DUMP_H2_EVENTS_H

#include "h2/frames.h"
#include "h2/header.h"
#include "spec/finding.h"

struct h2_session;

/* What callbacks may return besides 0; the numbers are nghttp2's. */
enum h2_callback_result {
    H2_CB_OK = 0,
    H2_CB_PAUSE = -526,
    H2_CB_TEMPORAL_FAILURE = -521,
    H2_CB_CANCEL = -535,
    H2_CB_FAILURE = -902,
};

/* Library errors of invalid_frame_recv; the numbers are nghttp2's. */
enum h2_lib_error {
    H2_LIB_PROTO = -505,
    H2_LIB_STREAM_CLOSED = -510,
    H2_LIB_REFUSED_STREAM = -533,
    H2_LIB_HEADER_COMP = -523,
    H2_LIB_FLOW_CONTROL = -524,
    H2_LIB_FRAME_SIZE = -522,
    H2_LIB_HTTP_HEADER = -531,
    H2_LIB_HTTP_MESSAGING = -532,
    H2_LIB_INTERNAL = -534,
};

/* "PROTO", "STREAM_CLOSED", …: the words of receive-engine 0. */
const char *h2_lib_error_name(int lib_error);

/* [ours] What a receiver would send now. */
enum h2_action_type {
    H2_ACTION_RST_STREAM,
    H2_ACTION_GOAWAY,
    H2_ACTION_WINDOW_UPDATE, /* ENDPOINT only: OBSERVER sees the real ones */
    H2_ACTION_SETTINGS_ACK,
    H2_ACTION_PING_ACK,
};

/* "RST_STREAM", "GOAWAY", "WINDOW_UPDATE", "SETTINGS_ACK", "PING_ACK". */
const char *h2_action_name(enum h2_action_type type);

struct h2_action {
    enum h2_action_type type;
    uint32_t stream_id;
    uint32_t error_code;     /* RST_STREAM, GOAWAY */
    uint32_t increment;      /* WINDOW_UPDATE */
    uint32_t last_stream_id; /* GOAWAY */
    const char *reason;      /* one clause, ASCII; "" where the type says it all */
};

/* [ours] A limit of receive-engine 1.4 that was crossed: number is 1 … 9 for F1 … F9. */
struct h2_flood {
    unsigned limit;
    uint64_t count; /* what was reached */
};

/* Streams named with a gap. */
#define H2_GAP_STREAMS 16

/* [ours] Octets that the capture lacks, or that were passed over. */
struct h2_gap {
    uint64_t offset;
    uint64_t length; /* 0: unknown */
    enum gap_cause cause;
    struct pos before, after; /* packet 0: none */
    /* OBSERVER: the streams that the missing octets may have belonged to: that of the frame they
     * are all of, else those the sender had open, from the lowest on, H2_GAP_STREAMS at most. */
    const uint32_t *streams;
    size_t stream_count;
    bool more_streams;
};

/* [ours] A frame that was not complete when its octets ended. */
struct h2_frame_cut {
    unsigned header_octets; /* how many of the 9 were there */
    uint64_t missing; /* octets of header and payload that are not there; of the payload only when
                         header_octets is 9 */
    enum gap_cause cause; /* GAP_END: input or connection ended; others: a hole */
};

struct h2_events {
    /* [ours] The client preface was complete (server role). */
    int (*on_preface)(struct h2_session *, const struct h2_where *, void *user);
    /* The 9th octet of a frame header is in. hd is final; payload is not. Non-zero: failure. */
    int (*on_begin_frame)(struct h2_session *, const struct h2_frame *, void *user);
    /* A field block that will be reported begins; payload up to the block is decoded, category is
     * set. PUSH_PROMISE: the promised stream is in the payload. TEMPORAL:
     * RST_STREAM(INTERNAL_ERROR), the block is decoded silently. */
    int (*on_begin_headers)(struct h2_session *, const struct h2_frame *, void *user);
    /* One field. PAUSE: stop here, go on with the next call. TEMPORAL: as on_begin_headers. */
    int (*on_header)(struct h2_session *, const struct h2_frame *, const struct h2_header *,
                     void *user);
    /* A field that was dropped; header->invalid says why. 0: go on. PAUSE: stop here. TEMPORAL:
     * stream error. */
    int (*on_invalid_header)(struct h2_session *, const struct h2_frame *, const struct h2_header *,
                             void *user);
    /* Octets of a DATA payload without padding, never 0. PAUSE: stop behind this frame's octets.
     * CANCEL, TEMPORAL and other values above -900 are ignored; below: failure. */
    int (*on_data_chunk_recv)(struct h2_session *, const struct h2_frame *, struct span data,
                              void *user);
    /* Octets of an extension frame's payload: user types (ENDPOINT), every type without a decoder
     * (OBSERVER). CANCEL: skip the rest of the frame, no frame_recv. */
    int (*on_extension_chunk_recv)(struct h2_session *, const struct h2_frame *, struct span octets,
                                   void *user);
    /* A user extension frame's payload is complete. CANCEL: no frame_recv. */
    int (*unpack_extension)(struct h2_session *, const struct h2_frame *, void *user);
    /* The frame is complete and good. */
    int (*on_frame_recv)(struct h2_session *, const struct h2_frame *, void *user);
    /* The frame broke a rule that the application is told of; lib_error is enum h2_lib_error. */
    int (*on_invalid_frame_recv)(struct h2_session *, const struct h2_frame *, int lib_error,
                                 void *user);
    /* The stream is gone. */
    int (*on_stream_close)(struct h2_session *, uint32_t stream_id, uint32_t error_code,
                           void *user);
    /* A line for people about a field that was dropped or broke a rule; lib_error as above. */
    int (*on_error)(struct h2_session *, int lib_error, const char *message, void *user);
    /* [ours] The rest; their result is ignored. */
    void (*on_action)(struct h2_session *, const struct h2_action *, void *user);
    void (*on_flood)(struct h2_session *, const struct h2_flood *, void *user);
    /* finding->surplus: one of a check of which LIMIT_FINDINGS_PER_CHECK were told already. */
    void (*on_finding)(struct h2_session *, const struct finding *, void *user);
    void (*on_gap)(struct h2_session *, const struct h2_gap *, void *user);
    void (*on_unsynchronised)(struct h2_session *, uint64_t offset, uint64_t length, void *user);
    /* Raw octets of the frame under way as they are used, header included; frame_off is where they
     * stand in the frame. Before the events that they cause, except that the header's 9 octets come
     * right after begin_frame. */
    void (*on_frame_octets)(struct h2_session *, uint64_t frame_off, struct span octets,
                            void *user);
    /* A table size update inside a field block (repr HPACK_SIZE_UPDATE); name and value are empty.
     */
    void (*on_size_update)(struct h2_session *, const struct h2_frame *, const struct h2_header *,
                           void *user);
    /* All octets of the frame are accounted for. cut is NULL but for a frame that the end of input,
     * a close or a hole broke off; of a frame whose header was cut only where is meaningful (and no
     * begin_frame came). */
    void (*on_end_frame)(struct h2_session *, const struct h2_frame *,
                         const struct h2_frame_cut *cut, void *user);
    /* A return value of the receive function other than "would block", once: enum h2_error. */
    void (*on_session)(struct h2_session *, int result, void *user);
};

#endif
