/* Reads lines "ROLE MODE HEX" and prints what an OBSERVER session makes of the octets, a JSON
 * object a line. ROLE: client, server; MODE: whole (SETTINGS and its acknowledgement go before),
 * mid (the octets stand somewhere in a connection). For frame_vectors.py. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2/session.h"

struct seen {
    bool listen;
    uint8_t raw[65536]; /* the frame's payload as it came */
    size_t raw_len;
    char frame[4096];
    char errors[512];
};

static void print_settings(char *to, size_t room, const struct h2_frame *f)
{
    int n = snprintf(to, room, ",\"settings\":[");
    for (size_t i = 0; i < f->payload.settings.raw_count; i++) {
        const struct h2_setting *s = &f->payload.settings.raw[i];
        n += snprintf(to + n, room - (size_t)n, "%s[%u,%u]", i > 0 ? "," : "", s->id, s->value);
    }
    snprintf(to + n, room - (size_t)n, "]");
}

static void print_priority(char *to, size_t room, const struct h2_priority *p)
{
    snprintf(to, room, ",\"stream_dependency\":%u,\"weight\":%u,\"exclusive\":%s", p->depends_on,
             p->weight, p->exclusive ? "true" : "false");
}

static void print_hex(char *to, size_t room, const char *key, const uint8_t *octets, size_t len)
{
    int n = snprintf(to, room, ",\"%s\":\"", key);
    for (size_t i = 0; i < len; i++) {
        n += snprintf(to + n, room - (size_t)n, "%02x", octets[i]);
    }
    snprintf(to + n, room - (size_t)n, "\"");
}

static void print_payload(char *to, size_t room, const struct h2_frame *f)
{
    const union h2_payload *p = &f->payload;
    switch (f->hd.type) {
    case H2_DATA:
        snprintf(to, room, ",\"pad_octets\":%u", p->data.pad_octets);
        break;
    case H2_HEADERS: {
        int n = snprintf(to, room, ",\"pad_octets\":%u", p->headers.pad_octets);
        if (p->headers.has_priority) {
            print_priority(to + n, room - (size_t)n, &p->headers.priority);
        }
        break;
    }
    case H2_PRIORITY:
        print_priority(to, room, &p->priority);
        break;
    case H2_RST_STREAM:
        snprintf(to, room, ",\"error_code\":%u", p->rst_stream.error_code);
        break;
    case H2_SETTINGS:
        print_settings(to, room, f);
        break;
    case H2_PUSH_PROMISE:
        snprintf(to, room, ",\"pad_octets\":%u,\"promised_stream_id\":%u",
                 p->push_promise.pad_octets, p->push_promise.promised_stream_id);
        break;
    case H2_PING:
        print_hex(to, room, "opaque_data", p->ping.opaque, sizeof p->ping.opaque);
        break;
    case H2_GOAWAY: {
        int n = snprintf(to, room, ",\"last_stream_id\":%u,\"error_code\":%u",
                         p->goaway.last_stream_id, p->goaway.error_code);
        print_hex(to + n, room - (size_t)n, "additional_debug_data", p->goaway.debug_data.ptr,
                  p->goaway.debug_data.len);
        break;
    }
    case H2_WINDOW_UPDATE:
        snprintf(to, room, ",\"window_size_increment\":%u", p->window_update.increment);
        break;
    default:
        break;
    }
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *f,
                         const struct h2_frame_cut *cut, void *user)
{
    struct seen *seen = user;
    (void)session;
    (void)cut;
    if (seen->listen) {
        int n = snprintf(seen->frame, sizeof seen->frame,
                         "\"length\":%u,\"type\":%u,\"flags\":%u,\"stream_identifier\":%u",
                         f->hd.length, f->hd.type, f->hd.raw_flags, f->hd.stream_id);
        print_payload(seen->frame + n, sizeof seen->frame - (size_t)n, f);
    }
}

static void on_frame_octets(struct h2_session *session, uint64_t off, struct span octets,
                            void *user)
{
    struct seen *seen = user;
    (void)session;
    if (!seen->listen) {
        return;
    }
    for (size_t i = 0; i < octets.len; i++) {
        if (off + i >= H2_FRAME_HEADER_LEN) {
            assert(off + i - H2_FRAME_HEADER_LEN == seen->raw_len);
            seen->raw[seen->raw_len++] = octets.ptr[i];
        }
    }
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    struct seen *seen = user;
    (void)session;
    size_t at = strlen(seen->errors);
    const struct check_row *row = spec_check(finding->check);
    if (seen->listen && row->error_code >= 0) {
        snprintf(seen->errors + at, sizeof seen->errors - at, "%s[\"%s\",%lld]", at > 0 ? "," : "",
                 row->id, (long long)row->error_code);
    }
}

static struct seen observe(bool server, bool mid, const uint8_t *octets, size_t len)
{
    static struct seen seen;
    /* An empty SETTINGS frame, and the acknowledgement of the other side's. */
    static const uint8_t settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0 };
    const struct h2_events events = { .on_end_frame = on_end_frame,
                                      .on_frame_octets = on_frame_octets,
                                      .on_finding = on_finding };
    struct mem mem;
    struct h2_options options;
    memset(&seen, 0, sizeof seen);
    mem_init(&mem, 0);
    h2_options_init(&options);
    options.check_preface = false;
    options.mid_stream = mid;
    struct h2_session *session =
        h2_session_new(&mem, server ? H2_ROLE_SERVER : H2_ROLE_CLIENT, &events, &options, &seen);
    assert(session != NULL);
    ssize_t used = 0;
    if (mid) {
        h2_session_resume(session, 0);
    } else {
        int rv = h2_feed_settings_sent(session, NULL, 0);
        used = h2_session_mem_recv(session, settings, sizeof settings);
        assert(rv == 0 && used == sizeof settings);
    }
    seen.listen = true;
    used = h2_session_mem_recv(session, octets, len);
    assert(used == (ssize_t)len);
    h2_session_end(session, CLOSE_FIN);
    h2_session_free(session);
    assert(mem.used == 0);
    return seen;
}

int main(void)
{
    static char role[16], mode[16], hex[131072];
    static uint8_t octets[65536];
    while (scanf("%15s %15s %131071s", role, mode, hex) == 3) {
        size_t len = strlen(hex) / 2;
        for (size_t i = 0; i < len; i++) {
            unsigned value = 0;
            sscanf(hex + 2 * i, "%2x", &value);
            octets[i] = (uint8_t)value;
        }
        struct seen seen =
            observe(strcmp(role, "server") == 0, strcmp(mode, "mid") == 0, octets, len);
        printf("{\"errors\":[%s],\"raw\":\"", seen.errors);
        for (size_t i = 0; i < seen.raw_len; i++) {
            printf("%02x", seen.raw[i]);
        }
        printf("\"%s%s}\n", seen.frame[0] != '\0' ? "," : "", seen.frame);
    }
    return 0;
}
