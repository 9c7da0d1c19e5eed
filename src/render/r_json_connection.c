/* JSON: the connection record. */
#include <string.h>

#include "render/jsonw.h"
#include "render/render_int.h"

static void put_endpoint(struct jsonw *json, const char *key, const struct endpoint *end)
{
    char room[48];
    if (end->ip_len == 0) {
        return;
    }
    jsonw_key(json, key);
    jsonw_open(json, '{');
    jsonw_plain(json, "ip", render_ip(end, room));
    jsonw_u64(json, "port", end->port);
    jsonw_close(json, '}');
}

static void put_via(struct jsonw *json, const struct via *via)
{
    jsonw_key(json, "via");
    jsonw_open(json, '[');
    for (size_t i = 0; i < via->count; i++) {
        jsonw_element(json);
        (void)jsonw_string(json, span_of(via->names[i].octets, via->names[i].len));
    }
    jsonw_close(json, ']');
}

static void put_views(struct jsonw *json, const struct other_view *view)
{
    jsonw_key(json, "also_seen");
    jsonw_open(json, '[');
    for (; view != NULL; view = view->next) {
        jsonw_element(json);
        jsonw_open(json, '{');
        put_endpoint(json, "client", &view->client);
        put_endpoint(json, "server", &view->server);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void put_text(struct jsonw *json, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        jsonw_octets(json, key, span_str(text));
    }
}

static void put_tls(struct jsonw *json, const struct tls_facts *tls)
{
    jsonw_key(json, "tls");
    jsonw_open(json, '{');
    put_text(json, "version", tls->version);
    put_text(json, "cipher", tls->cipher);
    put_text(json, "sni", tls->sni);
    put_text(json, "alpn", tls->alpn);
    if (tls->resumed) {
        jsonw_true(json, "resumed");
    }
    if (tls->early_data) {
        jsonw_true(json, "early_data");
    }
    if (!tls->keys) {
        jsonw_bool(json, "keys", false);
        put_text(json, "reason", tls->reason);
    }
    jsonw_close(json, '}');
}

/* How much is known of the dynamic tables; nothing when all is. */
static void put_levels(struct jsonw *json, const struct connection_info *info)
{
    if (info->hpack[DIR_C2S] == HPACK_LEVEL_FULL && info->hpack[DIR_S2C] == HPACK_LEVEL_FULL) {
        return;
    }
    jsonw_key(json, "hpack");
    jsonw_open(json, '{');
    jsonw_plain(json, "c2s", hpack_level_name(info->hpack[DIR_C2S]));
    jsonw_plain(json, "s2c", hpack_level_name(info->hpack[DIR_S2C]));
    jsonw_close(json, '}');
}

void json_connection(struct render_conn *conn)
{
    struct render *render = conn->render;
    const struct connection_info *info = &conn->info;
    struct jsonw json;
    json_begin_kind(&json, render, "connection");
    jsonw_u64(&json, "conn", info->conn);
    if (info->first.ts_known) {
        json_ts(&json, render, "ts", &info->first);
    }
    if (info->first.packet > 0) {
        jsonw_u64(&json, "packet", info->first.packet);
    }
    put_endpoint(&json, "client", &info->client);
    put_endpoint(&json, "server", &info->server);
    jsonw_plain(&json, "transport", connection_transport_name(info->transport));
    jsonw_plain(&json, "start", connection_start_name(info->start));
    if (info->via != NULL) {
        put_via(&json, info->via);
    }
    if (info->also_seen != NULL) {
        put_views(&json, info->also_seen);
    }
    if (info->one_direction) {
        jsonw_true(&json, "one_direction");
    }
    if (info->tls != NULL) {
        put_tls(&json, info->tls);
    }
    put_levels(&json, info);
    json_end(&json);
}
