/* The ledger of settings (RFC 9113 6.5): what the peer announced, what the local side announced,
 * and of that what the peer has acknowledged. The local values come only through
 * h2_feed_settings_sent; which of them counts when is the table of receive-engine 3.6. */
#include "h2/session_int.h"

/* Not registered; gRPC's own. */
#define GRPC_ALLOW_TRUE_BINARY_METADATA 0xfe03

/* More frames in flight than anybody has: in OBSERVER the oldest is taken as acknowledged. */
#define QUEUE_MAX 256

#define NO_PRIORITIES_UNSET UINT32_MAX

void h2_ledger_init(struct h2_ledger *ledger)
{
    for (uint32_t id = 1; id < H2_SETTING_ID_END; id++) {
        uint32_t initial = spec_setting_initial(id);
        ledger->remote[id] = initial;
        ledger->acked[id] = initial;
        ledger->pending[id] = initial;
        ledger->widest[id] = initial;
    }
    ledger->remote[H2_SETTING_NO_RFC7540_PRIORITIES] = NO_PRIORITIES_UNSET;
}

void h2_ledger_fini(struct h2_session *session)
{
    mem_free(session->mem, session->ledger.queue);
    mem_free(session->mem, session->ledger.raw);
}

/* A value that no receiver would take: reported where it was sent, not applied here. */
static bool usable(const struct h2_setting *entry)
{
    switch (entry->id) {
    case H2_SETTING_ENABLE_PUSH:
    case H2_SETTING_ENABLE_CONNECT_PROTOCOL:
    case H2_SETTING_NO_RFC7540_PRIORITIES:
        return entry->value <= 1;
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        return entry->value <= 0x7fffffffU;
    case H2_SETTING_MAX_FRAME_SIZE:
        return entry->value >= 16384 && entry->value <= 0xffffffU;
    default:
        return spec_setting_name(entry->id) != NULL;
    }
}

static struct h2_settings_set set_of(const struct h2_setting *entries, size_t count)
{
    struct h2_settings_set set = { .table_min = UINT32_MAX };
    for (size_t i = 0; i < count; i++) {
        if (!usable(&entries[i])) {
            continue;
        }
        uint32_t value = entries[i].value;
        set.mask |= (uint16_t)(1U << entries[i].id);
        set.value[entries[i].id] = value;
        if (entries[i].id == H2_SETTING_HEADER_TABLE_SIZE && value < set.table_min) {
            set.table_min = value;
        }
    }
    return set;
}

static bool names(const struct h2_settings_set *set, uint32_t id)
{
    return (set->mask & (1U << id)) != 0;
}

static void widen(struct h2_ledger *ledger, const struct h2_settings_set *set)
{
    for (uint32_t id = 1; id < H2_SETTING_ID_END; id++) {
        if (names(set, id) && set->value[id] > ledger->widest[id]) {
            ledger->widest[id] = set->value[id];
        }
    }
}

static struct h2_settings_set *queued(struct h2_ledger *ledger, uint32_t i)
{
    return &ledger->queue[(ledger->queue_at + i) & (ledger->queue_cap - 1)];
}

static void find_widest(struct h2_ledger *ledger)
{
    memcpy(ledger->widest, ledger->acked, sizeof ledger->widest);
    for (uint32_t i = 0; i < ledger->queue_len; i++) {
        widen(ledger, queued(ledger, i));
    }
}

/* Each ACK is known to answer the oldest set in flight: none of either can have been missed. */
static bool pairs_soundly(const struct h2_session *session)
{
    const struct h2_session *peer = session->peer;
    return !session->unsettled && !session->ledger.doubtful && (peer == NULL || !peer->unsettled);
}

/* The largest table size among those that the newest ACK may have been for. */
static uint32_t largest_table(struct h2_ledger *ledger)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < ledger->queue_len; i++) {
        const struct h2_settings_set *set = queued(ledger, i);
        uint32_t size = names(set, H2_SETTING_HEADER_TABLE_SIZE) ? set->table_min : HPACK_SIZE_ANY;
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* The decoder of an observer does not know its limit until one is reduced: larger ones may be in
 * use before their SETTINGS was seen (receive-engine 6.4, rule 1). */
static void apply_table_size(struct h2_session *session, const struct h2_settings_set *set)
{
    uint32_t last = set->value[H2_SETTING_HEADER_TABLE_SIZE];
    uint32_t before = session->ledger.acked[H2_SETTING_HEADER_TABLE_SIZE];
    if (session->observer && !pairs_soundly(session)) {
        hpack_decoder_set_limit_unknown(session->hpack);
    } else if (!session->observer || session->table_limited || set->table_min < before) {
        session->table_limited = true;
        hpack_decoder_set_limit(session->hpack, set->table_min, last);
    }
}

/* RFC 9113 6.5.3: in the order of the frame; ours is collapsed, of the table size the minimum
 * stays. */
static int apply(struct h2_session *session, const struct h2_settings_set *set)
{
    struct h2_ledger *ledger = &session->ledger;
    if (names(set, H2_SETTING_HEADER_TABLE_SIZE)) {
        apply_table_size(session, set);
    }
    int rc = H2_GO;
    if (names(set, H2_SETTING_INITIAL_WINDOW_SIZE) &&
        !h2_window_set_local_initial(session, set->value[H2_SETTING_INITIAL_WINDOW_SIZE])) {
        rc = h2_break(session, H2_RULE_SETTINGS_LOCAL_OVERFLOW, 0,
                      "INITIAL_WINDOW_SIZE lifts a stream's window above 2147483647");
    }
    for (uint32_t id = 1; id < H2_SETTING_ID_END; id++) {
        if (names(set, id)) {
            ledger->acked[id] = set->value[id];
        }
    }
    return rc;
}

static bool grow(struct h2_session *session)
{
    struct h2_ledger *ledger = &session->ledger;
    uint32_t cap = ledger->queue_cap == 0 ? 4 : ledger->queue_cap * 2;
    struct h2_settings_set *queue = mem_zalloc(session->mem, cap, sizeof *queue);
    if (queue == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < ledger->queue_len; i++) {
        queue[i] = *queued(ledger, i);
    }
    mem_free(session->mem, ledger->queue);
    ledger->queue = queue;
    ledger->queue_cap = cap;
    ledger->queue_at = 0;
    return true;
}

static void permit(struct h2_session *session, const struct h2_settings_set *set)
{
    static const struct {
        uint8_t id;
        enum check check;
    } rows[] = {
        { H2_SETTING_MAX_FRAME_SIZE, CHECK_FRAME_SIZE_EXCEEDED },
        { H2_SETTING_INITIAL_WINDOW_SIZE, CHECK_FLOW_STREAM_WINDOW_EXCEEDED },
        { H2_SETTING_MAX_CONCURRENT_STREAMS, CHECK_STREAM_CONCURRENCY_EXCEEDED },
        { H2_SETTING_HEADER_TABLE_SIZE, CHECK_HPACK_TABLE_UPDATE_TOO_LARGE },
        { H2_SETTING_ENABLE_CONNECT_PROTOCOL, CHECK_EXT_CONNECT_NOT_ENABLED },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows) && session->suspicion_count > 0; i++) {
        uint32_t before = session->ledger.widest[rows[i].id];
        if (names(set, rows[i].id) && set->value[rows[i].id] > before) {
            h2_suspicions_permit(session, rows[i].check, 0,
                                 (int64_t)set->value[rows[i].id] - before);
        }
    }
}

/* The oldest set in flight is taken as acknowledged; false: there is none. */
static bool pop(struct h2_session *session, int *rc)
{
    struct h2_ledger *ledger = &session->ledger;
    *rc = H2_GO;
    if (ledger->queue_len == 0) {
        return false;
    }
    struct h2_settings_set set = *queued(ledger, 0);
    ledger->queue_at = (ledger->queue_at + 1) & (ledger->queue_cap - 1);
    ledger->queue_len--;
    session->proved = set.seq > session->proved ? set.seq : session->proved;
    *rc = apply(session, &set);
    find_widest(ledger);
    return true;
}

int h2_ledger_push(struct h2_session *session, const struct h2_setting *entries, size_t count)
{
    struct h2_ledger *ledger = &session->ledger;
    struct h2_settings_set set = set_of(entries, count);
    int rc = H2_GO;
    if (ledger->queue_len == QUEUE_MAX && session->observer) {
        ledger->doubtful = true;
        (void)pop(session, &rc);
    }
    if (ledger->queue_len == ledger->queue_cap && !grow(session)) {
        return H2_ERR_NOMEM;
    }
    set.seq = session->facts;
    permit(session, &set);
    for (uint32_t id = 1; id < H2_SETTING_ID_END; id++) {
        if (names(&set, id)) {
            ledger->pending[id] = set.value[id];
        }
    }
    widen(ledger, &set);
    if (names(&set, H2_SETTING_HEADER_TABLE_SIZE) && session->observer && session->table_limited &&
        pairs_soundly(session)) {
        uint32_t widest = ledger->widest[H2_SETTING_HEADER_TABLE_SIZE];
        if (widest > ledger->acked[H2_SETTING_HEADER_TABLE_SIZE]) {
            hpack_decoder_set_limit(session->hpack, widest, widest);
        }
    }
    ledger->local_seen = true;
    for (size_t i = 0; i < count; i++) {
        ledger->local_binary |= entries[i].id == GRPC_ALLOW_TRUE_BINARY_METADATA;
    }
    ledger->queue_len++;
    *queued(ledger, ledger->queue_len - 1) = set;
    if (ledger->debt > 0) {
        /* Its ACK was seen before it (receive-engine 6.4, rule 6). */
        ledger->debt--;
        h2_suspicions_permit(session, CHECK_SETTINGS_ACK_UNSOLICITED, 0, 1);
        (void)pop(session, &rc);
    }
    return rc;
}

bool h2_ledger_pop(struct h2_session *session, int *rc)
{
    const struct h2_session *peer = session->peer;
    /* It may be for any of those in flight; where SETTINGS were missed, for one of them, too. */
    if (session->observer && session->ledger.queue_len > 0 && !pairs_soundly(session) &&
        (peer == NULL || !peer->unsettled)) {
        hpack_decoder_bound(session->hpack, largest_table(&session->ledger));
    }
    return pop(session, rc);
}

void h2_ledger_apply_now(struct h2_session *session, const struct h2_setting *entries, size_t count)
{
    struct h2_settings_set set = set_of(entries, count);
    for (uint32_t id = 1; id < H2_SETTING_ID_END; id++) {
        if (names(&set, id)) {
            session->ledger.pending[id] = set.value[id];
        }
    }
    (void)apply(session, &set);
    find_widest(&session->ledger);
}

void h2_ledger_remote_now(struct h2_session *session, const struct h2_setting *entries,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!usable(&entries[i])) {
            continue;
        }
        if (entries[i].id == H2_SETTING_INITIAL_WINDOW_SIZE) {
            (void)h2_window_set_remote_initial(session, entries[i].value);
        } else {
            session->ledger.remote[entries[i].id] = entries[i].value;
        }
    }
    /* They count as the peer's first SETTINGS (RFC 7540 3.2.1). */
    h2_ledger_remote_begun(&session->ledger);
}

void h2_ledger_remote_begun(struct h2_ledger *ledger)
{
    uint32_t *no_priorities = &ledger->remote[H2_SETTING_NO_RFC7540_PRIORITIES];
    if (*no_priorities == NO_PRIORITIES_UNSET) {
        *no_priorities = 0;
    }
    ledger->remote_seen = true;
}
