/* Any octets as an input: whatever format they turn out to be, what can be read is read to the end,
 * numbers rise, lengths fit, what is told beside them ends, and an error has a text. Packets go on
 * into the network layer. */
#include "listener.h"

#include "input/input.h"

static enum rc read_packets(struct input *input, struct net *net, struct err *err)
{
    struct packet packet;
    uint64_t number = 0;
    enum rc rc;
    do {
        rc = input_next_packet(input, &packet, err);
        assert(packet.octets.ptr != NULL);
        if (rc == RC_OK || (rc == RC_DAMAGED && packet.octets.len > 0)) {
            assert(packet.comment_count == 0 || packet.comments != NULL);
            assert(packet.pos.packet > number && packet.octets.len <= packet.wire_len);
            number = packet.pos.packet;
            int answer = net_packet(net, &packet);
            assert(answer == 0);
        }
    } while (rc == RC_OK);
    assert(input_stats(input)->cut == (rc != RC_END));
    return rc;
}

static enum rc read_octets(struct input *input, size_t *octets, struct err *err)
{
    struct span got;
    enum rc rc;
    assert(input_peek(input).len <= 64);
    while ((rc = input_next_octets(input, &got, err)) == RC_OK) {
        assert(got.len > 0);
        *octets += got.len;
    }
    return rc;
}

/* What a capture tells beside its packets is text that ends, and secrets are in lines. */
static void on_note(void *ctx, const struct finding *note)
{
    size_t *told = ctx;
    assert(note->check < CHECK_COUNT && note->first.packet == note->last.packet);
    *told += strlen(note->message);
}

static void on_secrets(void *ctx, struct span text)
{
    size_t *told = ctx;
    assert(text.len > 0);
    for (size_t i = 0; i < text.len; i++) {
        *told += text.ptr[i] == '\n';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    struct mem mem;
    struct input *input = NULL;
    struct err err = { .rc = RC_OK };
    size_t read = 0, told = 0;
    struct input_options options = { .on_note = on_note, .on_secrets = on_secrets, .ctx = &told };
    mem_init(&mem, 0);
    struct net *net = listener_net(&mem, len % 4);
    size_t used = mem.used;
    enum rc rc = input_open_memory(&mem, len > 0 ? span_of(octets, len) : span_empty(), "x",
                                   &options, &input, &err);
    if (rc == RC_OK) {
        rc = input_kind(input) == INPUT_PACKETS ? read_packets(input, net, &err)
                                                : read_octets(input, &read, &err);
        assert(rc == RC_END || rc == RC_DAMAGED);
        input_close(input);
    } else {
        assert(rc == RC_FORMAT && input == NULL && mem.used == used);
    }
    assert((rc == RC_END) == (err.text[0] == '\0'));
    listener_end(net, &mem, 0);
    return 0;
}
