/* The command line: what each flag records, and what wrong ones are told. */
#include "testing.h"

#include <string.h>

#include "app/options.h"
#include "app/suggest.h"
#include "base/compiler.h"

#define WORDS_MAX 16

/* Parses the words (NULL ends them) behind a program name. */
static enum rc parse(struct app_options *options, struct err *err, const char *const *words)
{
    static char store[WORDS_MAX][64];
    static char *argv[WORDS_MAX];
    int argc = 1;
    strcpy(store[0], "h2dump");
    argv[0] = store[0];
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < WORDS_MAX);
        strncpy(store[argc], words[argc - 1], sizeof(store[0]) - 1);
        argv[argc] = store[argc];
    }
    memset(err, 0, sizeof(*err));
    return options_parse(options, argc, argv, err);
}

#define PARSE(...) parse(&o, &err, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_refused(const char *text, const char *const *words)
{
    struct app_options o;
    struct err err;
    assert_int_equal(parse(&o, &err, words), RC_USAGE);
    assert_string_equal(err.text, text);
}

#define REFUSED(text, ...) assert_refused(text, (const char *const[]){ __VA_ARGS__, NULL })

static void test_defaults(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(parse(&o, &err, (const char *const[]){ NULL }), RC_OK);
    assert_int_equal(o.action, ACTION_RUN);
    assert_int_equal(o.view, VIEW_FRAME);
    assert_int_equal(o.format, FORMAT_TEXT);
    assert_int_equal(o.time, TIME_RELATIVE);
    assert_int_equal(o.color, COLOR_AUTO);
    assert_int_equal(o.profile, H2_PROFILE_OBSERVER);
    assert_int_equal(o.file_count, 0);
    assert_false(o.raw || o.octets || o.quiet || o.deterministic || o.data_given);
    assert_int_equal(o.max_records, 0);
}

static void test_capture_flags_record(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(
        PARSE("-i", "eth0", "-ftcp", "-s", "0", "-p", "--immediate", "--user=me", "--buffer=1M"),
        RC_OK);
    assert_string_equal(o.interface, "eth0");
    assert_string_equal(o.filter, "tcp");
    assert_true(o.promiscuous && o.immediate);
    assert_string_equal(o.user, "me");
    assert_true(o.snap_len == 0 && o.buffer_octets == 1 << 20);
    assert_int_equal(PARSE("-i", "any", "--promisc", "-s96"), RC_OK);
    assert_true(o.promiscuous && o.snap_len == 96 && o.buffer_octets == 0);
    assert_int_equal(PARSE("-f", "tcp", "x.pcap"), RC_OK);
    assert_int_equal(PARSE("-D"), RC_OK);
    assert_int_equal(o.action, ACTION_INTERFACES);
}

static void test_every_flag_records(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(
        PARSE("--raw", "--from=server", "--port", "8080", "--port=9", "--by", "callback", "-Tjson"),
        RC_OK);
    assert_true(o.raw && !o.octets);
    assert_int_equal(o.from, FROM_SERVER);
    assert_true(options_port_in(o.ports, 8080) && options_port_in(o.ports, 9));
    assert_false(options_port_in(o.ports, 8081));
    assert_int_equal(o.view, VIEW_CALLBACK);
    assert_int_equal(o.format, FORMAT_JSON);
    assert_int_equal(PARSE("-vvqx", "--time=none", "--color=never", "-c", "12",
                           "--profile=endpoint", "--deterministic", "--only-port=80,443"),
                     RC_OK);
    assert_int_equal(o.verbosity, 2);
    assert_null(o.interface);
    assert_true(o.quiet && o.octets && o.deterministic && o.only_ports_given);
    assert_int_equal(o.time, TIME_NONE);
    assert_int_equal(o.color, COLOR_NEVER);
    assert_int_equal(o.max_records, 12);
    assert_int_equal(o.profile, H2_PROFILE_ENDPOINT);
    assert_true(options_port_in(o.only_ports, 443) && options_port_in(o.only_ports, 80));
    assert_false(options_port_in(o.ports, 443));
}

static void test_limits_and_tunnels(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("-q"), RC_OK);
    assert_int_equal(o.hole_wait_ms, 10000);
    assert_int_equal(o.tcp_buffer, 4 << 20);
    assert_int_equal(o.max_flows, 65536);
    assert_int_equal(o.memory, 256 << 20);
    assert_int_equal(o.tunnel_port_count, 0);
    assert_false(o.no_tunnels);
    assert_int_equal(PARSE("--hole-wait=250ms", "--tcp-buffer=64k", "--max-flows", "7",
                           "--memory=1G", "--tunnel", "vxlan=1234", "--tunnel=gtp-u=65535",
                           "--no-tunnels"),
                     RC_OK);
    assert_int_equal(o.hole_wait_ms, 250);
    assert_int_equal(o.tcp_buffer, 65536);
    assert_int_equal(o.max_flows, 7);
    assert_int_equal(o.memory, 1 << 30);
    assert_int_equal(o.tunnel_port_count, 2);
    assert_int_equal(o.tunnel_ports[0].kind, TUNNEL_VXLAN);
    assert_int_equal(o.tunnel_ports[0].port, 1234);
    assert_int_equal(o.tunnel_ports[1].kind, TUNNEL_GTP_U);
    assert_int_equal(o.tunnel_ports[1].port, 65535);
    assert_true(o.no_tunnels);
    assert_int_equal(PARSE("--all-views", "--check-sums", "--overlap=last"), RC_OK);
    assert_true(o.all_views && o.check_sums && o.overlap_last);
    assert_int_equal(PARSE("--overlap=first"), RC_OK);
    assert_false(o.all_views || o.check_sums || o.overlap_last);
    REFUSED("--overlap none: unknown choice (first, last)", "--overlap=none");
    assert_int_equal(PARSE("--hole-wait=2m"), RC_OK);
    assert_int_equal(o.hole_wait_ms, 120000);
    assert_int_equal(PARSE("--hole-wait", "0s"), RC_OK);
    assert_int_equal(o.hole_wait_ms, 0);
    REFUSED("--hole-wait 10: not a time (a number with ms, s or m)", "--hole-wait=10");
    REFUSED("--hole-wait s: not a time (a number with ms, s or m)", "--hole-wait=s");
    REFUSED("--hole-wait 1h: not a time (a number with ms, s or m)", "--hole-wait=1h");
    REFUSED("--hole-wait 99999999999999999999s: not a time (a number with ms, s or m)",
            "--hole-wait=99999999999999999999s");
    REFUSED("--tcp-buffer 0: not a number of octets (1 or more; k, M, G)", "--tcp-buffer=0");
    REFUSED("--memory x: not a number of octets (1 or more; k, M, G)", "--memory=x");
    REFUSED("--max-flows 0: not a number of connections (1 or more)", "--max-flows=0");
    REFUSED("--tunnel vxlan: needs a kind and a UDP port (vxlan=4789)", "--tunnel=vxlan");
    REFUSED("--tunnel vxlan=0: not a UDP port (1 to 65535)", "--tunnel=vxlan=0");
    REFUSED("--tunnel vxlam=1: unknown tunnel; did you mean 'vxlan'? (vxlan, vxlan-gpe, geneve, "
            "gtp-u, mpls)",
            "--tunnel=vxlam=1");
    REFUSED("--tunnel gre=1: unknown tunnel (vxlan, vxlan-gpe, geneve, gtp-u, mpls)",
            "--tunnel=gre=1");
}

static void test_files_and_data(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("a.pcap", "-r", "b.pcap", "-rc.pcap", "-", "--", "-d", "--data"), RC_OK);
    assert_int_equal(o.file_count, 6);
    assert_string_equal(o.files[0], "a.pcap");
    assert_string_equal(o.files[1], "b.pcap");
    assert_string_equal(o.files[2], "c.pcap");
    assert_string_equal(o.files[3], "-");
    assert_string_equal(o.files[4], "-d");
    assert_string_equal(o.files[5], "--data");
    assert_int_equal(PARSE("--data=4k"), RC_OK);
    assert_true(o.data_given);
    assert_int_equal(o.data_octets, 4096);
    assert_int_equal(PARSE("--data=all"), RC_OK);
    assert_true(o.data_octets == RENDER_DATA_ALL);
    assert_int_equal(PARSE("--data", "none"), RC_OK);
    assert_int_equal(o.data_octets, 0);
    assert_int_equal(PARSE("--c2s=a", "--s2c", "b"), RC_OK);
    assert_string_equal(o.c2s, "a");
    assert_string_equal(o.s2c, "b");
}

static void test_help_and_version_win(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("-h", "--nonsense"), RC_OK);
    assert_int_equal(o.action, ACTION_HELP_SHORT);
    assert_int_equal(PARSE("-x", "--help"), RC_OK);
    assert_int_equal(o.action, ACTION_HELP_LONG);
    assert_int_equal(PARSE("-V"), RC_OK);
    assert_int_equal(o.action, ACTION_VERSION);
}

static void test_refused(void **state)
{
    (void)state;
    REFUSED("--by fram: unknown view; did you mean 'frame'? (frame, callback)", "--by", "fram");
    REFUSED("-T xml: unknown format (text, json)", "-T", "xml");
    REFUSED("unknown option --tim; did you mean --time?", "--tim=none");
    REFUSED("unknown option --colour; did you mean --color?", "--colour");
    REFUSED("unknown option --interface (h2dump -h lists all)", "--interface");
    REFUSED("-s is about live capture: it goes with -i", "-s", "96", "x.pcap");
    REFUSED("--user is about live capture: it goes with -i", "--user", "me");
    REFUSED("x.pcap: no file can go with -i", "x.pcap", "-i", "lo");
    REFUSED("unknown option -time=none; did you mean --time=none?", "-time=none");
    REFUSED("--raw takes no value (got 'yes')", "--raw=yes");
    REFUSED("--time needs a value: relative|delta|absolute|none", "--time");
    REFUSED("-c needs a value: N", "-c");
    REFUSED("-c 0: not a number of records (1 or more)", "-c0");
    REFUSED("-c x: not a number of records (1 or more)", "-c", "x");
    REFUSED("--data 1T: not a number of octets (none, N, all)", "--data=1T");
    REFUSED("--data 99999999999999999999: not a number of octets (none, N, all)",
            "--data=99999999999999999999");
    REFUSED("--data : not a number of octets (none, N, all)", "--data=");
    REFUSED("--port 65536: not a TCP port (1 to 65535)", "--port=65536");
    REFUSED("--port 0: not a TCP port (1 to 65535)", "--port=0");
    REFUSED("--port 80,81: not a TCP port (1 to 65535)", "--port=80,81");
    REFUSED("--only-port 80,: not a TCP port (1 to 65535, several with commas between)",
            "--only-port=80,");
    REFUSED("--c2s needs --s2c, too (for one half alone: h2dump --from=client FILE)", "--c2s=a");
    REFUSED("x.pcap: no other file can go with --c2s and --s2c", "--c2s=a", "--s2c=b", "x.pcap");
    REFUSED("--c2s and --s2c cannot both be standard input", "--c2s=-", "--s2c=-");
    REFUSED("-x names the octets of a frame: it goes with --by frame", "-x", "--by=callback");
}

static void test_hpack(void **state)
{
    struct app_options o;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("-q"), RC_OK);
    assert_int_equal(o.hpack_table, UINT32_MAX);
    assert_int_equal(o.max_table, 65536);
    assert_int_equal(o.max_headers, 1000);
    assert_int_equal(o.hint_count, 0);
    assert_int_equal(PARSE("--hpack-table=4k", "--max-table", "1M", "--max-headers=7",
                           "--hpack-hint", "pre:9=:path: /a: b", "--hpack-hint=2.s2c.lost3:1=x:y"),
                     RC_OK);
    assert_int_equal(o.hpack_table, 4096);
    assert_int_equal(o.max_table, 1 << 20);
    assert_int_equal(o.max_headers, 7);
    assert_int_equal(o.hint_count, 2);
    const struct h2_hint *hint = o.hints;
    assert_true(hint->conn == 1 && hint->dir == DIR_C2S && hint->entry == 9);
    assert_int_equal(hint->entry_loss, 0);
    assert_true(span_equal(hint->name, span_str(":path")));
    assert_true(span_equal(hint->value, span_str("/a: b")));
    hint++;
    assert_true(hint->conn == 2 && hint->dir == DIR_S2C && hint->entry == 1);
    assert_int_equal(hint->entry_loss, 3);
    assert_true(span_equal(hint->name, span_str("x")) && span_equal(hint->value, span_str("y")));
    REFUSED("--hpack-table 4x: not a table size (octets, less than 4G)", "--hpack-table=4x");
    REFUSED("--hpack-table 4G: not a table size (octets, less than 4G)", "--hpack-table=4G");
    REFUSED("--max-table 2G: not a number of octets (at most 1G)", "--max-table=2G");
    REFUSED("--max-headers 0: not a number of fields (1 to 65536)", "--max-headers=0");
    REFUSED("--hpack-hint: no table entry at 'a: b' (pre:9= or lost1:9=, as fields show it)",
            "--hpack-hint=a: b");
    REFUSED("--hpack-hint: no table entry at 'pre:0=a: b' (pre:9= or lost1:9=, as fields show it)",
            "--hpack-hint=pre:0=a: b");
    REFUSED(
        "--hpack-hint: no table entry at 'lost0:1=a: b' (pre:9= or lost1:9=, as fields show it)",
        "--hpack-hint=lost0:1=a: b");
    REFUSED("--hpack-hint: no connection in front of '0.c2s.pre:1=a: b' "
            "([CONN.DIR.]pre:9='NAME: VALUE')",
            "--hpack-hint=0.c2s.pre:1=a: b");
    REFUSED("--hpack-hint: no direction at 'up.pre:1=a: b' (c2s, s2c)",
            "--hpack-hint=1.up.pre:1=a: b");
    REFUSED("--hpack-hint: no field at ':path' (NAME: VALUE)", "--hpack-hint=pre:1=:path");
    REFUSED("--hpack-hint: no field at '' (NAME: VALUE)", "--hpack-hint=pre:1=");
    REFUSED("--hpack-hint: 'Host: a' can be no field: names have lower-case letters",
            "--hpack-hint=pre:1=Host: a");
    REFUSED("--hpack-hint: 'a b: c' can be no field: no name has such octets",
            "--hpack-hint=pre:1=a b: c");
    REFUSED(
        "--hpack-hint: 'a: c ' can be no field: no value has such octets, or spaces at its ends",
        "--hpack-hint=pre:1=a: c ");
}

static void test_rows_are_whole(void **state)
{
    const struct flag *flag;
    (void)state;
    for (size_t i = 0; (flag = options_flag(i)) != NULL; i++) {
        assert_true(flag->letter != 0 || flag->name != NULL);
        assert_true(strlen(flag->help) <= 52 && flag->help[strlen(flag->help) - 1] != '.');
        assert_true(flag->manual[strlen(flag->manual) - 1] == '.');
        const struct flag *other;
        for (size_t j = 0; j < i && (other = options_flag(j)) != NULL; j++) {
            assert_true(flag->letter == 0 || flag->letter != other->letter);
            assert_true(flag->name == NULL || other->name == NULL ||
                        strcmp(flag->name, other->name) != 0);
        }
    }
}

static void test_suggest(void **state)
{
    static const char *const words[] = { "observer", "endpoint", "time", "profile" };
    (void)state;
    assert_string_equal(suggest_nearest("observre", words, 4), "observer");
    assert_string_equal(suggest_nearest("end", words, 4), "endpoint");
    assert_string_equal(suggest_nearest("tiem", words, 4), "time");
    assert_null(suggest_nearest("x", words, 4));
    assert_null(suggest_nearest("", words, 4));
    assert_null(suggest_nearest("zzzzzz", words, 4));
    assert_null(suggest_nearest("a-word-that-is-longer-than-any-of-ours-is", words, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_flag_records),
        cmocka_unit_test(test_capture_flags_record),
        cmocka_unit_test(test_files_and_data),
        cmocka_unit_test(test_help_and_version_win),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_limits_and_tunnels),
        cmocka_unit_test(test_hpack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
