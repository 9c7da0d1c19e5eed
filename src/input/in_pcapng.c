/* pcapng (draft-ietf-opsawg-pcapng): sections of either octet order, each with its own interfaces
 * of any link type, snapshot length and clock; libpcap stops at the second kind of any of them
 * (capture-layer 1.1). Blocks of no use are passed over without being held. What a capture says
 * beside its packets is read in pcapng_notes.c. */
#include "input/in_pcapng.h"
#include "spec/limits.h"

#include <inttypes.h>
#include <stdio.h>

#define SECTION_TYPE 0x0a0d0d0aU
#define ORDER_MAGIC  0x1a2b3c4dU
#define HEAD_LEN     8  /* of a block: type, length */
#define FRAME_LEN    12 /* and the length again behind the body */

struct block_kind {
    uint32_t type;
    bool numbered; /* Wireshark gives it a number as if it were a packet */
    uint8_t fixed; /* octets of the body that must be there */
    /* NULL: passed over */
    int (*read)(struct input *input, struct block *block, struct packet *packet, struct err *err);
};

static bool pcapng_probe(struct span head)
{
    if (head.len < 12 || num_be32(head.ptr) != SECTION_TYPE) {
        return false;
    }
    return num_be32(head.ptr + 8) == ORDER_MAGIC || num_le32(head.ptr + 8) == ORDER_MAGIC;
}

static enum rc pcapng_open(struct input *input, struct err *err)
{
    struct pcapng *pcapng = mem_zalloc(input->mem, 1, sizeof *pcapng);
    input->state = pcapng;
    if (pcapng != NULL) {
        pcapng->comments =
            mem_zalloc(input->mem, LIMIT_PACKET_COMMENTS, sizeof pcapng->comments[0]);
    }
    return pcapng != NULL && pcapng->comments != NULL
               ? RC_OK
               : input_err(input, err, RC_NOMEM, "out of memory");
}

static void pcapng_close(struct input *input)
{
    struct pcapng *pcapng = input->state;
    if (pcapng != NULL) {
        mem_free(input->mem, pcapng->ifaces);
        mem_free(input->mem, pcapng->comments);
        mem_free(input->mem, pcapng);
    }
}

/* ---- errors ---- */

static enum rc bad_block(struct input *input, uint32_t len, struct err *err)
{
    input->stats.cut = true;
    return input_err(input, err, RC_DAMAGED,
                     "block at offset %" PRIu64 " has length %u: file damaged; %s read before it",
                     bytesrc_offset(&input->src), len,
                     input_packets_text(input->stats.packets).text);
}

/* A block whose content makes no sense; what begins with "block at offset N ". */
static enum rc bad_content(struct input *input, const char *what, struct err *err)
{
    input->stats.cut = true;
    return input_err(
        input, err, RC_DAMAGED, "block at offset %" PRIu64 " %s: file damaged; %s read before it",
        bytesrc_offset(&input->src), what, input_packets_text(input->stats.packets).text);
}

static enum rc cut_block(struct input *input, uint64_t here, uint32_t len, struct err *err)
{
    return input_cut(
        input, err,
        "cut short in the block at offset %" PRIu64 " (%" PRIu64 " of %u octets there); %s read",
        bytesrc_offset(&input->src), here, len, input_packets_text(input->stats.packets).text);
}

/* ---- sections and interfaces ---- */

/* A section of a later version is passed over when it says how long it is. */
static int read_section(struct input *input, struct block *block, struct packet *packet,
                        struct err *err)
{
    (void)packet;
    struct pcapng *pcapng = input->state;
    const uint8_t *body = block->body.ptr;
    uint16_t major = load_u16(body + 4, block->big);
    uint16_t minor = load_u16(body + 6, block->big);
    uint64_t length = load_u64(body + 8, block->big);
    pcapng_tell_drops(input);
    pcapng->iface_count = 0;
    if (major == 1 && (minor == 0 || minor == 2)) {
        struct cur options = cur_of(block->body);
        cur_skip(&options, 16);
        pcapng_tell_comments(input, options, block->big, "the capture");
        return BLOCK_TAKEN;
    }
    if (length > INT64_MAX) { /* not given */
        return bad_content(input, "begins a section of an unknown version", err);
    }
    bytesrc_take(&input->src, block->len);
    (void)bytesrc_skip(&input->src, length);
    block->len = 0;
    return BLOCK_TAKEN;
}

static void read_iface_option(struct iface *iface, const struct pcapng_option *option, bool big)
{
    const struct span *value = &option->value;
    switch (option->code) {
    case 2: /* if_name */
        (void)snprintf(iface->name, sizeof iface->name, "%.*s", (int)num_min_size(value->len, 99),
                       (const char *)value->ptr);
        break;
    case 9: /* if_tsresol */
        iface->resolution = value->len >= 1 ? value->ptr[0] : iface->resolution;
        break;
    case 13: /* if_fcslen: specified in bits, written in octets by many */
        if (value->len >= 1) {
            iface->fcs_len = value->ptr[0] >= 8 ? value->ptr[0] / 8 : value->ptr[0];
        }
        break;
    case 14: /* if_tsoffset */
        if (value->len >= 8) {
            iface->offset_s = (int64_t)load_u64(value->ptr, big);
        }
        break;
    default:
        break;
    }
}

static struct iface *add_iface(struct input *input, struct pcapng *pcapng)
{
    if (pcapng->iface_count == pcapng->iface_cap) {
        size_t cap = pcapng->iface_cap == 0 ? 4 : pcapng->iface_cap * 2;
        struct iface *ifaces = mem_realloc(input->mem, pcapng->ifaces, cap * sizeof *ifaces);
        if (ifaces == NULL) {
            return NULL;
        }
        pcapng->ifaces = ifaces;
        pcapng->iface_cap = cap;
    }
    return &pcapng->ifaces[pcapng->iface_count++];
}

static int read_iface(struct input *input, struct block *block, struct packet *packet,
                      struct err *err)
{
    (void)packet;
    struct pcapng *pcapng = input->state;
    struct cur cur = cur_of(block->body);
    struct span fixed = cur_take(&cur, 8);
    struct cur again;
    struct pcapng_option option;
    char where[160];
    if (pcapng->iface_count == LIMIT_PCAPNG_INTERFACES) {
        return bad_content(input, "describes an interface too many", err);
    }
    struct iface *iface = add_iface(input, pcapng);
    if (iface == NULL) {
        return input_err(input, err, RC_NOMEM, "out of memory");
    }
    *iface = (struct iface){ .link_type = load_u16(fixed.ptr, block->big),
                             .snap_len = load_u32(fixed.ptr + 4, block->big),
                             .resolution = 6 };
    again = cur;
    while (pcapng_next_option(&cur, block->big, &option)) {
        read_iface_option(iface, &option, block->big);
    }
    (void)snprintf(where, sizeof where, "interface %zu%s%s", pcapng->iface_count - 1,
                   iface->name[0] != '\0' ? " " : "", iface->name);
    pcapng_tell_comments(input, again, block->big, where);
    return BLOCK_TAKEN;
}

/* ---- time ---- */

#define NS_PER_S UINT64_C(1000000000)

static uint64_t power_of_ten(unsigned n)
{
    uint64_t power = 1;
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

static uint64_t saturating_mul(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* t * 2^-n seconds. The fraction's product with 10^9 needs more than 64 bits when n is large; it is
 * put together from two halves, rounded down as the whole would be. */
static uint64_t binary_to_ns(uint64_t t, unsigned n)
{
    uint64_t seconds = n < 64 ? t >> n : 0;
    uint64_t fraction = n < 64 ? t & ((UINT64_C(1) << n) - 1) : t;
    uint64_t whole_ns = saturating_mul(seconds, NS_PER_S);
    if (n <= 34) {
        return num_add_sat_u64(whole_ns, fraction * NS_PER_S >> n);
    }
    uint64_t product = (fraction >> 32) * NS_PER_S + ((fraction & 0xffffffff) * NS_PER_S >> 32);
    return num_add_sat_u64(whole_ns, n - 32 < 64 ? product >> (n - 32) : 0);
}

static uint64_t shift_by(uint64_t ns, int64_t offset_s)
{
    uint64_t size = offset_s < 0 ? 0 - (uint64_t)offset_s : (uint64_t)offset_s;
    uint64_t offset_ns = saturating_mul(size, NS_PER_S);
    if (offset_s >= 0) {
        return num_add_sat_u64(ns, offset_ns);
    }
    return ns > offset_ns ? ns - offset_ns : 0;
}

static uint64_t iface_time(const struct iface *iface, uint64_t t)
{
    unsigned n = iface->resolution & 0x7f;
    uint64_t ns;
    if (H2D_LIKELY(iface->resolution == 6)) {
        ns = saturating_mul(t, 1000);
    } else if (iface->resolution > 0x7f) {
        ns = binary_to_ns(t, n);
    } else if (n <= 9) {
        ns = saturating_mul(t, power_of_ten(9 - n));
    } else {
        ns = n - 9 <= 19 ? t / power_of_ten(n - 9) : 0;
    }
    return iface->offset_s == 0 ? ns : shift_by(ns, iface->offset_s);
}

/* ---- packets ---- */

/* The header of a packet block, whichever of the three. */
struct packet_head {
    uint32_t if_id;
    uint64_t time;
    uint32_t cap_len;
    uint32_t wire_len;
    uint32_t drops;
    bool time_known;
    bool may_have_options;
};

/* The file ends in this packet's block. */
static enum rc cut_packet(struct input *input, struct packet *packet, uint32_t cap_len,
                          const struct block *block, struct err *err)
{
    uint64_t number = input->stats.packets + 1;
    struct input_count before = input_packets_text(input->stats.packets);
    input->stats.packets += packet->octets.len > 0;
    if (packet->octets.len == cap_len) {
        return input_cut(input, err,
                         "cut short behind packet %" PRIu64 " (%zu of %u octets of its block"
                         " there); %s read",
                         number, block->body.len + HEAD_LEN, block->len,
                         input_packets_text(input->stats.packets).text);
    }
    packet->partial = true;
    return input_cut(input, err,
                     "cut short in packet %" PRIu64 " (%zu of %u octets there); %s read%s", number,
                     packet->octets.len, cap_len, before.text,
                     packet->octets.len > 0 ? ", the last one in part" : "");
}

/* What both kinds of packet block may have behind the packet. */
static void read_rest(struct input *input, const struct block *block,
                      const struct packet_head *head, struct cur cur, struct packet *packet)
{
    packet->drops = head->drops;
    if (head->may_have_options && cur_left(&cur) >= 4) {
        cur_skip(&cur, num_min_size((4 - head->cap_len % 4) % 4, cur_left(&cur)));
        pcapng_read_packet_options(input, packet, cur, block->big);
    }
    if (packet->drops > 0 || packet->comment_count > 0) {
        pcapng_tell_packet(input, packet);
    }
}

static H2D_ALWAYS_INLINE int fill_packet(struct input *input, struct block *block,
                                         const struct packet_head *head, struct cur cur,
                                         struct packet *packet, struct err *err)
{
    struct pcapng *pcapng = input->state;
    if (H2D_UNLIKELY(head->if_id >= pcapng->iface_count)) {
        return bad_content(input, "is a packet of an interface that is not described", err);
    }
    const struct iface *iface = &pcapng->ifaces[head->if_id];
    size_t room = cur_left(&cur);
    if (H2D_UNLIKELY(head->cap_len > block->len - FRAME_LEN)) {
        return bad_content(input, "is shorter than the packet in it", err);
    }
    packet->octets = cur_take(&cur, num_min_size(head->cap_len, room));
    packet->wire_len = head->wire_len < head->cap_len ? head->cap_len : head->wire_len;
    packet->pos = (struct pos){ .packet = input->stats.packets + 1,
                                .ts_ns = head->time_known ? iface_time(iface, head->time) : 0,
                                .ts_known = head->time_known };
    packet->link_type = iface->link_type;
    packet->if_id = head->if_id;
    packet->fcs_len = iface->fcs_len;
    packet->ts_digits = iface->resolution <= 6 ? 6 : 9;
    packet_plain(packet);
    if (H2D_UNLIKELY(block->cut)) {
        return cut_packet(input, packet, head->cap_len, block, err);
    }
    if (H2D_UNLIKELY(packet->octets.len < head->cap_len)) {
        return bad_content(input, "is shorter than the packet in it", err);
    }
    if (cur_left(&cur) >= 4 || head->drops > 0) {
        read_rest(input, block, head, cur, packet);
    }
    input->stats.packets++;
    return BLOCK_PACKET;
}

static H2D_ALWAYS_INLINE int read_enhanced_as(struct input *input, struct block *block, bool big,
                                              struct packet *packet, struct err *err)
{
    struct cur cur = cur_of(block->body);
    const uint8_t *fixed = cur_take(&cur, 20).ptr;
    struct packet_head head = { .if_id = load_u32(fixed, big),
                                .time = (uint64_t)load_u32(fixed + 4, big) << 32 |
                                        load_u32(fixed + 8, big),
                                .cap_len = load_u32(fixed + 12, big),
                                .wire_len = load_u32(fixed + 16, big),
                                .time_known = true,
                                .may_have_options = true };
    return fill_packet(input, block, &head, cur, packet, err);
}

static int read_enhanced(struct input *input, struct block *block, struct packet *packet,
                         struct err *err)
{
    return block->big ? read_enhanced_as(input, block, true, packet, err)
                      : read_enhanced_as(input, block, false, packet, err);
}

/* The obsolete Packet Block: as the enhanced one, with a count of drops beside the interface. */
static int read_obsolete(struct input *input, struct block *block, struct packet *packet,
                         struct err *err)
{
    struct cur cur = cur_of(block->body);
    const uint8_t *fixed = cur_take(&cur, 20).ptr;
    uint16_t drops = load_u16(fixed + 2, block->big); /* all ones: not known */
    struct packet_head head = { .if_id = load_u16(fixed, block->big),
                                .drops = drops == UINT16_MAX ? 0 : drops,
                                .time = (uint64_t)load_u32(fixed + 4, block->big) << 32 |
                                        load_u32(fixed + 8, block->big),
                                .cap_len = load_u32(fixed + 12, block->big),
                                .wire_len = load_u32(fixed + 16, block->big),
                                .time_known = true,
                                .may_have_options = true };
    return fill_packet(input, block, &head, cur, packet, err);
}

/* The simple one: interface 0, no time, and its captured length must be found out. */
static int read_simple(struct input *input, struct block *block, struct packet *packet,
                       struct err *err)
{
    const struct pcapng *pcapng = input->state;
    struct cur cur = cur_of(block->body);
    uint32_t wire_len = load_u32(cur_take(&cur, 4).ptr, block->big);
    size_t cap_len = num_min_size(wire_len, block->len - FRAME_LEN - 4);
    if (pcapng->iface_count > 0 && pcapng->ifaces[0].snap_len != 0) {
        cap_len = num_min_size(cap_len, pcapng->ifaces[0].snap_len);
    }
    struct packet_head head = { .cap_len = (uint32_t)cap_len, .wire_len = wire_len };
    return fill_packet(input, block, &head, cur, packet, err);
}

/* ---- blocks ---- */

// clang-format off
static const struct block_kind kinds[] = {
    /* type                               numbered fixed reader */
    { 6,          /* enhanced packet */      false, 20,  read_enhanced },
    { SECTION_TYPE,                          false, 16,  read_section  },
    { 1,          /* interface */            false,  8,  read_iface    },
    { 2,          /* packet, obsolete */     false, 20,  read_obsolete },
    { 3,          /* simple packet */        false,  4,  read_simple   },
    { 4,          /* name resolution */      false,  0,  NULL },
    { 5,          /* statistics */           false, 12,  pcapng_read_statistics },
    { 9,          /* systemd journal */      true,   0,  NULL },
    { 10,         /* decryption secrets */   false,  8,  pcapng_read_secrets },
    { 0xbad,      /* custom */               true,   0,  NULL },
    { 0x40000bad, /* custom, not to copy */  true,   0,  NULL },
    { 0x204,      /* system calls */         true,   0,  NULL },
    { 0x208,      /* with flags */           true,   0,  NULL },
    { 0x216,      /* version 2 */            true,   0,  NULL },
    { 0x221,      /* large ones */           true,   0,  NULL },
};
// clang-format on

static const struct block_kind unknown_kind = { 0 };

static const struct block_kind *find_kind(uint32_t type)
{
    for (size_t i = 0; i < H2D_COUNT_OF(kinds); i++) {
        if (kinds[i].type == type) {
            return &kinds[i];
        }
    }
    return &unknown_kind;
}

/* The head of the next block, in the order of its section, which a section header brings along. */
static enum rc read_head(struct input *input, struct block *block, struct err *err)
{
    struct pcapng *pcapng = input->state;
    struct span here = bytesrc_need(&input->src, FRAME_LEN);
    if (here.len == 0) {
        return input_at_end(input, err);
    }
    if (here.len < FRAME_LEN) {
        return cut_block(input, here.len, FRAME_LEN, err);
    }
    if (num_be32(here.ptr) == SECTION_TYPE) { /* a palindrome */
        pcapng->big = num_be32(here.ptr + 8) == ORDER_MAGIC;
        if (!pcapng->big && num_le32(here.ptr + 8) != ORDER_MAGIC) {
            return bad_content(input, "begins a section of no octet order", err);
        }
    }
    block->big = pcapng->big;
    block->type = load_u32(here.ptr, block->big);
    block->len = load_u32(here.ptr + 4, block->big);
    return block->len < FRAME_LEN || block->len % 4 != 0 ? bad_block(input, block->len, err)
                                                         : RC_OK;
}

static int skip_block(struct input *input, const struct block *block, const struct block_kind *kind,
                      struct err *err)
{
    const struct pcapng *pcapng = input->state;
    if (pcapng->lengths_odd && kind == &unknown_kind) {
        return bad_content(input, "has an unknown type after a wrong length", err);
    }
    uint64_t start = bytesrc_offset(&input->src);
    uint64_t skipped = bytesrc_skip(&input->src, block->len);
    if (skipped < block->len) {
        return input_cut(input, err,
                         "cut short in the block at offset %" PRIu64 " (%" PRIu64
                         " of %u octets there); %s read",
                         start, skipped, block->len, input_packets_text(input->stats.packets).text);
    }
    input->stats.packets += kind->numbered;
    return BLOCK_TAKEN;
}

/* Whether a block is passed over, unread: nobody wants it, or it holds more secrets than we keep.
 */
static bool is_unwanted(const struct input *input, const struct block *block,
                        const struct block_kind *kind)
{
    if (kind->read == pcapng_read_secrets) {
        return pcapng_refuses_secrets(input, block->len);
    }
    return kind->read == NULL;
}

/* Whether a block that is not whole can be used as far as it goes. */
static bool may_be_cut(const struct block_kind *kind)
{
    return kind->read != read_section && kind->read != read_iface &&
           kind->read != pcapng_read_statistics;
}

static int next_block(struct input *input, struct packet *packet, struct err *err)
{
    struct pcapng *pcapng = input->state;
    struct block block = { 0 };
    enum rc rc = read_head(input, &block, err);
    if (rc != RC_OK) {
        return rc;
    }
    const struct block_kind *kind = find_kind(block.type);
    if (is_unwanted(input, &block, kind)) {
        return skip_block(input, &block, kind, err);
    }
    uint32_t max =
        kind->read == pcapng_read_secrets ? LIMIT_PCAPNG_SECRETS_OCTETS : LIMIT_PCAPNG_BLOCK_OCTETS;
    if (block.len > max || block.len - FRAME_LEN < kind->fixed) {
        return bad_block(input, block.len, err);
    }
    struct span here = bytesrc_need(&input->src, block.len);
    block.cut = here.len < block.len;
    block.body = (struct span){ here.ptr + HEAD_LEN,
                                num_min_size(here.len - HEAD_LEN, block.len - FRAME_LEN) };
    if (block.cut && (block.body.len < kind->fixed || !may_be_cut(kind))) {
        return cut_block(input, here.len, block.len, err);
    }
    if (!block.cut && load_u32(here.ptr + HEAD_LEN + block.body.len, block.big) != block.len) {
        pcapng->lengths_odd = true;
        input->stats.odd_lengths++;
    }
    int answer = kind->read(input, &block, packet, err);
    if (answer == BLOCK_TAKEN && block.cut) {
        return cut_block(input, here.len, block.len, err);
    }
    if (answer >= 0) {
        bytesrc_take(&input->src, block.len);
    }
    return answer;
}

static enum rc pcapng_next(struct input *input, struct packet *packet, struct err *err)
{
    int answer;
    do {
        answer = next_block(input, packet, err);
    } while (answer == BLOCK_TAKEN);
    if (answer != BLOCK_PACKET) {
        pcapng_tell_drops(input);
    }
    return (enum rc)answer;
}

const struct input_ops input_pcapng = { .name = "pcapng",
                                        .kind = INPUT_PACKETS,
                                        .probe = pcapng_probe,
                                        .open = pcapng_open,
                                        .next = pcapng_next,
                                        .close = pcapng_close };
