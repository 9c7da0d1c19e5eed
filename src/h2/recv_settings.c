/* SETTINGS (RFC 9113 6.5): entries, their rules, and the acknowledgement that puts the local side's
 * own into force. */
#include "h2/session_int.h"

/* Room for n entries, raw and collapsed (which may be one longer). */
static bool entries_reserve(struct h2_session *session, uint32_t n)
{
    struct h2_ledger *ledger = &session->ledger;
    if (n + 1 <= ledger->entries_cap) {
        return true;
    }
    uint32_t cap = n + 1 < 16 ? 16 : n + 1;
    struct h2_setting *raw = mem_alloc(session->mem, 2 * (size_t)cap * sizeof *raw);
    if (raw == NULL) {
        return false;
    }
    mem_free(session->mem, ledger->raw);
    ledger->raw = raw;
    ledger->collapsed = raw + cap;
    ledger->entries_cap = cap;
    return true;
}

/* As nghttp2 hands the list on: a known id stands once, where it stood first, with its last value;
 * of HEADER_TABLE_SIZE the minimum stands there, and the last value behind all
 * (receive-engine 3.6). */
static size_t collapse(const struct h2_setting *raw, size_t count, struct h2_setting *out)
{
    size_t at[H2_SETTING_ID_END] = { 0 }, len = 0;
    uint32_t table_min = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        bool known = spec_setting_name(raw[i].id) != NULL;
        if (raw[i].id == H2_SETTING_HEADER_TABLE_SIZE && raw[i].value < table_min) {
            table_min = raw[i].value;
        }
        if (known && at[raw[i].id] != 0) {
            out[at[raw[i].id] - 1].value = raw[i].value;
            continue;
        }
        out[len++] = raw[i];
        if (known) {
            at[raw[i].id] = len;
        }
    }
    size_t table_at = at[H2_SETTING_HEADER_TABLE_SIZE];
    if (table_at != 0 && table_min < out[table_at - 1].value) {
        out[len++] = out[table_at - 1];
        out[table_at - 1].value = table_min;
    }
    return len;
}

static int value_rule(struct h2_session *session, const struct h2_setting *entry)
{
    uint32_t value = entry->value;
    switch (entry->id) {
    case H2_SETTING_ENABLE_PUSH:
        if (value > 1) {
            return h2_break(session, H2_RULE_SETTINGS_PUSH, 0, "ENABLE_PUSH is %u", value);
        }
        if (session->role == H2_ROLE_CLIENT && value == 1) {
            return h2_break(session, H2_RULE_SETTINGS_PUSH_SERVER, 0,
                            "the server sent ENABLE_PUSH = 1");
        }
        return H2_GO;
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        if (value > 0x7fffffffU) {
            return h2_break(session, H2_RULE_SETTINGS_WINDOW, 0,
                            "INITIAL_WINDOW_SIZE is %u, above 2147483647", value);
        }
        return H2_GO;
    case H2_SETTING_MAX_FRAME_SIZE:
        if (value < 16384 || value > 0xffffffU) {
            return h2_break(session, H2_RULE_SETTINGS_FRAME_SIZE, 0,
                            "MAX_FRAME_SIZE is %u, outside 16384 to 16777215", value);
        }
        return H2_GO;
    case H2_SETTING_ENABLE_CONNECT_PROTOCOL:
        if (value > 1) {
            return h2_break(session, H2_RULE_SETTINGS_CONNECT, 0, "ENABLE_CONNECT_PROTOCOL is %u",
                            value);
        }
        return H2_GO;
    case H2_SETTING_NO_RFC7540_PRIORITIES:
        if (value > 1) {
            return h2_break(session, H2_RULE_SETTINGS_NO_PRIO, 0, "NO_RFC7540_PRIORITIES is %u",
                            value);
        }
        return H2_GO;
    default:
        return H2_GO;
    }
}

/* Rules that look at earlier values. A server of nghttp2's does not mind a client that takes
 * ENABLE_CONNECT_PROTOCOL back; an observer does (RFC 8441 3). */
static int history_rule(struct h2_session *session, const struct h2_setting *entry)
{
    uint32_t before = entry->id < H2_SETTING_ID_END ? session->ledger.remote[entry->id] : 0;
    if (entry->id == H2_SETTING_ENABLE_CONNECT_PROTOCOL && before == 1 && entry->value == 0 &&
        (session->role == H2_ROLE_CLIENT || session->observer)) {
        return h2_break(session, H2_RULE_SETTINGS_CONNECT_BACK, 0,
                        "ENABLE_CONNECT_PROTOCOL is 0 after 1");
    }
    if (entry->id == H2_SETTING_NO_RFC7540_PRIORITIES && session->ledger.remote_seen &&
        before != entry->value) {
        return h2_break(session, H2_RULE_SETTINGS_NO_PRIO_CHANGED, 0,
                        "NO_RFC7540_PRIORITIES is %u, the first SETTINGS had %u", entry->value,
                        before);
    }
    return H2_GO;
}

static int apply_remote(struct h2_session *session, const struct h2_setting *entry)
{
    if (entry->id == H2_SETTING_INITIAL_WINDOW_SIZE) {
        if (entry->value <= 0x7fffffffU && !h2_window_set_remote_initial(session, entry->value)) {
            return h2_break(session, H2_RULE_SETTINGS_OVERFLOW, 0,
                            "INITIAL_WINDOW_SIZE %u lifts a stream's window above 2147483647",
                            entry->value);
        }
        return H2_GO;
    }
    if (spec_setting_name(entry->id) != NULL) {
        session->ledger.remote[entry->id] = entry->value;
    }
    return H2_GO;
}

/* One entry after the other: rules, then the value is in force. ENDPOINT looks at the collapsed
 * list, as nghttp2 does, OBSERVER at what was sent. */
static int apply_all(struct h2_session *session)
{
    const union h2_payload *p = &session->cur->payload;
    const struct h2_setting *entries = session->observer ? p->settings.raw : p->settings.entries;
    size_t count = session->observer ? p->settings.raw_count : p->settings.count;
    for (size_t i = 0; i < count; i++) {
        session->mark_at = (uint32_t)i * 6;
        session->mark_count = 6;
        int rc = value_rule(session, &entries[i]);
        if (rc == H2_GO) {
            rc = history_rule(session, &entries[i]);
        }
        if (rc == H2_GO) {
            rc = apply_remote(session, &entries[i]);
        }
        if (rc != H2_GO) {
            return rc;
        }
    }
    session->mark_at = session->mark_count = 0;
    h2_ledger_remote_begun(&session->ledger);
    return H2_GO;
}

static int acknowledged(struct h2_session *session)
{
    int rc;
    if (h2_ledger_pop(session, &rc)) {
        return rc;
    }
    if (session->observer) {
        session->ledger.debt += !session->tainted;
    }
    return h2_break_limit(session, H2_RULE_SETTINGS_UNSOLICITED, 0, 1,
                          "SETTINGS ACK, but no SETTINGS waits for one");
}

static int settings_payload(struct h2_session *session, struct cur *in)
{
    struct h2_frame *f = session->cur;
    struct h2_ledger *ledger = &session->ledger;
    uint32_t octets = session->need;
    uint32_t count = octets / 6;
    if (!entries_reserve(session, count)) {
        return H2_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        ledger->raw[i].id = cur_u16(in);
        ledger->raw[i].value = cur_u32(in);
    }
    cur_skip(in, octets - count * 6);
    f->payload.settings.raw = ledger->raw;
    f->payload.settings.raw_count = count;
    f->payload.settings.entries = ledger->collapsed;
    f->payload.settings.count = collapse(ledger->raw, count, ledger->collapsed);
    f->has_payload = true;
    int rc = H2_GO;
    if (f->hd.stream_id != 0) {
        rc = h2_break(session, H2_RULE_SETTINGS_NONZERO, f->hd.stream_id, "SETTINGS on stream %u",
                      f->hd.stream_id);
    }
    if (rc == H2_GO && (f->hd.flags & H2_FLAG_ACK) != 0 && f->hd.length > 0) {
        (void)h2_ledger_pop(session, &rc); /* reported already; it counts as an ACK */
    } else if (rc == H2_GO && (f->hd.flags & H2_FLAG_ACK) != 0) {
        rc = acknowledged(session);
    } else if (rc == H2_GO) {
        rc = apply_all(session);
        if (rc == H2_GO) {
            h2_outbox_ack(session, H2_ACTION_SETTINGS_ACK);
        }
    }
    return rc != H2_GO ? rc : h2_finish_frame(session);
}

static const struct h2_state st_settings = { "settings", false, settings_payload };

int h2_recv_settings(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    bool ack = (hd->flags & H2_FLAG_ACK) != 0;
    int rc = H2_GO;
    if (ack && hd->length > 0) {
        rc = h2_break(session, H2_RULE_SETTINGS_ACK_LEN, 0,
                      "SETTINGS with ACK has a payload of %u octets; it must be empty", hd->length);
    } else if (hd->length % 6 != 0) {
        rc =
            h2_break(session, H2_RULE_SETTINGS_LEN, 0,
                     "SETTINGS has a payload of %u octets; it must be a multiple of 6", hd->length);
    }
    if (rc == H2_GO && !ack) {
        rc = h2_flood_settings(session);
    }
    if (rc == H2_GO) {
        rc = h2_begin_frame(session);
    }
    return rc != H2_GO ? rc : h2_gather_payload(session, &st_settings);
}
