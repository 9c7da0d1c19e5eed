#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum rc err_set(struct err *err, enum rc rc, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->rc = rc;
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return rc;
}
