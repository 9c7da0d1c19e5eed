/* What the files of this room share: a run, its connections, what is kept of an open frame until
 * its record can be written, and the functions that a format has. render.c owns all of it; the
 * formats (r_text*.c, r_json*.c) only read it. */
#ifndef H2DUMP_RENDER_RENDER_INT_H
#define H2DUMP_RENDER_RENDER_INT_H

#include "base/buf.h"
#include "h2/session.h"
#include "render/out_int.h"
#include "render/render.h"
#include "spec/limits.h"

/* A field as it is kept: the header's spans and `invalid` point nowhere until kept_field() has set
 * them. */
struct kept_field {
    struct h2_header header;
    size_t name_at, value_at, invalid_at; /* in struct kept's octets */
};

/* A finding that waits for the record of the frame that caused it. */
struct kept_finding {
    struct finding finding;
    size_t message_at; /* in struct kept's octets */
};

/* What is kept of one frame (or of one field block over several frames) while it is open. They come
 * from a free list of the run, so that memory follows what is open and a warm run allocates
 * nothing. */
struct kept {
    struct kept *next;   /* in the free list */
    struct buf octets;   /* names, values, messages, each with a NUL behind it */
    struct buf fields;   /* struct kept_field */
    struct buf findings; /* struct kept_finding */
    struct buf payload;  /* of DATA and of frames without a decoder, as far as it is shown */
    struct buf wire;     /* -x: the frame's octets, from its first */
    struct out *record;  /* the block's fields as its record will show them: members of JSON, lines
                            of text; NULL: text with -x, which shows them beside their octets */
    size_t line_at;      /* text: where the newest line begins in `record` */
    uint64_t repeats;    /* of its field, if more than one */
    struct buf before;   /* text on a terminal, which shortens lines: name and value of it, whole */
    bool fields_puzzling; /* one without a known name, which may be a pseudo-header field */
    size_t fields_max;    /* of a block that are shown */
    uint64_t fields_seen; /* fields of the block, shown or not */
    uint64_t octets_seen; /* their names and values */
    uint64_t fields_left_out;
    bool fields_uncertain;
};

/* One direction of a connection. */
struct side {
    struct render_conn *conn;
    enum dir dir;
    uint64_t frames, frames_tainted;
    bool frame_open;
    bool frame_known;      /* callback view: its begin_frame was shown */
    bool block_open;       /* more CONTINUATION are to come */
    bool block_is_more;    /* the block is none that begins a message: trailers */
    bool frame_more;       /* during frame(): the frame is one after which block_open will hold */
    uint32_t block_stream; /* block_open: whose block; and where its newest frame ends */
    uint64_t block_end;
    struct kept *kept;   /* NULL: nothing was worth keeping yet */
    struct kept *broken; /* a field block that broke off, until what did it is shown */
    struct pos pos;      /* of the newest octet that an event told of */
};

struct render_conn {
    struct render *render;
    void *owner; /* render_connection_owner() */
    struct connection_info info;
    struct side sides[2];
    bool lossy;     /* octets of it are not there: the beginning, or some seen as a gap */
    bool said;      /* --check: its record was written */
    uint8_t *shown; /* findings shown, by check; NULL: none yet */
    uint8_t prefix_len[2];
    char prefix[2][40]; /* JSON: `,"conn":1,"dir":"c2s"` */
};

/* What a format does with each thing there is to show. header() keeps a field for the frame's
 * record; the callback_* members are of the callback view. */
struct render_ops {
    void (*start)(struct render *render);
    void (*file)(struct render *render);
    void (*connection)(struct render_conn *conn);
    void (*upgrade)(struct render_conn *conn, const struct upgrade_info *upgrade);
    void (*preface)(struct side *side, const struct h2_where *where);
    void (*header)(struct side *side, const struct h2_header *header);
    void (*frame)(struct side *side, const struct h2_frame *frame, const struct h2_frame_cut *cut);
    void (*gap)(struct side *side, const struct h2_gap *gap);
    void (*unsynchronised)(struct side *side, uint64_t offset, uint64_t length);
    void (*finding)(struct render_conn *conn, const struct finding *finding);
    void (*callback_frame)(struct side *side, const char *name, const struct h2_frame *frame,
                           int lib_error);
    void (*callback_begin_headers)(struct side *side, const struct h2_frame *frame);
    void (*callback_header)(struct side *side, const char *name, const struct h2_frame *frame,
                            const struct h2_header *header);
    void (*callback_chunk)(struct side *side, const char *name, const struct h2_frame *frame,
                           struct span octets);
    void (*callback_stream_close)(struct side *side, uint32_t stream_id, uint32_t error_code);
    void (*callback_action)(struct side *side, const struct h2_action *action);
    void (*callback_flood)(struct side *side, const struct h2_flood *flood);
    void (*callback_session)(struct side *side, int result);
};

/* The JSON of a frame's type and flags, made once: "type" … "stream_id":. */
struct type_text {
    uint16_t key; /* type and flags */
    uint8_t len;  /* 0: free */
    char text[160];
};
#define TYPE_TEXTS 32

struct render {
    struct mem *mem;
    struct out *out;
    struct render_options options;
    const struct render_ops *ops;
    struct render_totals totals;
    bool ended;        /* -c is reached and its last record is whole */
    const char *file;  /* NULL: none yet */
    struct kept *free; /* see struct kept */
    uint64_t findings_shown;
    struct render_conn input; /* stands for the input itself in findings; its number is 0 */
    bool first_known;
    struct pos first;    /* of the capture's first packet */
    unsigned ts_digits;  /* 6 or 9 */
    uint64_t ts_before;  /* delta: of the line before */
    bool any_line;       /* delta: there was one */
    struct pos stamp_of; /* what `stamp` was made of */
    size_t stamp_len;
    uint64_t clock_of; /* the moment whose time column `clock` is */
    size_t clock_len;  /* 0: of none */
    char clock[48];
    char stamp[128]; /* the position's constant part of a record, made once a packet */
    struct type_text types[TYPE_TEXTS]; /* by a hash of type and flags; the newest stays */
};

extern const struct render_ops render_text_ops;
extern const struct render_ops render_json_ops;

/* ---- render.c, for the formats ---- */

/* The kept things of a side's open frame, made at need; NULL: memory is out. */
struct kept *side_kept_new(struct side *side);
static inline struct kept *side_kept(struct side *side)
{
    return H2D_LIKELY(side->kept != NULL) ? side->kept : side_kept_new(side);
}
/* Keeps a whole field (-x; text: what a block's summary says). */
void side_keep_field(struct side *side, const struct h2_header *header);
/* How many fields were kept, and the i-th with its spans set; valid until the frame's end. */
size_t kept_field_count(const struct kept *kept);
const struct h2_header *kept_field(const struct kept *kept, size_t i);
/* Whether one field more may be shown (--max-headers, limit BLOCK_OCTETS_SHOWN); counts it.
 */
bool kept_may_show(struct kept *kept, const struct h2_header *header);
/* A frame that ends its field block, so that the block's fields belong on its record. */
bool frame_ends_block(const struct h2_frame *frame);
bool frame_is_block(const struct h2_frame *frame);
/* Octets of the payload that the frame's record shows. */
uint64_t render_payload_shown(const struct render *render, const struct h2_frame *frame);

/* Copies octets and a NUL to where room was made; returns where they are. */
size_t kept_put_octets(struct buf *buf, struct span octets);

/* The block that the finding says is broken off, for its fields have no record of their own; NULL:
 * it is about something else. */
struct kept *render_broken_block(struct render_conn *conn, const struct finding *finding);

/* ---- findings.c ---- */

/* Counts a finding; then shows it, at once or after the record of the frame that is open. */
void render_take_finding(struct side *side, const struct finding *finding);
void render_show_waiting_findings(struct side *side);
/* Says, once a connection, that a block was longer than what is shown of it. */
void render_tell_fields_left_out(struct side *side, const struct h2_frame *frame);

/* ---- render.c again ---- */

/* The spellings of an entry from before the capture, or a loss: "pre:9", "lost2:9"; room for 40. */
const char *render_entry_name(const struct h2_header *header, char *room);
/* What stands in the place of what is not known of a field, its name or (all of) its value:
 * "<unknown: pre:9>", "<name of pre:4>", "<forgotten>". */
#define RENDER_UNKNOWN_MAX 56
const char *render_unknown(const struct h2_header *header, bool name, char *room);
/* An address as RFC 5952 has it (no brackets); room for 48. */
const char *render_ip(const struct endpoint *end, char *room);

/* Seconds and decimals of a moment, as many as the capture has. */
void render_put_seconds(const struct render *render, struct out *out, uint64_t ts_ns);

/* ---- the connection's record (r_text_connection.c, r_json_connection.c) ---- */

void text_connection(struct render_conn *conn);
void json_connection(struct render_conn *conn);

/* ---- the JSON of a frame, for both views (r_json.c) ---- */

struct jsonw;
/* `{"kind":…` and "file" where records carry it. */
void json_begin_kind(struct jsonw *json, struct render *render, const char *kind);
/* `"key":seconds`. */
void json_ts(struct jsonw *json, const struct render *render, const char *key,
             const struct pos *pos);
/* Where the octets were seen: "ts", "packet", …; what the input has not is left out. */
void json_positions(struct jsonw *json, const struct render *render, const struct pos *first,
                    const struct pos *last);
/* `{"kind":…` up to "offset". offset UINT64_MAX: none. */
void json_begin(struct jsonw *json, struct side *side, const char *kind, const struct pos *first,
                const struct pos *last, uint64_t offset);
void json_end(struct jsonw *json);
/* length … stream_id, and what is remarkable of a header. */
void json_frame_header(struct jsonw *json, struct render *render, const struct h2_frame *frame);
/* The keys of the frame's type, as far as its payload was read. */
void json_frame_payload(struct jsonw *json, const struct h2_frame *frame);
/* The members of headers[i]. */
void json_field(struct jsonw *json, const struct h2_header *header, bool verbose);
/* Takes a field of the block that is open. */
void json_header(struct side *side, const struct h2_header *header);
/* "headers": all that were taken. */
void json_block_fields(struct jsonw *json, const struct kept *kept);
void json_error_code(struct jsonw *json, uint32_t code);

/* ---- findings (r_json_finding.c, r_text_finding.c) ---- */

void json_finding(struct render_conn *conn, const struct finding *finding);
void text_check_finding(struct render_conn *conn, const struct finding *finding);

/* ---- the callback view (r_json_callback.c, r_text_callback.c) ---- */

void json_callback_frame(struct side *side, const char *name, const struct h2_frame *frame,
                         int lib_error);
void json_callback_begin_headers(struct side *side, const struct h2_frame *frame);
void json_callback_header(struct side *side, const char *name, const struct h2_frame *frame,
                          const struct h2_header *header);
void json_callback_chunk(struct side *side, const char *name, const struct h2_frame *frame,
                         struct span octets);
void json_callback_stream_close(struct side *side, uint32_t stream_id, uint32_t error_code);
void json_callback_action(struct side *side, const struct h2_action *action);
void json_callback_flood(struct side *side, const struct h2_flood *flood);
void json_callback_session(struct side *side, int result);

void text_callback_frame(struct side *side, const char *name, const struct h2_frame *frame,
                         int lib_error);
void text_callback_begin_headers(struct side *side, const struct h2_frame *frame);
void text_callback_header(struct side *side, const char *name, const struct h2_frame *frame,
                          const struct h2_header *header);
void text_callback_chunk(struct side *side, const char *name, const struct h2_frame *frame,
                         struct span octets);
void text_callback_stream_close(struct side *side, uint32_t stream_id, uint32_t error_code);
void text_callback_action(struct side *side, const struct h2_action *action);
void text_callback_flood(struct side *side, const struct h2_flood *flood);
void text_callback_session(struct side *side, int result);

#endif
