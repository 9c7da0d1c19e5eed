/* Text: the line of a connection. */
#include "render/text.h"

static void put_endpoint(struct line *line, const struct endpoint *end)
{
    char room[48];
    line_text(line, end->ip_len == 16 ? "[" : "");
    line_text(line, render_ip(end, room));
    line_text(line, end->ip_len == 16 ? "]:" : ":");
    line_u64(line, end->port);
}

static void put_tls(struct line *line, const struct tls_facts *tls)
{
    const char *version = tls->version != NULL ? tls->version : "";
    line_text(line, version[0] != '\0' ? ", " : "");
    line_text(line, version);
    if (tls->cipher != NULL && tls->cipher[0] != '\0') {
        line_text(line, " ");
        line_text(line, tls->cipher);
    }
    if (tls->sni[0] != '\0') {
        line_text(line, ", ");
        line_wire(line, span_str(tls->sni), 0);
    }
    line_text(line, tls->resumed ? ", resumed" : "");
    line_text(line, tls->early_data ? ", 0-RTT" : "");
    if (!tls->keys) {
        line_text(line, ", ");
        line_text(line, tls->brief);
    }
}

void text_connection(struct render_conn *conn)
{
    static const char *const starts[] = { "prior knowledge", "upgrade", "ALPN", "mid-stream",
                                          "forced" };
    const struct connection_info *info = &conn->info;
    struct line line = { .render = conn->render, .out = conn->render->out };
    line_style(&line, STYLE_CONNECTION);
    line_text(&line, "#");
    line_u64(&line, info->conn);
    line_text(&line, " ");
    if (info->client.ip_len > 0) {
        put_endpoint(&line, &info->client);
        line_text(&line, " > ");
        put_endpoint(&line, &info->server);
        line_text(&line, "  ");
    }
    line_style(&line, STYLE_NONE);
    line_text(&line, connection_transport_name(info->transport));
    if (info->tls == NULL || info->tls->keys) { /* else how it starts was not seen */
        line_text(&line, ", ");
        line_text(&line, starts[info->start]);
    }
    if (info->tls != NULL) {
        put_tls(&line, info->tls);
    }
    for (size_t i = 0; info->via != NULL && i < info->via->count; i++) {
        const struct via_name *name = &info->via->names[i];
        line_text(&line, i == 0 ? ", via " : " + ");
        line_wire(&line, span_of(name->octets, name->len), 0);
    }
    for (const struct other_view *view = info->also_seen; view != NULL; view = view->next) {
        line_text(&line, view == info->also_seen ? ", also seen as " : " and ");
        put_endpoint(&line, &view->client);
        line_text(&line, " > ");
        put_endpoint(&line, &view->server);
    }
    if (info->one_direction) {
        line_text(&line, ", one direction");
    }
    if (info->hpack[DIR_C2S] != HPACK_LEVEL_FULL || info->hpack[DIR_S2C] != HPACK_LEVEL_FULL) {
        line_text(&line, ", headers partly unknown");
    }
    line_end_packets(&line, &info->first, &info->first);
}
