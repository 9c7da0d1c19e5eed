/* Flags about packets, tunnels and TCP. */
#include <stdio.h>
#include <string.h>

#include "app/options_int.h"
#include "app/suggest.h"

/* ---- tunnels ---- */

/* "vxlan, geneve, …": the words of the kinds that have one. */
static size_t tunnel_words(const char **words, char *list, size_t size)
{
    size_t count = 0;
    list[0] = '\0';
    for (int kind = 0; kind < TUNNEL_KINDS; kind++) {
        const char *word = net_tunnel_word((enum tunnel_kind)kind);
        if (word != NULL) {
            size_t used = strlen(list);
            (void)snprintf(list + used, size - used, "%s%s", count > 0 ? ", " : "", word);
            words[count++] = word;
        }
    }
    return count;
}

static enum rc unknown_tunnel(const char *name, const char *value, size_t len, struct err *err)
{
    const char *words[TUNNEL_KINDS];
    char list[128], word[32];
    size_t count = tunnel_words(words, list, sizeof(list));
    (void)snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), value);
    const char *near = suggest_nearest(word, words, count);
    if (near != NULL) {
        return err_set(err, RC_USAGE, "%s %s: unknown tunnel; did you mean '%s'? (%s)", name, value,
                       near, list);
    }
    return err_set(err, RC_USAGE, "%s %s: unknown tunnel (%s)", name, value, list);
}

enum rc options_apply_tunnel(struct app_options *o, const char *name, const char *value,
                             struct err *err)
{
    size_t len = strcspn(value, "=");
    uint64_t port;
    if (value[len] == '\0') {
        return err_set(err, RC_USAGE, "%s %s: needs a kind and a UDP port (vxlan=4789)", name,
                       value);
    }
    if (!options_read_number(value + len + 1, strlen(value + len + 1), 65535, &port) || port == 0) {
        return err_set(err, RC_USAGE, "%s %s: not a UDP port (1 to 65535)", name, value);
    }
    for (int kind = 0; kind < TUNNEL_KINDS; kind++) {
        const char *word = net_tunnel_word((enum tunnel_kind)kind);
        if (word == NULL || strlen(word) != len || memcmp(word, value, len) != 0) {
            continue;
        }
        if (o->tunnel_port_count == OPTIONS_TUNNELS_MAX) {
            return err_set(err, RC_USAGE, "%s %s: more than %d ports", name, value,
                           OPTIONS_TUNNELS_MAX);
        }
        o->tunnel_ports[o->tunnel_port_count++] =
            (struct tunnel_port){ .kind = (uint8_t)kind, .port = (uint16_t)port };
        return RC_OK;
    }
    return unknown_tunnel(name, value, len, err);
}

enum rc options_apply_no_tunnels(struct app_options *o, const char *name, const char *value,
                                 struct err *err)
{
    (void)name, (void)value, (void)err;
    o->no_tunnels = true;
    return RC_OK;
}

/* ---- what counts ---- */

enum rc options_apply_all_views(struct app_options *o, const char *name, const char *value,
                                struct err *err)
{
    (void)name, (void)value, (void)err;
    o->all_views = true;
    return RC_OK;
}

enum rc options_apply_check_sums(struct app_options *o, const char *name, const char *value,
                                 struct err *err)
{
    (void)name, (void)value, (void)err;
    o->check_sums = true;
    return RC_OK;
}

enum rc options_apply_overlap(struct app_options *o, const char *name, const char *value,
                              struct err *err)
{
    static const struct choices octets = { "choice", { "first", "last" }, 2 };
    unsigned chosen = 0;
    enum rc rc = options_choose(&octets, name, value, &chosen, err);
    o->overlap_last = chosen == 1;
    return rc;
}

/* ---- limits ---- */

static enum rc read_octets(const char *name, const char *value, uint64_t *octets, struct err *err)
{
    if (!options_read_size(value, octets) || *octets == 0) {
        return err_set(err, RC_USAGE, "%s %s: not a number of octets (1 or more; k, M, G)", name,
                       value);
    }
    return RC_OK;
}

enum rc options_apply_hole_wait(struct app_options *o, const char *name, const char *value,
                                struct err *err)
{
    if (!options_read_time(value, &o->hole_wait_ms)) {
        return err_set(err, RC_USAGE, "%s %s: not a time (a number with ms, s or m)", name, value);
    }
    return RC_OK;
}

enum rc options_apply_tcp_buffer(struct app_options *o, const char *name, const char *value,
                                 struct err *err)
{
    return read_octets(name, value, &o->tcp_buffer, err);
}

enum rc options_apply_sync_limit(struct app_options *o, const char *name, const char *value,
                                 struct err *err)
{
    return read_octets(name, value, &o->sync_octets, err);
}

enum rc options_apply_max_flows(struct app_options *o, const char *name, const char *value,
                                struct err *err)
{
    if (!options_read_number(value, strlen(value), UINT32_MAX, &o->max_flows) ||
        o->max_flows == 0) {
        return err_set(err, RC_USAGE, "%s %s: not a number of connections (1 or more)", name,
                       value);
    }
    return RC_OK;
}

enum rc options_apply_memory(struct app_options *o, const char *name, const char *value,
                             struct err *err)
{
    return read_octets(name, value, &o->memory, err);
}
