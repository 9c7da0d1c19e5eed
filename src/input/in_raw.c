/* A raw HTTP/2 stream: the octets of one side as they are, from a file or a pipe (nc -l 8080). */
#include "input/input_int.h"

static const char preface[] = "PRI * HTTP/2.0";

/* A server's first frame (RFC 9113 3.4): SETTINGS on stream 0, whole settings of six octets each,
 * and nothing in it when it acknowledges. */
static bool is_settings(struct cur *head)
{
    uint32_t len = cur_u24(head);
    uint8_t type = cur_u8(head);
    uint8_t flags = cur_u8(head);
    uint32_t stream = cur_u32(head);
    return cur_ok(head) && type == 4 && flags <= 1 && stream == 0 && len <= 0xff && len % 6 == 0 &&
           (flags == 0 || len == 0);
}

static bool raw_probe(struct span head)
{
    struct cur first = cur_of(head);
    struct cur again = first;
    return span_equal(cur_take(&first, sizeof preface - 1), span_str(preface)) ||
           is_settings(&again);
}

const struct input_ops input_raw = { .name = "raw", .kind = INPUT_RAW, .probe = raw_probe };
