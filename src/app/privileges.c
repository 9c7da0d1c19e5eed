#include "app/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#define NOBODY 65534

static void set(struct privileges *privileges, const char *name, uid_t uid, gid_t gid)
{
    privileges->wanted = true;
    privileges->uid = uid;
    privileges->gid = gid;
    (void)snprintf(privileges->name, sizeof privileges->name, "%s", name);
}

/* A decimal number above 0 in the environment. */
static bool read_id(const char *variable, unsigned long *id)
{
    const char *text = getenv(variable);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    *id = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && *id > 0 && *id < UINT32_MAX;
}

enum rc privileges_find(const char *user, struct privileges *privileges, struct err *err)
{
    unsigned long uid, gid;
    *privileges = (struct privileges){ .wanted = false };
    if (geteuid() != 0) {
        return user == NULL
                   ? RC_OK
                   : err_set(err, RC_USAGE, "--user %s: only root can become somebody else", user);
    }
    if (user != NULL) {
        const struct passwd *entry = getpwnam(user);
        if (entry == NULL) {
            return err_set(err, RC_USAGE, "--user %s: there is no such user", user);
        }
        if (entry->pw_uid == 0) {
            return err_set(err, RC_USAGE, "--user %s: that would keep all privileges", user);
        }
        set(privileges, user, entry->pw_uid, entry->pw_gid);
        privileges->chosen = true;
        return RC_OK;
    }
    if (read_id("SUDO_UID", &uid) && read_id("SUDO_GID", &gid)) {
        set(privileges, "the user who called sudo", (uid_t)uid, (gid_t)gid);
        privileges->chosen = true;
        return RC_OK;
    }
    const struct passwd *entry = getpwnam("nobody");
    set(privileges, "nobody", entry != NULL ? entry->pw_uid : NOBODY,
        entry != NULL ? entry->pw_gid : NOBODY);
    return RC_OK;
}

static enum rc cannot(const struct privileges *privileges, const char *step, struct err *err)
{
    return err_set(err, RC_IO, "cannot become %s (%s: %s); nothing was read", privileges->name,
                   step, strerror(errno));
}

/* A user who captures by grace of a file's capabilities keeps them until here. */
static enum rc drop_capabilities(struct err *err)
{
#ifdef __linux__
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    if (syscall(SYS_capset, &header, none) != 0 || syscall(SYS_capget, &header, left) != 0) {
        return err_set(err, RC_IO, "cannot give up capabilities: %s; nothing was read",
                       strerror(errno));
    }
    for (size_t i = 0; i < H2D_COUNT_OF(left); i++) {
        if ((left[i].effective | left[i].permitted) != 0) {
            return err_set(err, RC_IO, "capabilities could not be given up; nothing was read");
        }
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_set(err, RC_IO, "cannot rule out new privileges: %s; nothing was read",
                       strerror(errno));
    }
#else
    (void)err;
#endif
    return RC_OK;
}

enum rc privileges_drop(const struct privileges *privileges, struct err *err)
{
    if (privileges->wanted) {
        if (setgroups(0, NULL) != 0) {
            return cannot(privileges, "setgroups", err);
        }
        if (setgid(privileges->gid) != 0) {
            return cannot(privileges, "setgid", err);
        }
        if (setuid(privileges->uid) != 0) {
            return cannot(privileges, "setuid", err);
        }
        if (setuid(0) == 0 || geteuid() == 0 || getegid() == 0) {
            return err_set(err, RC_IO, "root could still be had back; nothing was read");
        }
    }
    return drop_capabilities(err);
}
