/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c: names files that are neither pcap nor pcapng, by their first octets, so that the
 * message can say what to do with them.
 *
 * Refuses nothing. Formats without a magic number (ERF) are not in the table.
 *
 * Misuse: taking what is not found here for a capture. */

#include "capture/foreign.h"

#include <string.h>

#define CONVERT "; 'editcap -F pcapng' of Wireshark converts it"

/* clang-format off */
#define CAPTURE(magic, format, what) {0, magic, sizeof(magic) - 1, format, what CONVERT}
#define OTHER_AT(at, magic, what)    {at, magic, sizeof(magic) - 1, NULL, what}
#define OTHER(magic, what)           OTHER_AT(0, magic, what)
/* clang-format on */

static const struct imapid_foreign foreigns[] = {
    CAPTURE("snoop\0\0\0", "snoop", "a snoop capture"),
    CAPTURE("btsnoop\0", "btsnoop", "a Bluetooth btsnoop capture"),
    CAPTURE("RTSS", "netmon", "a Network Monitor 1 capture"),
    CAPTURE("GMBU", "netmon", "a Network Monitor 2 capture"),
    CAPTURE("XCP\0", "netxray", "a NetXRay or Windows Sniffer capture"),
    CAPTURE("TRSNIFF data    ", "sniffer", "a DOS Sniffer capture"),
    CAPTURE("iptrace 1.0", "iptrace", "an AIX iptrace capture"),
    CAPTURE("iptrace 2.0", "iptrace", "an AIX iptrace capture"),
    CAPTURE("\177ver", "peektagged", "an EtherPeek or OmniPeek capture"),
    CAPTURE("ObserverPktBuffe", "observer", "an Observer capture"),
    CAPTURE("\005VNF", "visual", "a Visual Networks capture"),
    CAPTURE("\xaa\xaa\xaa\xaa", "5views", "a 5View capture"),
    CAPTURE("\x1c\x00\x01\xac", "pcap", "pcap as IXIA writes it"),
    CAPTURE("\xac\x01\x00\x1c", "pcap", "pcap as IXIA writes it"),
    CAPTURE("\x1c\x00\x01\xab", "pcap", "pcap as IXIA writes it"),
    CAPTURE("\xab\x01\x00\x1c", "pcap", "pcap as IXIA writes it"),
    CAPTURE("\xa1\xe2\xcb\x12", "pcap", "pcap as Navtel writes it"),
    CAPTURE("\x12\xcb\xe2\xa1", "pcap", "pcap as Navtel writes it"),
    CAPTURE("\xa1\xb2", "pcap", "pcap with a magic number that is not known"),
    OTHER("PK\003\004", "a ZIP archive; unpack it first"),
    OTHER("7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    OTHER("\x1f\x9d", "compressed by compress(1); uncompress it first"),
    OTHER_AT(257, "ustar", "a tar archive (where it is compressed, a tgz); unpack it first"),
    OTHER("\x02\x21\x4c\x18", "lz4's legacy format; 'lz4 -d' unpacks it"),
};

const struct imapid_foreign *imapid_foreign_find(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < sizeof foreigns / sizeof *foreigns; i++)
        if (n >= foreigns[i].at + foreigns[i].n_magic &&
            !memcmp(octets + foreigns[i].at, foreigns[i].magic, foreigns[i].n_magic))
            return &foreigns[i];
    return NULL;
}
