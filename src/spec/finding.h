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
};

/* "error", "warning", "note". */
const char *finding_severity_name(enum severity severity);

/* "certain", "likely", "possible". */
const char *finding_confidence_name(enum confidence confidence);

/* The severity that class and certainty give together (checks.md 2). */
enum severity finding_severity(enum check check, enum confidence confidence);

#endif
