#include "input/filter.h"

#include <pcap/pcap.h>
#include <string.h>

/* Octets of a packet that a filter is compiled for. */
#define FILTER_SNAP_LEN 262144

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW      101 /* the one number that libpcap's functions call otherwise */

struct program {
    uint16_t link_type;
    struct bpf_program code;
};

struct filter {
    struct mem *mem;
    const char *expression;
    struct program *programs; /* a link type each; few */
    size_t count, cap;
    size_t recent;
};

/* Compiles the expression for a link type; false with libpcap's words. */
static bool compile(const char *expression, uint16_t link_type, struct bpf_program *code, char *why,
                    size_t why_len)
{
    int dlt = link_type == LINKTYPE_RAW ? DLT_RAW : link_type;
    pcap_t *pcap = pcap_open_dead(dlt, FILTER_SNAP_LEN);
    bool done = pcap != NULL && pcap_compile(pcap, code, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!done) {
        (void)snprintf(why, why_len, "%s", pcap != NULL ? pcap_geterr(pcap) : "out of memory");
    }
    if (pcap != NULL) {
        pcap_close(pcap);
    }
    return done;
}

enum rc filter_new(struct mem *mem, const char *expression, struct filter **filter, struct err *err)
{
    struct bpf_program code;
    char why[PCAP_ERRBUF_SIZE], other[PCAP_ERRBUF_SIZE];
    /* Some expressions are of Ethernet, some of IP alone; one of neither is of nothing. */
    if (!compile(expression, LINKTYPE_ETHERNET, &code, why, sizeof why) &&
        !compile(expression, LINKTYPE_RAW, &code, other, sizeof other)) {
        return err_set(err, RC_USAGE, "-f \"%.200s\": %s", expression, why);
    }
    pcap_freecode(&code);
    struct filter *made = mem_zalloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    made->mem = mem;
    made->expression = expression;
    *filter = made;
    return RC_OK;
}

void filter_free(struct filter *filter)
{
    if (filter == NULL) {
        return;
    }
    for (size_t i = 0; i < filter->count; i++) {
        pcap_freecode(&filter->programs[i].code);
    }
    mem_free(filter->mem, filter->programs);
    mem_free(filter->mem, filter);
}

static enum rc add_program(struct filter *filter, uint16_t link_type, struct err *err)
{
    char why[PCAP_ERRBUF_SIZE];
    if (filter->count == filter->cap) {
        size_t cap = filter->cap == 0 ? 4 : filter->cap * 2;
        struct program *programs =
            mem_realloc(filter->mem, filter->programs, cap * sizeof *programs);
        if (programs == NULL) {
            return err_set(err, RC_NOMEM, "out of memory");
        }
        filter->programs = programs;
        filter->cap = cap;
    }
    struct program *program = &filter->programs[filter->count];
    program->link_type = link_type;
    if (!compile(filter->expression, link_type, &program->code, why, sizeof why)) {
        return err_set(err, RC_USAGE, "-f \"%.200s\" on packets of link type %u: %s",
                       filter->expression, (unsigned)link_type, why);
    }
    filter->recent = filter->count++;
    return RC_OK;
}

static bool is_recent(const struct filter *filter, uint16_t link_type)
{
    return filter->recent < filter->count &&
           filter->programs[filter->recent].link_type == link_type;
}

int filter_passes(struct filter *filter, const struct packet *packet, struct err *err)
{
    for (size_t i = 0; i < filter->count && !is_recent(filter, packet->link_type); i++) {
        filter->recent = i;
    }
    if (!is_recent(filter, packet->link_type)) {
        enum rc rc = add_program(filter, packet->link_type, err);
        if (rc != RC_OK) {
            return rc;
        }
    }
    struct pcap_pkthdr header = { .caplen = (bpf_u_int32)packet->octets.len,
                                  .len = (bpf_u_int32)packet->wire_len };
    return pcap_offline_filter(&filter->programs[filter->recent].code, &header,
                               packet->octets.ptr) != 0;
}
