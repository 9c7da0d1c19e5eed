#include "spec/connection.h"

const char *connection_transport_name(enum connection_transport transport)
{
    static const char *const names[] = { "h2c", "tls", "raw" };
    return names[transport];
}

const char *connection_start_name(enum connection_start start)
{
    static const char *const names[] = { "prior-knowledge", "upgrade", "alpn", "mid-stream",
                                         "forced" };
    return names[start];
}

const char *hpack_level_name(enum hpack_level level)
{
    static const char *const names[] = { "full", "full?", "names", "partial" };
    return names[level];
}

bool tls_suite_is_prohibited(uint16_t cipher_id)
{
    static const struct {
        uint16_t first, last;
    } ranges[] = {
#define PROHIBITED(first, last) { first, last },
#include "spec/tls_prohibited.def"
#undef PROHIBITED
    };
    for (size_t i = 0; i < H2D_COUNT_OF(ranges); i++) {
        if (cipher_id >= ranges[i].first && cipher_id <= ranges[i].last) {
            return true;
        }
    }
    return false;
}
