#include "app/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/checking.h"
#include "app/secrets.h"

void others_add(struct others *others, const char *name, uint64_t count, uint64_t looked)
{
    for (size_t i = 0; i < others->count; i++) {
        if (strcmp(others->rows[i].name, name) == 0) {
            others->rows[i].count += count;
            others->rows[i].looked += looked;
            return;
        }
    }
    if (others->count < OTHERS_MAX) {
        others->rows[others->count++] = (struct named_count){ name, count, looked };
    }
}

static int by_count_then_name(const void *a, const void *b)
{
    const struct named_count *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

void others_sort(struct others *others)
{
    qsort(others->rows, others->count, sizeof(others->rows[0]), by_count_then_name);
}

void report_line(struct out *messages, const char *text)
{
    out_text(messages, "h2dump: ");
    out_escaped(messages, span_str(text));
    out_char(messages, '\n');
    out_flush(messages);
}

/* A line about the input, made in memory: reports of --check repeat it. */
static void begin_line(const struct run *run)
{
    out_forget(run->line);
}

static void end_line(struct run *run)
{
    out_char(run->line, '\0');
    const char *text = (const char *)out_memory(run->line).ptr;
    out_text(run->messages, "h2dump: ");
    out_escaped(run->messages, span_str(run->report.name));
    out_text(run->messages, ": ");
    out_text(run->messages, text);
    out_char(run->messages, '\n');
    out_flush(run->messages);
    checking_input_said(run, text);
}

/* ---- what was seen ---- */

/* How a name is put into a sentence, where "<count> <name>" alone would not do. */
struct phrase {
    const char *name, *one, *many, *advice;
};

static const struct phrase phrases[] = {
    { "TLS", "TLS connection without keys", "TLS connections without keys", "" },
    { "QUIC", "QUIC flow", "QUIC flows", " (HTTP/3 is not supported)" },
    { "joined late", "connection joined late and not recognised",
      "connections joined late and not recognised", "" },
    { "unknown", "connection of an unknown protocol", "connections of unknown protocols", "" },
    { "no frame", "connection taken for HTTP/2 in which no frame was found",
      "connections taken for HTTP/2 in which no frame was found", "" },
    { "other port", "connection on another port", "connections on other ports", " (--only-port)" },
    { "memory limit", "connection not followed for want of memory",
      "connections not followed for want of memory", "" },
    { "HTTP proxy tunnel (CONNECT)", "HTTP proxy request (CONNECT) that came to nothing known",
      "HTTP proxy requests (CONNECT) that came to nothing known", "" },
    { "SOCKS", "SOCKS request that came to nothing known",
      "SOCKS requests that came to nothing known", "" },
    { "PROXY protocol", "connection with a PROXY header and nothing known behind it",
      "connections with PROXY headers and nothing known behind them", "" },
    { "UDP packet", "UDP packet", "UDP packets", "" },
    { "fragment", "IP fragment", "IP fragments", " (of datagrams that never became whole)" },
    { "IPsec ESP", "packet of an IPsec tunnel", "packets of IPsec tunnels", " (encrypted)" },
    { "WireGuard", "packet of a WireGuard tunnel", "packets of WireGuard tunnels", " (encrypted)" },
    { "L2TP", "packet of an L2TP tunnel", "packets of L2TP tunnels", " (not followed)" },
    { "no TCP", "packet without TCP", "packets without TCP", "" },
    { "no payload", "TCP packet without payload", "TCP packets without payload", "" },
};

static void put_part(struct out *out, bool *first, const char *name, uint64_t count,
                     uint64_t looked)
{
    const struct phrase *phrase = NULL;
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(phrases); i++) {
        if (strcmp(phrases[i].name, name) == 0) {
            phrase = &phrases[i];
        }
    }
    out_text(out, *first ? ": " : ", ");
    *first = false;
    out_u64(out, count);
    out_char(out, ' ');
    out_text(out, phrase == NULL ? name : count == 1 ? phrase->one : phrase->many);
    out_text(out, phrase == NULL ? "" : phrase->advice);
    if (looked > 0) {
        out_printf(out, " (%" PRIu64 " octets looked at)", looked);
    }
}

static void say_none_found(struct run *run, const struct net_stats *net)
{
    const struct input_report *report = &run->report;
    struct out *out = run->line;
    bool first = true;
    begin_line(run);
    out_text(out, "no HTTP/2 found");
    if (net != NULL) {
        out_text(out, " in ");
        out_u64(out, report->packets);
        out_text(out, report->packets == 1 ? " packet" : " packets");
    }
    if (run->filter != NULL) {
        out_text(out, ", of which ");
        out_u64(out, report->packets - report->filtered);
        out_text(out, " passed filter \"");
        out_escaped(out, span_str(run->options->filter));
        out_char(out, '"');
    }
    for (size_t i = 0; i < report->others.count; i++) {
        const struct named_count *row = &report->others.rows[i];
        put_part(out, &first, row->name, row->count, row->looked);
    }
    put_part(out, &first, "other port", report->other_ports, 0);
    if (net != NULL) {
        put_part(out, &first, "QUIC", net->quic_flows, 0);
        put_part(out, &first, "fragment", net->fragments_lost, 0);
        for (int kind = 0; kind < TUNNEL_KINDS; kind++) {
            put_part(out, &first, net_tunnel_name((enum tunnel_kind)kind), net->opaque[kind], 0);
        }
        if (first) {
            put_part(out, &first, "no payload", net->tcp_packets, 0);
            put_part(out, &first, "UDP packet", net->udp_packets, 0);
            put_part(out, &first, "no TCP", net->other_packets + net->not_ip + net->malformed, 0);
        }
    }
    end_line(run);
}

static void say_unsupported_links(struct run *run, const struct net_stats *net)
{
    for (size_t i = 0; i < net->unsupported_count; i++) {
        const char *name = net_link_type_name(net->unsupported[i].link_type);
        begin_line(run);
        out_printf(run->line, "link type %u", (unsigned)net->unsupported[i].link_type);
        if (name != NULL) {
            out_printf(run->line, " (%s)", name);
        }
        uint64_t packets = net->unsupported[i].packets;
        out_printf(run->line, " is not supported: %" PRIu64 " packet%s skipped", packets,
                   packets == 1 ? "" : "s");
        end_line(run);
    }
}

/* More than nine tenths of the payload were never written to the file. */
static bool payload_is_cut(const struct net_stats *net)
{
    return net->payload_cut_octets > net->payload_octets / 10 * 9;
}

/* With --check-sums only. */
static void say_wrong_sums(struct run *run, const struct net_stats *net)
{
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {
        { net->wrong_ip_sums, "a wrong IP checksum" },
        { net->wrong_tcp_sums, "a wrong TCP checksum" },
        { net->unset_tcp_sums, "a TCP checksum that was left to the network card" },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].count > 0) {
            begin_line(run);
            out_printf(run->line, "%" PRIu64 " packet%s %s", rows[i].count,
                       rows[i].count == 1 ? " has" : "s have", rows[i].what);
            end_line(run);
        }
    }
}

void report_input(struct run *run, const struct net_stats *net, bool whole)
{
    if (net != NULL) {
        say_wrong_sums(run, net);
    }
    const struct input_report *report = &run->report;
    others_sort(&run->report.others);
    secrets_report(run);
    if (net != NULL && report->packets == 0) {
        if (whole) {
            begin_line(run);
            out_text(run->line, run->options->interface != NULL ? "no packet was captured"
                                                                : "valid capture with no packets");
            end_line(run);
        }
    } else if (net != NULL && payload_is_cut(net)) {
        say_unsupported_links(run, net);
        begin_line(run);
        out_printf(run->line,
                   "payload is not in the file: packets were cut to %zu octets at capture time "
                   "(use -s 0 there)",
                   report->cut_to);
        end_line(run);
    } else if (report->http2 == 0) {
        if (net != NULL) {
            say_unsupported_links(run, net);
        }
        if (net == NULL || net->unsupported_count == 0 || net->tcp_packets > 0) {
            say_none_found(run, net);
        }
    } else if (net != NULL) {
        say_unsupported_links(run, net);
    }
}

enum exit_code report_exit(const struct run *run)
{
    if (run->unusable || run->out_of_memory) {
        return EXIT_UNUSABLE;
    }
    if (run->check != NULL) {
        return run->http2 == 0        ? EXIT_UNUSABLE /* a build must not pass on nothing */
               : checking_failed(run) ? EXIT_FINDINGS
               : run->damaged || checking_too_tainted(run) ? EXIT_CUT
                                                           : EXIT_DECODED;
    }
    if (run->damaged) {
        return EXIT_CUT;
    }
    return run->http2 > 0 ? EXIT_DECODED : EXIT_NONE_FOUND;
}
