#include "render/render.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "render/render_int.h"

#define NS_A_SECOND 1000000000U

/* ---- what is kept of an open frame ---- */

static void kept_free(struct mem *mem, struct kept *kept)
{
    buf_fini(&kept->octets);
    buf_fini(&kept->fields);
    buf_fini(&kept->findings);
    buf_fini(&kept->payload);
    buf_fini(&kept->wire);
    buf_fini(&kept->before);
    out_free(kept->record);
    mem_free(mem, kept);
}

static struct kept *kept_new(struct render *render)
{
    struct mem *mem = render->mem;
    struct kept *kept = mem_zalloc(mem, 1, sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    /* Findings add their words to the fields' octets: room for both. */
    buf_init(&kept->octets, mem, 2 * LIMIT_BLOCK_OCTETS_SHOWN);
    kept->fields_max = render->options.block_fields;
    buf_init(&kept->fields, mem, kept->fields_max * sizeof(struct kept_field));
    buf_init(&kept->findings, mem, LIMIT_BLOCK_FIELDS_SHOWN * sizeof(struct kept_finding));
    buf_init(&kept->payload, mem, LIMIT_PAYLOAD_OCTETS_SHOWN);
    buf_init(&kept->wire, mem, LIMIT_FRAME_OCTETS_SHOWN);
    buf_init(&kept->before, mem, LIMIT_BLOCK_OCTETS_SHOWN);
    if (render->options.format == FORMAT_JSON || !render->options.octets) {
        kept->record = out_new_memory(mem, 2 * LIMIT_LINE_OCTETS);
        if (kept->record == NULL) {
            kept_free(mem, kept);
            return NULL;
        }
    }
    return kept;
}

struct kept *side_kept_new(struct side *side)
{
    struct render *render = side->conn->render;
    struct kept *kept = render->free;
    if (kept == NULL) {
        kept = kept_new(render);
    } else {
        render->free = kept->next;
        kept->next = NULL;
    }
    side->kept = kept;
    return kept;
}

/* Empties it, without giving memory back. */
static void kept_reset_block(struct kept *kept)
{
    buf_clear(&kept->octets);
    buf_clear(&kept->fields);
    buf_clear(&kept->before);
    if (kept->record != NULL) {
        out_forget(kept->record);
    }
    kept->line_at = 0;
    kept->repeats = 0;
    kept->fields_puzzling = false;
    kept->fields_seen = kept->octets_seen = kept->fields_left_out = 0;
    kept->fields_uncertain = false;
}

static void let_go(struct render *render, struct kept **held)
{
    struct kept *kept = *held;
    if (kept == NULL) {
        return;
    }
    kept_reset_block(kept);
    buf_clear(&kept->findings);
    buf_clear(&kept->payload);
    buf_clear(&kept->wire);
    kept->next = render->free;
    render->free = kept;
    *held = NULL;
}

static void side_let_go(struct side *side)
{
    let_go(side->conn->render, &side->kept);
}

/* The field block will not be completed: no record of its own will have its fields. */
static void break_off(struct side *side)
{
    struct render *render = side->conn->render;
    side->block_open = false;
    if (render->options.view == VIEW_FRAME && side->kept != NULL && side->kept->fields_seen > 0) {
        let_go(render, &side->broken);
        side->broken = side->kept;
        side->kept = NULL;
    } else {
        side_let_go(side);
    }
}

/* Copies octets and a NUL to where room was made; returns where they are. */
size_t kept_put_octets(struct buf *buf, struct span octets)
{
    size_t at = buf->len;
    memcpy(buf->ptr + at, octets.ptr, octets.len);
    buf->ptr[at + octets.len] = '\0';
    buf->len += octets.len + 1;
    return at;
}

static inline bool has_room(struct buf *buf, size_t n)
{
    return H2D_LIKELY(n <= buf->cap - buf->len) || buf_reserve(buf, n);
}

void side_keep_field(struct side *side, const struct h2_header *header)
{
    struct kept *kept = side_kept(side);
    if (kept == NULL) {
        return;
    }
    struct span invalid = header->invalid != NULL ? span_str(header->invalid) : span_empty();
    if (!has_room(&kept->octets, header->name.len + header->value.len + invalid.len + 3) ||
        !has_room(&kept->fields, sizeof(struct kept_field))) {
        kept->fields_left_out++;
        return;
    }
    struct kept_field *field = (struct kept_field *)(void *)(kept->fields.ptr + kept->fields.len);
    kept->fields.len += sizeof *field;
    field->header = *header;
    field->name_at = kept_put_octets(&kept->octets, header->name);
    field->value_at = kept_put_octets(&kept->octets, header->value);
    field->invalid_at = 0;
    if (H2D_UNLIKELY(header->invalid != NULL)) {
        field->invalid_at = kept_put_octets(&kept->octets, invalid);
    }
}

size_t kept_field_count(const struct kept *kept)
{
    return kept == NULL ? 0 : kept->fields.len / sizeof(struct kept_field);
}

const struct h2_header *kept_field(const struct kept *kept, size_t i)
{
    struct kept_field *field = (struct kept_field *)(void *)kept->fields.ptr + i;
    field->header.name.ptr = kept->octets.ptr + field->name_at;
    field->header.value.ptr = kept->octets.ptr + field->value_at;
    if (field->header.invalid != NULL) {
        field->header.invalid = (const char *)kept->octets.ptr + field->invalid_at;
    }
    return &field->header;
}

bool kept_may_show(struct kept *kept, const struct h2_header *header)
{
    kept->fields_seen++;
    kept->octets_seen += header->name.len + header->value.len;
    kept->fields_uncertain |= header->certainty != H2_EXACT;
    if (kept->fields_seen <= kept->fields_max && kept->octets_seen <= LIMIT_BLOCK_OCTETS_SHOWN) {
        return true;
    }
    kept->fields_left_out++;
    return false;
}

bool frame_is_block(const struct h2_frame *frame)
{
    return frame->hd.type == H2_HEADERS || frame->hd.type == H2_PUSH_PROMISE ||
           frame->hd.type == H2_CONTINUATION;
}

bool frame_ends_block(const struct h2_frame *frame)
{
    return frame_is_block(frame) && (frame->hd.raw_flags & H2_FLAG_END_HEADERS) != 0;
}

uint64_t render_payload_shown(const struct render *render, const struct h2_frame *frame)
{
    /* A frame without a decoder is shown as far as a control frame is gathered. */
    uint64_t shown = frame->hd.type == H2_DATA ? render->options.data_octets : LIMIT_CONTROL_OCTETS;
    return shown < LIMIT_PAYLOAD_OCTETS_SHOWN ? shown : LIMIT_PAYLOAD_OCTETS_SHOWN;
}

/* ---- events ---- */

static struct side *side_of(struct h2_session *session, void *user)
{
    struct render_conn *conn = user;
    return &conn->sides[h2_session_dir(session)];
}

/* A record more; false: it is past -c, or nothing is shown at all. Findings end with the first
 * record that is refused, not with the last one that was written: they belong to that one. */
static bool count_record(struct render *render)
{
    if (render->options.check) {
        return false; /* traffic is only counted */
    }
    if (render->options.quiet || render_full(render)) {
        render->ended = true;
        return false;
    }
    render->totals.records++;
    return true;
}

static int on_preface(struct h2_session *session, const struct h2_where *where, void *user)
{
    struct side *side = side_of(session, user);
    struct render *render = side->conn->render;
    side->pos = where->last;
    render->totals.octets += H2_PREFACE_LEN;
    if (count_record(render)) {
        render->ops->preface(side, where);
    }
    return 0;
}

static int on_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    struct side *side = side_of(session, user);
    side->frame_open = true;
    side->pos = frame->where.last;
    if (side->block_open &&
        (frame->hd.type != H2_CONTINUATION || frame->hd.stream_id != side->block_stream)) {
        break_off(side);
    }
    side->block_is_more = side->block_is_more && frame->hd.type == H2_CONTINUATION;
    return 0;
}

static int on_begin_headers(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    side_of(session, user)->block_is_more =
        frame->hd.type == H2_HEADERS && frame->payload.headers.category == H2_CAT_HEADERS;
    return 0;
}

static int on_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    struct side *side = side_of(session, user);
    struct kept *kept = side_kept(side);
    if (kept != NULL && kept_may_show(kept, header)) {
        side->conn->render->ops->header(side, header);
    }
    return 0;
}

/* A representation that yields no field: only -x, and text with -v, show it. */
static void on_size_update(struct h2_session *session, const struct h2_frame *frame,
                           const struct h2_header *header, void *user)
{
    struct side *side = side_of(session, user);
    if (side->conn->render->options.octets) {
        side_keep_field(side, header);
    } else if (side_kept(side) != NULL) {
        side->conn->render->ops->header(side, header);
    }
}

/* Keeps what the record shows of a payload. */
static int on_payload(struct h2_session *session, const struct h2_frame *frame, struct span octets,
                      void *user)
{
    struct side *side = side_of(session, user);
    struct kept *kept = side_kept(side);
    uint64_t shown = render_payload_shown(side->conn->render, frame);
    if (kept != NULL && kept->payload.len < shown) {
        octets.len = num_min_size(octets.len, (size_t)shown - kept->payload.len);
        /* Memory is out: the record shows less of the payload. */
        (void)!buf_append(&kept->payload, octets);
    }
    return 0;
}

/* Keeps the first octets of the frame for -x, from its first one without a hole. */
static void on_frame_octets(struct h2_session *session, uint64_t frame_off, struct span octets,
                            void *user)
{
    struct kept *kept = side_kept(side_of(session, user));
    if (kept != NULL && kept->wire.len == frame_off) {
        octets.len = num_min_size(octets.len, (size_t)LIMIT_FRAME_OCTETS_SHOWN - kept->wire.len);
        (void)!buf_append(&kept->wire, octets);
    }
}

static void count_frame(struct side *side, const struct h2_frame *frame,
                        const struct h2_frame_cut *cut)
{
    struct render_totals *totals = &side->conn->render->totals;
    uint64_t missing = frame->missing;
    if (cut != NULL) {
        missing = cut->header_octets < H2_FRAME_HEADER_LEN ? 0 : cut->missing;
        totals->octets += cut->header_octets < H2_FRAME_HEADER_LEN ? cut->header_octets : 0;
    }
    if (cut == NULL || cut->header_octets == H2_FRAME_HEADER_LEN) {
        totals->frames++;
        totals->frames_by_type[frame->hd.type]++;
        totals->octets += H2_FRAME_HEADER_LEN + (uint64_t)frame->hd.length - missing;
        bool unsure =
            missing > 0 || cut != NULL || (side->kept != NULL && side->kept->fields_uncertain);
        side->frames++;
        if (H2D_UNLIKELY(unsure || side->conn->lossy)) {
            totals->frames_unsure += unsure;
            totals->frames_tainted++;
            side->frames_tainted++;
        }
    }
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *frame,
                         const struct h2_frame_cut *cut, void *user)
{
    struct side *side = side_of(session, user);
    struct render *render = side->conn->render;
    count_frame(side, frame, cut);
    if (render->options.quiet || render->options.check) {
        return; /* traffic is only counted */
    }
    side->frame_open = false;
    side->pos = frame->where.last;
    bool header_whole = cut == NULL || cut->header_octets == H2_FRAME_HEADER_LEN;
    side->frame_more = cut == NULL && frame_is_block(frame) && !frame_ends_block(frame);
    if (render->options.view == VIEW_FRAME && count_record(render)) {
        render->ops->frame(side, frame, cut);
    }
    if (render->options.view == VIEW_FRAME) {
        if (header_whole && frame_ends_block(frame)) {
            render_tell_fields_left_out(side, frame);
        }
        render_show_waiting_findings(side);
        let_go(render, &side->broken);
    }
    side->block_open = side->frame_more;
    side->block_stream = frame->hd.stream_id;
    side->block_end = frame->where.offset + H2_FRAME_HEADER_LEN + frame->hd.length;
    if (!side->block_open) {
        side_let_go(side);
    } else if (side->kept != NULL) {
        buf_clear(&side->kept->findings);
        buf_clear(&side->kept->payload);
        buf_clear(&side->kept->wire);
    }
}

static void on_gap(struct h2_session *session, const struct h2_gap *gap, void *user)
{
    struct side *side = side_of(session, user);
    struct render *render = side->conn->render;
    render->totals.octets_lost[gap->cause] += gap->length;
    side->conn->lossy = true;
    if (side->block_open && !side->frame_open) {
        break_off(side);
    }
    if (count_record(render)) {
        render->ops->gap(side, gap);
    }
    let_go(render, &side->broken);
}

static void on_unsynchronised(struct h2_session *session, uint64_t offset, uint64_t length,
                              void *user)
{
    struct side *side = side_of(session, user);
    struct render *render = side->conn->render;
    render->totals.octets += length;
    side->conn->lossy = true;
    side->pos = *h2_session_pos(session); /* of the boundary */
    if (count_record(render)) {
        render->ops->unsynchronised(side, offset, length);
    }
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    struct side *side = side_of(session, user);
    if (finding->check == CHECK_FRAME_TRUNCATED_AT_EOF && side->block_open && !side->frame_open) {
        break_off(side);
    }
    render_take_finding(side, finding);
}

struct kept *render_broken_block(struct render_conn *conn, const struct finding *finding)
{
    switch (finding->check) {
    case CHECK_FIELD_BLOCK_INTERLEAVED:
    case CHECK_FRAME_EXTENSION_IN_FIELD_BLOCK:
    case CHECK_CONTINUATION_STREAM_ZERO:
    case CHECK_FRAME_TRUNCATED_AT_EOF:
        return conn->sides[finding->dir].broken;
    default:
        return NULL;
    }
}

/* ---- the callback view: each callback is a record, made at once ---- */

static int cb_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    struct side *side = side_of(session, user);
    (void)on_begin_frame(session, frame, user);
    side->frame_known = false;
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_frame(side, "begin_frame", frame, 0);
    }
    side->frame_known = true;
    return 0;
}

static int cb_begin_headers(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    struct side *side = side_of(session, user);
    side->pos = frame->where.last;
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_begin_headers(side, frame);
    }
    return 0;
}

static void callback_field(struct side *side, const char *name, const struct h2_frame *frame,
                           const struct h2_header *header)
{
    side->pos = frame->where.last;
    struct kept *kept = side_kept(side);
    if (kept != NULL && kept_may_show(kept, header) && count_record(side->conn->render)) {
        side->conn->render->ops->callback_header(side, name, frame, header);
    }
}

static int cb_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    callback_field(side_of(session, user), "header", frame, header);
    return 0;
}

static int cb_invalid_header(struct h2_session *session, const struct h2_frame *frame,
                             const struct h2_header *header, void *user)
{
    callback_field(side_of(session, user), "invalid_header", frame, header);
    return 0;
}

static void callback_chunk(struct side *side, const char *name, const struct h2_frame *frame,
                           struct span octets)
{
    side->pos = frame->where.last;
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_chunk(side, name, frame, octets);
    }
}

static int cb_data_chunk(struct h2_session *session, const struct h2_frame *frame,
                         struct span octets, void *user)
{
    callback_chunk(side_of(session, user), "data_chunk_recv", frame, octets);
    return 0;
}

static int cb_extension_chunk(struct h2_session *session, const struct h2_frame *frame,
                              struct span octets, void *user)
{
    callback_chunk(side_of(session, user), "extension_chunk_recv", frame, octets);
    return 0;
}

static int cb_frame_recv(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    struct side *side = side_of(session, user);
    side->pos = frame->where.last;
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_frame(side, "frame_recv", frame, 0);
    }
    return 0;
}

static int cb_invalid_frame_recv(struct h2_session *session, const struct h2_frame *frame,
                                 int lib_error, void *user)
{
    struct side *side = side_of(session, user);
    side->pos = frame->where.last;
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_frame(side, "invalid_frame_recv", frame, lib_error);
    }
    return 0;
}

static int cb_stream_close(struct h2_session *session, uint32_t stream_id, uint32_t error_code,
                           void *user)
{
    struct side *side = side_of(session, user);
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_stream_close(side, stream_id, error_code);
    }
    return 0;
}

static void cb_action(struct h2_session *session, const struct h2_action *action, void *user)
{
    struct side *side = side_of(session, user);
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_action(side, action);
    }
}

static void cb_flood(struct h2_session *session, const struct h2_flood *flood, void *user)
{
    struct side *side = side_of(session, user);
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_flood(side, flood);
    }
}

static void cb_session(struct h2_session *session, int result, void *user)
{
    struct side *side = side_of(session, user);
    if (count_record(side->conn->render)) {
        side->conn->render->ops->callback_session(side, result);
    }
}

struct h2_events render_events(const struct render *render)
{
    const struct render_options *options = &render->options;
    struct h2_events events = { .on_preface = on_preface,
                                .on_end_frame = on_end_frame,
                                .on_gap = on_gap,
                                .on_unsynchronised = on_unsynchronised,
                                .on_finding = on_finding };
    if (options->quiet || options->check) {
        events.on_finding = options->check ? NULL : on_finding;
        return events;
    }
    if (options->view == VIEW_CALLBACK) {
        events.on_begin_frame = cb_begin_frame;
        events.on_begin_headers = cb_begin_headers;
        events.on_header = cb_header;
        events.on_invalid_header = cb_invalid_header;
        events.on_data_chunk_recv = cb_data_chunk;
        events.on_extension_chunk_recv = cb_extension_chunk;
        events.on_frame_recv = cb_frame_recv;
        events.on_invalid_frame_recv = cb_invalid_frame_recv;
        events.on_stream_close = cb_stream_close;
        events.on_action = cb_action;
        events.on_flood = cb_flood;
        events.on_session = cb_session;
        return events;
    }
    events.on_begin_frame = on_begin_frame;
    events.on_header = on_header;
    events.on_invalid_header = on_header;
    events.on_data_chunk_recv = options->data_octets > 0 ? on_payload : NULL;
    events.on_extension_chunk_recv = on_payload;
    if (options->format == FORMAT_TEXT) {
        events.on_begin_headers = on_begin_headers;
    }
    if (options->octets) {
        events.on_frame_octets = on_frame_octets;
    }
    if (options->octets || (options->format == FORMAT_TEXT && options->verbosity > 0)) {
        events.on_size_update = on_size_update;
    }
    return events;
}

/* ---- a run and its connections ---- */

struct render *render_new(struct mem *mem, struct out *out, const struct render_options *options)
{
    struct render *render = mem_zalloc(mem, 1, sizeof *render);
    if (render == NULL) {
        return NULL;
    }
    *render = (struct render){
        .mem = mem,
        .out = out,
        .options = *options,
        .ops = options->format == FORMAT_JSON ? &render_json_ops : &render_text_ops,
        .ts_digits = 6,
    };
    render->input.render = render;
    if (options->block_fields == 0) {
        render->options.block_fields = LIMIT_BLOCK_FIELDS_SHOWN;
    }
    if (!options->quiet) {
        render->ops->start(render);
    }
    return render;
}

void render_free(struct render *render)
{
    if (render == NULL) {
        return;
    }
    while (render->free != NULL) {
        struct kept *kept = render->free;
        render->free = kept->next;
        kept_free(render->mem, kept);
    }
    mem_free(render->mem, render->input.shown);
    mem_free(render->mem, render);
}

void render_file(struct render *render, const char *name)
{
    render->file = name;
    render->first_known = false;
    render->any_line = false;
    render->stamp_len = render->clock_len = 0;
    if (!render->options.quiet && !render->options.check && render->options.several_files &&
        !render_full(render)) {
        render->ops->file(render);
    }
}

void render_first_packet(struct render *render, const struct pos *pos, unsigned ts_digits)
{
    assert(ts_digits == 6 || ts_digits == 9);
    render->first = *pos;
    render->first_known = pos->ts_known;
    render->ts_digits = ts_digits;
    render->stamp_len = render->clock_len = 0;
}

static void make_prefix(struct render_conn *conn, unsigned dir)
{
    int len = snprintf(conn->prefix[dir], sizeof conn->prefix[dir], ",\"conn\":%llu,\"dir\":\"%s\"",
                       (unsigned long long)conn->info.conn, dir == DIR_C2S ? "c2s" : "s2c");
    assert(len > 0 && (size_t)len < sizeof conn->prefix[dir]);
    conn->prefix_len[dir] = (uint8_t)len;
}

struct render_conn *render_connection_begin(struct render *render,
                                            const struct connection_info *info)
{
    struct render_conn *conn = mem_zalloc(render->mem, 1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->render = render;
    conn->info = *info;
    conn->lossy = info->start == START_MID_STREAM || info->start == START_FORCED;
    for (unsigned i = 0; i < 2; i++) {
        conn->sides[i] = (struct side){ .conn = conn, .dir = (enum dir)i, .pos = info->first };
        if (render->options.format == FORMAT_JSON && !render->options.quiet) {
            make_prefix(conn, i);
        }
    }
    if (!render->options.quiet && !render->options.check && !render_full(render)) {
        render->ops->connection(conn);
    }
    return conn;
}

void render_connection_set_owner(struct render_conn *conn, void *owner)
{
    conn->owner = owner;
}

void *render_connection_owner(const struct render_conn *conn)
{
    return conn->owner;
}

void render_upgrade(struct render_conn *conn, const struct upgrade_info *upgrade)
{
    if (count_record(conn->render)) {
        conn->render->ops->upgrade(conn, upgrade);
    }
}

void render_finding(struct render_conn *conn, const struct finding *finding)
{
    render_take_finding(&conn->sides[finding->dir], finding);
}

/* Packets, but those of one direction only: nothing that needs both was judged. A raw stream is
 * what the user chose to give. */
static void count_one_direction(struct render_conn *conn)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct side *side = &conn->sides[i];
        if (conn->info.first.packet > 0 && conn->sides[1 - i].frames == 0 &&
            !render_full(conn->render)) {
            conn->render->totals.frames_tainted += side->frames - side->frames_tainted;
        }
    }
}

/* The capture ends between two frames of a field block. */
static void end_block(struct side *side)
{
    struct h2_gap gap = { .offset = side->block_end, .cause = GAP_END };
    if (!side->block_open) {
        return;
    }
    break_off(side);
    if (side->broken != NULL && count_record(side->conn->render)) {
        gap.streams = &side->block_stream;
        gap.stream_count = 1;
        side->conn->render->ops->gap(side, &gap);
    }
}

void render_connection_end(struct render_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    count_one_direction(conn);
    for (unsigned i = 0; i < 2; i++) {
        render_show_waiting_findings(&conn->sides[i]);
        end_block(&conn->sides[i]);
        side_let_go(&conn->sides[i]);
        let_go(conn->render, &conn->sides[i].broken);
    }
    mem_free(conn->render->mem, conn->shown);
    mem_free(conn->render->mem, conn);
}

bool render_full(const struct render *render)
{
    return render->options.max_records > 0 && render->totals.records >= render->options.max_records;
}

const struct render_totals *render_totals(const struct render *render)
{
    return &render->totals;
}

/* ---- small things that both formats say ---- */

const char *render_entry_name(const struct h2_header *header, char *room)
{
    if (header->entry_loss > 0) {
        (void)snprintf(room, 40, "lost%lu:%lu", (unsigned long)header->entry_loss,
                       (unsigned long)header->entry);
    } else {
        (void)snprintf(room, 40, "pre:%lu", (unsigned long)header->entry);
    }
    return room;
}

const char *render_unknown(const struct h2_header *header, bool name, char *room)
{
    char entry[40];
    if (header->entry == H2_ENTRY_NONE) {
        return name ? "<unknown name>" : "<unknown>";
    }
    if (header->entry == H2_ENTRY_FORGOTTEN) {
        return name ? "<forgotten name>" : "<forgotten>";
    }
    (void)snprintf(room, RENDER_UNKNOWN_MAX, name ? "<name of %s>" : "<unknown: %s>",
                   render_entry_name(header, entry));
    return room;
}

const char *render_ip(const struct endpoint *end, char *room)
{
    int family = end->ip_len == 16 ? AF_INET6 : AF_INET;
    const char *text = inet_ntop(family, end->ip, room, 48);
    assert(text != NULL);
    return text;
}

void render_put_seconds(const struct render *render, struct out *out, uint64_t ts_ns)
{
    uint64_t part = ts_ns % NS_A_SECOND;
    uint8_t *at = out_digits(out_room(out, 40), ts_ns / NS_A_SECOND);
    *at++ = '.';
    at = out_digits_fixed(at, render->ts_digits == 9 ? part : part / 1000, render->ts_digits);
    out_used(out, at);
}
