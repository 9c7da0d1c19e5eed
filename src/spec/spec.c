#include "spec/spec.h"

#include <assert.h>
#include <string.h>

#include "spec/finding.h"

const char *spec_error_name(uint32_t code)
{
    switch (code) {
#define ERROR_CODE(name, code_)                                                                    \
    case code_:                                                                                    \
        return #name;
#include "spec/errors.def"
#undef ERROR_CODE
    default:
        return NULL;
    }
}

struct setting_row {
    uint32_t id, initial;
    const char *name;
};

static const struct setting_row setting_rows[] = {
#define SETTING(name, id, initial, rfc) { id, initial, #name },
#include "spec/settings.def"
#undef SETTING
};

static const struct setting_row *setting_row(uint32_t id)
{
    for (size_t i = 0; i < sizeof setting_rows / sizeof setting_rows[0]; i++) {
        if (setting_rows[i].id == id) {
            return &setting_rows[i];
        }
    }
    return NULL;
}

const char *spec_setting_name(uint32_t id)
{
    const struct setting_row *row = setting_row(id);
    return row != NULL ? row->name : NULL;
}

uint32_t spec_setting_initial(uint32_t id)
{
    const struct setting_row *row = setting_row(id);
    return row != NULL ? row->initial : 0;
}

static const struct hpack_static_row static_rows[] = {
#define HPACK_STATIC(index, name, value) { name, value, sizeof(name) - 1, sizeof(value) - 1 },
#include "spec/hpack_static.def"
#undef HPACK_STATIC
};

const struct hpack_static_row *spec_hpack_static(uint32_t index)
{
    assert(index >= 1 && index <= HPACK_STATIC_COUNT);
    return &static_rows[index - 1];
}

/* The columns of checks.def, spelt as the rows spell them. */
#define CLASS_C          SCOPE_CONNECTION, false
#define CLASS_S          SCOPE_STREAM, false
#define CLASS_M          SCOPE_MESSAGE, false
#define CLASS_W          SCOPE_ADVICE, true
#define CLASS_A          SCOPE_ADVICE, false
#define CLASS_I          SCOPE_INFO, false
#define CODE_NONE        (-1)
#define CODE_PROTOCOL    H2_PROTOCOL_ERROR
#define CODE_FLOW        H2_FLOW_CONTROL_ERROR
#define CODE_CLOSED      H2_STREAM_CLOSED
#define CODE_SIZE        H2_FRAME_SIZE_ERROR
#define CODE_REFUSED     H2_REFUSED_STREAM
#define CODE_COMPRESSION H2_COMPRESSION_ERROR
#define CODE_CALM        H2_ENHANCE_YOUR_CALM
#define CODE_SECURITY    H2_INADEQUATE_SECURITY
#define WHO_C            BY_CLIENT
#define WHO_S            BY_SERVER
#define WHO_X            BY_SENDER
#define WHO_N            BY_NOBODY
#define STATE_ON         true
#define STATE_OFF        false

static const struct check_row check_rows[] = {
#define CHECK(name, id, class_, code, by, dirs, on, at, rfc, related, title, text, fix)            \
    { id,  CLASS_##class_, CODE_##code, WHO_##by, DIRS_##dirs, STATE_##on, AT_##at,                \
      rfc, related,        title,       text,     fix },
#include "spec/checks.def"
#undef CHECK
};

const struct check_row *spec_check(enum check check)
{
    assert(check < CHECK_COUNT);
    return &check_rows[check];
}

bool spec_is_violation(enum check check)
{
    /* Advice and information make no frame invalid and have no consequence. */
    return spec_check(check)->scope <= SCOPE_MESSAGE;
}

enum check spec_check_by_id(const char *id)
{
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        if (strcmp(check_rows[i].id, id) == 0) {
            return (enum check)i;
        }
    }
    return CHECK_COUNT;
}

const char *spec_scope_name(enum check_scope scope)
{
    static const char *const names[] = { "connection", "stream", "message", "advice", "info" };
    return names[scope];
}

static const struct limit_row limit_rows[] = {
#define LIMIT(name, value, unit, text)             { #name, value, #unit, NULL, text },
#define LIMIT_OPT(name, value, unit, option, text) { #name, value, #unit, option, text },
#include "spec/limits.def"
#undef LIMIT
};

const struct limit_row *spec_limit(size_t i)
{
    return i < sizeof limit_rows / sizeof limit_rows[0] ? &limit_rows[i] : NULL;
}

const char *finding_severity_name(enum severity severity)
{
    static const char *const names[] = { "note", "warning", "error" };
    return names[severity];
}

const char *finding_confidence_name(enum confidence confidence)
{
    static const char *const names[] = { "certain", "likely", "possible" };
    return names[confidence];
}

enum severity finding_severity(enum check check, enum confidence confidence)
{
    const struct check_row *row = spec_check(check);
    enum check_scope scope = row->scope;
    if (row->must && confidence == CONFIDENCE_CERTAIN) {
        return SEVERITY_WARNING;
    }
    if (scope == SCOPE_ADVICE || scope == SCOPE_INFO || confidence == CONFIDENCE_POSSIBLE) {
        return SEVERITY_NOTE;
    }
    return confidence == CONFIDENCE_CERTAIN ? SEVERITY_ERROR : SEVERITY_WARNING;
}

/* RFC 9113 4.2: a frame of the wrong size is an error of the connection where it could change what
 * the whole connection rests on: a field block, SETTINGS, any frame on stream 0. */
static bool size_is_of_stream(const struct finding *finding)
{
    uint8_t type = finding->evidence.header[3];
    bool holds_state = type == H2_HEADERS || type == H2_PUSH_PROMISE || type == H2_CONTINUATION ||
                       type == H2_SETTINGS;
    return finding->check == CHECK_FRAME_SIZE_EXCEEDED && finding->evidence.has_frame &&
           finding->stream_id != 0 && !holds_state;
}

/* What receivers accept of a rule that elsewhere makes an error is told as a note, and certain. */
static bool is_accepted(const struct finding *finding)
{
    return finding->severity == SEVERITY_NOTE && finding->confidence == CONFIDENCE_CERTAIN;
}

enum check_scope finding_scope(const struct finding *finding)
{
    enum check_scope scope = spec_check(finding->check)->scope;
    if (scope <= SCOPE_MESSAGE && is_accepted(finding)) {
        return SCOPE_ADVICE;
    }
    return size_is_of_stream(finding) ? SCOPE_STREAM : scope;
}

int64_t finding_error_code(const struct finding *finding)
{
    return finding_scope(finding) <= SCOPE_MESSAGE ? spec_check(finding->check)->error_code : -1;
}

const char *finding_by(const struct finding *finding)
{
    switch (spec_check(finding->check)->by) {
    case BY_CLIENT:
        return "client";
    case BY_SERVER:
        return "server";
    case BY_SENDER:
        return finding->dir == DIR_C2S ? "client" : "server";
    case BY_NOBODY:
        break;
    }
    return NULL;
}

const char *finding_taint_name(unsigned i)
{
    static const char names[TAINT_COUNT][5] = { "MID", "GAP", "ONE",  "SET", "HPK",
                                                "REQ", "END", "ROLE", "PEND" };
    return names[i];
}

const char *finding_reaction_name(enum reaction_kind kind)
{
    static const char *const names[] = { NULL, "goaway", "rst", "close", "none" };
    return names[kind];
}
