#include "render/jsonw.h"

void jsonw_number(struct jsonw *json, uint64_t value)
{
    struct out *out = json->out;
    if (H2D_LIKELY(value <= JSONW_NUMBER_MAX)) {
        out_u64(out, value);
        return;
    }
    out_char(out, '"');
    out_u64(out, value);
    out_char(out, '"');
}

void jsonw_signed(struct jsonw *json, int64_t value)
{
    if (value >= 0) {
        jsonw_number(json, (uint64_t)value);
        return;
    }
    /* Windows, the only signed numbers, are far from the bounds of a double (RFC 9113 6.9.1). */
    assert(value >= -(int64_t)JSONW_NUMBER_MAX);
    out_char(json->out, '-');
    out_u64(json->out, (uint64_t)-value);
}

bool jsonw_string(struct jsonw *json, struct span octets)
{
    out_char(json->out, '"');
    bool whole = out_json_string(json->out, octets);
    out_char(json->out, '"');
    return whole;
}

void jsonw_hex_name(struct jsonw *json, const char *key, uint64_t value, unsigned digits)
{
    jsonw_key(json, key);
    out_const(json->out, "\"0x");
    out_hex(json->out, value, digits);
    out_char(json->out, '"');
}

void jsonw_octets(struct jsonw *json, const char *key, struct span octets)
{
    jsonw_key(json, key);
    if (jsonw_string(json, octets)) {
        return;
    }
    out_const(json->out, ",\"");
    out_text(json->out, key);
    out_const(json->out, "_base64\":\"");
    out_base64(json->out, octets);
    out_char(json->out, '"');
}

void jsonw_hex(struct jsonw *json, const char *key, struct span octets)
{
    jsonw_key(json, key);
    out_char(json->out, '"');
    for (size_t i = 0; i < octets.len; i++) {
        out_hex(json->out, octets.ptr[i], 2);
    }
    out_char(json->out, '"');
}
