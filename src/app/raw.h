/* Raw streams: octets of one direction, or both halves of a connection as two streams. They have no
 * packets and no time. */
#ifndef H2DUMP_APP_RAW_H
#define H2DUMP_APP_RAW_H

#include "app/run.h"

/* Reads one stream to its end, showing each frame as soon as its last octet is there. */
enum rc raw_read(struct run *run, struct input *input, struct err *err);

/* Reads both halves, client's and server's. */
enum rc raw_read_halves(struct run *run, struct input *inputs[2], struct err *err);

#endif
