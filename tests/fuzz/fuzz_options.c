/* The command line: words divided by NUL octets. Whatever they are, parsing ends with options that
 * make sense or with a message, and reads nothing but its words. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Each word in a block of its own, so that a sanitizer sees a step past its end. */
    char *words[WORDS_MAX], *argv[WORDS_MAX];
    int argc = 0;
    words[argc++] = strdup("h2dump");
    for (size_t at = 0; at < size && argc < WORDS_MAX; argc++) {
        size_t len = strnlen((const char *)data + at, size - at);
        words[argc] = malloc(len + 1);
        assert(words[argc] != NULL);
        memcpy(words[argc], data + at, len);
        words[argc][len] = '\0';
        at += len + 1;
    }
    memcpy(argv, words, sizeof(argv));

    static struct app_options options;
    struct err err = { .rc = RC_OK };
    enum rc rc = options_parse(&options, argc, argv, &err);
    assert(rc == RC_OK || (rc == RC_USAGE && err.text[0] != '\0'));
    assert(options.file_count < (size_t)argc || options.file_count == 0);
    for (size_t i = 0; rc == RC_OK && i < options.file_count; i++) {
        assert(strlen(options.files[i]) < size + 1);
    }
    for (int i = 0; i < argc; i++) {
        free(words[i]);
    }
    return 0;
}
