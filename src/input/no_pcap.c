/* A build without libpcap: what live.h and filter.h promise cannot be had, and it is said. */
#include "input/filter.h"
#include "input/live.h"

static const char text[] = "built without libpcap: no live capture and no -f filters";

enum rc input_open_live(struct mem *mem, const struct live_options *live,
                        const struct input_options *options, struct input **input, struct err *err)
{
    (void)mem, (void)live, (void)options, (void)input;
    return err_set(err, RC_USAGE, "%s", text);
}

uint64_t input_live_received(const struct input *input)
{
    (void)input;
    return 0;
}

enum rc live_interfaces(void (*each)(void *ctx, const char *name, const char *about), void *ctx,
                        struct err *err)
{
    (void)each, (void)ctx;
    return err_set(err, RC_USAGE, "%s", text);
}

const char *live_library(const char **version)
{
    *version = NULL;
    return NULL;
}

enum rc filter_new(struct mem *mem, const char *expression, struct filter **filter, struct err *err)
{
    (void)mem, (void)expression, (void)filter;
    return err_set(err, RC_USAGE, "%s", text);
}

void filter_free(struct filter *filter)
{
    (void)filter;
}

int filter_passes(struct filter *filter, const struct packet *packet, struct err *err)
{
    (void)filter, (void)packet;
    return err_set(err, RC_USAGE, "%s", text);
}
