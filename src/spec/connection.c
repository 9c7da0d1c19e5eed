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
