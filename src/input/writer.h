/* Writes packets as a pcapng: one section, an interface for each link type, times in ns; comments,
 * directions and losses go along, and TLS secrets (draft-ietf-opsawg-pcapng). What is written can
 * be read again as the same packets. */
#ifndef H2DUMP_INPUT_WRITER_H
#define H2DUMP_INPUT_WRITER_H

#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/stream.h"

struct writer;

/* Opens path ("-": standard output), and changes nothing of it yet. With root's privileges no
 * symbolic link is followed. Errors: RC_IO, RC_NOMEM; the text begins with the path. */
enum rc writer_open(struct mem *mem, const char *path, struct writer **writer,
                    struct err *err) H2D_MUST_CHECK;

/* Whether it is the file that path names ("-": standard input). */
bool writer_is(const struct writer *writer, const char *path);

/* Empties the file and begins it; once, before the first packet. RC_IO. */
enum rc writer_begin(struct writer *writer, struct err *err) H2D_MUST_CHECK;

/* Gives a file that the writer has made to somebody else; for whoever has root's privileges. */
void writer_give_to(struct writer *writer, uid_t uid, gid_t gid);

/* Each writes a block, or a part of one when that fails: then nothing more is written, and
 * writer_rc says why. */
void writer_packet(struct writer *writer, const struct packet *packet);
/* Lines of a key log. Should come before the packets that need them. */
void writer_secrets(struct writer *writer, struct span text);

/* Packets lost so far, by the capture's own account (a statistics block); left out where the
 * packets have said as much themselves, or where several link types make it unclear whose they are.
 */
void writer_drops(struct writer *writer, uint64_t kernel, uint64_t interface);

/* What is gathered is written out. */
void writer_flush(struct writer *writer);

/* RC_OK, or RC_IO (disk full) or RC_NOMEM once something could not be written. */
enum rc writer_rc(const struct writer *writer, struct err *err);

/* Writes out and closes; as writer_rc. writer may be NULL. */
enum rc writer_close(struct writer *writer, struct err *err);

#endif
