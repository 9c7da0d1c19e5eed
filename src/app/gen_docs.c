/* Makes the manual page: copies man/h2dump.1.in and puts, for each line of the form @NAME@, what
 * the tables have: @OPTIONS@ the flags, @FINDINGS@ the registry of findings, @LIMITS@ the limits,
 * @CHECKS_PAGE@ the registry for docs/checks.md.
 * usage: gen_docs TEMPLATE > OUT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "spec/finding.h"
#include "spec/spec.h"

#define LINE_OCTETS 76

/* One word as mdoc takes it: a hyphen that is to be copied is a minus, and no line begins with a
 * dot. */
static void put_word(const char *word, size_t len)
{
    bool flag = len > 1 && word[0] == '-';
    if (word[0] == '.' || word[0] == '\'') {
        fputs("\\&", stdout);
    }
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '\\') {
            fputs("\\e", stdout);
        } else if (word[i] == '-' && (flag || (i > 0 && word[i - 1] == '-'))) {
            fputs("\\-", stdout);
        } else {
            putchar(word[i]);
        }
    }
}

/* Text in lines of moderate length, each sentence on a line of its own. */
static void put(const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (column > 0 && column + 1 + len > LINE_OCTETS) {
            column = 0;
            putchar('\n');
        }
        if (column > 0) {
            putchar(' ');
        }
        put_word(p, len);
        column += 1 + len;
        if (p[len - 1] == '.' && p[len] == ' ') {
            column = 0;
            putchar('\n');
        }
        p += len;
        p += strspn(p, " ");
    }
}

static void put_flag(const struct flag *flag)
{
    fputs(".It", stdout);
    if (flag->letter != 0) {
        printf(" Fl %c", flag->letter);
    }
    if (flag->name != NULL) {
        printf("%s Fl \\-%s", flag->letter != 0 ? " ," : "", flag->name);
    }
    if (flag->value != NULL) {
        printf(" %sAr %s", flag->name != NULL ? "Ns = Ns " : "", flag->value);
    }
    putchar('\n');
    put(flag->manual);
    putchar('\n');
}

static void put_options(void)
{
    const struct flag *flag;
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; (flag = options_flag(i)) != NULL; i++) {
        put_flag(flag);
    }
    puts(".El");
}

static void put_findings(void)
{
    puts(".Bl -tag -width Ds");
    for (int check = 0; check < CHECK_COUNT; check++) {
        const struct check_row *row = spec_check((enum check)check);
        printf(".It Cm %s", row->id);
        if (row->rfc[0] != '\0') {
            printf(" Pq %s , %s", row->rfc, spec_scope_name(row->scope));
        }
        putchar('\n');
        put(row->text);
        putchar('\n');
    }
    puts(".El");
}

static void put_limits(void)
{
    const struct limit_row *row;
    puts(".Bl -tag -width \"268435456\" -compact");
    for (size_t i = 0; (row = spec_limit(i)) != NULL; i++) {
        printf(".It %" PRIu64 "\n", row->value);
        put(row->text);
        puts(strcmp(row->unit, "MS") == 0 ? " (ms)" : "");
        if (row->option != NULL) {
            fputs(".Pq Fl \\-", stdout);
            for (const char *c = row->option; *c != '\0'; c++) {
                fputs(*c == '-' ? "\\-" : (char[]){ *c, '\0' }, stdout);
            }
            putchar('\n');
        }
    }
    puts(".El");
}

/* docs/checks.md: every row of the registry, with all that it says. */
static void put_checks_page(void)
{
    static const char *const by[] = { "client", "server", "sender", "nobody" };
    for (int check = 0; check < CHECK_COUNT; check++) {
        const struct check_row *row = spec_check((enum check)check);
        printf("### `%s`\n\n%s. %s%s%s\n\n", row->id, row->title, row->text,
               row->fix[0] != '\0' ? " " : "", row->fix);
        printf("%s",
               finding_severity_name(finding_severity((enum check)check, CONFIDENCE_CERTAIN)));
        printf(", %s", spec_scope_name(row->scope));
        if (row->error_code >= 0) {
            printf(" %s", spec_error_name((uint32_t)row->error_code));
        }
        printf("; by the %s%s%s%s%s%s\n\n", by[row->by], row->rfc[0] != '\0' ? "; " : "", row->rfc,
               row->related[0] != '\0' ? "; " : "", row->related,
               row->on ? "" : "; off unless asked for");
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *mark;
        void (*put)(void);
    } tables[] = {
        { "@OPTIONS@\n", put_options },
        { "@FINDINGS@\n", put_findings },
        { "@LIMITS@\n", put_limits },
        { "@CHECKS_PAGE@\n", put_checks_page },
    };
    char line[1024];
    FILE *template = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (template == NULL) {
        fputs("usage: gen_docs TEMPLATE\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof(line), template) != NULL) {
        void (*table)(void) = NULL;
        for (size_t i = 0; i < H2D_COUNT_OF(tables); i++) {
            table = strcmp(line, tables[i].mark) == 0 ? tables[i].put : table;
        }
        if (table != NULL) {
            table();
        } else {
            fputs(line, stdout);
        }
    }
    (void)fclose(template);
    return fflush(stdout) == 0 ? 0 : 1;
}
