/* Payload decoders of the registered extension types; rows of frames.c's table. Pure. */
#ifndef H2DUMP_H2_FRAMES_EXT_H
#define H2DUMP_H2_FRAMES_EXT_H

#include "h2/frames.h"

bool h2_altsvc_decode(struct cur *c, union h2_payload *out);
/* False when an entry passes the payload's end. */
bool h2_origin_decode(struct cur *c, union h2_payload *out);
bool h2_priority_update_decode(struct cur *c, union h2_payload *out);

#endif
