/* The flags about live capture, filters and writing packets, as the table of options.c has them. */
#ifndef H2DUMP_APP_OPTIONS_CAPTURE_H
#define H2DUMP_APP_OPTIONS_CAPTURE_H

#include "app/options.h"

#define CAPTURE_APPLY(name)                                                                        \
    enum rc name(struct app_options *o, const char *flag, const char *value, struct err *err)
CAPTURE_APPLY(apply_interface);
CAPTURE_APPLY(apply_list_interfaces);
CAPTURE_APPLY(apply_filter);
CAPTURE_APPLY(apply_write);
CAPTURE_APPLY(apply_snap_len);
CAPTURE_APPLY(apply_promiscuous);
CAPTURE_APPLY(apply_buffer);
CAPTURE_APPLY(apply_immediate);
CAPTURE_APPLY(apply_user);
#undef CAPTURE_APPLY

/* What of them no single flag can see. */
enum rc options_capture_together(const struct app_options *o, struct err *err);

#endif
