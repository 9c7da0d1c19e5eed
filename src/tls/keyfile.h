/* Key log files: read at the start, and followed while something writes to them. Does the file
 * work of the room, and no other. */
#ifndef H2DUMP_TLS_KEYFILE_H
#define H2DUMP_TLS_KEYFILE_H

#include "base/err.h"
#include "tls/keylog.h"

struct keyfiles;

struct keyfiles *keyfiles_new(struct mem *mem, struct keylog *keylog) H2D_MUST_CHECK;
void keyfiles_free(struct keyfiles *files);

/* Reads the file to its end and remembers it. RC_OK, RC_IO, RC_NOMEM. */
enum rc keyfiles_load(struct keyfiles *files, const char *path, struct err *err) H2D_MUST_CHECK;

/* Reads on in files that have grown, and anew in those that were replaced or cut. *more: there was
 * something. RC_OK or RC_NOMEM: a file that has gone is no error, it may come back. */
enum rc keyfiles_poll(struct keyfiles *files, bool *more) H2D_MUST_CHECK;

/* Turns readable when a file may have changed; -1 when there is no such thing. */
int keyfiles_fd(struct keyfiles *files);

size_t keyfiles_count(const struct keyfiles *files);
/* More than the owner may read one of them. */
bool keyfiles_readable_by_others(const struct keyfiles *files);

#endif
