/* TLS as the program uses it: key logs from the command line, connections that cannot be read, and
 * what is said of them. */
#ifndef H2DUMP_APP_SECRETS_H
#define H2DUMP_APP_SECRETS_H

#include "app/run.h"

/* Opens run->tls and reads the key logs. RC_OK; RC_IO, RC_USAGE, RC_NOMEM with a text. */
enum rc secrets_open(struct run *run, struct err *err) H2D_MUST_CHECK;
void secrets_close(struct run *run);

/* The capture carries secrets: lines of a key log. */
void secrets_take(struct run *run, struct span text);

/* detect/ has found TLS: the sink for its octets. */
struct stream_sink secrets_on_tls(struct run *run, const struct flow_info *info,
                                  const struct tls_facts *outer);

/* Why connections of the input could not be read, one line for each kind of reason. */
void secrets_report(struct run *run);

#endif
