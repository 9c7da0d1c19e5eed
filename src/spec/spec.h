/* What the documents say, as data: names and numbers of frame types, error codes and settings, the
 * HPACK static table, the registry of checks. No behaviour beyond looking a row up. */
#ifndef H2DUMP_SPEC_SPEC_H
#define H2DUMP_SPEC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Error codes, as H2_PROTOCOL_ERROR (RFC 9113 7). */
enum h2_error_code {
#define ERROR_CODE(name, code) H2_##name = (code),
#include "spec/errors.def"
#undef ERROR_CODE
};

/* Settings, as H2_SETTING_MAX_FRAME_SIZE (RFC 9113 6.5.2). */
enum h2_setting_id {
#define SETTING(name, id, initial, rfc) H2_SETTING_##name = (id),
#include "spec/settings.def"
#undef SETTING
};

/* One more than the highest known setting id: for arrays indexed by id. */
#define H2_SETTING_ID_END 10

/* Frame types (RFC 9113 6; RFC 7838, RFC 8336, RFC 9218 for the last three). */
enum h2_frame_type {
    H2_DATA = 0x0,
    H2_HEADERS = 0x1,
    H2_PRIORITY = 0x2,
    H2_RST_STREAM = 0x3,
    H2_SETTINGS = 0x4,
    H2_PUSH_PROMISE = 0x5,
    H2_PING = 0x6,
    H2_GOAWAY = 0x7,
    H2_WINDOW_UPDATE = 0x8,
    H2_CONTINUATION = 0x9,
    H2_ALTSVC = 0xa,
    H2_ORIGIN = 0xc,
    H2_PRIORITY_UPDATE = 0x10,
};

/* Frame flags; which type has which is in h2/frames.h. */
enum h2_flag {
    H2_FLAG_END_STREAM = 0x1,
    H2_FLAG_ACK = 0x1,
    H2_FLAG_END_HEADERS = 0x4,
    H2_FLAG_PADDED = 0x8,
    H2_FLAG_PRIORITY = 0x20,
};

/* "PROTOCOL_ERROR"; NULL when the code is not registered. */
const char *spec_error_name(uint32_t code);

/* "MAX_FRAME_SIZE"; NULL when the id is not known. */
const char *spec_setting_name(uint32_t id);

/* The value in force before any SETTINGS; 0 for an unknown id. */
uint32_t spec_setting_initial(uint32_t id);

#define HPACK_STATIC_COUNT 61

/* Row index (1 … HPACK_STATIC_COUNT) of the static table (RFC 7541 appendix A). The strings are
 * constants. */
struct hpack_static_row {
    const char *name, *value;
    uint8_t name_len, value_len;
};
const struct hpack_static_row *spec_hpack_static(uint32_t index);

/* ---- the registry of checks (checks.def) ---- */

enum check {
#define CHECK(name, ...) CHECK_##name,
#include "spec/checks.def"
#undef CHECK
    CHECK_COUNT
};

/* What a rule asks of the receiver. */
enum check_scope {
    SCOPE_CONNECTION, /* a connection error */
    SCOPE_STREAM,     /* a stream error */
    SCOPE_MESSAGE,    /* a malformed message (RFC 9113 8.1.1) */
    SCOPE_ADVICE,     /* a sender's rule that a receiver must tolerate */
    SCOPE_INFO,       /* legal, worth showing; also limits of ours and remarks on the capture */
};

/* Who breaks a rule. */
enum check_by {
    BY_CLIENT,
    BY_SERVER,
    BY_SENDER, /* whoever sent the frame */
    BY_NOBODY, /* limits of ours, remarks on the capture */
};

/* What must be seen to prove it. */
enum check_dirs {
    DIRS_ONE,  /* one direction */
    DIRS_MORE, /* one to suspect it, both to be sure */
    DIRS_TWO,  /* both */
};

/* Which part of the guilty frame is at fault. */
enum check_at {
    AT_NOTHING, /* no part in particular */
    AT_LENGTH,
    AT_TYPE,
    AT_FLAGS,
    AT_STREAM,
    AT_PAYLOAD,
    AT_FIELD, /* one representation of a field block */
};

struct check_row {
    const char *id; /* "settings-ack-length"; never reused, never renamed */
    enum check_scope scope;
    bool must;          /* advice: a MUST of the sender that no receiver is told to ignore */
    int64_t error_code; /* what the RFC has the receiver answer; -1: nothing */
    enum check_by by;
    enum check_dirs dirs;
    bool on; /* by default; others are asked for by name or group */
    enum check_at at;
    const char *rfc;     /* "RFC 9113 6.5"; "" for limits and remarks */
    const char *related; /* "CVE-2025-8671"; "" for most */
    const char *title;   /* one line, no full stop */
    const char *text;    /* the paragraph of the manual */
    const char *fix;     /* what a fix looks like; "" where there is nothing to fix */
};

/* The row of a check (< CHECK_COUNT). */
const struct check_row *spec_check(enum check check);
/* The RFC has a receiver treat it as an error of the message, the stream or the connection. */
bool spec_is_violation(enum check check);

/* The check with that id; CHECK_COUNT when there is none. */
enum check spec_check_by_id(const char *id);

/* "connection", "stream", "message", "advice", "info". */
const char *spec_scope_name(enum check_scope scope);

/* ---- the limits (limits.def) ---- */

struct limit_row {
    const char *name; /* "FLOWS" */
    uint64_t value;
    const char *unit;   /* "OCTETS", "COUNT", "PACKETS", "MS" */
    const char *option; /* that changes it, without the dashes; NULL: none */
    const char *text;
};

/* Row i of the limits; NULL behind the last. */
const struct limit_row *spec_limit(size_t i);

#endif
