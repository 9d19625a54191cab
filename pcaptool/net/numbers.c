/* SPDX-License-Identifier: GPL-2.0-or-later */
/* numbers.c: what numbers of link types, EtherTypes, protocols and the like mean: one table each,
 * one line a number. A line says which layer follows; OTHER, that no layer with IP in it does;
 * UNREAD, that one may and is not read. A number in no table is UNREAD too, without a name.
 *
 * The most frequent numbers come first: the tables are searched for every packet.
 *
 * Refuses nothing.
 *
 * Misuse: looking a number of one space up in another. */

#include "net/numbers.h"

#include <glib.h>
#include <string.h>

struct row {
    uint32_t number;
    enum imapid_layer layer;
    const char *name;
};

#define OTHER  IMAPID_LAYER_OTHER
#define UNREAD IMAPID_LAYER_UNREAD

/* LINKTYPE_ values of tcpdump.org */
static const struct row link_types[] = {
    {1, IMAPID_LAYER_ETHERNET, "Ethernet"},
    {113, IMAPID_LAYER_COOKED, "Linux cooked"},
    {276, IMAPID_LAYER_COOKED2, "Linux cooked v2"},
    {101, IMAPID_LAYER_RAW, "raw IP"},
    {0, IMAPID_LAYER_LOOPBACK, "BSD loopback"},
    {108, IMAPID_LAYER_LOOPBACK, "OpenBSD loopback"},
    {12, IMAPID_LAYER_RAW, "raw IP"}, /* what libpcap calls it inside, found in files as well */
    {14, IMAPID_LAYER_RAW, "raw IP"}, /* and on OpenBSD */
    {228, IMAPID_LAYER_IP4, "IPv4"},
    {229, IMAPID_LAYER_IP6, "IPv6"},
    {9, IMAPID_LAYER_HDLC, "PPP"}, /* some write Cisco's HDLC under this number */
    {50, IMAPID_LAYER_HDLC, "PPP in HDLC-like framing"},
    {104, IMAPID_LAYER_HDLC, "Cisco HDLC"},
    {51, IMAPID_LAYER_PPPOE, "PPPoE"}, /* without the Ethernet header */
    {166, IMAPID_LAYER_PPP_DIRECTION, "PPP of Linux"},
    {204, IMAPID_LAYER_PPP_DIRECTION, "PPP with direction"},
    {107, IMAPID_LAYER_FRAME_RELAY, "frame relay"},
    {219, IMAPID_LAYER_MPLS, "MPLS"},
    {105, IMAPID_LAYER_WLAN, "IEEE 802.11"},
    {119, IMAPID_LAYER_PRISM, "IEEE 802.11 with Prism header"},
    {127, IMAPID_LAYER_RADIOTAP, "IEEE 802.11 with radiotap"},
    {163, IMAPID_LAYER_AVS, "IEEE 802.11 with AVS header"},
    {192, IMAPID_LAYER_PPI, "PPI"},
    {239, IMAPID_LAYER_NFLOG, "NFLOG"},
    {117, IMAPID_LAYER_PFLOG, "PFLOG"},
    {258, IMAPID_LAYER_PKTAP, "PKTAP"},
    {149, IMAPID_LAYER_PKTAP_USER2, "USER2"}, /* what macOS writes PKTAP under */
    {109, IMAPID_LAYER_ENC, "ENC"},
    {226, IMAPID_LAYER_IPNET, "IPNET"},
    {281, IMAPID_LAYER_BROADCOM, "Broadcom tag"},
    {282, IMAPID_LAYER_BROADCOM_FIRST, "Broadcom tag before Ethernet"},
    {284, IMAPID_LAYER_DSA, "DSA"},
    {285, IMAPID_LAYER_ETHERNET, "EDSA"},
    {178, IMAPID_LAYER_JUNIPER_ETHERNET, "Juniper Ethernet"},
    {10, IMAPID_LAYER_FDDI, "FDDI"},
    {242, IMAPID_LAYER_IPOIB, "IP over InfiniBand"},
    {8, IMAPID_LAYER_SLIP, "SLIP"},
    {100, IMAPID_LAYER_LLC, "ATM RFC 1483"},
    {3, UNREAD, "AX.25"},
    {6, UNREAD, "token ring"},
    {7, UNREAD, "ARCNET"},
    {17, UNREAD, "PFLOG of old OpenBSD"},
    {114, UNREAD, "LocalTalk"},
    {122, UNREAD, "IP over Fibre Channel"},
    {123, UNREAD, "SunATM"},
    {129, UNREAD, "ARCNET of Linux"},
    {137, UNREAD, "Juniper ATM1"},
    {135, UNREAD, "Juniper ATM2"},
    {138, UNREAD, "Apple IP over IEEE 1394"},
    {143, UNREAD, "DOCSIS"},
    {144, UNREAD, "IrDA"},
    {147, UNREAD, "USER0"},
    {148, UNREAD, "USER1"},
    {150, UNREAD, "USER3"},
    {151, UNREAD, "USER4"},
    {152, UNREAD, "USER5"},
    {153, UNREAD, "USER6"},
    {154, UNREAD, "USER7"},
    {155, UNREAD, "USER8"},
    {156, UNREAD, "USER9"},
    {157, UNREAD, "USER10"},
    {158, UNREAD, "USER11"},
    {159, UNREAD, "USER12"},
    {160, UNREAD, "USER13"},
    {161, UNREAD, "USER14"},
    {162, UNREAD, "USER15"},
    {165, UNREAD, "BACnet MS/TP"},
    {177, UNREAD, "LAPD of Linux"},
    {179, UNREAD, "Juniper PPP"},
    {180, UNREAD, "Juniper frame relay"},
    {181, UNREAD, "Juniper CHDLC"},
    {187, UNREAD, "Bluetooth HCI"},
    {189, UNREAD, "USB of Linux"},
    {195, UNREAD, "IEEE 802.15.4"},
    {197, UNREAD, "ERF"},
    {201, UNREAD, "Bluetooth HCI with direction"},
    {220, UNREAD, "USB of Linux, padded"},
    {227, UNREAD, "SocketCAN"},
    {230, UNREAD, "IEEE 802.15.4 without FCS"},
    {240, UNREAD, "NetANALYZER"},
    {241, UNREAD, "NetANALYZER, transparent"},
    {247, UNREAD, "InfiniBand"},
    {248, UNREAD, "SCTP"},
    {249, UNREAD, "USBPcap"},
    {251, UNREAD, "Bluetooth LE"},
    {252, UNREAD, "Wireshark upper PDU"},
    {253, UNREAD, "netlink of Linux"},
    {254, UNREAD, "Bluetooth monitor of Linux"},
    {272, UNREAD, "nRF sniffer"},
    {274, UNREAD, "Ethernet mPackets"},
    {279, UNREAD, "vsock of Linux"},
    {283, UNREAD, "IEEE 802.15.4 TAP"},
    {288, UNREAD, "USB 2.0"},
};

/* Of these, what stands in GRE, cooked headers and elsewhere in an EtherType's place as well. */
static const struct row ether_types[] = {
    {0x0800, IMAPID_LAYER_IP4, "IPv4"},
    {0x86dd, IMAPID_LAYER_IP6, "IPv6"},
    {0x8100, IMAPID_LAYER_VLAN, "802.1Q"},
    {0x88a8, IMAPID_LAYER_VLAN, "802.1ad"},
    {0x0806, OTHER, "ARP"},
    {0x9100, IMAPID_LAYER_VLAN, "QinQ before it was a standard"},
    {0x9200, IMAPID_LAYER_VLAN, "QinQ before it was a standard"},
    {0x9300, IMAPID_LAYER_VLAN, "QinQ before it was a standard"},
    {0x8847, IMAPID_LAYER_MPLS, "MPLS"},
    {0x8848, IMAPID_LAYER_MPLS, "MPLS multicast"},
    {0x8864, IMAPID_LAYER_PPPOE, "PPPoE session"},
    {0x6558, IMAPID_LAYER_ETHERNET, "Ethernet"},
    {0x880b, IMAPID_LAYER_PPP, "PPP"},
    {0x8870, IMAPID_LAYER_LLC, "802.2 in jumbo frames"},
    {0x8926, IMAPID_LAYER_VN_TAG, "VN-tag"},
    {0x893f, IMAPID_LAYER_E_TAG, "E-tag"},
    {0x8909, IMAPID_LAYER_TRUSTSEC, "Cisco MetaData"},
    {0x8988, IMAPID_LAYER_TTAG, "Cisco TTag"},
    {0xd28b, IMAPID_LAYER_ARISTA, "Arista time stamp"},
    {0x88e7, IMAPID_LAYER_PBB, "802.1ah"},
    {0x88e5, IMAPID_LAYER_MACSEC, "MACsec"},
    {0x8903, IMAPID_LAYER_FABRICPATH, "FabricPath"},
    {0x8899, IMAPID_LAYER_REALTEK, "Realtek"},
    {0x894f, IMAPID_LAYER_NSH, "NSH"},
    {0xdada, IMAPID_LAYER_EDSA, "EDSA"},
    {0x0600, OTHER, "XNS"},
    {0x0842, OTHER, "Wake on LAN"},
    {0x2000, OTHER, "CDP"},
    {0x2003, OTHER, "VTP"},
    {0x22ea, OTHER, "MSRP"},
    {0x22f0, OTHER, "AVTP"},
    {0x22f4, OTHER, "IS-IS"},
    {0x6000, OTHER, "DEC"},
    {0x6001, OTHER, "DEC MOP"},
    {0x6002, OTHER, "DEC MOP"},
    {0x6003, OTHER, "DECnet"},
    {0x6004, OTHER, "DEC LAT"},
    {0x8035, OTHER, "RARP"},
    {0x809b, OTHER, "AppleTalk"},
    {0x80f3, OTHER, "AppleTalk ARP"},
    {0x8137, OTHER, "IPX"},
    {0x8138, OTHER, "IPX"},
    {0x8204, OTHER, "QNX"},
    {0x8808, OTHER, "MAC control"},
    {0x8809, OTHER, "slow protocols"},
    {0x8863, OTHER, "PPPoE discovery"},
    {0x886d, OTHER, "Intel ANS"},
    {0x886f, OTHER, "Microsoft NLB"},
    {0x887b, OTHER, "HomePlug"},
    {0x888e, OTHER, "EAPOL"},
    {0x8892, OTHER, "PROFINET"},
    {0x88a2, OTHER, "ATA over Ethernet"},
    {0x88a4, OTHER, "EtherCAT"},
    {0x88ab, OTHER, "POWERLINK"},
    {0x88b8, OTHER, "GOOSE"},
    {0x88b9, OTHER, "GSE"},
    {0x88ba, OTHER, "sampled values"},
    {0x88c7, OTHER, "802.11i preauthentication"},
    {0x88ca, OTHER, "TIPC"},
    {0x88cc, OTHER, "LLDP"},
    {0x88cd, OTHER, "SERCOS"},
    {0x88d9, OTHER, "LLTD"},
    {0x88e1, OTHER, "HomePlug AV"},
    {0x88e3, OTHER, "MRP"},
    {0x88f5, OTHER, "MVRP"},
    {0x88f6, OTHER, "MMRP"},
    {0x88f7, OTHER, "PTP"},
    {0x88fb, OTHER, "PRP"},
    {0x8902, OTHER, "CFM"},
    {0x8906, OTHER, "FCoE"},
    {0x8914, OTHER, "FIP"},
    {0x8915, OTHER, "RoCE"},
    {0x9000, OTHER, "loopback test"},
    {0x22f3, UNREAD, "TRILL"},
    {0x22e5, UNREAD, "Gigamon"},
    {0x4305, UNREAD, "B.A.T.M.A.N."},
    {0x8881, UNREAD, "CDMA2000"},
    {0x88b5, UNREAD, "experimental"},
    {0x88b6, UNREAD, "experimental"},
    {0x88b7, UNREAD, "OUI extended"},
    {0x890d, UNREAD, "802.11 in Ethernet"},
    {0x892f, UNREAD, "HSR"},
};

/* What GRE has beside EtherTypes */
static const struct row gre_protocols[] = {
    {0x88be, IMAPID_LAYER_ERSPAN2, "ERSPAN"}, /* gre.c tells its types apart */
    {0x22eb, IMAPID_LAYER_ERSPAN3, "ERSPAN III"},
    {0x883e, IMAPID_LAYER_WCCP, "WCCP"},
    {0x8909, IMAPID_LAYER_TRUSTSEC_GRE, "Cisco MetaData"},
    {0x6400, IMAPID_LAYER_ETHERNET, "Ethernet"},
    {0x6559, IMAPID_LAYER_FRAME_RELAY, "frame relay"},
    {0x00fe, OTHER, "OSI"},
    {0x2001, OTHER, "NHRP"},
    {0x0101, OTHER, "GRE bonding control"},
    {0xb7ea, OTHER, "GRE bonding control"},
};

static const struct row ppp_protocols[] = {
    {0x0021, IMAPID_LAYER_IP4, "IPv4"},
    {0x0057, IMAPID_LAYER_IP6, "IPv6"},
    {0x0281, IMAPID_LAYER_MPLS, "MPLS"},
    {0x0283, IMAPID_LAYER_MPLS, "MPLS multicast"},
    {0x0023, OTHER, "OSI"},
    {0x0029, OTHER, "AppleTalk"},
    {0x002b, OTHER, "IPX"},
    {0x002d, UNREAD, "compressed TCP/IP"},
    {0x002f, UNREAD, "uncompressed TCP/IP"},
    {0x0031, UNREAD, "bridged frames"},
    {0x003d, UNREAD, "multilink"},
    {0x0053, UNREAD, "encrypted"},
    {0x00fb, UNREAD, "compressed on one link"},
    {0x00fd, UNREAD, "compressed or encrypted"},
};

static const struct row llc_saps[] = {
    {0x06, IMAPID_LAYER_IP4, "IPv4"},
    {0x42, OTHER, "STP"},
    {0x00, OTHER, "null"},
    {0x04, OTHER, "SNA"},
    {0xaa, OTHER, "SNAP of other organisations"},
    {0xe0, OTHER, "IPX"},
    {0xf0, OTHER, "NetBIOS"},
    {0xfe, OTHER, "OSI"},
    {0xff, OTHER, "IPX, or all"},
};

/* ISO/IEC TR 9577, as frame relay has it */
static const struct row nlpids[] = {
    {0xcc, IMAPID_LAYER_IP4, "IPv4"},
    {0x8e, IMAPID_LAYER_IP6, "IPv6"},
    {0xcf, IMAPID_LAYER_PPP, "PPP"},
    {0x08, OTHER, "Q.933"},
    {0x81, OTHER, "CLNP"},
    {0x82, OTHER, "ES-IS"},
    {0x83, OTHER, "IS-IS"},
};

/* RFC 8300; VXLAN-GPE has the same */
static const struct row nsh_protocols[] = {
    {1, IMAPID_LAYER_IP4, "IPv4"},          {2, IMAPID_LAYER_IP6, "IPv6"},
    {3, IMAPID_LAYER_ETHERNET, "Ethernet"}, {4, IMAPID_LAYER_NSH, "NSH"},
    {5, IMAPID_LAYER_MPLS, "MPLS"},
};

/* Address families of several systems */
static const struct row families[] = {
    {2, IMAPID_LAYER_IP4, "IPv4"},
    {10, IMAPID_LAYER_IP6, "IPv6"}, /* Linux */
    {23, IMAPID_LAYER_IP6, "IPv6"}, /* Windows */
    {24, IMAPID_LAYER_IP6, "IPv6"}, /* NetBSD, OpenBSD */
    {26, IMAPID_LAYER_IP6, "IPv6"}, /* Solaris */
    {28, IMAPID_LAYER_IP6, "IPv6"}, /* FreeBSD */
    {30, IMAPID_LAYER_IP6, "IPv6"}, /* macOS */
    {7, OTHER, "OSI"},
};

/* Those that tunnel.c enters are not asked for here. */
static const struct row ip_protocols[] = {
    {17, OTHER, "UDP"},
    {1, OTHER, "ICMP"},
    {2, OTHER, "IGMP"},
    {58, OTHER, "ICMPv6"},
    {88, OTHER, "EIGRP"},
    {89, OTHER, "OSPF"},
    {103, OTHER, "PIM"},
    {112, OTHER, "VRRP"},
    {132, OTHER, "SCTP"},
    {8, OTHER, "EGP"},
    {9, OTHER, "IGP"},
    {33, OTHER, "DCCP"},
    {46, OTHER, "RSVP"},
    {59, OTHER, "no next header"},
    {136, OTHER, "UDP-Lite"},
    {50, UNREAD, "ESP"},
    {115, UNREAD, "L2TPv3"},
    {97, UNREAD, "EtherIP"},
    {55, UNREAD, "IP Mobility"},
    {99, UNREAD, "private encryption"},
    {108, UNREAD, "IPComp"},
    {253, UNREAD, "experimental"},
    {254, UNREAD, "experimental"},
};

/* Those that the user can say with -d have their names from udp.c. */
static const struct row udp_ports[] = {
    {4755, UNREAD, "GRE in DTLS"},
    {6636, UNREAD, "MPLS in DTLS"},
};

static const struct row ip_versions[] = {
    {4, UNREAD, "malformed header"},
    {6, UNREAD, "malformed header"},
};

static const struct row wlan[] = {
    {IMAPID_WLAN_PROTECTED, UNREAD, "encrypted data"},
    {IMAPID_WLAN_FRAGMENT, UNREAD, "fragments"},
};

static const struct row headers[] = {
    {IMAPID_HEADER_CUT, UNREAD, "cut by the snap length"},
    {IMAPID_HEADER_BAD_TCP, UNREAD, "malformed, of TCP"},
    {IMAPID_HEADER_FRAGMENT, UNREAD, "of fragments, of which others are missing or cut"},
};

static const struct row depths[] = {
    {IMAPID_LAYER_N_MAX, UNREAD, "more layers in each other than are looked at"},
};

static const struct {
    const char *word, *title;
    const struct row *rows;
    size_t n_rows;
} spaces[IMAPID_N_NUMBER_SPACES] = {
    [IMAPID_NUMBER_LINK_TYPE] = {"link-type", "link type", link_types, G_N_ELEMENTS(link_types)},
    [IMAPID_NUMBER_ETHER_TYPE] = {"ethertype", "EtherType", ether_types, G_N_ELEMENTS(ether_types)},
    [IMAPID_NUMBER_IP_PROTOCOL] = {"ip-protocol", "IP protocol", ip_protocols,
                                   G_N_ELEMENTS(ip_protocols)},
    [IMAPID_NUMBER_UDP_PORT] = {"udp-port", "UDP port", udp_ports, G_N_ELEMENTS(udp_ports)},
    [IMAPID_NUMBER_GRE_PROTOCOL] = {"gre-protocol", "GRE protocol", gre_protocols,
                                    G_N_ELEMENTS(gre_protocols)},
    [IMAPID_NUMBER_PPP_PROTOCOL] = {"ppp-protocol", "PPP protocol", ppp_protocols,
                                    G_N_ELEMENTS(ppp_protocols)},
    [IMAPID_NUMBER_LLC_SAP] = {"llc-sap", "LLC SAP", llc_saps, G_N_ELEMENTS(llc_saps)},
    [IMAPID_NUMBER_NLPID] = {"nlpid", "NLPID", nlpids, G_N_ELEMENTS(nlpids)},
    [IMAPID_NUMBER_NSH_PROTOCOL] = {"nsh-protocol", "protocol in NSH or VXLAN-GPE", nsh_protocols,
                                    G_N_ELEMENTS(nsh_protocols)},
    [IMAPID_NUMBER_FAMILY] = {"address-family", "address family", families, G_N_ELEMENTS(families)},
    [IMAPID_NUMBER_IP_VERSION] = {"ip-version", "IP version", ip_versions,
                                  G_N_ELEMENTS(ip_versions)},
    [IMAPID_NUMBER_WLAN] = {"wlan", "IEEE 802.11", wlan, G_N_ELEMENTS(wlan)},
    [IMAPID_NUMBER_DEPTH] = {"depth", "depth", depths, G_N_ELEMENTS(depths)},
    [IMAPID_NUMBER_HEADER] = {"header", "headers", headers, G_N_ELEMENTS(headers)},
};

static const struct row *find_row(enum imapid_number_space space, uint32_t number)
{
    for (size_t i = 0; i < spaces[space].n_rows; i++)
        if (spaces[space].rows[i].number == number)
            return &spaces[space].rows[i];
    return NULL;
}

/* Aruba's access points send frames of 802.11 under numbers of their own, one a queue. */
static bool is_aruba(uint32_t gre_protocol)
{
    return gre_protocol >= 0x8200 && gre_protocol <= 0x8370 && (gre_protocol & 0xf) == 0;
}

/* EtherTypes are asked for with most packets; so are GRE's, which has those and some more. */
static const struct row *find_any_row(enum imapid_number_space space, uint32_t number)
{
    static const struct row aruba = {0, IMAPID_LAYER_WLAN, "Aruba"};
    const struct row *row = find_row(space, number);
    if (space != IMAPID_NUMBER_GRE_PROTOCOL || row)
        return row;
    return is_aruba(number) ? &aruba : find_row(IMAPID_NUMBER_ETHER_TYPE, number);
}

enum imapid_layer imapid_numbers_find(enum imapid_number_space space, uint32_t number,
                                      struct imapid_cursor *cursor)
{
    const struct row *row = find_any_row(space, number);
    /* Protocols of PPP from 0x8000 on set up others (RFC 1661 2). */
    if (!row && space == IMAPID_NUMBER_PPP_PROTOCOL && number >= 0x8000)
        return OTHER;
    if (!row || row->layer == UNREAD)
        return imapid_layer_set_unread(cursor, space, number);
    return row->layer;
}

enum imapid_layer imapid_numbers_find_link_type(uint16_t link_type, struct imapid_cursor *cursor)
{
    return imapid_numbers_find(IMAPID_NUMBER_LINK_TYPE, link_type, cursor);
}

size_t imapid_numbers_list_link_types(uint16_t *numbers, size_t n_room)
{
    size_t n = MIN(n_room, G_N_ELEMENTS(link_types));
    for (size_t i = 0; i < n; i++)
        numbers[i] = (uint16_t)link_types[i].number;
    return n;
}

#define LINK_USER0  147
#define LINK_USER15 162

uint16_t imapid_numbers_decode_link_type(const struct imapid_decode *decode, uint16_t link_type)
{
    if (link_type >= LINK_USER0 && link_type <= LINK_USER15)
        return decode->link_type;
    const struct row *row = find_row(IMAPID_NUMBER_LINK_TYPE, link_type);
    return row && row->layer != UNREAD ? link_type : decode->link_type;
}

bool imapid_numbers_is_read_ether_type(unsigned ether_type)
{
    const struct row *row = find_row(IMAPID_NUMBER_ETHER_TYPE, ether_type);
    return row && row->layer != OTHER && row->layer != UNREAD;
}

bool imapid_numbers_is_free_ether_type(unsigned ether_type)
{
    return ether_type == 0x88b5 || ether_type == 0x88b6 ||
           !find_row(IMAPID_NUMBER_ETHER_TYPE, ether_type);
}

const char *imapid_numbers_get_name(enum imapid_number_space space, uint32_t number)
{
    const struct row *row = find_any_row(space, number);
    return row ? row->name : NULL;
}

const char *imapid_numbers_get_word(enum imapid_number_space space)
{
    return spaces[space].word;
}

int imapid_numbers_find_space(const char *word)
{
    for (int i = 0; i < IMAPID_N_NUMBER_SPACES; i++)
        if (strcmp(spaces[i].word, word) == 0)
            return i;
    return -1;
}

const char *imapid_numbers_get_title(enum imapid_number_space space)
{
    return spaces[space].title;
}
