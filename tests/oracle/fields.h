/* Field lists of requests, responses and trailers: good ones, and good ones with one of the faults
 * of receive-engine 5. */
#ifndef H2DUMP_TESTS_ORACLE_FIELDS_H
#define H2DUMP_TESTS_ORACLE_FIELDS_H

#include "encoder.h"

struct message_wish {
    const char *method;     /* request: "GET", …; NULL: any */
    unsigned status;        /* response */
    bool protocol;          /* request: extended CONNECT */
    int64_t content_length; /* -1: none */
};

void fields_request(struct rng *rng, struct field_list *list, const struct message_wish *wish);
void fields_response(struct rng *rng, struct field_list *list, const struct message_wish *wish);
void fields_trailers(struct rng *rng, struct field_list *list);

/* Makes one fault, of those that all versions of the reference judge alike unless variable. */
void fields_spoil(struct rng *rng, struct field_list *list, bool variable);

#endif
