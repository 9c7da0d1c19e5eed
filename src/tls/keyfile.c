#include "tls/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

#include "base/buf.h"
#include "tls/crypto.h"

#define FILES_MAX   64
#define READ_OCTETS 65536

/* Some file systems tell nothing: every so many polls the files are looked at all the same. */
#define QUIET_POLLS_MAX 10

/* A file, and how far it was read. */
struct keyfile {
    const char *path; /* the caller's; lives as long as the run */
    dev_t device;
    ino_t inode;
    off_t offset;
    int fd; /* kept open: who captures as another user may not open it again; -1: not */
    struct keylog_text text;
};

struct keyfiles {
    struct mem *mem;
    struct keylog *keylog;
    struct keyfile *files[FILES_MAX];
    size_t count;
    bool readable_by_others;
    int notify; /* -1: not opened */
    unsigned quiet_polls;
    uint8_t room[READ_OCTETS];
};

struct keyfiles *keyfiles_new(struct mem *mem, struct keylog *keylog)
{
    struct keyfiles *files = mem_zalloc(mem, 1, sizeof(*files));
    if (files != NULL) {
        files->mem = mem;
        files->keylog = keylog;
        files->notify = -1;
    }
    return files;
}

void keyfiles_free(struct keyfiles *files)
{
    if (files == NULL) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        (void)close(files->files[i]->fd);
        crypto_wipe(files->files[i], sizeof(*files->files[i]));
        mem_free(files->mem, files->files[i]);
    }
    if (files->notify >= 0) {
        (void)close(files->notify);
    }
    mem_free(files->mem, files);
}

/* From the file's offset to its end. */
static enum rc read_on(struct keyfiles *files, struct keyfile *file, int fd, bool *more)
{
    enum rc rc = RC_OK;
    ssize_t n = 0;
    if (lseek(fd, file->offset, SEEK_SET) < 0 && errno != ESPIPE) {
        return RC_IO;
    }
    while (rc == RC_OK && (n = read(fd, files->room, READ_OCTETS)) != 0) {
        if (n < 0) {
            rc = errno == EINTR ? RC_OK : RC_IO;
            continue;
        }
        file->offset += n;
        *more = true;
        if (!keylog_feed(files->keylog, &file->text, span_of(files->room, (size_t)n))) {
            rc = RC_NOMEM;
        }
    }
    crypto_wipe(files->room, READ_OCTETS);
    return rc;
}

static int open_file(struct keyfile *file, struct stat *status)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, status) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* A last line without a newline: taken as it is when nothing follows a plain file's end; a writer
 * that is under way will be read anew from the line's beginning. */
static bool take_last_line(struct keyfiles *files, struct keyfile *file)
{
    size_t len = file->text.len;
    if (len == 0 || file->text.too_long) {
        return true;
    }
    struct keylog_text copy = file->text;
    file->offset -= (off_t)len;
    crypto_wipe(&file->text, sizeof(file->text));
    return keylog_end(files->keylog, &copy);
}

enum rc keyfiles_load(struct keyfiles *files, const char *path, struct err *err)
{
    struct stat status;
    bool more = false;
    if (files->count == FILES_MAX) {
        return err_set(err, RC_USAGE, "%s: more than %d key logs", path, FILES_MAX);
    }
    struct keyfile *file = mem_zalloc(files->mem, 1, sizeof(*file));
    if (file == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    file->path = path;
    int fd = open_file(file, &status);
    enum rc rc = fd >= 0 ? RC_OK : RC_IO;
    if (rc == RC_OK && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        rc = RC_IO;
    }
    if (rc == RC_OK) {
        rc = read_on(files, file, fd, &more);
    }
    int why = errno;
    if (rc == RC_OK && !take_last_line(files, file)) {
        rc = RC_NOMEM;
    }
    if (rc != RC_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        crypto_wipe(file, sizeof(*file));
        mem_free(files->mem, file);
        return rc == RC_NOMEM
                   ? err_set(err, rc, "out of memory")
                   : err_set(err, rc, "%s: cannot read the key log: %s", path, strerror(why));
    }
    file->fd = fd;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    files->readable_by_others |= (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
    files->files[files->count++] = file;
    return RC_OK;
}

/* Something may have happened in the folders of the files; true where nobody tells. */
static bool may_have_changed(struct keyfiles *files)
{
    bool told = files->notify < 0 || ++files->quiet_polls >= QUIET_POLLS_MAX;
    while (files->notify >= 0 && read(files->notify, files->room, READ_OCTETS) > 0) {
        told = true; /* what it was does not matter: each file is looked at */
    }
    files->quiet_polls = told ? 0 : files->quiet_polls;
    return told;
}

/* A file that stands in its place now is read from its beginning, one that was cut as well. */
static enum rc poll_file(struct keyfiles *files, struct keyfile *file, bool *more)
{
    struct stat status;
    int fd = open_file(file, &status);
    if (fd < 0 || (status.st_dev == file->device && status.st_ino == file->inode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        if (fstat(file->fd, &status) != 0) {
            return RC_OK;
        }
    } else {
        (void)close(file->fd);
        file->fd = fd;
        file->device = status.st_dev;
        file->inode = status.st_ino;
        file->offset = 0;
    }
    if (status.st_size < file->offset) {
        file->offset = 0;
    }
    if (file->offset == 0) {
        crypto_wipe(&file->text, sizeof(file->text));
    }
    return S_ISREG(status.st_mode) && status.st_size > file->offset
               ? read_on(files, file, file->fd, more)
               : RC_OK; /* a pipe was read to its end */
}

enum rc keyfiles_poll(struct keyfiles *files, bool *more)
{
    enum rc rc = RC_OK;
    *more = false;
    if (files->count == 0 || !may_have_changed(files)) {
        return RC_OK;
    }
    for (size_t i = 0; i < files->count && rc != RC_NOMEM; i++) {
        rc = poll_file(files, files->files[i], more);
    }
    return rc == RC_NOMEM ? rc : RC_OK;
}

#ifdef __linux__
/* The folder is watched, so that a file that is replaced is seen, too. */
static void watch_folder(int notify, const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof(folder)) {
        return;
    }
    if (len > 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    (void)inotify_add_watch(notify, folder, IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO);
}
#endif

int keyfiles_fd(struct keyfiles *files)
{
#ifdef __linux__
    if (files->notify < 0 && files->count > 0) {
        files->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        for (size_t i = 0; i < files->count && files->notify >= 0; i++) {
            watch_folder(files->notify, files->files[i]->path);
        }
    }
#endif
    return files->notify;
}

size_t keyfiles_count(const struct keyfiles *files)
{
    return files->count;
}

bool keyfiles_readable_by_others(const struct keyfiles *files)
{
    return files->readable_by_others;
}
