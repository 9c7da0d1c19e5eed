#include "tls/suites.h"

static const struct tls_suite suites[] = {
#define SUITE(id, name, aead, hash) { id, name, AEAD_##aead, HASH_##hash },
#include "spec/tls_suites.def"
#undef SUITE
};

static const struct {
    uint8_t number;
    const char *name;
} alerts[] = {
#define ALERT(number, name) { number, name },
#include "spec/tls_alerts.def"
#undef ALERT
};

const struct tls_suite *tls_suite(uint16_t id)
{
    for (size_t i = 0; i < H2D_COUNT_OF(suites); i++) {
        if (suites[i].id == id) {
            return &suites[i];
        }
    }
    return NULL;
}

const struct tls_suite *tls_suite_row(size_t i)
{
    return i < H2D_COUNT_OF(suites) ? &suites[i] : NULL;
}

const char *tls_alert_name(uint8_t alert)
{
    for (size_t i = 0; i < H2D_COUNT_OF(alerts); i++) {
        if (alerts[i].number == alert) {
            return alerts[i].name;
        }
    }
    return NULL;
}
