/* Live capture. Order of the calls and the figures: capture-layer 1.6. */
#include "input/live.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "input/input_int.h"

/* libpcap hands out what came within that time at once. */
#define BATCH_MS 100

/* How long before now a packet may have come that was not handed out yet. */
#define LAG_NS (2 * BATCH_MS * UINT64_C(1000000))

#define STATS_NS UINT64_C(10000000000)
#define NS_PER_S UINT64_C(1000000000)

/* With a slot of fixed size for each packet of "any", 64 MiB are enough for a thousand of these,
 * which hold a packet of 65535 octets and its headers, but for 256 of the usual length. */
#define SLOT_SNAP_LEN 65600

struct live {
    pcap_t *pcap;
    int fd; /* to wait on */
    int stop_fd;
    void (*on_tick)(void *ctx, uint64_t now_ns);
    uint16_t link_type;
    bool nanoseconds;
    bool drained; /* there was no packet when libpcap was asked last */
    bool stopping;
    uint64_t stop_ns;  /* when it was asked to */
    uint64_t stats_ns; /* when the kernel was asked for its counts */
    uint64_t tick_ns;
    uint64_t received; /* by the kernel's count */
    struct pos last;   /* the newest packet */
};

static uint64_t now(void)
{
    struct timespec ts = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- the interfaces there are ---- */

static void describe(const pcap_if_t *interface, char *about, size_t len)
{
    static const struct {
        bpf_u_int32 flag;
        const char *word;
    } words[] = { { PCAP_IF_UP, "up" },
                  { PCAP_IF_RUNNING, "running" },
                  { PCAP_IF_LOOPBACK, "loopback" },
                  { PCAP_IF_WIRELESS, "wireless" } };
    size_t used = 0;
    about[0] = '\0';
    for (size_t i = 0; i < H2D_COUNT_OF(words); i++) {
        if ((interface->flags & words[i].flag) != 0 && used < len) {
            int put =
                snprintf(about + used, len - used, "%s%s", used > 0 ? ", " : "", words[i].word);
            used += put > 0 ? (size_t)put : 0;
        }
    }
    if (interface->description != NULL && used < len) {
        (void)snprintf(about + used, len - used, "%s%s", used > 0 ? ": " : "",
                       interface->description);
    }
}

enum rc live_interfaces(void (*each)(void *ctx, const char *name, const char *about), void *ctx,
                        struct err *err)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_if_t *all = NULL;
    if (pcap_findalldevs(&all, why) != 0) {
        return err_set(err, RC_IO, "the interfaces cannot be listed: %s", why);
    }
    for (const pcap_if_t *at = all; at != NULL; at = at->next) {
        char about[200];
        describe(at, about, sizeof about);
        each(ctx, at->name, about);
    }
    pcap_freealldevs(all);
    return RC_OK;
}

struct names {
    size_t used;
    char text[300];
};

/* Those that are up, as far as they fit; libpcap puts pseudo-devices last, and calls them down. */
static void add_name(void *ctx, const char *name, const char *about)
{
    struct names *names = ctx;
    size_t len = strlen(name);
    bool usable = strncmp(about, "up", 2) == 0;
    if (usable && names->used + len + 3 < sizeof names->text) {
        int put = snprintf(names->text + names->used, sizeof names->text - names->used, "%s%s",
                           names->used > 0 ? ", " : "", name);
        names->used += put > 0 ? (size_t)put : 0;
    }
}

/* ---- opening ---- */

static enum rc no_such_interface(const char *name, struct err *err)
{
    struct names names = { 0 };
    (void)!live_interfaces(add_name, &names, NULL);
    return err_set(err, RC_IO, "no interface \"%.60s\"; available: %s (list: h2dump -D)", name,
                   names.used > 0 ? names.text : "none");
}

static enum rc cannot_capture(const struct live_options *options, pcap_t *pcap, int code,
                              struct err *err)
{
    const char *name = options->interface;
    switch (code) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return no_such_interface(name, err);
    case PCAP_ERROR_IFACE_NOT_UP:
        return err_set(err, RC_IO, "interface %.60s is down", name);
    case PCAP_ERROR_PERM_DENIED:
        return err_set(err, RC_IO,
                       "cannot capture on %.60s: permission denied. Run as root, or: sudo setcap"
                       " cap_net_raw+ep $(which h2dump), or pipe: sudo tcpdump -U -s0 -w - tcp |"
                       " h2dump -",
                       name);
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return err_set(err, RC_IO,
                       "cannot capture on %.60s: no permission for promiscuous mode (without"
                       " --promisc it may do)",
                       name);
    default:
        return err_set(err, RC_IO, "cannot capture on %.60s: %s", name, pcap_geterr(pcap));
    }
}

static void set_up(pcap_t *pcap, const struct live_options *options)
{
    uint64_t snap_len = options->snap_len;
    uint64_t buffer = options->buffer_octets != 0 ? options->buffer_octets : LIVE_BUFFER_OCTETS;
    if (snap_len == 0) {
        bool slots = options->immediate && strcmp(options->interface, "any") == 0;
        snap_len = slots ? SLOT_SNAP_LEN : LIVE_SNAP_LEN;
    }
    /* They fail on a handle that is active already, and this one is not. */
    (void)pcap_set_snaplen(pcap, (int)snap_len);
    (void)pcap_set_promisc(pcap, options->promiscuous);
    (void)pcap_set_timeout(pcap, BATCH_MS);
    (void)pcap_set_immediate_mode(pcap, options->immediate);
    (void)pcap_set_buffer_size(pcap, (int)buffer);
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
}

/* On "any" the newer of the two headers, which names the interface of each packet. */
static void choose_link_type(pcap_t *pcap)
{
    int *types = NULL;
    int count = pcap_list_datalinks(pcap, &types);
    if (pcap_datalink(pcap) != DLT_LINUX_SLL) {
        count = 0;
    }
    for (int i = 0; i < count; i++) {
        if (types[i] == DLT_LINUX_SLL2) {
            (void)pcap_set_datalink(pcap, DLT_LINUX_SLL2);
        }
    }
    if (types != NULL) {
        pcap_free_datalinks(types);
    }
}

static enum rc set_filter(pcap_t *pcap, const char *expression, struct err *err)
{
    struct bpf_program code;
    enum rc rc = RC_OK;
    if (pcap_compile(pcap, &code, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        return err_set(err, RC_USAGE, "-f \"%.200s\": %s", expression, pcap_geterr(pcap));
    }
    if (pcap_setfilter(pcap, &code) != 0) {
        rc = err_set(err, RC_IO, "-f \"%.200s\" cannot be set: %s", expression, pcap_geterr(pcap));
    }
    pcap_freecode(&code);
    return rc;
}

static enum rc activate(pcap_t *pcap, const struct live_options *options, void *ctx,
                        struct err *err)
{
    char why[PCAP_ERRBUF_SIZE];
    set_up(pcap, options);
    int code = pcap_activate(pcap);
    if (code < 0) {
        return cannot_capture(options, pcap, code, err);
    }
    if (code > 0 && options->on_warning != NULL) {
        const char *more = code == PCAP_WARNING ? pcap_geterr(pcap) : pcap_statustostr(code);
        options->on_warning(ctx, more);
    }
    choose_link_type(pcap);
    if (options->filter != NULL) {
        enum rc rc = set_filter(pcap, options->filter, err);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (pcap_setnonblock(pcap, 1, why) != 0) {
        return err_set(err, RC_IO, "cannot capture on %.60s: %s", options->interface, why);
    }
    return RC_OK;
}

extern const struct input_ops input_live;

static enum rc adopt(struct input *input, pcap_t *pcap, const struct live_options *options,
                     struct err *err)
{
    struct live *live = mem_zalloc(input->mem, 1, sizeof *live);
    if (live == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    int link_type = pcap_datalink(pcap);
    *live = (struct live){
        .pcap = pcap,
        .fd = pcap_get_selectable_fd(pcap),
        .stop_fd = options->stop_fd,
        .on_tick = options->on_tick,
        .link_type = (uint16_t)(link_type == DLT_RAW ? 101 : link_type), /* as files have it */
        .nanoseconds = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO,
        .stats_ns = now(),
    };
    input->state = live;
    input->ops = &input_live;
    return RC_OK;
}

enum rc input_open_live(struct mem *mem, const struct live_options *live,
                        const struct input_options *options, struct input **input, struct err *err)
{
    char why[PCAP_ERRBUF_SIZE];
    struct input *made = input_new(mem, live->interface, options);
    if (made == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    bytesrc_open_memory(&made->src, mem, span_empty());
    pcap_t *pcap = pcap_create(live->interface, why);
    enum rc rc = pcap != NULL
                     ? activate(pcap, live, made->options.ctx, err)
                     : err_set(err, RC_IO, "cannot capture on %.60s: %s", live->interface, why);
    if (rc == RC_OK) {
        rc = adopt(made, pcap, live, err);
    }
    if (rc == RC_OK) {
        *input = made;
        return RC_OK;
    }
    if (pcap != NULL) {
        pcap_close(pcap);
    }
    input_close(made);
    return rc;
}

static void live_close(struct input *input)
{
    struct live *live = input->state;
    pcap_close(live->pcap);
    mem_free(input->mem, live);
}

/* ---- counts ---- */

/* 0 may mean that it is not known (pcap_stats(3pcap)). */
static void ask_kernel(struct input *input, uint64_t at)
{
    struct live *live = input->state;
    struct pcap_stat stat;
    live->stats_ns = at;
    if (pcap_stats(live->pcap, &stat) != 0) {
        return;
    }
    uint64_t before = input->stats.kernel_drops + input->stats.interface_drops;
    live->received = stat.ps_recv;
    input->stats.kernel_drops = stat.ps_drop;
    input->stats.interface_drops = stat.ps_ifdrop;
    uint64_t lost = input->stats.kernel_drops + input->stats.interface_drops;
    if (lost > before) {
        input_note(input, CHECK_CAPTURE_DROPS, live->last.packet > 0 ? &live->last : NULL,
                   "%" PRIu64 " packet%s lost by now, %" PRIu64
                   " of them since this was asked before; gaps follow from it",
                   lost, lost == 1 ? "" : "s", lost - before);
    }
}

uint64_t input_live_received(const struct input *input)
{
    const struct live *live = input->state;
    return input->ops == &input_live ? live->received : 0;
}

/* ---- packets ---- */

static uint64_t time_of(const struct live *live, const struct pcap_pkthdr *header)
{
    uint64_t part = (uint64_t)header->ts.tv_usec * (live->nanoseconds ? 1 : 1000);
    return (uint64_t)header->ts.tv_sec * NS_PER_S + part;
}

static void fill(struct input *input, struct packet *packet, const struct pcap_pkthdr *header,
                 const uint8_t *octets)
{
    struct live *live = input->state;
    packet->pos = (struct pos){ .packet = ++input->stats.packets,
                                .ts_ns = time_of(live, header),
                                .ts_known = true };
    packet->link_type = live->link_type;
    packet->if_id = 0;
    packet->octets = (struct span){ octets, header->caplen };
    packet->wire_len = header->len < header->caplen ? header->caplen : header->len;
    packet->fcs_len = 0;
    packet->ts_digits = live->nanoseconds ? 9 : 6;
    packet_plain(packet);
    live->last = packet->pos;
    input->src.end_off += header->caplen; /* as if its empty window had moved over them */
}

static bool may_read(int fd)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    return fd >= 0 && poll(&ready, 1, 0) > 0;
}

/* Asked to stop: what came before that is still handed out. */
static void look_for_stop(struct live *live, uint64_t at)
{
    if (!live->stopping && may_read(live->stop_fd)) {
        live->stopping = true;
        live->stop_ns = at;
    }
}

/* What is done by the clock, whether packets come or not. */
static uint64_t look_around(struct input *input)
{
    struct live *live = input->state;
    uint64_t at = now();
    look_for_stop(live, at);
    if (at > live->stats_ns + STATS_NS) {
        ask_kernel(input, at);
    }
    if (live->on_tick != NULL && at > live->tick_ns + BATCH_MS * UINT64_C(1000000)) {
        live->tick_ns = at;
        /* No packet is missing yet that came before this one, or that long before now. */
        bool behind = live->last.packet > 0 && live->last.ts_ns < at - LAG_NS && !live->drained;
        live->on_tick(input->options.ctx, behind ? live->last.ts_ns : at - LAG_NS);
    }
    return at;
}

/* Nothing is there now. False: nothing will come. */
static bool wait_for_more(struct input *input, uint64_t at)
{
    struct live *live = input->state;
    struct pollfd fds[2] = { { .fd = live->fd, .events = POLLIN },
                             { .fd = live->stopping ? -1 : live->stop_fd, .events = POLLIN } };
    if (live->stopping && at > live->stop_ns + LAG_NS) {
        return false;
    }
    if (input->options.before_wait != NULL) {
        input->options.before_wait(input->options.ctx);
    }
    (void)poll(fds, 2, BATCH_MS);
    return true;
}

static enum rc ended(struct input *input)
{
    ask_kernel(input, now());
    return RC_END;
}

/* A batch is looked through without asking for the time; the clock is read when a batch ends, and
 * at least every so many packets. */
#define LOOK_PACKETS 256

static enum rc live_next(struct input *input, struct packet *packet, struct err *err)
{
    struct live *live = input->state;
    for (;;) {
        struct pcap_pkthdr *header;
        const uint8_t *octets;
        int got = pcap_next_ex(live->pcap, &header, &octets);
        if (got < 0) {
            ask_kernel(input, now());
            input->stats.cut = true;
            return input_err(input, err, RC_DAMAGED, "capturing failed: %s; %s read",
                             pcap_geterr(live->pcap),
                             input_packets_text(input->stats.packets).text);
        }
        live->drained = got == 0;
        if (got == 0 || input->stats.packets % LOOK_PACKETS == 0) {
            uint64_t at = look_around(input);
            if (got == 0 && !wait_for_more(input, at)) {
                return ended(input);
            }
        }
        if (got > 0 && live->stopping && time_of(live, header) > live->stop_ns) {
            return ended(input);
        }
        if (got > 0) {
            fill(input, packet, header, octets);
            return RC_OK;
        }
    }
}

const struct input_ops input_live = {
    .name = "live", .kind = INPUT_PACKETS, .next = live_next, .close = live_close
};

const char *live_library(const char **version)
{
    const char *text = pcap_lib_version(); /* "libpcap version 1.10.3 (with TPACKET_V3)" */
    const char *at = strstr(text, "version ");
    *version = at != NULL ? at + 8 : text;
    return "libpcap";
}
