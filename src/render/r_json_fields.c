/* JSON: the fields of a block, written once, as they come: the members of "headers". */
#include <string.h>

#include "render/jsonw.h"
#include "render/render_int.h"

/* Of a line, what the fields of a block may take: the rest is for -x and the frame itself. */
#define FIELDS_OCTETS_MAX (LIMIT_LINE_OCTETS - (424u << 10))

static const char *const repr_names[] = { "indexed", "literal-indexed", "literal", "literal-never",
                                          "size-update" };
static const char *const certainty_names[] = { "exact", "inferred", "inferred", "name-unknown",
                                               "unknown" };

static void put_field_wire(struct jsonw *json, const struct h2_header *header)
{
    jsonw_plain(json, "repr", repr_names[header->repr]);
    if (header->index > 0) {
        jsonw_u64(json, "index", header->index);
    }
    if (header->repr != HPACK_INDEXED) {
        jsonw_key(json, "huffman");
        jsonw_open(json, '{');
        if (header->index == 0) {
            jsonw_bool(json, "name", header->huffman_name);
        }
        jsonw_bool(json, "value", header->huffman_value);
        jsonw_close(json, '}');
    }
    jsonw_u64(json, "octets", header->wire_octets);
}

void json_field(struct jsonw *json, const struct h2_header *header, bool verbose)
{
    if (header->certainty < H2_NAME_UNKNOWN) {
        jsonw_octets(json, "name", header->name);
    }
    if (header->certainty != H2_UNKNOWN && header->certainty != H2_NAME_INFERRED) {
        jsonw_octets(json, "value", header->value);
    }
    if (verbose) {
        put_field_wire(json, header);
    }
    if (H2D_UNLIKELY(header->invalid != NULL)) {
        jsonw_octets(json, "invalid", span_str(header->invalid));
    }
    if (H2D_UNLIKELY(header->certainty != H2_EXACT)) {
        char room[40];
        jsonw_plain(json, "certainty", certainty_names[header->certainty]);
        if (header->entry != H2_ENTRY_NONE && header->entry != H2_ENTRY_FORGOTTEN) {
            jsonw_plain(json, "entry", render_entry_name(header, room));
        }
    }
}

/* Fields whose strings are at most this long have a fast path. */
#define SHORT_OCTETS 1024

#define NAME_BEGIN  ",{\"name\":\""
#define VALUE_BEGIN "\",\"value\":\""
#define FIELD_END   "\"}"

/* A plain field that is exact and needs no escape, as nearly all are; false: nothing was written.
 */
static bool put_plain_field(struct out *out, const struct h2_header *header)
{
    if (header->certainty != H2_EXACT || header->invalid != NULL ||
        header->name.len > SHORT_OCTETS || header->value.len > SHORT_OCTETS) {
        return false;
    }
    uint8_t *at = out_room(out, 2 * SHORT_OCTETS + 64);
    bool comma = out->len > 0;
    memcpy(at, &NAME_BEGIN[!comma], sizeof NAME_BEGIN - 2);
    at[sizeof NAME_BEGIN - 2] = '"';
    at = out_json_plain(at + sizeof NAME_BEGIN - 2 + comma, header->name);
    if (at == NULL) {
        return false;
    }
    memcpy(at, VALUE_BEGIN, sizeof VALUE_BEGIN - 1);
    at = out_json_plain(at + sizeof VALUE_BEGIN - 1, header->value);
    if (at == NULL) {
        return false;
    }
    memcpy(at, FIELD_END, sizeof FIELD_END - 1);
    out_used(out, at + sizeof FIELD_END - 1);
    return true;
}

/* Writes the field at once, into what is kept of the block. */
void json_header(struct side *side, const struct h2_header *header)
{
    const struct render_options *options = &side->conn->render->options;
    struct kept *kept = side->kept;
    struct jsonw json = { .out = kept->record, .comma = kept->record->len > 0 };
    size_t before = kept->record->len;
    if (kept->fields_left_out > 0) {
        kept->fields_left_out++;
        return;
    }
    if (options->verbosity > 0 || !put_plain_field(kept->record, header)) {
        jsonw_element(&json);
        jsonw_open(&json, '{');
        json_field(&json, header, options->verbosity > 0);
        jsonw_close(&json, '}');
    }
    if (kept->record->len > FIELDS_OCTETS_MAX || kept->record->rc != RC_OK) {
        kept->record->len = before;
        kept->fields_left_out++;
        return;
    }
    if (options->octets) {
        side_keep_field(side, header);
    }
}

void json_block_fields(struct jsonw *json, const struct kept *kept)
{
    if (kept == NULL || kept->record->len == 0) {
        return;
    }
    jsonw_key(json, "headers");
    jsonw_open(json, '[');
    out_raw(json->out, span_of(kept->record->buf, kept->record->len));
    jsonw_close(json, ']');
}
