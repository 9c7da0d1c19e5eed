/* Reads case files (README.md): a case is a heading, remarks, directives, steps and the expected
 * transcript. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

const char *const kind_names[KIND_COUNT] = {
    "begin",   "headers", "field", "invalid-field", "data",    "extension",   "unpack", "recv",
    "invalid", "close",   "send",  "flood",         "finding", "gap",         "unsync", "cut",
    "returns", "paused",  "query", "end",           "preface", "size-update", "error",
};

struct reader {
    const char *path;
    unsigned line;
    struct case_list *list;
    struct test_case *tc;
};

static _Noreturn void wrong(const struct reader *reader, const char *what, const char *text)
{
    case_die(reader->path, reader->line, "%s: %s", what, text);
}

static char *copy_of(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = malloc(len);
    if (copy == NULL) {
        abort();
    }
    return memcpy(copy, text, len);
}

static enum kind kind_of(const struct reader *reader, const char *name)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return (enum kind)i;
        }
    }
    wrong(reader, "unknown kind of line", name);
}

/* ---- cases ---- */

static void begin_case(struct reader *reader, const char *title)
{
    struct case_list *list = reader->list;
    if (list->count == list->cap) {
        list->cap = list->cap * 2 + 64;
        list->ptr = realloc(list->ptr, list->cap * sizeof *list->ptr);
        if (list->ptr == NULL) {
            abort();
        }
    }
    reader->tc = &list->ptr[list->count++];
    *reader->tc = (struct test_case){
        .file = reader->path,
        .line = reader->line,
        .title = copy_of(title),
        .merge = true,
        .shown = ((1U << KIND_END) - 1) & ~(1U << KIND_FLOOD),
    };
    h2_options_init(&reader->tc->options);
    reader->tc->options.profile = H2_PROFILE_ENDPOINT;
}

static struct step *add_step(struct reader *reader, enum step_kind kind)
{
    struct test_case *tc = reader->tc;
    if (tc->step_count == tc->step_cap) {
        tc->step_cap = tc->step_cap * 2 + 8;
        tc->steps = realloc(tc->steps, tc->step_cap * sizeof *tc->steps);
        if (tc->steps == NULL) {
            abort();
        }
    }
    struct step *step = &tc->steps[tc->step_count++];
    *step = (struct step){ .kind = kind, .line = reader->line };
    return step;
}

/* Adjacent lines of octets of one direction are one input; a line "--" parts them. */
static void add_octets(struct reader *reader, enum dir dir, const char *notation)
{
    struct test_case *tc = reader->tc;
    struct step *last = tc->step_count > 0 ? &tc->steps[tc->step_count - 1] : NULL;
    if (last == NULL || last->kind != STEP_OCTETS || last->dir != dir) {
        last = add_step(reader, STEP_OCTETS);
        last->dir = dir;
    }
    octets_compile(reader->path, reader->line, notation, &last->octets);
}

static void add_command(struct reader *reader, const char *text)
{
    add_step(reader, STEP_COMMAND)->text = copy_of(text);
}

/* ---- directives ---- */

static void start_word(struct reader *reader, char *word)
{
    struct test_case *tc = reader->tc;
    static const char *const starts[] = { "server", "client", "connection" };
    for (unsigned i = 0; i < H2D_COUNT_OF(starts); i++) {
        if (strcmp(word, starts[i]) == 0) {
            tc->start = (enum start_kind)i;
            return;
        }
    }
    if (strcmp(word, "fresh") == 0) {
        tc->fresh = true;
    } else if (strcmp(word, "observer") == 0) {
        tc->options.profile = H2_PROFILE_OBSERVER;
        tc->shown &= ~(1U << KIND_SEND);
    } else if (strcmp(word, "mid") == 0) {
        tc->options.mid_stream = true;
        tc->fresh = true;
    } else if (strcmp(word, "one-direction") == 0) {
        tc->one_direction = true;
    } else if (strncmp(word, "open=", 5) == 0) {
        for (char *p = word + 5; *p != '\0' && tc->open_count < H2D_COUNT_OF(tc->open);) {
            tc->open[tc->open_count++] = (uint32_t)strtoul(p, &p, 10);
            p += *p == ',';
        }
    } else {
        wrong(reader, "unknown word behind start", word);
    }
}

#define FLAG(name)                                                                                 \
    {                                                                                              \
#name, offsetof(struct h2_options, name), 1                                                \
    }
#define U32(name)                                                                                  \
    {                                                                                              \
#name, offsetof(struct h2_options, name), 4                                                \
    }
#define U64(name)                                                                                  \
    {                                                                                              \
#name, offsetof(struct h2_options, name), 8                                                \
    }

static void also_check(struct reader *reader, const char *id)
{
    struct test_case *tc = reader->tc;
    bool found = false;
    for (int check = 0; check < CHECK_COUNT; check++) {
        const struct check_row *row = spec_check((enum check)check);
        bool meant = strcmp(row->id, id) == 0;
        tc->wanted[check] |= row->on || row->scope == SCOPE_INFO || meant;
        found |= meant;
    }
    tc->more_checks = true;
    if (!found) {
        wrong(reader, "unknown check", id);
    }
}

static void option_word(struct reader *reader, char *word)
{
    static const struct {
        const char *name;
        size_t offset;
        unsigned octets;
    } rows[] = {
        FLAG(check_preface),      FLAG(check_messaging), FLAG(check_edge_whitespace),
        FLAG(auto_window_update), FLAG(auto_ping_ack),   FLAG(auto_drain),
        FLAG(enable_altsvc),      FLAG(enable_origin),   FLAG(enable_priority_update),
        FLAG(already_upgraded),   U32(max_outbound_ack), U32(max_outbound_queue),
        U32(max_continuations),   U32(max_settings),     U32(max_reserved_remote_streams),
        U64(reset_burst),         U64(reset_rate),       U64(glitch_burst),
        U64(glitch_rate),
    };
    char *value = strchr(word, '=');
    if (value == NULL) {
        wrong(reader, "an option wants a value", word);
    }
    *value++ = '\0';
    uint64_t number = strtoull(value, NULL, 0);
    char *options = (char *)&reader->tc->options;
    if (strcmp(word, "checks") == 0) {
        also_check(reader, value);
        return;
    }
    if (strcmp(word, "user_type") == 0) {
        reader->tc->options.user_types[number / 8] |= (uint8_t)(1U << (number % 8));
        return;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (strcmp(rows[i].name, word) == 0) {
            uint32_t number32 = (uint32_t)number;
            bool flag = number != 0;
            const void *from = rows[i].octets == 1   ? (const void *)&flag
                               : rows[i].octets == 4 ? (const void *)&number32
                                                     : (const void *)&number;
            memcpy(options + rows[i].offset, from,
                   rows[i].octets == 1 ? sizeof flag : rows[i].octets);
            return;
        }
    }
    wrong(reader, "unknown option", word);
}

static int return_value(const char *word)
{
    static const struct {
        const char *name;
        int value;
    } rows[] = {
        { "PAUSE", H2_CB_PAUSE },   { "TEMPORAL", H2_CB_TEMPORAL_FAILURE },
        { "CANCEL", H2_CB_CANCEL }, { "FAILURE", H2_CB_FAILURE },
        { "PROTO", H2_LIB_PROTO },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (strcmp(rows[i].name, word) == 0) {
            return rows[i].value;
        }
    }
    return (int)strtol(word, NULL, 10);
}

/* return KIND NTH VALUE */
static void read_return(struct reader *reader, char *rest)
{
    struct test_case *tc = reader->tc;
    char kind[32], nth[16], value[16];
    if (tc->return_count == RETURNS_MAX || sscanf(rest, "%31s %15s %15s", kind, nth, value) != 3) {
        wrong(reader, "return wants a kind, which call, and a value", rest);
    }
    tc->returns[tc->return_count++] = (struct planned_return){
        .kind = kind_of(reader, kind),
        .nth = strcmp(nth, "every") == 0 ? EVERY : (unsigned)strtoul(nth, NULL, 10),
        .value = return_value(value),
    };
}

static void shown_word(struct reader *reader, char *word)
{
    reader->tc->shown |= 1U << kind_of(reader, word);
}

static void hidden_word(struct reader *reader, char *word)
{
    reader->tc->shown &= ~(1U << kind_of(reader, word));
}

static void play_word(struct reader *reader, char *word)
{
    struct test_case *tc = reader->tc;
    if (strcmp(word, "whole") == 0) {
        tc->chunk_dependent = true;
    } else if (strcmp(word, "once") == 0) {
        tc->once = true;
    } else if (strcmp(word, "unmerged") == 0) {
        tc->merge = false;
    } else if (strcmp(word, "clock") == 0) {
        tc->use_clock = true;
    } else if (strcmp(word, "no-invalid-field-callback") == 0) {
        tc->no_invalid_callback = true;
    } else if (strncmp(word, "chunk=", 6) == 0) {
        tc->chunk_dependent = true;
        tc->chunk = (size_t)strtoul(word + 6, NULL, 10);
    } else {
        wrong(reader, "unknown word behind play", word);
    }
}

static void check_id(struct reader *reader, const char *id, struct lines *to)
{
    if (spec_check_by_id(id) == CHECK_COUNT) {
        wrong(reader, "no such check", id);
    }
    lines_add(to, id);
}

static void fires_word(struct reader *reader, char *word)
{
    check_id(reader, word, &reader->tc->checks);
}

static void silent_word(struct reader *reader, char *word)
{
    check_id(reader, word, &reader->tc->silent);
}

static void each_word(struct reader *reader, char *text,
                      void (*fn)(struct reader *reader, char *word))
{
    char *save;
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        fn(reader, word);
    }
}

/* Whether the line is a directive; handled if so. */
static bool directive(struct reader *reader, char *line)
{
    static const struct {
        const char *name;
        void (*word)(struct reader *reader, char *word);
    } rows[] = {
        { "start ", start_word },    { "options ", option_word }, { "show ", shown_word },
        { "hide ", hidden_word },    { "play ", play_word },      { "checks: ", fires_word },
        { "silent: ", silent_word },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        size_t len = strlen(rows[i].name);
        if (strncmp(line, rows[i].name, len) == 0) {
            each_word(reader, line + len, rows[i].word);
            return true;
        }
    }
    if (strncmp(line, "only ", 5) == 0) {
        reader->tc->shown = 0;
        each_word(reader, line + 5, shown_word);
        return true;
    }
    if (strncmp(line, "return ", 7) == 0) {
        read_return(reader, line + 7);
        return true;
    }
    return false;
}

/* ---- expected lines ---- */

/* "field $REQ" stands for a line a field. */
static void expect_one(struct reader *reader, const char *text)
{
    const char *set = strstr(text, "field $");
    if (set == NULL) {
        lines_add(&reader->tc->expected, text);
        return;
    }
    const char *fields = octets_field_set(set + 7);
    if (fields == NULL) {
        wrong(reader, "no such set of fields", set);
    }
    while (*fields != '\0') {
        struct text line = { 0 };
        const char *end = strstr(fields, "; ");
        size_t len = end != NULL ? (size_t)(end - fields) : strlen(fields);
        text_addf(&line, "%.*sfield %.*s", (int)(set - text), text, (int)len, fields);
        lines_add(&reader->tc->expected, line.ptr);
        text_fini(&line);
        fields += len + (end != NULL ? 2 : 0);
    }
}

/* Several lines in one are parted by " | ". */
static void expect_each(const char *file, unsigned line, const char *text, void *ctx)
{
    struct reader *reader = ctx;
    for (const char *end; (end = strstr(text, " | ")) != NULL; text = end + 3) {
        struct text one = { 0 };
        text_add(&one, text, (size_t)(end - text));
        expect_one(reader, one.ptr);
        text_fini(&one);
    }
    expect_one(reader, text);
}

/* ---- lines ---- */

static bool is_command(const char *line)
{
    static const char *const words[] = { "local", "query",  "at",     "clock",  "gap", "ordered",
                                         "join",  "joined", "resume", "finish", "--",  "call" };
    size_t len = strcspn(line, " ");
    for (size_t i = 0; i < H2D_COUNT_OF(words); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], line, len) == 0) {
            return true;
        }
    }
    return false;
}

static void read_line(struct reader *reader, char *line)
{
    if (strncmp(line, "case ", 5) == 0) {
        begin_case(reader, line + 5);
    } else if (reader->tc == NULL) {
        wrong(reader, "a case begins with a line 'case'", line);
    } else if (strncmp(line, "> ", 2) == 0) {
        add_octets(reader, DIR_C2S, line + 2);
    } else if (strncmp(line, "< ", 2) == 0) {
        add_octets(reader, DIR_S2C, line + 2);
    } else if (strncmp(line, "= ", 2) == 0) {
        octets_each(reader->path, reader->line, line + 2, expect_each, reader);
    } else if (is_command(line)) {
        add_command(reader, line);
    } else if (!directive(reader, line)) {
        wrong(reader, "what is this line", line);
    }
}

/* Remarks begin with # at the start of a line, or behind two spaces. */
static void strip(char *line)
{
    char *remark = line[0] == '#' ? line : strstr(line, "  #");
    if (remark != NULL) {
        *remark = '\0';
    }
    size_t len = strlen(line);
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == ' ')) {
        line[--len] = '\0';
    }
}

void case_file_read(const char *path, struct case_list *list)
{
    struct reader reader = { .path = path, .list = list };
    char line[4096];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        case_die(path, 0, "cannot open");
    }
    while (fgets(line, sizeof line, file) != NULL) {
        reader.line++;
        if (strchr(line, '\n') == NULL) {
            wrong(&reader, "line too long", line);
        }
        strip(line);
        if (line[0] != '\0') {
            read_line(&reader, line);
        }
    }
    fclose(file);
}

void case_list_fini(struct case_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct test_case *tc = &list->ptr[i];
        for (size_t j = 0; j < tc->step_count; j++) {
            text_fini(&tc->steps[j].octets);
            free(tc->steps[j].text);
        }
        free(tc->steps);
        free(tc->title);
        lines_fini(&tc->expected);
        lines_fini(&tc->checks);
        lines_fini(&tc->silent);
    }
    free(list->ptr);
}
