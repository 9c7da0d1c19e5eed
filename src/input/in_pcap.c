/* Classic pcap (draft-ietf-opsawg-pcap): a file header, then packets, each with a header of 16
 * octets (24 in Kuznetzov's "modified" form). libpcap is not used: it drops the cut last packet and
 * reads nothing compressed (capture-layer 1.2). */
#include "input/input_int.h"
#include "spec/limits.h"

#include <inttypes.h>

#define FILE_HEADER_LEN 24

/* Bits of the link type word. */
#define LINK_TYPE_MASK   0xffffU
#define LINK_FCS_PRESENT 0x04000000U

struct pcap_magic {
    uint32_t magic;
    uint8_t digits;     /* of the fraction of a second */
    uint8_t header_len; /* of a packet */
};

// clang-format off
static const struct pcap_magic magics[] = {
    { 0xa1b2c3d4, 6, 16 },
    { 0xa1b23c4d, 9, 16 },
    { 0xa1b2cd34, 6, 24 },
};
// clang-format on

/* Which of the two lengths of a packet header comes first; old writers differed. */
enum length_order { LENGTHS_AS_NOW, LENGTHS_SWAPPED, LENGTHS_EITHER };

struct pcap {
    const struct pcap_magic *magic;
    bool big;
    enum length_order order;
    uint16_t link_type;
    uint8_t fcs_len;
};

/* The row, and *big; NULL when the octets are none of them. */
static const struct pcap_magic *find_magic(struct span head, bool *big)
{
    if (head.len < 4) {
        return NULL;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(magics); i++) {
        for (int order = 0; order < 2; order++) {
            *big = order == 1;
            if (load_u32(head.ptr, *big) == magics[i].magic) {
                return &magics[i];
            }
        }
    }
    return NULL;
}

static bool pcap_probe(struct span head)
{
    bool big;
    return find_magic(head, &big) != NULL;
}

/* Minor versions before 3 wrote the length on the wire first; 2.3 and 543.0 did either. */
static bool find_order(uint16_t major, uint16_t minor, enum length_order *order)
{
    if (major == 2 && minor <= 4) {
        *order = minor == 4 ? LENGTHS_AS_NOW : minor == 3 ? LENGTHS_EITHER : LENGTHS_SWAPPED;
        return true;
    }
    *order = LENGTHS_EITHER;
    return major == 543 && minor == 0;
}

static enum rc pcap_open(struct input *input, struct err *err)
{
    struct pcap *pcap = mem_zalloc(input->mem, 1, sizeof *pcap);
    struct span head = bytesrc_need(&input->src, FILE_HEADER_LEN);
    if (pcap == NULL) {
        return input_err(input, err, RC_NOMEM, "out of memory");
    }
    input->state = pcap;
    pcap->magic = find_magic(head, &pcap->big);
    if (head.len < FILE_HEADER_LEN) {
        enum rc rc = input_cut(
            input, err, "cut short in the file header (%zu of %d octets there); no packet read",
            head.len, FILE_HEADER_LEN);
        return rc == RC_DAMAGED ? RC_FORMAT : rc; /* nothing at all could be read */
    }
    uint16_t major = load_u16(head.ptr + 4, pcap->big);
    uint16_t minor = load_u16(head.ptr + 6, pcap->big);
    if (!find_order(major, minor, &pcap->order)) {
        return input_err(input, err, RC_FORMAT, "pcap version %u.%u is not known", major, minor);
    }
    uint32_t link = load_u32(head.ptr + 20, pcap->big);
    pcap->link_type = (uint16_t)(link & LINK_TYPE_MASK);
    if ((link & LINK_FCS_PRESENT) != 0) {
        pcap->fcs_len = (uint8_t)((link >> 28) * 2);
    }
    bytesrc_take(&input->src, FILE_HEADER_LEN);
    return RC_OK;
}

/* The file ends inside a packet: what is there of it is handed out. */
static enum rc cut_packet(struct input *input, struct packet *packet, size_t header_len,
                          size_t here, struct err *err)
{
    uint64_t number = input->stats.packets + 1;
    struct input_count before = input_packets_text(input->stats.packets);
    if (here < header_len) {
        return input_cut(input, err,
                         "cut short in packet %" PRIu64
                         " (%zu of %zu octets of its header there); %s read",
                         number, here, header_len, before.text);
    }
    size_t need = packet->octets.len;
    packet->octets.len = here - header_len;
    packet->partial = true;
    input->stats.packets += packet->octets.len > 0;
    return input_cut(input, err,
                     "cut short in packet %" PRIu64 " (%zu of %zu octets there); %s read%s", number,
                     packet->octets.len, need, before.text,
                     packet->octets.len > 0 ? ", the last one in part" : "");
}

static enum rc too_long(struct input *input, uint32_t len, struct err *err)
{
    uint64_t number = input->stats.packets + 1;
    input->stats.cut = true;
    return input_err(input, err, RC_DAMAGED,
                     "packet %" PRIu64 " at offset %" PRIu64 " has length %u: file damaged; %s"
                     " read before it",
                     number, bytesrc_offset(&input->src), len, input_packets_text(number - 1).text);
}

static void swap_lengths(enum length_order order, uint32_t *cap_len, uint32_t *wire_len)
{
    if (order == LENGTHS_SWAPPED || (order == LENGTHS_EITHER && *cap_len > *wire_len)) {
        uint32_t first = *cap_len;
        *cap_len = *wire_len;
        *wire_len = first;
    }
}

/* Inlined once for each octet order, so that no load asks for it. */
static H2D_ALWAYS_INLINE enum rc next_packet(struct input *input, struct packet *packet, bool big,
                                             struct err *err)
{
    const struct pcap *pcap = input->state;
    size_t header_len = pcap->magic->header_len;
    struct span here = bytesrc_need(&input->src, header_len);
    if (H2D_UNLIKELY(here.len < header_len)) {
        return here.len == 0 ? input_at_end(input, err)
                             : cut_packet(input, packet, header_len, here.len, err);
    }
    uint64_t seconds = load_u32(here.ptr, big);
    uint64_t fraction = load_u32(here.ptr + 4, big);
    uint32_t cap_len = load_u32(here.ptr + 8, big);
    uint32_t wire_len = load_u32(here.ptr + 12, big);
    if (H2D_UNLIKELY(pcap->order != LENGTHS_AS_NOW)) {
        swap_lengths(pcap->order, &cap_len, &wire_len);
    }
    if (H2D_UNLIKELY(cap_len > LIMIT_PACKET_OCTETS)) {
        return too_long(input, cap_len, err);
    }
    uint64_t unit_ns = pcap->magic->digits == 9 ? 1 : 1000;
    input->stats.odd_times += fraction * unit_ns >= 1000000000;
    packet->pos = (struct pos){ .packet = input->stats.packets + 1,
                                .ts_ns = seconds * 1000000000 + fraction * unit_ns,
                                .ts_known = true };
    packet->link_type = pcap->link_type;
    packet->if_id = 0;
    packet->fcs_len = pcap->fcs_len;
    packet->ts_digits = pcap->magic->digits;
    packet_plain(packet);
    packet->wire_len = wire_len < cap_len ? cap_len : wire_len;
    here = bytesrc_need(&input->src, header_len + cap_len);
    packet->octets = (struct span){ here.ptr + header_len, cap_len };
    if (H2D_UNLIKELY(here.len < header_len + cap_len)) {
        return cut_packet(input, packet, header_len, here.len, err);
    }
    bytesrc_take(&input->src, header_len + cap_len);
    input->stats.packets++;
    return RC_OK;
}

static enum rc pcap_next(struct input *input, struct packet *packet, struct err *err)
{
    const struct pcap *pcap = input->state;
    return pcap->big ? next_packet(input, packet, true, err)
                     : next_packet(input, packet, false, err);
}

static void pcap_close(struct input *input)
{
    mem_free(input->mem, input->state);
}

const struct input_ops input_pcap = { .name = "pcap",
                                      .kind = INPUT_PACKETS,
                                      .probe = pcap_probe,
                                      .open = pcap_open,
                                      .next = pcap_next,
                                      .close = pcap_close };
