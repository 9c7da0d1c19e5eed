/* Internet checksums (RFC 1071), for --check-sums. */
#include "net/net_int.h"

static uint32_t fold(uint64_t sum)
{
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint32_t)sum;
}

/* Adds octets as 16-bit words. */
static uint64_t add(uint64_t sum, struct span octets)
{
    size_t i = 0;
    for (; i + 2 <= octets.len; i += 2) {
        sum += num_be16(octets.ptr + i);
    }
    return i < octets.len ? sum + ((uint64_t)octets.ptr[i] << 8) : sum;
}

/* RFC 791 3.1: the header sums up to all ones. The header is in the packet, whole: ip.c read it,
 * but for options that the snapshot length cut off. */
static bool is_ip_wrong(const struct segment *segment)
{
    if (segment->ip_len != 4) {
        return false; /* IPv6 has none */
    }
    const uint8_t *header = segment->from - 12;
    size_t len = (size_t)(header[0] & 0xf) * 4;
    if (len > 20) {
        return false; /* options may be cut */
    }
    return fold(add(0, span_of(header, len))) != 0xffff;
}

static enum sums look_at_tcp(const struct segment *segment)
{
    size_t header_len = (size_t)(segment->payload.ptr - segment->transport);
    size_t len = header_len + segment->wire_len;
    if (segment->payload.len < segment->wire_len || header_len < 20 || segment->routed) {
        return SUMS_UNKNOWN;
    }
    /* RFC 9293 3.1: addresses, protocol and length count, too. */
    uint64_t pseudo = add(0, span_of(segment->from, segment->ip_len));
    pseudo = add(pseudo, span_of(segment->to, segment->ip_len)) + 6 + (len >> 16) + (len & 0xffff);
    if (fold(add(pseudo, span_of(segment->transport, len))) == 0xffff) {
        return SUMS_UNKNOWN;
    }
    return num_be16(segment->transport + 16) == fold(pseudo) ? SUMS_UNSET_TCP : SUMS_WRONG_TCP;
}

void checksum_look(struct net_stats *stats, struct segment *segment)
{
    segment->sums = (uint8_t)(is_ip_wrong(segment) ? SUMS_WRONG_IP : look_at_tcp(segment));
    stats->wrong_ip_sums += segment->sums == SUMS_WRONG_IP;
    stats->wrong_tcp_sums += segment->sums == SUMS_WRONG_TCP;
    stats->unset_tcp_sums += segment->sums == SUMS_UNSET_TCP;
}
