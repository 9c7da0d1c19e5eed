/* The receive engine against libnghttp2's nghttp2_session_mem_recv, on the same octets:
 *
 *     engine CLIENT-OCTETS [ROUNDS]
 *
 * The file is what a client sent on one connection, preface included. Both are servers that get it
 * in pieces of 16 KiB, with callbacks that only count, the same ones set for both. Answering the
 * requests, so that streams close, is off the clock. Prints a line for each, with the median of its
 * interleaved rounds; the counts must agree. */
#include <nghttp2/nghttp2.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "h2/session.h"

enum { PIECE = 16384, ROUNDS_MAX = 51, ENDED_MAX = 65536 };

/* What the callbacks counted, and the requests that ended since they were last answered. */
struct counts {
    uint64_t frames, fields, data_octets, closed;
    uint32_t ended[ENDED_MAX];
    size_t ended_count;
};

struct contender {
    const char *name;
    bool (*run)(struct span input, struct counts *counts, double *seconds);
    double seconds[ROUNDS_MAX];
    struct counts counts;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void count_frame(struct counts *counts, bool ends_request, uint32_t stream_id)
{
    counts->frames++;
    if (ends_request && counts->ended_count < ENDED_MAX) {
        counts->ended[counts->ended_count++] = stream_id;
    }
}

/* ---- libnghttp2 ---- */

static int their_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    return 0;
}

static int their_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    return 0;
}

static int their_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *user)
{
    struct counts *counts = user;
    counts->fields++;
    return 0;
}

static int their_data(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                      const uint8_t *data, size_t len, void *user)
{
    struct counts *counts = user;
    counts->data_octets += len;
    return 0;
}

static int their_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    count_frame(user, message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0,
                (uint32_t)frame->hd.stream_id);
    return 0;
}

static int their_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
    struct counts *counts = user;
    counts->closed++;
    return 0;
}

static bool their_answers(nghttp2_session *session, struct counts *counts)
{
    static uint8_t name[] = ":status", value[] = "204";
    nghttp2_nv status = { name, value, 7, 3, NGHTTP2_NV_FLAG_NONE };
    for (size_t i = 0; i < counts->ended_count; i++) {
        if (nghttp2_submit_response(session, (int32_t)counts->ended[i], &status, 1, NULL) != 0) {
            return false;
        }
    }
    counts->ended_count = 0;
    const uint8_t *octets;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(session, &octets)) > 0) {
    }
    return len == 0;
}

static bool run_theirs(struct span input, struct counts *counts, double *seconds)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return false;
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, their_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, their_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, their_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, their_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, their_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, their_close);
    bool good = nghttp2_session_server_new(&session, callbacks, counts) == 0;
    nghttp2_session_callbacks_del(callbacks);
    if (!good) {
        return false;
    }
    good = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) == 0 &&
           their_answers(session, counts);
    for (size_t at = 0; good && at < input.len; at += PIECE) {
        size_t len = input.len - at < PIECE ? input.len - at : PIECE;
        double start = now();
        good = nghttp2_session_mem_recv(session, input.ptr + at, len) == (ssize_t)len;
        *seconds += now() - start;
        good = good && their_answers(session, counts);
    }
    nghttp2_session_del(session);
    return good;
}

/* ---- ours ---- */

static int our_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    return 0;
}

static int our_header(struct h2_session *session, const struct h2_frame *frame,
                      const struct h2_header *header, void *user)
{
    struct counts *counts = user;
    counts->fields++;
    return 0;
}

static int our_data(struct h2_session *session, const struct h2_frame *frame, struct span data,
                    void *user)
{
    struct counts *counts = user;
    counts->data_octets += data.len;
    return 0;
}

static int our_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    bool message = frame->hd.type == H2_HEADERS || frame->hd.type == H2_DATA;
    count_frame(user, message && (frame->hd.flags & H2_FLAG_END_STREAM) != 0, frame->hd.stream_id);
    return 0;
}

static int our_close(struct h2_session *session, uint32_t stream_id, uint32_t code, void *user)
{
    struct counts *counts = user;
    counts->closed++;
    return 0;
}

static bool our_answers(struct h2_session *session, struct counts *counts)
{
    for (size_t i = 0; i < counts->ended_count; i++) {
        if (h2_feed_response_sent(session, counts->ended[i]) != 0 ||
            h2_feed_end_stream_sent(session, counts->ended[i]) != 0) {
            return false;
        }
    }
    counts->ended_count = 0;
    return true;
}

static bool run_profile(enum h2_profile profile, struct span input, struct counts *counts,
                        double *seconds)
{
    struct mem mem;
    mem_init(&mem, 0);
    const struct h2_events events = {
        .on_begin_frame = our_begin_frame,
        .on_begin_headers = our_begin_frame,
        .on_header = our_header,
        .on_data_chunk_recv = our_data,
        .on_frame_recv = our_frame,
        .on_stream_close = our_close,
    };
    struct h2_options options;
    h2_options_init(&options);
    options.profile = profile;
    struct h2_session *session = h2_session_new(&mem, H2_ROLE_SERVER, &events, &options, counts);
    bool good = session != NULL && h2_feed_settings_sent(session, NULL, 0) == 0;
    for (size_t at = 0; good && at < input.len; at += PIECE) {
        size_t len = input.len - at < PIECE ? input.len - at : PIECE;
        double start = now();
        good = h2_session_mem_recv(session, input.ptr + at, len) == (ssize_t)len;
        *seconds += now() - start;
        good = good && our_answers(session, counts);
    }
    h2_session_free(session);
    return good;
}

static bool run_endpoint(struct span input, struct counts *counts, double *seconds)
{
    return run_profile(H2_PROFILE_ENDPOINT, input, counts, seconds);
}

static bool run_observer(struct span input, struct counts *counts, double *seconds)
{
    return run_profile(H2_PROFILE_OBSERVER, input, counts, seconds);
}

/* ---- the race ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static bool read_file(const char *path, uint8_t **octets, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return false;
    }
    long size = ftell(file);
    rewind(file);
    *octets = size > 0 ? malloc((size_t)size) : NULL;
    *len = *octets != NULL ? fread(*octets, 1, (size_t)size, file) : 0;
    fclose(file);
    return *len > 0;
}

static void show(const struct contender *who, const struct contender *first, size_t rounds,
                 size_t octets)
{
    double median = who->seconds[rounds / 2];
    printf("%-10s %9.4f s %8.1f MB/s %7.2f x  %" PRIu64 " frames %" PRIu64 " fields %" PRIu64
           " data octets %" PRIu64 " streams closed\n",
           who->name, median, (double)octets / median / 1e6, first->seconds[rounds / 2] / median,
           who->counts.frames, who->counts.fields, who->counts.data_octets, who->counts.closed);
}

int main(int argc, char **argv)
{
    static struct contender contenders[] = {
        { .name = "nghttp2", .run = run_theirs },
        { .name = "endpoint", .run = run_endpoint },
        { .name = "observer", .run = run_observer },
    };
    const size_t count = sizeof contenders / sizeof contenders[0];
    size_t rounds = argc > 2 ? (size_t)atoi(argv[2]) : 5;
    uint8_t *octets = NULL;
    size_t len = 0;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || !read_file(argv[1], &octets, &len)) {
        fprintf(stderr, "usage: engine CLIENT-OCTETS [ROUNDS]\n");
        free(octets);
        return 2;
    }
    bool good = true;
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            memset(&contenders[i].counts, 0, sizeof contenders[i].counts);
            if (!contenders[i].run((struct span){ octets, len }, &contenders[i].counts,
                                   &contenders[i].seconds[round])) {
                fprintf(stderr, "engine: %s gave up\n", contenders[i].name);
                good = false;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(contenders[i].seconds, rounds, sizeof(double), by_value);
        show(&contenders[i], &contenders[0], rounds, len);
        good = good && contenders[i].counts.fields == contenders[0].counts.fields &&
               contenders[i].counts.data_octets == contenders[0].counts.data_octets;
    }
    free(octets);
    return good ? 0 : 1;
}
