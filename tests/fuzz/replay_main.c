/* Runs a fuzz target over files, without a fuzzing engine: the regression run of the corpora.
 *
 *   replay [-p OCTETS] PATH…     a folder means its files; -p: OCTETS (hex) go before each file's
 *
 * Each input lies in a block of exactly its size, so that a sanitizer sees the first octet read
 * too far. Exit status 77 when there is no input at all. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

static uint8_t prefix[16];
static size_t prefix_len;
static unsigned long inputs;

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)ftell(f), len = prefix_len + size;
    uint8_t *octets = malloc(len > 0 ? len : 1);
    rewind(f);
    if (octets == NULL || fread(octets + prefix_len, 1, size, f) != size) {
        perror(path);
        exit(1);
    }
    memcpy(octets, prefix, prefix_len);
    fclose(f);
    LLVMFuzzerTestOneInput(octets, len);
    free(octets);
    inputs++;
}

static void run_path(const char *path)
{
    char name[4096];
    DIR *folder = opendir(path);
    if (folder == NULL) {
        struct stat st;
        if (stat(path, &st) == 0) {
            run_file(path);
        }
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            run_path(name);
        }
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-p") == 0 && i + 1 < argc) {
            const char *hex = argv[++i];
            for (prefix_len = 0; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
                unsigned value = 0;
                sscanf(hex, "%2x", &value);
                prefix[prefix_len++ % sizeof prefix] = (uint8_t)value;
            }
        } else {
            run_path(argv[i]);
        }
    }
    printf("%lu inputs\n", inputs);
    return inputs > 0 ? 0 : 77;
}
