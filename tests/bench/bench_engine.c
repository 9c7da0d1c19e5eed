/* The receive engine against libnghttp2's nghttp2_session_mem_recv, both directions, on octets that
 * it makes itself: a libnghttp2 client and server talk, and what they say is kept, piece by piece.
 * Then each contender is the server, and the client, of those pieces, with callbacks that only
 * count. Sending requests and answering is off the clock. Prints medians of interleaved rounds;
 * asserts nothing about speed.
 *
 *   bench_engine [ROUNDS [SCALE [NAME]]]      7, 1.0, all */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nghttp2/nghttp2.h>

#include "h2/session.h"

enum { BATCH = 50, ROUNDS_MAX = 51, FIELDS_MAX = 16 };

/* What the client asks and what it gets. */
struct workload {
    const char *name;
    unsigned connections, requests; /* requests a connection */
    size_t body;
    bool vary;
};

/* Octets of one direction that came at once; requests: how many the client sent before. */
struct piece {
    unsigned connection, requests;
    bool to_server;
    size_t off, len;
};

struct talk {
    const struct workload *load;
    uint8_t *octets;
    size_t len, cap;
    struct piece *pieces;
    size_t count, piece_cap;
    uint64_t octets_of[2], fields_of[2], frames_of[2]; /* by to_server */
};

/* One end of a recording or of a replay. */
struct end {
    nghttp2_session *session;
    struct h2_session *ours;
    uint32_t ended[2 * BATCH];
    size_t ended_count;
    uint64_t fields, frames, data;
    bool is_server;
    uint32_t next_id;
    size_t body;
};

struct contender {
    const char *name;
    int profile; /* -1: libnghttp2 */
    double seconds[2][ROUNDS_MAX];
};

/* Processor time, so that a busy machine does not show. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What reading the clock costs: of two readings, one half each lies inside. */
static double clock_cost(void)
{
    enum { READINGS = 20000 };
    double start = now();
    for (int i = 0; i < READINGS; i++) {
        (void)now();
    }
    return (now() - start) / READINGS;
}

static void note(struct end *end, bool ends, uint32_t stream)
{
    end->frames++;
    if (ends && end->is_server && end->ended_count < sizeof end->ended / sizeof end->ended[0]) {
        end->ended[end->ended_count++] = stream;
    }
}

/* ---- libnghttp2 ---- */

static int their_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    bool body = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    note(user, body && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM), (uint32_t)frame->hd.stream_id);
    return 0;
}

static int their_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    return 0;
}

static int their_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    return 0;
}

static int their_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                        nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct end *end = user;
    end->fields++;
    return 0;
}

static int their_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                      const uint8_t *octets, size_t len, void *user)
{
    struct end *end = user;
    end->data += len;
    return 0;
}

static int their_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    return 0;
}

static struct end *their_end(bool server, size_t body)
{
    struct end *end = calloc(1, sizeof *end);
    nghttp2_session_callbacks *c;
    if (end == NULL || nghttp2_session_callbacks_new(&c) != 0) {
        abort();
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, their_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, their_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, their_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, their_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, their_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, their_close);
    end->is_server = server;
    end->next_id = 1;
    end->body = body;
    int rv = server ? nghttp2_session_server_new(&end->session, c, end)
                    : nghttp2_session_client_new(&end->session, c, end);
    nghttp2_settings_entry iv[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30 },
                                    { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000 } };
    if (rv != 0 || nghttp2_submit_settings(end->session, 0, iv, 2) != 0 ||
        nghttp2_submit_window_update(end->session, 0, 0, 1 << 30) != 0) {
        abort();
    }
    nghttp2_session_callbacks_del(c);
    return end;
}

static ssize_t their_body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t length,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct end *end = user;
    size_t *left = nghttp2_session_get_stream_user_data(session, stream);
    if (left == NULL) {
        left = malloc(sizeof *left);
        if (left == NULL) {
            abort();
        }
        *left = end->body;
        nghttp2_session_set_stream_user_data(session, stream, left);
    }
    size_t n = *left < length ? *left : length;
    memset(buf, 'd', n);
    *left -= n;
    if (*left == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        free(left);
    }
    return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                         strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static void their_request(struct end *end, const struct workload *load, unsigned number)
{
    char path[64], cookie[80], trace[80];
    nghttp2_nv fields[FIELDS_MAX] = {
        nv(":method", "GET"),
        nv(":scheme", "https"),
        nv(":authority", "www.example.test"),
        nv(":path", "/assets/site.css"),
        nv("user-agent", "example-browser/1.0 (X11; Linux x86_64)"),
        nv("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        nv("accept-language", "en-GB,en;q=0.5"),
        nv("accept-encoding", "gzip, deflate, br"),
        nv("referer", "https://www.example.test/a/b/c?d=e"),
        nv("cookie", "sid=0123456789abcdef; theme=dark"),
    };
    size_t n = 10;
    if (load->vary) {
        snprintf(path, sizeof path, "/items/%u/view?page=%u", number * 7919u, number % 97);
        snprintf(cookie, sizeof cookie, "sid=%08x%08x; seen=%u", number * 2654435761u,
                 number * 40503u, number);
        snprintf(trace, sizeof trace, "00-%08x%08x-%08x-01", number * 2246822519u,
                 number * 3266489917u, number * 668265263u);
        fields[3] = nv(":path", path);
        fields[9] = nv("cookie", cookie);
        fields[n++] = nv("traceparent", trace);
    }
    nghttp2_submit_request(end->session, NULL, fields, n, NULL, NULL);
}

static void their_response(struct end *end, uint32_t stream, bool vary)
{
    char etag[40];
    snprintf(etag, sizeof etag, "\"%08x\"", vary ? stream * 2654435761u : 7);
    nghttp2_nv fields[] = { nv(":status", "200"),
                            nv("content-type", "text/html; charset=utf-8"),
                            nv("server", "example/1.0"),
                            nv("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
                            nv("cache-control", "max-age=3600"),
                            nv("vary", "accept-encoding"),
                            nv("etag", etag) };
    nghttp2_data_provider body = { .read_callback = their_body };
    nghttp2_submit_response(end->session, (int32_t)stream, fields, 7, end->body > 0 ? &body : NULL);
}

static void their_answers(struct end *end, bool vary)
{
    for (size_t i = 0; i < end->ended_count; i++) {
        their_response(end, end->ended[i], vary);
    }
    end->ended_count = 0;
}

/* ---- making the octets ---- */

static void keep(struct talk *t, const uint8_t *octets, size_t len)
{
    if (t->len + len > t->cap) {
        t->cap = (t->len + len) * 2;
        t->octets = realloc(t->octets, t->cap);
        if (t->octets == NULL) {
            abort();
        }
    }
    memcpy(t->octets + t->len, octets, len);
    t->len += len;
}

/* All that one end has to say goes to the other, in pieces of at most 64 KiB or so. */
static bool hand_over(struct talk *t, struct end *from, struct end *to, unsigned connection,
                      unsigned requests)
{
    struct piece piece = { connection, requests, to->is_server, t->len, 0 };
    const uint8_t *octets;
    ssize_t n;
    while (t->len - piece.off < 65536 &&
           (n = nghttp2_session_mem_send(from->session, &octets)) > 0) {
        keep(t, octets, (size_t)n);
    }
    piece.len = t->len - piece.off;
    if (piece.len == 0) {
        return false;
    }
    if (t->count == t->piece_cap) {
        t->piece_cap = t->piece_cap * 2 + 64;
        t->pieces = realloc(t->pieces, t->piece_cap * sizeof *t->pieces);
        if (t->pieces == NULL) {
            abort();
        }
    }
    t->pieces[t->count++] = piece;
    t->octets_of[piece.to_server] += piece.len;
    ssize_t used = nghttp2_session_mem_recv(to->session, t->octets + piece.off, piece.len);
    assert(used == (ssize_t)piece.len);
    return true;
}

static void make_connection(struct talk *t, unsigned connection)
{
    const struct workload *load = t->load;
    struct end *client = their_end(false, 0), *server = their_end(true, load->body);
    for (unsigned done = 0; done < load->requests;) {
        unsigned batch = load->requests - done < BATCH ? load->requests - done : BATCH;
        for (unsigned i = 0; i < batch; i++) {
            their_request(client, load, connection * load->requests + done + i);
        }
        done += batch;
        bool said = hand_over(t, client, server, connection, batch);
        while (said) {
            their_answers(server, load->vary);
            said = hand_over(t, server, client, connection, 0);
            said = hand_over(t, client, server, connection, 0) || said;
        }
    }
    t->fields_of[0] += client->fields;
    t->fields_of[1] += server->fields;
    t->frames_of[0] += client->frames;
    t->frames_of[1] += server->frames;
    nghttp2_session_del(client->session);
    nghttp2_session_del(server->session);
    free(client);
    free(server);
}

/* ---- ours ---- */

static int our_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    return 0;
}

static int our_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    bool body = frame->hd.type == H2_HEADERS || frame->hd.type == H2_DATA;
    note(user, body && (frame->hd.flags & H2_FLAG_END_STREAM), frame->hd.stream_id);
    return 0;
}

static int our_header(struct h2_session *session, const struct h2_frame *frame,
                      const struct h2_header *header, void *user)
{
    struct end *end = user;
    end->fields++;
    return 0;
}

static int our_data(struct h2_session *session, const struct h2_frame *frame, struct span data,
                    void *user)
{
    struct end *end = user;
    end->data += data.len;
    return 0;
}

static int our_close(struct h2_session *session, uint32_t stream, uint32_t code, void *user)
{
    return 0;
}

static const struct h2_events our_events = {
    .on_begin_frame = our_begin_frame,
    .on_begin_headers = our_begin_frame,
    .on_header = our_header,
    .on_data_chunk_recv = our_data,
    .on_frame_recv = our_frame,
    .on_stream_close = our_close,
};

static struct end *our_end(struct mem *mem, bool server, int profile)
{
    static const struct h2_setting settings[] = { { H2_SETTING_INITIAL_WINDOW_SIZE, 1 << 30 },
                                                  { H2_SETTING_MAX_CONCURRENT_STREAMS, 1000 } };
    struct end *end = calloc(1, sizeof *end);
    struct h2_options options;
    if (end == NULL) {
        abort();
    }
    h2_options_init(&options);
    options.profile = (enum h2_profile)profile;
    end->is_server = server;
    end->next_id = 1;
    end->ours =
        h2_session_new(mem, server ? H2_ROLE_SERVER : H2_ROLE_CLIENT, &our_events, &options, end);
    if (end->ours == NULL || h2_feed_settings_sent(end->ours, settings, 2) != 0 ||
        h2_feed_window_update_sent(end->ours, 0, 1 << 30) != 0) {
        abort();
    }
    return end;
}

/* ---- replay ---- */

/* What the local endpoint does before and after a piece, off the clock. */
static void send_requests(struct end *end, const struct talk *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++, end->next_id += 2) {
        if (end->ours == NULL) {
            their_request(end, t->load, end->next_id / 2);
        } else if (h2_feed_request_sent(end->ours, end->next_id, span_str("GET"), false, true)) {
            abort();
        }
    }
}

static void answer(struct end *end, const struct talk *t)
{
    const uint8_t *octets;
    if (end->ours == NULL) {
        end->body = 0;
        their_answers(end, t->load->vary);
        while (nghttp2_session_mem_send(end->session, &octets) > 0) {
        }
        return;
    }
    for (size_t i = 0; i < end->ended_count; i++) {
        if (h2_feed_response_sent(end->ours, end->ended[i]) != 0 ||
            h2_feed_end_stream_sent(end->ours, end->ended[i]) != 0) {
            abort();
        }
    }
    end->ended_count = 0;
}

/* The part on the clock; under callgrind: --toggle-collect=give. */
__attribute__((noinline)) static double give(struct end *end, const uint8_t *octets, size_t len)
{
    double start = now();
    while (len > 0) {
        size_t n = len < 16384 ? len : 16384;
        ssize_t used = end->ours == NULL ? nghttp2_session_mem_recv(end->session, octets, n)
                                         : h2_session_mem_recv(end->ours, octets, n);
        assert(used == (ssize_t)n);
        octets += n;
        len -= n;
    }
    return now() - start;
}

static void free_end(struct end *end)
{
    if (end != NULL) {
        nghttp2_session_del(end->session);
        h2_session_free(end->ours);
        free(end);
    }
}

static double replay(const struct talk *t, bool to_server, int profile)
{
    struct mem mem;
    struct end *end = NULL;
    unsigned connection = UINT32_MAX;
    double seconds = 0;
    uint64_t fields = 0, given = 0;
    mem_init(&mem, 0);
    for (size_t i = 0; i < t->count; i++) {
        const struct piece *piece = &t->pieces[i];
        if (piece->connection != connection) {
            fields += end != NULL ? end->fields : 0;
            free_end(end);
            end = profile < 0 ? their_end(to_server, 0) : our_end(&mem, to_server, profile);
            connection = piece->connection;
        }
        if (!to_server) {
            send_requests(end, t, piece->requests);
            answer(end, t);
        }
        if (piece->to_server == to_server) {
            seconds += give(end, t->octets + piece->off, piece->len);
            given++;
            answer(end, t);
        }
    }
    fields += end != NULL ? end->fields : 0;
    free_end(end);
    if (fields != t->fields_of[to_server]) {
        printf("  (counted %llu fields, not %llu)\n", (unsigned long long)fields,
               (unsigned long long)t->fields_of[to_server]);
    }
    return seconds - (double)given * clock_cost();
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

static void measure(const struct workload *load, unsigned rounds)
{
    static struct contender who[] = { { .name = "libnghttp2", .profile = -1 },
                                      { .name = "ENDPOINT", .profile = H2_PROFILE_ENDPOINT },
                                      { .name = "OBSERVER", .profile = H2_PROFILE_OBSERVER } };
    struct talk t = { .load = load };
    for (unsigned i = 0; i < load->connections; i++) {
        make_connection(&t, i);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t k = 0; k < 6; k++) {
            who[k % 3].seconds[k / 3][round] = replay(&t, k / 3 == 1, who[k % 3].profile);
        }
    }
    for (int to_server = 1; to_server >= 0; to_server--) {
        double theirs = 0;
        printf("%-7s %s: %.1f MB, %llu frames, %llu fields\n", load->name,
               to_server ? "to server" : "to client", (double)t.octets_of[to_server] / 1e6,
               (unsigned long long)t.frames_of[to_server],
               (unsigned long long)t.fields_of[to_server]);
        for (size_t k = 0; k < 3; k++) {
            double s = median(who[k].seconds[to_server], rounds);
            theirs = k == 0 ? s : theirs;
            printf("    %-10s %9.1f MB/s %8.1f ns a frame %8.1f ns a field %8.2f x\n", who[k].name,
                   (double)t.octets_of[to_server] / 1e6 / s,
                   1e9 * s / (double)t.frames_of[to_server],
                   1e9 * s / (double)(t.fields_of[to_server] + 1), theirs / s);
        }
    }
    free(t.octets);
    free(t.pieces);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 7;
    double scale = argc > 2 ? atof(argv[2]) : 1.0;
    struct workload loads[] = {
        { "header", 1, 100000, 0, false },
        { "churn", 1, 50000, 0, true },
        { "short", 3000, 2, 200, false },
        { "data", 1, 100, 1000000, false },
    };
    rounds = rounds < 1 || rounds > ROUNDS_MAX ? 7 : rounds;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        unsigned *size = loads[i].connections > 1 ? &loads[i].connections : &loads[i].requests;
        *size = (unsigned)((double)*size * scale) + 1;
        if (argc < 4 || strcmp(argv[3], loads[i].name) == 0) {
            measure(&loads[i], rounds);
        }
    }
    return 0;
}
