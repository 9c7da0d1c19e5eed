/* A finding: a rule broken, a limit that acted, a remark on the capture. Every floor reports this
 * way; renderers and, later, reports read it. The check's row (spec.h) has what is the same for all
 * findings of a check. */
#ifndef H2DUMP_SPEC_FINDING_H
#define H2DUMP_SPEC_FINDING_H

#include "base/stream.h"
#include "spec/spec.h"

enum severity {
    SEVERITY_NOTE,
    SEVERITY_WARNING,
    SEVERITY_ERROR,
};

/* How sure we are (checks.md 2). */
enum confidence {
    CONFIDENCE_CERTAIN, /* the octets alone prove it */
    CONFIDENCE_LIKELY,  /* true unless the capture lost something nobody could see it lose */
    CONFIDENCE_POSSIBLE,
};

/* What the other side did next (checks.md 4.13): evidence, not part of the verdict. */
enum reaction_kind {
    REACTION_UNKNOWN, /* not seen, or not looked for */
    REACTION_GOAWAY,
    REACTION_RST, /* RST_STREAM on the stream */
    REACTION_CLOSE,
    REACTION_NONE, /* it went on */
};

struct reaction {
    enum reaction_kind kind;
    uint32_t error_code; /* GOAWAY, RST */
    uint16_t status;     /* NONE: the status that it answered with; 0: none */
    uint64_t packet;     /* 0: none */
};

/* Octets of the guilty frame as far as they were at hand: its header, and the first octets of its
 * payload or (AT_FIELD) of one representation. */
#define FINDING_OCTETS 32
#define FINDING_PLACE  40
struct finding_evidence {
    bool has_frame; /* the rest is meant */
    uint8_t header[9];
    uint8_t octets[FINDING_OCTETS];
    uint8_t octet_count;
    uint8_t mark_at, mark_count; /* of the octets, those at fault; count 0: all */
    bool more;                   /* the payload, or representation, goes on */
    char place[FINDING_PLACE];   /* name of the field or setting at fault; "" */
};

#define FINDING_ALSO 4

/* What was not known where the rule was judged (checks.md 3.1): bits. */
enum taint {
    TAINT_MID = 1 << 0,  /* the beginning of the connection was not seen */
    TAINT_GAP = 1 << 1,  /* octets are missing */
    TAINT_ONE = 1 << 2,  /* only one direction was seen */
    TAINT_SET = 1 << 3,  /* SETTINGS of the other side wait for their ACK */
    TAINT_HPK = 1 << 4,  /* the dynamic table is not wholly known */
    TAINT_REQ = 1 << 5,  /* the request of the stream is not known */
    TAINT_END = 1 << 6,  /* the input ended with the connection open */
    TAINT_ROLE = 1 << 7, /* who is the client was guessed */
    TAINT_PEND = 1 << 8, /* more questions were open than are kept */
};
#define TAINT_COUNT 9

struct finding {
    enum check check;
    enum severity
        severity; /* finding_severity(check, confidence), unless the reporter knows better */
    enum confidence confidence;
    enum dir dir;    /* whose octets; the sender is the guilty side */
    bool has_stream; /* stream_id is meant */
    uint32_t stream_id;
    bool has_offset;
    uint64_t offset; /* of the guilty frame's first octet in that direction's HTTP/2 octets */
    struct pos first, last; /* packets of the guilty frame; packet 0: none */
    const char
        *message;      /* one sentence with the values of this case, ASCII; borrowed for the call */
    bool after_doomed; /* a connection error came earlier on this connection */
    bool surplus;      /* above LIMIT_FINDINGS_PER_CHECK: to be counted, not shown */
    uint16_t taint;    /* bits of enum taint */
    uint8_t also_count;
    enum check also[FINDING_ALSO]; /* other rules that the same frame breaks */
    struct reaction reaction;
    struct finding_evidence evidence;
};

/* The scope of the error: that of the check's row, but where the RFC makes it depend on the frame
 * (RFC 9113 4.2: DATA that is too long is an error of its stream alone). What receivers accept of
 * such a rule is a note, and advice. */
enum check_scope finding_scope(const struct finding *finding);
/* The code of that error; -1: there is none. */
int64_t finding_error_code(const struct finding *finding);

/* "client" or "server": who broke the rule; NULL: nobody did. */
const char *finding_by(const struct finding *finding);

/* The name of bit i, below TAINT_COUNT: "MID", "GAP", … */
const char *finding_taint_name(unsigned i);

/* "goaway", "rst", "close", "none"; NULL for REACTION_UNKNOWN. */
const char *finding_reaction_name(enum reaction_kind kind);

/* "error", "warning", "note". */
const char *finding_severity_name(enum severity severity);

/* "certain", "likely", "possible". */
const char *finding_confidence_name(enum confidence confidence);

/* The severity that class and certainty give together (checks.md 2). */
enum severity finding_severity(enum check check, enum confidence confidence);

#endif
