/* Plays the cases of the files named on the command line and compares each transcript with the
 * expected one. Each case is played in one piece, at every chunk size, through the pulling and the
 * lending callback, in the other profile (where the transcript must only be the same at all chunk
 * sizes), and with each allocation failing. -v names the cases, -c TEXT plays those whose title
 * has it, -t prints transcripts, -f plays each case in a process of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

/* Sizes played for long inputs, besides 1 to 64. */
static const size_t primes[] = { 67, 71, 97, 127, 251, 509, 1021, 4093, 16381, 16411, 65521 };
#define EVERY_SIZE_MAX  600 /* inputs up to this many octets are played at every size */
#define SMALL_SIZES_MAX 64
#define ALLOCATIONS_MAX 150 /* failing allocations tried; more are sampled */

static bool show_transcripts;

/* ---- comparing ---- */

static bool is_attribute(const char *word, size_t len)
{
    const char *equal = memchr(word, '=', len);
    return equal != NULL && equal != word;
}

static bool has_attribute(const char *line, const char *word, size_t len)
{
    while (*line != '\0') {
        size_t n = strcspn(line, " ");
        if (n == len && memcmp(line, word, len) == 0) {
            return true;
        }
        line += n + strspn(line + n, " ");
    }
    return false;
}

/* Words without "=" must agree one by one; attributes that are expected must be there. */
static bool line_matches(const char *expected, const char *actual)
{
    const char *rest = actual;
    if (strstr(expected, "field ") != NULL || strncmp(expected, "error ", 6) == 0) {
        return strcmp(expected, actual) == 0;
    }
    while (*expected != '\0') {
        size_t n = strcspn(expected, " "), m = strcspn(rest, " ");
        if (is_attribute(expected, n)) {
            if (!has_attribute(actual, expected, n)) {
                return false;
            }
        } else {
            if (n != m || memcmp(expected, rest, n) != 0) {
                return false;
            }
            rest += m + strspn(rest + m, " ");
        }
        expected += n + strspn(expected + n, " ");
    }
    return *rest == '\0' || is_attribute(rest, strcspn(rest, " "));
}

static bool same(const struct lines *a, const struct lines *b,
                 bool (*equal)(const char *, const char *))
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!equal(a->ptr[i], b->ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool equal_lines(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool has_line(const struct lines *lines, const char *text)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->ptr[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- telling ---- */

static void print_difference(const struct lines *expected, const struct lines *actual,
                             bool (*equal)(const char *, const char *))
{
    size_t first = 0;
    while (first < expected->count && first < actual->count &&
           equal(expected->ptr[first], actual->ptr[first])) {
        first++;
    }
    size_t from = first > 3 ? first - 3 : 0;
    for (size_t i = from; i < first; i++) {
        printf("      %s\n", actual->ptr[i]);
    }
    for (size_t i = first; i < first + 6 && i < expected->count; i++) {
        printf("    - %s\n", expected->ptr[i]);
    }
    for (size_t i = first; i < first + 6 && i < actual->count; i++) {
        printf("    + %s\n", actual->ptr[i]);
    }
}

static void complain(const struct test_case *tc, const struct play *play, const char *what)
{
    static const char *const hows[] = { "pushed", "pulled", "lent" };
    printf("%s:%u: case %s\n  %s (%s, chunk %zu, profile %s, failing allocation %" PRIu64 ")\n",
           tc->file, tc->line, tc->title, what, hows[play->how], play->chunk,
           play->profile == H2_PROFILE_OBSERVER ? "OBSERVER" : "ENDPOINT", play->fail_at);
}

/* ---- playing ---- */

static bool problems_of(const struct test_case *tc, const struct play *play,
                        const struct outcome *outcome)
{
    if (outcome->transcript.problems.count > 0) {
        complain(tc, play, outcome->transcript.problems.ptr[0]);
        return true;
    }
    if (outcome->leaked != 0) {
        complain(tc, play, "memory was not given back");
        return true;
    }
    return false;
}

/* The findings named in the case's head must, or must not, be among those found. */
static bool findings_differ(const struct test_case *tc, const struct play *play,
                            const struct outcome *outcome)
{
    for (size_t i = 0; i < tc->checks.count; i++) {
        if (!has_line(&outcome->transcript.found, tc->checks.ptr[i])) {
            complain(tc, play, tc->checks.ptr[i]);
            printf("    this check did not fire\n");
            return true;
        }
    }
    for (size_t i = 0; i < tc->silent.count; i++) {
        if (has_line(&outcome->transcript.found, tc->silent.ptr[i])) {
            complain(tc, play, tc->silent.ptr[i]);
            printf("    this check fired\n");
            return true;
        }
    }
    return false;
}

/* One way of playing against a transcript that is known. */
static bool play_against(const struct test_case *tc, const struct play *play,
                         const struct lines *lines)
{
    struct outcome outcome;
    player_play(tc, play, &outcome);
    bool good = !problems_of(tc, play, &outcome);
    if (good && !same(lines, &outcome.transcript.lines, equal_lines)) {
        complain(tc, play, "another transcript than in one piece");
        print_difference(lines, &outcome.transcript.lines, equal_lines);
        good = false;
    }
    listen_fini(&outcome.transcript);
    return good;
}

static size_t input_len(const struct test_case *tc)
{
    size_t longest = 0;
    for (size_t i = 0; i < tc->step_count; i++) {
        longest = tc->steps[i].octets.len > longest ? tc->steps[i].octets.len : longest;
    }
    return longest;
}

static bool play_chunks(const struct test_case *tc, enum h2_profile profile, bool every,
                        const struct lines *lines)
{
    size_t len = input_len(tc);
    size_t most = !every ? 3 : len <= EVERY_SIZE_MAX ? len : SMALL_SIZES_MAX;
    struct play play = { .profile = profile };
    for (play.chunk = 1; play.chunk < len && play.chunk <= most; play.chunk++) {
        if (!play_against(tc, &play, lines)) {
            return false;
        }
    }
    for (size_t i = 0; i < H2D_COUNT_OF(primes) && primes[i] < len; i++) {
        play.chunk = primes[i];
        if (primes[i] > most && !play_against(tc, &play, lines)) {
            return false;
        }
    }
    for (play.how = HOW_PULL; play.how <= HOW_LEND; play.how++) {
        play.chunk = 16384;
        if (tc->return_count == 0 && !play_against(tc, &play, lines)) {
            return false;
        }
    }
    return true;
}

/* In the other profile only what must always hold is asked, and that chunks make no difference. */
static bool play_other_profile(const struct test_case *tc)
{
    struct play play = { .profile = H2_PROFILE_OBSERVER };
    struct outcome outcome;
    if (tc->options.profile == H2_PROFILE_OBSERVER) {
        return true;
    }
    player_play(tc, &play, &outcome);
    bool good = !problems_of(tc, &play, &outcome);
    if (good && !tc->chunk_dependent && tc->return_count == 0) {
        good = play_chunks(tc, H2_PROFILE_OBSERVER, false, &outcome.transcript.lines);
    }
    listen_fini(&outcome.transcript);
    return good;
}

/* The k-th allocation fails, for every k: that is returned (an observer may do without what only
 * serves its remarks), and nothing leaks. */
static bool play_without_memory(const struct test_case *tc, uint64_t allocations)
{
    uint64_t step = allocations > ALLOCATIONS_MAX ? allocations / ALLOCATIONS_MAX : 1;
    struct play play = { .profile = tc->options.profile };
    for (play.fail_at = 1; play.fail_at <= allocations; play.fail_at += step) {
        struct outcome outcome;
        player_play(tc, &play, &outcome);
        bool good = !problems_of(tc, &play, &outcome);
        bool failed = outcome.allocations >= play.fail_at;
        if (good && failed && !outcome.nomem && play.profile == H2_PROFILE_ENDPOINT) {
            complain(tc, &play, "an allocation failed and nobody was told");
            good = false;
        }
        listen_fini(&outcome.transcript);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool run_case(const struct test_case *tc)
{
    struct play play = { .profile = tc->options.profile, .chunk = tc->chunk };
    struct outcome outcome;
    player_play(tc, &play, &outcome);
    struct lines *lines = &outcome.transcript.lines;
    for (size_t i = 0; show_transcripts && i < lines->count; i++) {
        printf("= %s\n", lines->ptr[i]);
    }
    bool good = !problems_of(tc, &play, &outcome) && !findings_differ(tc, &play, &outcome);
    if (good && !same(&tc->expected, lines, line_matches)) {
        complain(tc, &play, "another transcript than expected");
        print_difference(&tc->expected, lines, line_matches);
        good = false;
    }
    if (good && !tc->chunk_dependent && !tc->once) {
        good = play_chunks(tc, tc->options.profile, true, lines);
    }
    good = good &&
           (tc->once || (play_other_profile(tc) && play_without_memory(tc, outcome.allocations)));
    listen_fini(&outcome.transcript);
    return good;
}

/* In a process of its own, so that a crash of one case leaves the others. */
static bool run_case_apart(const struct test_case *tc)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bool good = run_case(tc);
        fflush(stdout);
        _exit(good ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        return false;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        printf("%s:%u: case %s\n  crashed\n", tc->file, tc->line, tc->title);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    struct case_list list = { 0 };
    const char *filter = "";
    bool verbose = false, apart = false;
    unsigned failed = 0, played = 0;
    int option;
    while ((option = getopt(argc, argv, "vtfc:")) != -1) {
        verbose |= option == 'v';
        show_transcripts |= option == 't';
        apart |= option == 'f';
        filter = option == 'c' ? optarg : filter;
    }
    for (int i = optind; i < argc; i++) {
        case_file_read(argv[i], &list);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct test_case *tc = &list.ptr[i];
        if (strstr(tc->title, filter) == NULL) {
            continue;
        }
        if (verbose) {
            printf("%s\n", tc->title);
        }
        played++;
        failed += !(apart ? run_case_apart(tc) : run_case(tc));
    }
    printf("%u cases, %u failed\n", played, failed);
    case_list_fini(&list);
    return failed > 0 || played == 0 ? 1 : 0;
}
