/* The only writer: a buffer in front of a file descriptor, and the escapes that keep wire octets
 * from reaching a terminal raw (floods.md 9 in the design: C0, DEL, C1, invalid UTF-8, bidi and
 * zero-width characters). */
#ifndef H2DUMP_RENDER_OUT_H
#define H2DUMP_RENDER_OUT_H

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"

/* Errors stick: after the first failed write nothing more is written, and out_rc() tells. */
struct out;

/* A writer on fd, which stays the caller's. The buffer suits what fd is (pipe, file). NULL: memory
 * is out. */
struct out *out_new(struct mem *mem, int fd) H2D_MUST_CHECK;
/* A writer that keeps all it is given, up to max octets, for tests and messages; read it with
 * out_memory(). */
struct out *out_new_memory(struct mem *mem, size_t max) H2D_MUST_CHECK;
struct span out_memory(const struct out *out);
/* Empties a memory writer. */
void out_forget(struct out *out);
/* Flushes and frees. */
void out_free(struct out *out);

/* RC_OK; RC_CLOSED: the reader has gone (EPIPE); RC_IO: anything else, *err (may be NULL) has
 * errno's words. */
enum rc out_rc(const struct out *out, struct err *err);
void out_flush(struct out *out);

/* Constant text of ours, as it is. */
void out_text(struct out *out, const char *text);
void out_raw(struct out *out, struct span octets);
void out_char(struct out *out, char c);
void out_u64(struct out *out, uint64_t value);
/* Lower-case hexadecimal with at least `digits` digits. */
void out_hex(struct out *out, uint64_t value, unsigned digits);
void out_spaces(struct out *out, size_t count);
void out_printf(struct out *out, const char *format, ...) H2D_PRINTF(2, 3);

/* Octets from outside as text: valid UTF-8 that is harmless stays, everything else is written as
 * \xNN or \u{N}; backslash is doubled. */
void out_escaped(struct out *out, struct span octets);
/* The columns out_escaped would take, at most. */
size_t out_escaped_width(struct span octets);

/* Octets as the inside of a JSON string: escaped, invalid UTF-8 as U+FFFD. Returns false when
 * something was replaced. */
bool out_json_string(struct out *out, struct span octets);
void out_base64(struct out *out, struct span octets);

#endif
