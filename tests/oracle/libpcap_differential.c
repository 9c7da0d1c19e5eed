/* Our readers against libpcap's, packet by packet, over the files and folders named. Where libpcap
 * reads on, we must have read the same; the differences allowed are those that the readers were
 * written for (capture-layer 1.1):
 *   - libpcap opens nothing compressed: it gets such a file through a pipe from gzip or zstd, where
 *     they are at hand;
 *   - it stops in mid-file at a second link type, snapshot
 *     length or octet order of a pcapng, at a packet of more than 262,144 octets, and at a cut one;
 *   - it cuts packets to the snapshot length of the file header, we take all that is there;
 *   - it hands out a length on the wire that is below the captured one;
 *   - it takes the seconds and their fraction as signed, we as unsigned (good until 2106).
 * Prints what it compared; exit status 77 when there was nothing. */
#include <dirent.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/input.h"

static unsigned long files, packed, packets, beyond, differences;

static void differ(const char *path, uint64_t number, const char *what, uint64_t ours,
                   uint64_t theirs)
{
    fprintf(stderr, "%s: packet %" PRIu64 ": %s %" PRIu64 ", libpcap %" PRIu64 "\n", path, number,
            what, ours, theirs);
    differences++;
}

static void compare(const char *path, uint64_t number, const struct packet *packet,
                    const struct pcap_pkthdr *header, const uint8_t *octets)
{
    /* nanoseconds, as asked for */
    bool sound = header->ts.tv_usec >= 0 && header->ts.tv_usec < 1000000000;
    int64_t seconds = header->ts.tv_sec;
    uint64_t ts_ns = (uint64_t)(seconds < 0 ? seconds + (INT64_C(1) << 32) : seconds) * 1000000000 +
                     (uint64_t)header->ts.tv_usec;
    size_t wire_len = header->len < packet->octets.len ? packet->octets.len : header->len;
    if (packet->octets.len < header->caplen) {
        differ(path, number, "captured", packet->octets.len, header->caplen);
    } else if (memcmp(packet->octets.ptr, octets, header->caplen) != 0) {
        differ(path, number, "other octets, of", packet->octets.len, header->caplen);
    }
    if (packet->wire_len != wire_len) {
        differ(path, number, "on the wire", packet->wire_len, wire_len);
    }
    if (packet->pos.ts_known && sound && packet->pos.ts_ns != ts_ns) {
        differ(path, number, "time", packet->pos.ts_ns, ts_ns);
    }
}

static void compare_file(const char *path, pcap_t *pcap, struct input *input)
{
    struct pcap_pkthdr *header;
    const uint8_t *octets;
    struct packet packet;
    struct err err;
    uint64_t number = 0;
    enum rc rc;
    while (pcap_next_ex(pcap, &header, &octets) == 1) {
        number++;
        rc = input_next_packet(input, &packet, &err);
        if (rc != RC_OK) {
            differ(path, number, "ends with", (uint64_t)-rc, 0);
            return;
        }
        compare(path, number, &packet, header, octets);
    }
    packets += number;
    while ((rc = input_next_packet(input, &packet, &err)) == RC_OK) {
        beyond++;
    }
}

/* The program that takes off what a file's name says it is packed in; NULL: nothing. */
static FILE *open_unpacked(const char *path)
{
    const char *end = strrchr(path, '.');
    bool gzip = end != NULL && strcmp(end, ".gz") == 0;
    if (!gzip && (end == NULL || strcmp(end, ".zst") != 0)) {
        return NULL;
    }
    setenv("PACKED", path, 1); /* so that no shell reads the name */
    return popen(gzip ? "gzip -dcf \"$PACKED\" 2>&-" : "zstd -dcqf \"$PACKED\" 2>&-", "r");
}

static void run_file(const char *path)
{
    char text[PCAP_ERRBUF_SIZE];
    FILE *unpacked = open_unpacked(path);
    struct mem mem;
    struct input *input = NULL;
    struct err err;
    mem_init(&mem, 0);
    pcap_t *pcap =
        unpacked == NULL
            ? pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text)
            : pcap_fopen_offline_with_tstamp_precision(unpacked, PCAP_TSTAMP_PRECISION_NANO, text);
    packed += unpacked != NULL && pcap != NULL;
    enum rc rc = input_open(&mem, path, NULL, &input, &err);
    if (pcap != NULL && rc != RC_OK) {
        fprintf(stderr, "%s: libpcap opens it, but: %s\n", path, err.text);
        differences++;
    }
    if (pcap != NULL && rc == RC_OK) {
        files++;
        compare_file(path, pcap, input);
    }
    if (pcap != NULL) {
        pcap_close(pcap); /* and the pipe with it, as far as stdio goes */
    } else if (unpacked != NULL) {
        (void)pclose(unpacked);
    }
    input_close(input);
}

static void run_path(const char *path)
{
    char name[4096];
    DIR *folder = opendir(path);
    if (folder == NULL) {
        run_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            int len = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            if (len > 0 && (size_t)len < sizeof name) {
                run_path(name);
            }
        }
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        run_path(argv[i]);
    }
    printf("%lu files (%lu of them unpacked for libpcap), %lu packets the same, %lu more that"
           " libpcap does not reach\n",
           files, packed, packets, beyond);
    return differences > 0 ? 1 : files > 0 ? 0 : 77;
}
