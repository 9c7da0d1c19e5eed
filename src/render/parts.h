/* -x: names every octet of a frame, once (each octet belongs to exactly one part). Works on the
 * octets and fields that render.c kept of the frame; decides nothing about how parts look. */
#ifndef H2DUMP_RENDER_PARTS_H
#define H2DUMP_RENDER_PARTS_H

#include "render/render_int.h"

struct part {
    uint64_t offset, length;       /* in the frame */
    struct span octets;            /* of them, those that were kept; may be fewer */
    const struct h2_header *field; /* the field that a representation yields; NULL: none */
    const char *what;              /* ASCII; with a field: what goes before it, often "" */
    const char *detail;            /* ASCII: how the field came; "" */
    bool opaque;                   /* octets that mean something to others only */
};

/* Calls take for each part, in order; the part lives for the call. */
void parts_walk(const struct side *side, const struct h2_frame *frame,
                const struct h2_frame_cut *cut, void (*take)(void *ctx, const struct part *part),
                void *ctx);

/* How a field came: "literal, name 58 (static), Huffman 10 for 14, inserted as 62"; in brackets or
 * not around "static". */
const char *parts_representation(const struct h2_header *header, bool brackets, char *room,
                                 size_t room_len);

/* Room enough for the longest of them. */
#define PARTS_TEXT_MAX 256

#endif
