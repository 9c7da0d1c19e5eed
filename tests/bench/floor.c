/* The yardstick of scripts/bench: how fast libpcap alone walks a capture file, touching nothing of
 * its packets. Its time is the unit F of docs/performance.md. Prints packets and octets. */
#include <pcap/pcap.h>

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], why) : NULL;
    if (capture == NULL) {
        fprintf(stderr, "floor: %s\n", argc == 2 ? why : "give one capture file");
        return 2;
    }

    struct pcap_pkthdr *header;
    const u_char *octets;
    uint64_t packet_count = 0, octet_count = 0;
    int result;
    while ((result = pcap_next_ex(capture, &header, &octets)) == 1) {
        packet_count++;
        octet_count += header->caplen;
    }
    pcap_close(capture);
    printf("%" PRIu64 " %" PRIu64 "\n", packet_count, octet_count);
    return result == PCAP_ERROR_BREAK ? 0 : 3;
}
