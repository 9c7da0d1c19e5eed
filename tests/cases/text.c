/* Growable text and lists of lines for the case runner. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

void text_add(struct text *text, const void *octets, size_t len)
{
    if (text->len + len + 1 > text->cap) {
        text->cap = (text->len + len + 1) * 2;
        text->ptr = realloc(text->ptr, text->cap);
        if (text->ptr == NULL) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(text->ptr + text->len, octets, len);
    }
    text->len += len;
    text->ptr[text->len] = '\0';
}

void text_addf(struct text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0) {
        abort();
    }
    text_add(text, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

void text_fini(struct text *text)
{
    free(text->ptr);
    *text = (struct text){ 0 };
}

void lines_add(struct lines *lines, const char *text)
{
    if (lines->count == lines->cap) {
        lines->cap = lines->cap * 2 + 16;
        lines->ptr = realloc(lines->ptr, lines->cap * sizeof *lines->ptr);
        if (lines->ptr == NULL) {
            abort();
        }
    }
    size_t len = strlen(text) + 1;
    char *copy = malloc(len);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, text, len);
    lines->ptr[lines->count++] = copy;
}

void lines_clear(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->ptr[i]);
    }
    lines->count = 0;
}

void lines_fini(struct lines *lines)
{
    lines_clear(lines);
    free(lines->ptr);
    *lines = (struct lines){ 0 };
}

void case_die(const char *file, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}
