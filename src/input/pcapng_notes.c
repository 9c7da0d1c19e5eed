/* What a pcapng says beside its packets: comments, losses, secrets (draft-ietf-opsawg-pcapng). */
#include "input/in_pcapng.h"

#include <inttypes.h>
#include <stdio.h>

/* Options of any block, of a packet block, of a statistics block. */
enum {
    OPTION_COMMENT = 1,
    PACKET_FLAGS = 2,
    PACKET_DROPS = 4,
    STATISTICS_IFDROP = 5,
    STATISTICS_OSDROP = 7,
};

/* Bits of a packet's flags. */
#define FLAG_WAY_MASK        0x3U
#define FLAG_WAY_IN          0x1U
#define FLAG_WAY_OUT         0x2U
#define FLAG_CHECKSUM_NOT_IN 0x200U

#define SECRETS_TLS 0x544c534bU /* "TLSK" */

bool pcapng_next_option(struct cur *cur, bool big, struct pcapng_option *option)
{
    struct span head = cur_take(cur, 4);
    if (head.len < 4) {
        return false;
    }
    option->code = load_u16(head.ptr, big);
    size_t len = load_u16(head.ptr + 2, big);
    option->value = cur_take(cur, len);
    if (!cur_ok(cur) || option->code == 0) {
        return false;
    }
    cur_skip(cur, num_min_size((4 - len % 4) % 4, cur_left(cur)));
    return true;
}

/* ---- comments ---- */

static void tell_comment(const struct input *input, const struct pos *pos, struct span text,
                         const char *where)
{
    bool cut = text.len > LIMIT_COMMENT_OCTETS_SHOWN;
    int len = (int)num_min_size(text.len, LIMIT_COMMENT_OCTETS_SHOWN);
    input_note(input, CHECK_CAPTURE_COMMENT, pos, "comment%s%s: %.*s%s",
               where[0] != '\0' ? " on " : "", where, len, (const char *)text.ptr,
               cut ? " (cut)" : "");
}

void pcapng_tell_comments(const struct input *input, struct cur options, bool big,
                          const char *where)
{
    struct pcapng_option option;
    while (pcapng_next_option(&options, big, &option)) {
        if (option.code == OPTION_COMMENT) {
            tell_comment(input, NULL, option.value, where);
        }
    }
}

static void add_comment(struct input *input, struct packet *packet, struct span text)
{
    struct pcapng *pcapng = input->state;
    if (packet->comment_count < LIMIT_PACKET_COMMENTS) {
        packet->comments = pcapng->comments;
        pcapng->comments[packet->comment_count++] = text;
    } else if (!pcapng->comments_told) {
        pcapng->comments_told = true;
        input_note(input, CHECK_LIMIT_COMMENTS, &packet->pos,
                   "more than %" PRIu64 " comments on a packet; the others are passed over",
                   LIMIT_PACKET_COMMENTS);
    }
}

/* ---- packets ---- */

static void read_flags(struct packet *packet, uint32_t flags)
{
    uint8_t fcs_len = flags >> 5 & 0xf;
    uint32_t way = flags & FLAG_WAY_MASK;
    packet->fcs_len = fcs_len != 0 ? fcs_len : packet->fcs_len;
    packet->way = way == FLAG_WAY_IN    ? PACKET_IN
                  : way == FLAG_WAY_OUT ? PACKET_OUT
                                        : PACKET_WAY_UNKNOWN;
    packet->checksums_unset = (flags & FLAG_CHECKSUM_NOT_IN) != 0;
}

void pcapng_read_packet_options(struct input *input, struct packet *packet, struct cur cur,
                                bool big)
{
    struct pcapng_option option;
    while (pcapng_next_option(&cur, big, &option)) {
        if (option.code == OPTION_COMMENT) {
            add_comment(input, packet, option.value);
        } else if (option.code == PACKET_FLAGS && option.value.len >= 4) {
            read_flags(packet, load_u32(option.value.ptr, big));
        } else if (option.code == PACKET_DROPS && option.value.len >= 8) {
            uint64_t drops = load_u64(option.value.ptr, big);
            packet->drops = drops < UINT32_MAX ? (uint32_t)drops : UINT32_MAX;
        }
    }
}

void pcapng_tell_packet(struct input *input, const struct packet *packet)
{
    const struct pcapng *pcapng = input->state;
    struct iface *iface = &pcapng->ifaces[packet->if_id];
    if (packet->drops > 0) {
        iface->packet_drops = num_add_sat_u64(iface->packet_drops, packet->drops);
        input_note(input, CHECK_CAPTURE_DROPS, &packet->pos,
                   "the capture lost %" PRIu32 " packet%s just before this one", packet->drops,
                   packet->drops == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < packet->comment_count; i++) {
        tell_comment(input, &packet->pos, packet->comments[i], "");
    }
}

/* ---- statistics ---- */

int pcapng_read_statistics(struct input *input, struct block *block, struct packet *packet,
                           struct err *err)
{
    (void)packet, (void)err;
    struct pcapng *pcapng = input->state;
    struct cur cur = cur_of(block->body);
    uint32_t id = load_u32(cur_take(&cur, 12).ptr, block->big);
    struct pcapng_option option;
    if (id >= pcapng->iface_count) {
        return BLOCK_TAKEN;
    }
    struct iface *iface = &pcapng->ifaces[id];
    while (pcapng_next_option(&cur, block->big, &option)) {
        if (option.code == STATISTICS_IFDROP && option.value.len >= 8) {
            iface->interface_drops = load_u64(option.value.ptr, block->big);
        } else if (option.code == STATISTICS_OSDROP && option.value.len >= 8) {
            iface->system_drops = load_u64(option.value.ptr, block->big);
        }
    }
    return BLOCK_TAKEN;
}

/* What a statistics block says includes what the packets said, whichever is more. */
static void tell_drops_of(struct input *input, const struct iface *iface, size_t id)
{
    struct input_stats *stats = &input->stats;
    uint64_t kernel =
        iface->system_drops > iface->packet_drops ? iface->system_drops : iface->packet_drops;
    stats->kernel_drops = num_add_sat_u64(stats->kernel_drops, kernel);
    stats->interface_drops = num_add_sat_u64(stats->interface_drops, iface->interface_drops);
    if (iface->system_drops > 0 || iface->interface_drops > 0) {
        input_note(input, CHECK_CAPTURE_DROPS, NULL,
                   "the capture lost packets of interface %zu%s%s: %" PRIu64
                   " in the kernel, %" PRIu64 " in the interface",
                   id, iface->name[0] != '\0' ? " " : "", iface->name, kernel,
                   iface->interface_drops);
    }
}

void pcapng_tell_drops(struct input *input)
{
    struct pcapng *pcapng = input->state;
    for (size_t i = 0; i < pcapng->iface_count; i++) {
        struct iface *iface = &pcapng->ifaces[i];
        tell_drops_of(input, iface, i);
        iface->system_drops = iface->interface_drops = iface->packet_drops = 0;
    }
}

/* ---- secrets ---- */

bool pcapng_refuses_secrets(const struct input *input, uint32_t len)
{
    struct pcapng *pcapng = input->state;
    if (input->options.on_secrets == NULL) {
        return true;
    }
    if (pcapng->secrets + len <= LIMIT_PCAPNG_SECRETS_OCTETS) {
        return false;
    }
    if (!pcapng->secrets_told) {
        pcapng->secrets_told = true;
        input_note(input, CHECK_LIMIT_SECRETS, NULL,
                   "the capture carries more than %" PRIu64
                   " octets of secrets; the rest is passed over",
                   LIMIT_PCAPNG_SECRETS_OCTETS);
    }
    return true;
}

/* "SSHK", or in hex when it is no text. */
static void tell_unused(const struct input *input, uint32_t type)
{
    char name[5] = { 0 };
    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(type >> (24 - 8 * i) & 0xff);
        if (c < 0x20 || c > 0x7e) {
            input_note(input, CHECK_CAPTURE_SECRETS_UNUSED, NULL,
                       "the capture carries secrets of type 0x%08" PRIx32 "; only TLS is decrypted",
                       type);
            return;
        }
        name[i] = c;
    }
    input_note(input, CHECK_CAPTURE_SECRETS_UNUSED, NULL,
               "the capture carries secrets of type %s; only TLS is decrypted", name);
}

/* Of a text that is cut, or stated longer than its block, the lines that are whole. */
static struct span whole_lines(struct span text)
{
    while (text.len > 0 && text.ptr[text.len - 1] != '\n') {
        text.len--;
    }
    return text;
}

int pcapng_read_secrets(struct input *input, struct block *block, struct packet *packet,
                        struct err *err)
{
    (void)packet, (void)err;
    struct pcapng *pcapng = input->state;
    struct cur cur = cur_of(block->body);
    const uint8_t *fixed = cur_take(&cur, 8).ptr;
    uint32_t type = load_u32(fixed, block->big);
    size_t len = load_u32(fixed + 4, block->big);
    struct span text = cur_take(&cur, num_min_size(len, cur_left(&cur)));
    pcapng->secrets += block->len;
    if (type != SECRETS_TLS) {
        tell_unused(input, type);
        return BLOCK_TAKEN;
    }
    text = text.len < len ? whole_lines(text) : text;
    if (text.len > 0) {
        input->options.on_secrets(input->options.ctx, text);
    }
    return BLOCK_TAKEN;
}
