/* Plays a case once: makes the session or the connection, brings it to the case's start, takes the
 * steps, and looks whether what must always hold held. Every piece of input stands in memory of its
 * exact size, so that a checker of addresses sees a read behind it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* What is being fed, for the callbacks that pull. */
struct source {
    const uint8_t *octets;
    size_t left, chunk;
    uint8_t *lent;
};

struct player {
    const struct test_case *tc;
    const struct play *play;
    struct transcript *transcript;
    struct outcome *outcome;
    struct mem mem;
    struct h2_connection *connection;
    struct h2_session *sessions[2]; /* by direction; one is NULL but for a connection */
    int fatal;                      /* what was returned; 0 */
    bool by_feed;                   /* by something else than the receive functions */
    bool at_known;
    struct pos pos;
    bool gap_seen;
    struct text fed[2]; /* all octets given */
};

static struct source source;
static uint64_t clock_now;

static uint64_t clock_callback(void *user)
{
    return clock_now;
}

static void problem(struct player *player, const char *what)
{
    lines_add(&player->transcript->problems, what);
}

static struct h2_session *session_of(const struct player *player)
{
    return player->sessions[DIR_C2S] != NULL ? player->sessions[DIR_C2S]
                                             : player->sessions[DIR_S2C];
}

/* ---- feeding ---- */

static uint8_t *exact_copy(const uint8_t *octets, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        abort();
    }
    if (len > 0) {
        memcpy(copy, octets, len);
    }
    return copy;
}

static ssize_t pull_callback(struct h2_session *session, uint8_t *buf, size_t length, int flags,
                             void *user)
{
    size_t take = source.left < source.chunk ? source.left : source.chunk;
    if (take == 0) {
        return H2_RECV_WOULDBLOCK;
    }
    take = take < length ? take : length;
    memcpy(buf, source.octets, take);
    source.octets += take;
    source.left -= take;
    return (ssize_t)take;
}

static ssize_t lend_callback(struct h2_session *session, const uint8_t **octets, void *user)
{
    size_t take = source.left < source.chunk ? source.left : source.chunk;
    free(source.lent);
    source.lent = NULL;
    if (take == 0) {
        return 0;
    }
    source.lent = exact_copy(source.octets, take);
    source.octets += take;
    source.left -= take;
    *octets = source.lent;
    return (ssize_t)take;
}

/* A negative value was returned by the session, or NOMEM by something else. */
static void fatal(struct player *player, struct h2_session *session, int code)
{
    if (player->fatal == 0) {
        player->fatal = code;
        listen_add(player->transcript, KIND_RETURNS, session, "%s", h2_error_name(code));
        player->transcript->dead = true;
        player->outcome->nomem = code == H2_ERR_NOMEM;
    } else if (code != player->fatal) {
        problem(player, "a fatal return value that changes");
    }
}

/* A call that may only fail for want of memory; it does not end the session. */
static void must(struct player *player, int result)
{
    if (result != 0 && player->fatal == 0) {
        player->fatal = result;
        player->by_feed = true;
        player->outcome->nomem = result == H2_ERR_NOMEM;
    }
}

static bool play_observes(const struct player *player)
{
    return player->play->profile == H2_PROFILE_OBSERVER;
}

static void push(struct player *player, struct h2_session *session, const uint8_t *octets,
                 size_t len, size_t chunk)
{
    size_t used = 0;
    do {
        size_t take = len - used < chunk ? len - used : chunk;
        uint8_t *copy = exact_copy(octets + used, take);
        ssize_t result = h2_session_mem_recv(session, take > 0 ? copy : NULL, take);
        free(copy);
        if (result < 0) {
            fatal(player, session, (int)result);
            return;
        }
        if (!h2_session_in_step(session) && play_observes(player)) {
            player->gap_seen = true;
            player->transcript->observing = false; /* octets of a search are nobody's */
            return;
        }
        if ((size_t)result > take || (result == 0 && take > 0)) {
            problem(player, "an impossible number of octets used");
            return;
        }
        used += (size_t)result;
        if ((size_t)result < take) {
            if (player->tc->return_count == 0) {
                problem(player, "not all octets used, and nobody paused");
            }
            if (player->tc->chunk_dependent) {
                listen_add(player->transcript, KIND_PAUSED, session, "%zu", used);
            }
        }
    } while (used < len);
}

static void pull(struct player *player, struct h2_session *session, const uint8_t *octets,
                 size_t len, size_t chunk)
{
    source = (struct source){ octets, len, chunk, NULL };
    if (player->play->how == HOW_PULL) {
        h2_session_set_recv_callback(session, pull_callback);
    } else {
        h2_session_set_lend_callback(session, lend_callback);
    }
    int result = h2_session_recv(session);
    free(source.lent);
    if (result != 0) {
        fatal(player, session, result);
    } else if (!h2_session_in_step(session) && play_observes(player)) {
        player->gap_seen = true;
        player->transcript->observing = false;
    } else if (source.left > 0) {
        problem(player, "the receive callback was not asked to the end");
    }
}

static void feed(struct player *player, enum dir dir, const void *octets, size_t len)
{
    struct h2_session *session = player->sessions[dir];
    size_t chunk = player->play->chunk > 0 ? player->play->chunk : len > 0 ? len : 1;
    if (session == NULL) {
        problem(player, "octets in the direction that the session does not take");
        return;
    }
    if (play_observes(player) && !h2_session_in_step(session)) {
        return; /* these octets are those of a search for a frame boundary */
    }
    if (player->at_known) {
        player->pos.packet++;
        h2_session_set_pos(session, &player->pos);
    }
    text_add(&player->fed[dir], octets, len);
    if (player->play->how == HOW_PUSH || len == 0) {
        push(player, session, octets, len, chunk);
    } else {
        pull(player, session, octets, len, chunk);
    }
}

/* ---- start ---- */

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static const char empty_settings[] = "\0\0\0\4\0\0\0\0\0";
static const char settings_ack[] = "\0\0\0\4\1\0\0\0\0";

static void open_streams(struct player *player)
{
    for (unsigned i = 0; i < player->tc->open_count && player->fatal == 0; i++) {
        uint32_t id = player->tc->open[i];
        struct text octets = { 0 };
        char notation[64];
        snprintf(notation, sizeof notation, "HEADERS %" PRIu32 " END_STREAM : $REQ", id);
        octets_compile(player->tc->file, player->tc->line, notation, &octets);
        if (player->tc->start == START_CLIENT) {
            must(player,
                 h2_feed_request_sent(player->sessions[DIR_S2C], id, span_str("GET"), false, true));
        } else {
            feed(player, DIR_C2S, octets.ptr, octets.len);
        }
        text_fini(&octets);
    }
}

static void start(struct player *player)
{
    const struct test_case *tc = player->tc;
    player->transcript->muted = true;
    if (!tc->fresh && tc->start != START_CLIENT) {
        feed(player, DIR_C2S, preface, tc->options.check_preface ? 24 : 0);
        feed(player, DIR_C2S, empty_settings, 9);
    }
    if (!tc->fresh && tc->start != START_SERVER && !tc->one_direction && player->fatal == 0) {
        feed(player, DIR_S2C, empty_settings, 9);
    }
    if (!tc->fresh && tc->start == START_CONNECTION && player->fatal == 0 && !tc->one_direction) {
        feed(player, DIR_S2C, settings_ack, 9);
        feed(player, DIR_C2S, settings_ack, 9);
    }
    open_streams(player);
    if (player->connection == NULL && !tc->options.auto_drain && player->fatal == 0) {
        must(player, h2_session_drain(session_of(player)));
    }
    listen_flush(player->transcript);
    player->transcript->muted = false;
}

static bool create(struct player *player)
{
    const struct test_case *tc = player->tc;
    struct h2_events events;
    struct h2_options options = tc->options;
    options.profile = player->play->profile;
    options.checks = tc->more_checks ? tc->wanted : NULL;
    options.clock = tc->use_clock ? clock_callback : NULL;
    listen_events(tc, &events);
    if (tc->start == START_CONNECTION) {
        player->connection = h2_connection_new(&player->mem, &events, &options, player->transcript);
        if (player->connection == NULL) {
            return false;
        }
        player->sessions[DIR_C2S] = h2_connection_session(player->connection, DIR_C2S);
        player->sessions[DIR_S2C] = h2_connection_session(player->connection, DIR_S2C);
        if (tc->one_direction) {
            h2_connection_one_direction(player->connection);
        }
        return true;
    }
    enum dir dir = tc->start == START_SERVER ? DIR_C2S : DIR_S2C;
    enum h2_role role = tc->start == START_SERVER ? H2_ROLE_SERVER : H2_ROLE_CLIENT;
    player->sessions[dir] =
        h2_session_new(&player->mem, role, &events, &options, player->transcript);
    return player->sessions[dir] != NULL;
}

/* ---- commands ---- */

#define WORDS_MAX 8

struct words {
    char text[256];
    char *word[WORDS_MAX];
    size_t count;
};

static _Noreturn void bad_command(const struct player *player, const struct step *step)
{
    case_die(player->tc->file, step->line, "what is this command: %s", step->text);
}

static void split(const struct player *player, const struct step *step, struct words *words)
{
    char *save;
    snprintf(words->text, sizeof words->text, "%s", step->text);
    for (char *word = strtok_r(words->text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        if (words->count == WORDS_MAX) {
            bad_command(player, step);
        }
        words->word[words->count++] = word;
    }
}

static uint32_t number(const struct words *words, size_t i)
{
    return i < words->count ? (uint32_t)strtoul(words->word[i], NULL, 0) : 0;
}

/* The payload of SETTINGS in the notation of octets.c, as entries. */
static size_t entries_of(const struct player *player, const struct step *step, const char *list,
                         struct h2_setting entries[16])
{
    struct text octets = { 0 };
    char notation[300];
    size_t count = 0;
    snprintf(notation, sizeof notation, "SETTINGS 0 : %s", list);
    octets_compile(player->tc->file, step->line, notation, &octets);
    for (size_t at = 9; at + 6 <= octets.len && count < 16; at += 6) {
        const uint8_t *p = (const uint8_t *)octets.ptr + at;
        entries[count++] = (struct h2_setting){
            .id = (uint16_t)(p[0] << 8 | p[1]),
            .value = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5],
        };
    }
    text_fini(&octets);
    return count;
}

static uint32_t code_of(const struct words *words, size_t i)
{
    for (uint32_t code = 0; i < words->count && spec_error_name(code) != NULL; code++) {
        if (strcmp(spec_error_name(code), words->word[i]) == 0) {
            return code;
        }
    }
    return number(words, i);
}

static bool has_word(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0) {
            return true;
        }
    }
    return false;
}

typedef int local_fn(struct player *player, const struct step *step, const struct words *words);

static int local_settings(struct player *player, const struct step *step, const struct words *words)
{
    struct h2_setting entries[16];
    size_t count = entries_of(
        player, step, step->text + strlen("local settings ") - (words->count == 2), entries);
    return h2_feed_settings_sent(session_of(player), entries, count);
}

static int local_request(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_request_sent(session_of(player), number(words, 2), span_str(words->word[3]),
                                has_word(words, "protocol"), !has_word(words, "open"));
}

static int local_response(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_response_sent(session_of(player), number(words, 2));
}

static int local_end(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_end_stream_sent(session_of(player), number(words, 2));
}

static int local_push(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_push_sent(session_of(player), number(words, 2), number(words, 3),
                             span_str("GET"));
}

static int local_rst(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_rst_sent(session_of(player), number(words, 2), code_of(words, 3));
}

static int local_goaway(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_goaway_sent(session_of(player), number(words, 2), code_of(words, 3));
}

static int local_window(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_window_update_sent(session_of(player), number(words, 2), number(words, 3));
}

static int local_data(struct player *player, const struct step *step, const struct words *words)
{
    return h2_feed_data_sent(session_of(player), number(words, 2), number(words, 3));
}

static int local_ping(struct player *player, const struct step *step, const struct words *words)
{
    static const uint8_t opaque[8];
    return h2_feed_ping_sent(session_of(player), opaque);
}

static int local_drain(struct player *player, const struct step *step, const struct words *words)
{
    return h2_session_drain(session_of(player));
}

static int local_upgrade(struct player *player, const struct step *step, const struct words *words)
{
    struct h2_setting entries[16];
    size_t count = 0;
    if (words->count > 3) {
        count = entries_of(player, step, strstr(step->text, words->word[3]), entries);
    }
    return player->connection != NULL
               ? h2_connection_upgraded(player->connection, span_str(words->word[2]), entries,
                                        count)
               : h2_feed_upgrade(session_of(player), span_str(words->word[2]), entries, count);
}

/* local WHAT …: what the receiver itself did. */
static void do_local(struct player *player, const struct step *step, const struct words *words)
{
    static const struct {
        const char *name;
        size_t words;
        local_fn *fn;
    } rows[] = {
        { "settings", 2, local_settings }, { "request", 4, local_request },
        { "response", 3, local_response }, { "end_stream", 3, local_end },
        { "push", 4, local_push },         { "rst", 4, local_rst },
        { "goaway", 4, local_goaway },     { "window_update", 4, local_window },
        { "data", 4, local_data },         { "ping", 2, local_ping },
        { "drain", 2, local_drain },       { "upgrade", 3, local_upgrade },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows) && words->count >= 2; i++) {
        if (strcmp(rows[i].name, words->word[1]) == 0 && words->count >= rows[i].words) {
            must(player, rows[i].fn(player, step, words));
            return;
        }
    }
    bad_command(player, step);
}

static void do_query(struct player *player, const struct step *step, const struct words *words)
{
    struct h2_session *session = session_of(player);
    const char *what = words->count > 1 ? words->word[1] : "";
    unsigned urgency;
    bool incremental;
    if (strcmp(what, "send_window") == 0) {
        listen_add(player->transcript, KIND_QUERY, NULL, "send_window %" PRIu32 " %" PRId64,
                   number(words, 2), h2_session_send_window(session, number(words, 2)));
    } else if (strcmp(what, "glitches") == 0) {
        listen_add(player->transcript, KIND_QUERY, NULL, "glitches %" PRIu64,
                   h2_session_glitches(session));
    } else if (strcmp(what, "want_read") == 0) {
        listen_add(player->transcript, KIND_QUERY, NULL, "want_read %s",
                   h2_session_want_read(session) ? "yes" : "no");
    } else if (strcmp(what, "priority") == 0) {
        if (h2_session_stream_priority(session, number(words, 2), &urgency, &incremental)) {
            listen_add(player->transcript, KIND_QUERY, NULL, "priority %" PRIu32 " %u%s",
                       number(words, 2), urgency, incremental ? " incremental" : "");
        } else {
            listen_add(player->transcript, KIND_QUERY, NULL, "priority %" PRIu32 " unknown",
                       number(words, 2));
        }
    } else {
        bad_command(player, step);
    }
}

static enum dir dir_word(const struct player *player, const struct words *words)
{
    if (player->connection == NULL) {
        return player->sessions[DIR_C2S] != NULL ? DIR_C2S : DIR_S2C;
    }
    return has_word(words, "<") ? DIR_S2C : DIR_C2S;
}

static void do_finish(struct player *player, const struct words *words)
{
    static const char *const causes[] = { "FIN", "RST", "EVICTED", "REUSED", "END" };
    enum close_cause cause[2] = { CLOSE_END, CLOSE_END };
    for (unsigned i = 0; i < H2D_COUNT_OF(causes); i++) {
        for (unsigned side = 0; side < 2; side++) {
            size_t word = side + 1 < words->count ? side + 1 : 1;
            if (words->count > 1 && strcmp(words->word[word], causes[i]) == 0) {
                cause[side] = (enum close_cause)i;
            }
        }
    }
    if (player->connection != NULL) {
        h2_connection_end(player->connection, cause);
    } else {
        h2_session_end(session_of(player), cause[0]);
    }
}

static void do_command(struct player *player, const struct step *step)
{
    struct words words = { .count = 0 };
    split(player, step, &words);
    const char *what = words.word[0];
    struct h2_session *session = player->sessions[dir_word(player, &words)];
    if (strcmp(what, "--") == 0) {
        return;
    }
    listen_flush(player->transcript);
    if (strcmp(what, "local") == 0) {
        do_local(player, step, &words);
    } else if (strcmp(what, "query") == 0) {
        do_query(player, step, &words);
    } else if (strcmp(what, "at") == 0 && words.count == 2) {
        player->at_known = true;
        player->pos.ts_known = true;
        player->pos.ts_ns = (uint64_t)(strtod(words.word[1], NULL) * 1e9 + 0.5);
    } else if (strcmp(what, "ordered") == 0) {
        player->at_known = true;
        player->pos.ordered = true;
    } else if (strcmp(what, "joined") == 0 && player->connection != NULL) {
        h2_connection_joined(player->connection, false);
    } else if (strcmp(what, "join") == 0) {
        player->gap_seen = true;
        player->transcript->observing = false;
        h2_session_join(session);
    } else if (strcmp(what, "clock") == 0) {
        clock_now = number(&words, 1);
    } else if (strcmp(what, "gap") == 0) {
        player->gap_seen = true;
        player->transcript->observing = false;
        h2_session_gap(session, number(&words, words.count - 1), GAP_LOST, NULL, NULL);
    } else if (strcmp(what, "resume") == 0) {
        player->gap_seen = true;
        player->transcript->observing = false;
        h2_session_resume(session, number(&words, words.count - 1));
    } else if (strcmp(what, "finish") == 0) {
        do_finish(player, &words);
    } else if (strcmp(what, "call") == 0) {
        feed(player, dir_word(player, &words), "", 0);
    } else {
        bad_command(player, step);
    }
}

/* ---- what must always hold ---- */

/* Input that is swallowed is used to the last octet and says nothing; a fatal value stays. */
static void check_deafness(struct player *player)
{
    static const uint8_t ping[] = { 0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
    struct h2_session *session = session_of(player);
    if (player->connection != NULL || player->by_feed ||
        player->play->profile != H2_PROFILE_ENDPOINT ||
        (player->fatal == 0 && h2_session_want_read(session))) {
        return;
    }
    if (player->fatal == 0) {
        listen_flush(player->transcript);
        player->transcript->dead = true; /* any event is a problem */
    }
    ssize_t result = h2_session_mem_recv(session, ping, sizeof ping);
    if (result != (player->fatal != 0 ? player->fatal : (ssize_t)sizeof ping)) {
        problem(player, "a session that wants no input returned something else");
    }
}

/* Frames that the octets hold, complete ones and those that have begun. */
static void count_frames(const uint8_t *octets, size_t len, unsigned *begun, unsigned *complete)
{
    *begun = *complete = 0;
    while (len >= 9) {
        size_t payload = (size_t)octets[0] << 16 | (size_t)octets[1] << 8 | octets[2];
        ++*begun;
        if (len - 9 < payload) {
            return;
        }
        ++*complete;
        octets += 9 + payload;
        len -= 9 + payload;
    }
}

/* Every octet belongs to a frame: what on_frame_octets told is what was given. */
static void check_octets(struct player *player)
{
    if (player->play->profile != H2_PROFILE_OBSERVER || player->fatal != 0 || player->gap_seen ||
        player->tc->options.mid_stream) {
        return;
    }
    for (unsigned dir = 0; dir < 2; dir++) {
        const struct text *fed = &player->fed[dir], *told = &player->transcript->wire[dir];
        size_t skip = fed->len >= 24 && memcmp(fed->ptr, preface, 24) == 0 ? 24 : 0;
        size_t len = fed->len - skip;
        bool foreign = skip == 0 && (dir == DIR_C2S || player->transcript->preface_octets[dir] > 0);
        if (player->sessions[dir] == NULL || foreign) {
            continue;
        }
        if (told->len > len || len - told->len > 8 ||
            (told->len > 0 && memcmp(told->ptr, fed->ptr + skip, told->len) != 0)) {
            problem(player, "the octets told differ from the octets given");
        }
        unsigned begun, complete;
        count_frames((const uint8_t *)fed->ptr + skip, len, &begun, &complete);
        if (player->transcript->begun[dir] != begun ||
            (player->transcript->ended[dir] != begun &&
             player->transcript->ended[dir] != complete)) {
            problem(player, "another number of frames than the octets hold");
        }
    }
}

void player_play(const struct test_case *tc, const struct play *play, struct outcome *outcome)
{
    struct player player = {
        .tc = tc, .play = play, .transcript = &outcome->transcript, .outcome = outcome
    };
    *outcome = (struct outcome){ .transcript = { .tc = tc } };
    clock_now = 0;
    outcome->transcript.observing = play->profile == H2_PROFILE_OBSERVER;
    mem_init(&player.mem, 0);
    player.mem.fail_at = play->fail_at;
    if (create(&player)) {
        start(&player);
        for (size_t i = 0; i < tc->step_count && player.fatal == 0; i++) {
            if (tc->steps[i].kind == STEP_OCTETS) {
                feed(&player, tc->steps[i].dir, tc->steps[i].octets.ptr, tc->steps[i].octets.len);
            } else {
                do_command(&player, &tc->steps[i]);
            }
        }
        listen_flush(player.transcript);
        check_deafness(&player);
        check_octets(&player);
    } else {
        outcome->nomem = true;
    }
    if (player.connection != NULL) {
        h2_connection_free(player.connection);
    } else {
        h2_session_free(session_of(&player));
    }
    outcome->allocations = player.mem.calls;
    outcome->leaked = player.mem.used;
    text_fini(&player.fed[0]);
    text_fini(&player.fed[1]);
}
