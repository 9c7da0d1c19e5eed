/* What a live capture needs root for is done once the interface is open: from then on the program
 * is somebody who may do nothing (floods 9). */
#ifndef H2DUMP_APP_PRIVILEGES_H
#define H2DUMP_APP_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Whom to become. */
struct privileges {
    bool wanted; /* false: there is nothing to give up but capabilities */
    bool chosen; /* somebody in particular: by --user or sudo */
    uid_t uid;
    gid_t gid;
    char name[64]; /* for messages */
};

/* Finds out whom to become: user (--user) if given, else who called sudo, else nobody. Without root
 * there is nobody to become, and user must be NULL. RC_USAGE. */
enum rc privileges_find(const char *user, struct privileges *privileges,
                        struct err *err) H2D_MUST_CHECK;

/* Becomes that, for good: groups, group, user, capabilities; and makes sure that there is no way
 * back. Each step must succeed. RC_IO. */
enum rc privileges_drop(const struct privileges *privileges, struct err *err) H2D_MUST_CHECK;

#endif
