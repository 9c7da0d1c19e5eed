#include "app/help.h"

#include <string.h>

#include "app/options.h"

#define HELP_COLUMN 28
#define HELP_WIDTH  80

/* Words from column `indent` on, in lines of HELP_WIDTH. */
static void wrap(struct out *out, const char *text, size_t indent)
{
    size_t column = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (column == 0 || column + 1 + len > HELP_WIDTH) {
            out_text(out, column == 0 ? "" : "\n");
            out_spaces(out, indent);
            column = indent;
        } else {
            out_char(out, ' ');
            column++;
        }
        out_raw(out, span_of(p, len));
        column += len;
        p += len + (p[len] == ' ');
    }
    out_char(out, '\n');
}

/* "-q, --quiet" and so on; returns its width. */
static size_t help_names(struct out *out, const struct flag *flag)
{
    size_t width = 2;
    out_spaces(out, 2);
    if (flag->letter != 0) {
        out_char(out, '-');
        out_char(out, flag->letter);
        width += 2;
    }
    if (flag->name != NULL) {
        out_text(out, flag->letter != 0 ? ", --" : "    --");
        out_text(out, flag->name);
        width += (flag->letter != 0 ? 4 : 6) + strlen(flag->name);
    }
    if (flag->value != NULL) {
        out_char(out, flag->name != NULL ? '=' : ' ');
        out_text(out, flag->value);
        width += 1 + strlen(flag->value);
    }
    return width;
}

void help_write(struct out *out, bool paragraphs)
{
    out_text(out, "h2dump shows the HTTP/2 in a capture or a raw stream, frame by frame.\n\n"
                  "usage: h2dump [options] [FILE...]\n"
                  "       h2dump [options] -i IF [-f BPF]\n\n"
                  "FILE is a pcap or pcapng capture (also gzip or zstd) or a raw HTTP/2 stream;\n"
                  "'-' or nothing is standard input.\n\n");
    const struct flag *flag;
    for (size_t i = 0; (flag = options_flag(i)) != NULL; i++) {
        size_t width = help_names(out, flag);
        if (paragraphs) {
            out_char(out, '\n');
            wrap(out, flag->manual, 8);
            out_char(out, '\n');
            continue;
        }
        if (width + 2 > HELP_COLUMN) {
            out_char(out, '\n');
            width = 0;
        }
        out_spaces(out, HELP_COLUMN - width);
        out_text(out, flag->help);
        out_char(out, '\n');
    }
    out_text(out, "\nExit status: 0 HTTP/2 was decoded, 1 none was found, 2 trouble, 3 input was "
                  "cut\nshort or damaged (what came before was shown). With --check: 0 no "
                  "findings,\n1 findings, 2 trouble or no HTTP/2 to check. See h2dump(1).\n");
}
