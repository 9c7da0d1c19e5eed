#include "app/options_int.h"

#include <stdlib.h>
#include <string.h>

#include "app/options_capture.h"
#include "app/options_int.h"
#include "app/suggest.h"
#include "spec/limits.h"

bool options_port_in(const uint8_t *set, uint16_t port)
{
    return (set[port / 8] >> (port % 8) & 1) != 0;
}

static void port_add(uint8_t *set, uint16_t port)
{
    set[port / 8] = (uint8_t)(set[port / 8] | 1u << (port % 8));
}

static enum rc read_ports(const char *name, const char *value, bool list, uint8_t *set,
                          struct err *err)
{
    const char *at = value;
    for (;;) {
        size_t len = list ? strcspn(at, ",") : strlen(at);
        uint64_t port;
        if (!options_read_number(at, len, 65535, &port) || port == 0) {
            return err_set(err, RC_USAGE, "%s %s: not a TCP port (1 to 65535%s)", name, value,
                           list ? ", several with commas between" : "");
        }
        port_add(set, (uint16_t)port);
        if (at[len] == '\0') {
            return RC_OK;
        }
        at += len + 1;
    }
}

/* ---- what each flag records ---- */

static enum rc apply_raw(struct app_options *o, const char *name, const char *value,
                         struct err *err)
{
    (void)name, (void)value, (void)err;
    o->raw = true;
    return RC_OK;
}

static enum rc apply_from(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    static const struct choices senders = { "sender", { "client", "server" }, 2 };
    unsigned chosen;
    enum rc rc = options_choose(&senders, name, value, &chosen, err);
    if (rc == RC_OK) {
        o->from = chosen == 0 ? FROM_CLIENT : FROM_SERVER;
        o->raw = true;
    }
    return rc;
}

static enum rc apply_c2s(struct app_options *o, const char *name, const char *value,
                         struct err *err)
{
    (void)name, (void)err;
    o->c2s = value;
    return RC_OK;
}

static enum rc apply_s2c(struct app_options *o, const char *name, const char *value,
                         struct err *err)
{
    (void)name, (void)err;
    o->s2c = value;
    return RC_OK;
}

static enum rc apply_read(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    (void)name, (void)err;
    /* argv gives and takes: there are never more files than words read so far. */
    memcpy(&o->files[o->file_count++], &value, sizeof(value));
    return RC_OK;
}

static enum rc apply_port(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    return read_ports(name, value, false, o->ports, err);
}

static enum rc apply_only_port(struct app_options *o, const char *name, const char *value,
                               struct err *err)
{
    o->only_ports_given = true;
    return read_ports(name, value, true, o->only_ports, err);
}

static enum rc apply_keylog(struct app_options *o, const char *name, const char *value,
                            struct err *err)
{
    if (o->keylog_count == KEYLOGS_MAX) {
        return err_set(err, RC_USAGE, "%s %s: more than %d key logs", name, value, KEYLOGS_MAX);
    }
    o->keylogs[o->keylog_count++] = value;
    return RC_OK;
}

static enum rc apply_by(struct app_options *o, const char *name, const char *value, struct err *err)
{
    static const struct choices views = { "view", { "frame", "callback" }, 2 };
    unsigned chosen = 0;
    enum rc rc = options_choose(&views, name, value, &chosen, err);
    o->view = chosen == 0 ? VIEW_FRAME : VIEW_CALLBACK;
    o->view_given = true;
    return rc;
}

static enum rc apply_format(struct app_options *o, const char *name, const char *value,
                            struct err *err)
{
    static const struct choices formats = { "format", { "text", "json" }, 2 };
    unsigned chosen = 0;
    enum rc rc = options_choose(&formats, name, value, &chosen, err);
    o->format = chosen == 0 ? FORMAT_TEXT : FORMAT_JSON;
    return rc;
}

static enum rc apply_octets(struct app_options *o, const char *name, const char *value,
                            struct err *err)
{
    (void)name, (void)value, (void)err;
    o->octets = true;
    return RC_OK;
}

static enum rc apply_data(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    o->data_given = true;
    if (strcmp(value, "none") == 0) {
        o->data_octets = 0;
    } else if (strcmp(value, "all") == 0) {
        o->data_octets = RENDER_DATA_ALL;
    } else if (!options_read_size(value, &o->data_octets)) {
        return err_set(err, RC_USAGE, "%s %s: not a number of octets (none, N, all)", name, value);
    }
    return RC_OK;
}

static enum rc apply_time(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    static const struct choices times = { "time", { "relative", "delta", "absolute", "none" }, 4 };
    static const enum render_time meaning[] = { TIME_RELATIVE, TIME_DELTA, TIME_ABSOLUTE,
                                                TIME_NONE };
    unsigned chosen = 0;
    enum rc rc = options_choose(&times, name, value, &chosen, err);
    o->time = meaning[chosen];
    return rc;
}

static enum rc apply_color(struct app_options *o, const char *name, const char *value,
                           struct err *err)
{
    static const struct choices modes = { "choice", { "auto", "always", "never" }, 3 };
    static const enum color_mode meaning[] = { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
    unsigned chosen = 0;
    enum rc rc = options_choose(&modes, name, value, &chosen, err);
    o->color = meaning[chosen];
    return rc;
}

static enum rc apply_count(struct app_options *o, const char *name, const char *value,
                           struct err *err)
{
    if (!options_read_number(value, strlen(value), UINT64_MAX, &o->max_records) ||
        o->max_records == 0) {
        return err_set(err, RC_USAGE, "%s %s: not a number of records (1 or more)", name, value);
    }
    return RC_OK;
}

static enum rc apply_profile(struct app_options *o, const char *name, const char *value,
                             struct err *err)
{
    static const struct choices profiles = { "profile", { "observer", "endpoint" }, 2 };
    unsigned chosen = 0;
    enum rc rc = options_choose(&profiles, name, value, &chosen, err);
    o->profile = chosen == 0 ? H2_PROFILE_OBSERVER : H2_PROFILE_ENDPOINT;
    return rc;
}

static enum rc apply_deterministic(struct app_options *o, const char *name, const char *value,
                                   struct err *err)
{
    (void)name, (void)value, (void)err;
    o->deterministic = true;
    return RC_OK;
}

static enum rc apply_quiet(struct app_options *o, const char *name, const char *value,
                           struct err *err)
{
    (void)name, (void)value, (void)err;
    o->quiet = true;
    return RC_OK;
}

static enum rc apply_verbose(struct app_options *o, const char *name, const char *value,
                             struct err *err)
{
    (void)name, (void)value, (void)err;
    o->verbosity++;
    return RC_OK;
}

static enum rc apply_help(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    (void)value, (void)err;
    o->action = name[1] == '-' ? ACTION_HELP_LONG : ACTION_HELP_SHORT;
    return RC_OK;
}

static enum rc apply_version(struct app_options *o, const char *name, const char *value,
                             struct err *err)
{
    (void)name, (void)value, (void)err;
    o->action = ACTION_VERSION;
    return RC_OK;
}

/* ---- the table ---- */

static const struct flag flags[] = {
    { 'r', NULL, "FILE", "read FILE (same as giving it without -r)",
      "Reads FILE. The same as giving FILE without a flag; it is here for the habit. A single dash "
      "is standard input.",
      apply_read },
    { 'i', NULL, "IF", "capture live on interface IF ('any': all)",
      "Captures on a network interface until it is interrupted: the first SIGINT, SIGTERM or "
      "SIGHUP ends the capture as the end of a file would, a second SIGINT ends the program at "
      "once. Opening an interface takes root or the capability CAP_NET_RAW, which are given up "
      "before the first packet is read (see --user). The interface any is all of them.",
      apply_interface },
    { 'D', NULL, NULL, "list the interfaces, and exit",
      "Lists the interfaces that -i can name, with what is known of them.", apply_list_interfaces },
    { 'f', NULL, "BPF", "only packets that pass this filter",
      "Looks only at packets that pass a filter in the language of pcap-filter(7), of files and "
      "live; packet numbers still count all packets of a file. Such a filter does not look inside "
      "tunnels, \"port N\" misses packets with a VLAN tag unless it says \"vlan and port N\", and "
      "it does not match later fragments or follow IPv6 extension headers: --only-port, which is "
      "applied behind all these, is the better first choice.",
      apply_filter },
    { 'w', NULL, "FILE", "also write the packets of shown connections",
      "Also writes the packets of the connections that are shown to FILE, as a pcapng, with their "
      "comments and with the secrets that came along or were given by --keylog. Standard output "
      "(-) takes -q. While the protocol of a connection is not known its packets are held; what "
      "does not fit the limit for that is written rather than lost, and so are IP fragments. FILE "
      "must be no input, and root follows no symbolic link there.",
      apply_write },
    { 's', NULL, "N", "live: octets kept of each packet (262144)",
      "Live: keeps no more than N octets of each packet. What is cut off is a gap in the stream. 0 "
      "is the default, 262144.",
      apply_snap_len },
    { 'p', "promisc", NULL, "live: promiscuous mode (default off)",
      "Live: puts the interface into promiscuous mode, so that packets to others are captured, "
      "too.",
      apply_promiscuous },
    { 0, "buffer", "SIZE", "live: the kernel's buffer (64M)",
      "Live: the size of the kernel's buffer. When packets come faster than they are read for so "
      "long that it is full, they are dropped, and it is said how many.",
      apply_buffer },
    { 0, "immediate", NULL, "live: no batching (default on a terminal)",
      "Live: shows each packet as it comes. Otherwise packets come in batches of up to a tenth of "
      "a second, and fewer are dropped. It is the default when output is a terminal.",
      apply_immediate },
    { 0, "user", "NAME", "live: whom to become after opening",
      "Live: the user to become when the interface is open and root is no longer needed. The "
      "default is who called sudo, or nobody.",
      apply_user },
    { 0, "raw", NULL, "the input is a raw stream, whatever it looks like",
      "Takes the input as the octets of one direction of a connection, even if they look like "
      "nothing known. When they do not begin with a client preface or a SETTINGS frame, the first "
      "frame boundary is searched for.",
      apply_raw },
    { 0, "from", "client|server", "who sent the raw stream (default: content tells)",
      "Says who sent the raw stream; implies --raw. Without it the first octets tell: a client "
      "begins with its preface, a server with SETTINGS; where they do not tell, the client.",
      apply_from },
    { 0, "c2s", "FILE", "the client's half of one connection, with --s2c",
      "The octets that the client sent, as a raw stream; --s2c gives the other half. Raw streams "
      "carry no time, so the frames of both are put into an order in which each could have been "
      "caused by those before it: a SETTINGS or PING is there before its acknowledgement, a "
      "request before its response, and octets wait for the window that they need.",
      apply_c2s },
    { 0, "s2c", "FILE", "the server's half",
      "The octets that the server sent, as a raw stream; see --c2s.", apply_s2c },
    { 0, "port", "N", "take TCP port N as HTTP/2 (repeatable)",
      "Takes every connection to or from TCP port N as HTTP/2, also when it does not begin like "
      "HTTP/2; frames are shown from the first frame boundary that can be found. Repeatable. "
      "Without it, content decides and ports do not matter; that finds connections joined in the "
      "middle, too, unless they are too short or hold too few different frames.",
      apply_port },
    { 0, "only-port", "N,...", "look at no other TCP ports",
      "Looks only at connections that have one of these TCP ports at either end. Repeatable.",
      apply_only_port },
    { 0, "tunnel", "KIND=PORT", "a UDP tunnel on another port (vxlan=PORT)",
      "Takes UDP datagrams to this port as a tunnel: vxlan, vxlan-gpe, geneve, gtp-u or mpls. The "
      "usual ports (4789, 8472, 4790, 6081, 2152, 6635) are looked at without being named. "
      "Repeatable.",
      options_apply_tunnel },
    { 0, "no-tunnels", NULL, "outer headers only",
      "Looks into no tunnel: only connections between the outermost addresses are shown.",
      options_apply_no_tunnels },
    { 0, "all-views", NULL, "decode each view of a connection",
      "A connection that was captured under several addresses (before and after address "
      "translation, inside and outside of a tunnel) is decoded once: where it was seen first, with "
      "the other addresses mentioned. It is known by both sides' first sequence numbers, within a "
      "second. With this option each view is decoded.",
      options_apply_all_views },
    { 0, "check-sums", NULL, "mark wrong IP and TCP checksums",
      "Looks at the checksum of each IPv4 header and TCP segment that is wholly in the capture. "
      "A connection with a wrong one has a note, once, and the packets are counted on standard "
      "error; their octets are shown like all others. A checksum that the sending host left to its "
      "network card is told apart. Without this option checksums are not looked at.",
      options_apply_check_sums },
    { 0, "overlap", "first|last", "which octets win where segments overlap",
      "Where octets of a TCP segment came again with another content before they were shown: the "
      "first copy counts (default), or the last. The connection has a note either way.",
      options_apply_overlap },
    { 0, "hole-wait", "TIME", "wait for a lost segment so long (default 10s)",
      "How long, in the time of the capture, a TCP segment that nobody acknowledged is waited for "
      "before what follows it is shown: a number with ms, s or m. A segment that the receiver "
      "acknowledged but the capture lacks is never waited for longer than 200 ms.",
      options_apply_hole_wait },
    { 0, "tcp-buffer", "SIZE", "octets queued a direction (default 4M)",
      "How many octets of one direction are queued behind a missing segment before it is given up. "
      "SIZE may end in k, M or G (powers of 1024).",
      options_apply_tcp_buffer },
    { 0, "sync-limit", "SIZE", "octets searched for a frame boundary (default 1M)",
      "How many octets of a direction are searched for a frame boundary, where a connection was "
      "joined in the middle and after a hole. SIZE may end in k, M or G (powers of 1024). A "
      "connection joined in the middle in which none is found is given up; in one that is known "
      "to be HTTP/2 the search begins anew.",
      options_apply_sync_limit },
    { 0, "max-flows", "N", "connections followed at a time (default 65536)",
      "How many TCP connections are followed at a time. When there are more, one that has ended "
      "goes first, then one that is not HTTP/2, then the one that was silent longest.",
      options_apply_max_flows },
    { 0, "memory", "SIZE", "octets queued in all (default 256M)",
      "How many octets are queued behind missing segments in all connections together, and as much "
      "again for HTTP/2 state. SIZE may end in k, M or G.",
      options_apply_memory },
    { 0, "keylog", "FILE", "secrets to decrypt TLS with (repeatable)",
      "Reads FILE, a key log as clients and servers write it when they are asked to (most when the "
      "environment variable SSLKEYLOGFILE names a file), and decrypts the TLS connections whose "
      "secrets are in it. Repeatable. Secrets that a pcapng carries are used without being asked "
      "for; SSLKEYLOGFILE itself is never looked at.",
      apply_keylog },
    { 0, "max-headers", "N", "fields shown per block (default 1000)",
      "How many fields of a field block are shown (1 to 65536), of at most 256 KiB in all. The "
      "others are decoded, judged and counted.",
      apply_max_headers },
    { 0, "max-table", "SIZE", "HPACK table kept (default 64k)",
      "How many octets of a dynamic table are kept, for each direction. Fields that rest "
      "on entries beyond are shown as forgotten. SIZE may end in k, M or G.",
      apply_max_table },
    { 0, "hpack-table", "N", "late join: no dynamic table is larger than N octets",
      "Where the capture does not say how large a dynamic table may be, because the connection was "
      "joined in its middle or SETTINGS were lost, no table is taken to be larger than N octets. "
      "With it a state that is complete under the usual assumptions (full?) becomes complete "
      "(full). When a field shows that a table is larger, that counts. N may end in k, M or G.",
      apply_hpack_table },
    { 0, "hpack-hint", "[CONN.DIR.]pre:9='NAME: VALUE'", "late join: what you know of an entry",
      "Says what a table entry holds that was not seen: pre:9, or lost1:9, as the fields that rest "
      "on it are shown. In front of it may stand a connection and a direction, as in 2.s2c.pre:9; "
      "without them it is the first connection's client. Such fields are shown as inferred, and a "
      "hint never overrules what is certain. Repeatable.",
      apply_hpack_hint },
    { 0, "by", "frame|callback", "what a record is (default frame)",
      "The view: one record a frame, with all that was decoded from it, or one record a callback "
      "of the receive engine, in the order in which they were made.",
      apply_by },
    { 'T', NULL, "text|json", "the format (default text)",
      "The format of the output: text for people, or JSON, one object a line.", apply_format },
    { 'x', NULL, NULL, "name every octet of each frame",
      "Shows the octets of each frame with what each of them means, down to the representations "
      "of the header fields. In JSON: the key parts.",
      apply_octets },
    { 0, "data", "none|N|all", "how much of DATA to show (text 64, JSON none)",
      "How many octets of each DATA payload are shown. N may end in k, M or G (powers of 1024). "
      "The default is 64 in text and none in JSON.",
      apply_data },
    { 0, "time", "relative|delta|absolute|none", "the time column (default relative)",
      "The time column of text output: since the first packet of the capture, since the record "
      "before, the time of day in UTC, or nothing.",
      apply_time },
    { 0, "color", "auto|always|never", "colours (default: on a terminal)",
      "Whether text output is coloured. With auto it is when output is a terminal and the "
      "environment variable NO_COLOR is not set.",
      apply_color },
    { 0, "check", NULL, "report findings instead of traffic",
      "Reports what breaks the rules of HTTP/2 instead of the traffic: which rule, who broke it, "
      "in which packet, what the RFC has the receiver do, and what the other side did. Exits with "
      "1 when there is such a finding (see --fail-on).",
      apply_check },
    { 0, "fail-on", "error|warning|note|never", "which findings make the status 1 (error)",
      "The least severity of a finding that makes the exit status 1. Only what the octets alone "
      "prove is of severity error, so that no flaw of a capture can fail a build. Implies --check.",
      apply_fail_on },
    { 0, "only", "ID,...", "look for these findings alone",
      "Looks only for these findings, also those that are off by default. An ID may end in *, or "
      "be a group: default, all, info (legal, worth showing), reactions (whether the other side "
      "did its part about a violation: to judge a peer under test). Repeatable. Implies --check.",
      apply_only },
    { 0, "ignore", "ID,...", "leave these findings out",
      "Leaves these findings out, as if the rule did not exist. An ID is as in --only. Repeatable. "
      "Implies --check.",
      apply_ignore },
    { 0, "list-checks", NULL, "list the findings, and exit",
      "Lists all findings that there are, with severity and title; with -T json as one record "
      "each.",
      apply_list_checks },
    { 0, "explain", "ID", "explain a finding, and exit",
      "Explains one finding: the rule, its source, what a receiver is to do, and what a fix looks "
      "like.",
      apply_explain },
    { 0, "baseline", "FILE", "accept the findings in FILE",
      "Accepts the findings that FILE lists: they are counted, but neither shown nor a reason to "
      "fail. Implies --check.",
      apply_baseline },
    { 0, "write-baseline", "FILE", "write the present findings to FILE",
      "Writes the findings of this run to FILE, for --baseline, and accepts them in this run, too. "
      "Implies --check.",
      apply_write_baseline },
    { 0, "max-tainted", "PERCENT", "exit 3 when more was judged in part",
      "Exits with 3 when more than this share of the frames could only be judged in part: octets "
      "of "
      "theirs, or in front of them, or of the other direction are not in the capture. Implies "
      "--check.",
      apply_max_tainted },
    { 0, "junit", "FILE", "write the findings as JUnit XML",
      "Writes the findings to FILE as JUnit XML, one test case a capture and rule; what kept the "
      "run from judging (exit 2 or 3) is an error there. Implies --check.",
      apply_junit },
    { 0, "sarif", "FILE", "write the findings as SARIF 2.1.0",
      "Writes the findings to FILE as SARIF 2.1.0; what kept the run from judging is a "
      "notification of its invocation. Implies --check.",
      apply_sarif },
    { 0, "github", NULL, "also write workflow annotations",
      "Writes annotations of a GitHub workflow to standard output: what kept the run from judging, "
      "the ten worst findings, and how many more there are. Implies --check.",
      apply_github },
    { 'c', NULL, "N", "stop after N records",
      "Stops after N records of the view. Connection headers, findings and the summary are not "
      "counted.",
      apply_count },
    { 0, "profile", "observer|endpoint", "what follows a violation (default observer)",
      "What happens after a rule is broken: observer reports it and goes on decoding, endpoint "
      "does exactly what a receiver that runs nghttp2_session_recv does: its callbacks, its "
      "actions, its return value, and then silence.",
      apply_profile },
    { 0, "deterministic", NULL, "a fixed hash seed, for tests",
      "Seeds hash tables with a constant. The output never depends on the seed; this is for "
      "measuring and testing.",
      apply_deterministic },
    { 'q', "quiet", NULL, "nothing on standard output",
      "Writes nothing to standard output; messages on standard error and the exit status stay.",
      apply_quiet },
    { 'v', "verbose", NULL, "more: packets, windows, how header fields came",
      "Shows more: packet numbers, flow-control windows, and how each header field was "
      "represented. In JSON: the keys window, repr, index, huffman and octets.",
      apply_verbose },
    { 'h', "help", NULL, "this list; --help with a paragraph for each",
      "Shows the flags: -h a line for each, --help a paragraph.", apply_help },
    { 'V', "version", NULL, "the version, and those of the libraries",
      "Shows the version of the program and of the libraries it runs with.", apply_version },
};

const struct flag *options_flag(size_t i)
{
    return i < H2D_COUNT_OF(flags) ? &flags[i] : NULL;
}

/* ---- parsing ---- */

static const struct flag *flag_by_letter(char letter)
{
    for (size_t i = 0; i < H2D_COUNT_OF(flags); i++) {
        if (flags[i].letter != 0 && flags[i].letter == letter) {
            return &flags[i];
        }
    }
    return NULL;
}

static const struct flag *flag_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < H2D_COUNT_OF(flags); i++) {
        const char *have = flags[i].name;
        if (have != NULL && strlen(have) == len && memcmp(have, name, len) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static enum rc unknown_name(const char *name, int len, struct err *err)
{
    char word[64];
    const char *names[H2D_COUNT_OF(flags)];
    size_t count = 0;
    for (size_t i = 0; i < H2D_COUNT_OF(flags); i++) {
        if (flags[i].name != NULL) {
            names[count++] = flags[i].name;
        }
    }
    const char *near = NULL;
    if ((size_t)len < sizeof(word)) {
        memcpy(word, name, (size_t)len);
        word[len] = '\0';
        near = suggest_nearest(word, names, count);
    }
    if (near != NULL) {
        return err_set(err, RC_USAGE, "unknown option --%.*s; did you mean --%s?", len, name, near);
    }
    return err_set(err, RC_USAGE, "unknown option --%.*s (h2dump -h lists all)", len, name);
}

/* --name, --name=VALUE, --name VALUE. *at is the word's number, and moves on past its value. */
static enum rc parse_long(struct app_options *o, int argc, char **argv, int *at, struct err *err)
{
    const char *word = argv[*at] + 2;
    size_t len = strcspn(word, "=");
    const struct flag *flag = flag_by_name(word, len);
    if (flag == NULL) {
        return unknown_name(word, len < 60 ? (int)len : 60, err);
    }
    char given[40];
    given[0] = given[1] = '-';
    memcpy(given + 2, word, len); /* it is the name of a row, so it is short */
    given[2 + len] = '\0';
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (flag->value == NULL && value != NULL) {
        return err_set(err, RC_USAGE, "%s takes no value (got '%s')", given, value);
    }
    if (flag->value != NULL && value == NULL) {
        if (*at + 1 >= argc) {
            return err_set(err, RC_USAGE, "%s needs a value: %s", given, flag->value);
        }
        value = argv[++*at];
    }
    return flag->apply(o, given, value, err);
}

/* -q, -qv, -TVALUE, -T VALUE. */
static enum rc parse_letters(struct app_options *o, int argc, char **argv, int *at, struct err *err)
{
    for (const char *p = argv[*at] + 1; *p != '\0'; p++) {
        const struct flag *flag = flag_by_letter(*p);
        if (flag == NULL) {
            const char *long_word = strlen(argv[*at]) > 2 ? argv[*at] + 1 : NULL;
            if (long_word != NULL && flag_by_name(long_word, strcspn(long_word, "=")) != NULL) {
                return err_set(err, RC_USAGE, "unknown option -%s; did you mean --%s?", long_word,
                               long_word);
            }
            return err_set(err, RC_USAGE, "unknown option -%c (h2dump -h lists all)", *p);
        }
        char given[3] = { '-', *p, '\0' };
        const char *value = NULL;
        if (flag->value != NULL) {
            if (p[1] != '\0') {
                value = p + 1;
            } else if (*at + 1 < argc) {
                value = argv[++*at];
            } else {
                return err_set(err, RC_USAGE, "%s needs a value: %s", given, flag->value);
            }
        }
        enum rc rc = flag->apply(o, given, value, err);
        if (rc != RC_OK || value != NULL) {
            return rc;
        }
    }
    return RC_OK;
}

/* What no single flag can see. */
static enum rc check_together(struct app_options *o, struct err *err)
{
    if ((o->c2s == NULL) != (o->s2c == NULL)) {
        return err_set(err, RC_USAGE,
                       "%s needs %s, too (for one half alone: h2dump --from=%s FILE)",
                       o->c2s != NULL ? "--c2s" : "--s2c", o->c2s != NULL ? "--s2c" : "--c2s",
                       o->c2s != NULL ? "client" : "server");
    }
    if (o->c2s != NULL && o->file_count > 0) {
        return err_set(err, RC_USAGE, "%s: no other file can go with --c2s and --s2c", o->files[0]);
    }
    if (o->c2s != NULL && strcmp(o->c2s, "-") == 0 && strcmp(o->s2c, "-") == 0) {
        return err_set(err, RC_USAGE, "--c2s and --s2c cannot both be standard input");
    }
    if (o->octets && o->view == VIEW_CALLBACK) {
        return err_set(err, RC_USAGE, "-x names the octets of a frame: it goes with --by frame");
    }
    enum rc rc = options_capture_together(o, err);
    return rc == RC_OK ? options_check_together(o, err) : rc;
}

enum rc options_parse(struct app_options *o, int argc, char **argv, struct err *err)
{
    memset(o, 0, sizeof(*o));
    o->files = argv;
    o->hole_wait_ms = LIMIT_HOLE_WAIT_UNACKED_MS;
    o->tcp_buffer = LIMIT_TCP_QUEUE_OCTETS;
    o->max_flows = LIMIT_FLOWS;
    o->memory = LIMIT_QUEUED_OCTETS;
    o->hpack_table = UINT32_MAX;
    o->max_table = LIMIT_HPACK_TABLE_OCTETS;
    o->max_headers = LIMIT_BLOCK_FIELDS_SHOWN;
    o->check.fail_on = SEVERITY_ERROR;
    o->sync_octets = LIMIT_SYNC_OCTETS;
    bool only_files = false;
    for (int at = 1; at < argc; at++) {
        enum rc rc = RC_OK;
        const char *word = argv[at];
        if (only_files || word[0] != '-' || word[1] == '\0') {
            rc = apply_read(o, word, word, err);
        } else if (strcmp(word, "--") == 0) {
            only_files = true;
        } else if (word[1] == '-') {
            rc = parse_long(o, argc, argv, &at, err);
        } else {
            rc = parse_letters(o, argc, argv, &at, err);
        }
        if (rc != RC_OK) {
            return rc;
        }
        if (o->action != ACTION_RUN && o->action < ACTION_LIST_CHECKS) {
            return RC_OK; /* help and version win over whatever else is asked for */
        }
    }
    return check_together(o, err);
}
