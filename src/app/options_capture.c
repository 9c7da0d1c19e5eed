#include "app/options_capture.h"

#include <string.h>

#include "app/options_int.h"

/* The kernel's buffer: enough for one packet, and what its counter can hold. */
#define BUFFER_MIN ((uint64_t)256 << 10)
#define BUFFER_MAX ((uint64_t)2047 << 20)

#define SNAP_LEN_MAX 262144

enum rc apply_interface(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    if (o->interface != NULL) {
        return err_set(err, RC_USAGE, "%s %s: one interface at a time ('any' is all of them)", flag,
                       value);
    }
    o->interface = value;
    return RC_OK;
}

enum rc apply_list_interfaces(struct app_options *o, const char *flag, const char *value,
                              struct err *err)
{
    (void)flag, (void)value, (void)err;
    o->action = ACTION_INTERFACES;
    return RC_OK;
}

enum rc apply_filter(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    if (o->filter != NULL) {
        return err_set(err, RC_USAGE, "%s: given twice; join them with 'and' or 'or'", flag);
    }
    o->filter = value;
    return RC_OK;
}

enum rc apply_write(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    if (o->write_path != NULL) {
        return err_set(err, RC_USAGE, "%s %s: one file can be written", flag, value);
    }
    o->write_path = value;
    return RC_OK;
}

enum rc apply_snap_len(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    if (!options_read_size(value, &o->snap_len) || o->snap_len > SNAP_LEN_MAX) {
        return err_set(err, RC_USAGE, "%s %s: not a length of packets (1 to %d; 0 is the most)",
                       flag, value, SNAP_LEN_MAX);
    }
    o->live_flag = "-s";
    return RC_OK;
}

enum rc apply_promiscuous(struct app_options *o, const char *flag, const char *value,
                          struct err *err)
{
    (void)flag, (void)value, (void)err;
    o->promiscuous = true;
    o->live_flag = "--promisc";
    return RC_OK;
}

enum rc apply_buffer(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    if (!options_read_size(value, &o->buffer_octets) || o->buffer_octets < BUFFER_MIN ||
        o->buffer_octets > BUFFER_MAX) {
        return err_set(err, RC_USAGE, "%s %s: not the size of a buffer (256k to 2047M)", flag,
                       value);
    }
    o->live_flag = "--buffer";
    return RC_OK;
}

enum rc apply_immediate(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    (void)flag, (void)value, (void)err;
    o->immediate = true;
    o->live_flag = "--immediate";
    return RC_OK;
}

enum rc apply_user(struct app_options *o, const char *flag, const char *value, struct err *err)
{
    (void)flag, (void)err;
    o->user = value;
    o->live_flag = "--user";
    return RC_OK;
}

enum rc options_capture_together(const struct app_options *o, struct err *err)
{
    bool raw = o->raw || o->c2s != NULL;
    if (o->interface == NULL && o->live_flag != NULL) {
        return err_set(err, RC_USAGE, "%s is about live capture: it goes with -i", o->live_flag);
    }
    if (o->interface != NULL && o->file_count > 0) {
        return err_set(err, RC_USAGE, "%s: no file can go with -i", o->files[0]);
    }
    const char *of_packets = o->interface != NULL    ? "-i"
                             : o->filter != NULL     ? "-f"
                             : o->write_path != NULL ? "-w"
                                                     : NULL;
    if (o->write_path != NULL && strcmp(o->write_path, "-") == 0 && !o->quiet) {
        return err_set(err, RC_USAGE, "-w -: standard output cannot be both: it takes -q, too");
    }
    if (raw && of_packets != NULL) {
        return err_set(err, RC_USAGE, "%s is about packets: it cannot go with %s", of_packets,
                       o->c2s != NULL ? "--c2s and --s2c" : "--raw or --from");
    }
    return RC_OK;
}
