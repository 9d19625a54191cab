/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The PROXY protocol (HAProxy's proxy-protocol.txt): version 1, a line, and version 2, octets.
 *
 * Refused: a line that is not as the document says, and headers of more than N_MAX octets. Where
 * the proxy speaks for itself or names no address of IP, the header is one and has no address.
 *
 * Misuse: octets from the middle of a connection. What stands there can look like a header. */

#include "record/proxy.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

/* A line has no more (section 2.1). */
#define N_LINE_MAX 107

/* Names, certificates and the like behind the addresses; the document thinks of 536 octets. */
#define N_MAX 4096

static uint16_t get16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static bool parse_port(const char *text, uint16_t *port)
{
    guint64 number = 0;
    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT16_MAX, &number, NULL))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_address(const char *text, uint8_t family, struct imapid_endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->family = family;
    return inet_pton(family == 4 ? AF_INET : AF_INET6, text, endpoint->address) == 1;
}

/* PROXY TCP4 source destination port port */
static bool parse_line(const char *line, struct imapid_endpoint *client)
{
    struct imapid_endpoint server;
    bool good = false;
    char **words = g_strsplit(line, " ", 8);
    guint n = g_strv_length(words);
    *client = (struct imapid_endpoint){0};
    if (n >= 2 && strcmp(words[1], "UNKNOWN") == 0) {
        good = true; /* whatever follows is not to be looked at */
    } else if (n == 6 && (strcmp(words[1], "TCP4") == 0 || strcmp(words[1], "TCP6") == 0)) {
        uint8_t family = words[1][3] == '4' ? 4 : 6;
        good = parse_address(words[2], family, client) &&
               parse_address(words[3], family, &server) && parse_port(words[4], &client->port) &&
               parse_port(words[5], &server.port);
    }
    g_strfreev(words);
    return good;
}

static enum imapid_proxy_status parse_version1(const uint8_t *octets, size_t n,
                                               struct imapid_proxy_header *header)
{
    char line[N_LINE_MAX + 1];
    struct imapid_endpoint client;
    const uint8_t *end = memchr(octets, '\n', MIN(n, N_LINE_MAX));
    if (!end)
        return n < N_LINE_MAX ? IMAPID_PROXY_MORE : IMAPID_PROXY_NOT;
    size_t n_line = (size_t)(end - octets);
    if (end[-1] != '\r' || memchr(octets, 0, n_line))
        return IMAPID_PROXY_NOT;
    memcpy(line, octets, n_line - 1);
    line[n_line - 1] = 0;
    if (!parse_line(line, &client))
        return IMAPID_PROXY_NOT;
    *header = (struct imapid_proxy_header){n_line + 1, client};
    return IMAPID_PROXY_OK;
}

/* The client's address at the front of the n octets behind a fixed header. */
static void read_address(const uint8_t *octets, size_t n, unsigned kind,
                         struct imapid_endpoint *client)
{
    static const struct {
        uint8_t kind, family;
        uint8_t n_address;
    } kinds[] = {
        {0x11, 4, 4},  /* TCP over IPv4 */
        {0x21, 6, 16}, /* TCP over IPv6 */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        uint8_t n_address = kinds[i].n_address;
        if (kinds[i].kind != kind || n < 2u * n_address + 4)
            continue;
        memcpy(client->address, octets, n_address);
        client->port = get16(octets + (size_t)2 * n_address);
        client->family = kinds[i].family;
    }
}

static enum imapid_proxy_status parse_version2(const uint8_t *octets, size_t n,
                                               struct imapid_proxy_header *header)
{
    if (n < 16)
        return IMAPID_PROXY_MORE;
    size_t n_behind = get16(octets + 14);
    unsigned command = octets[12];
    if ((command != 0x20 && command != 0x21) || 16 + n_behind > N_MAX)
        return IMAPID_PROXY_NOT;
    if (n < 16 + n_behind)
        return IMAPID_PROXY_MORE;
    *header = (struct imapid_proxy_header){.n = 16 + n_behind};
    if (command == 0x21) /* not for the proxy itself, as to see whether the server is there */
        read_address(octets + 16, n_behind, octets[13], &header->client);
    return IMAPID_PROXY_OK;
}

enum imapid_proxy_status imapid_proxy_parse(const uint8_t *octets, size_t n,
                                            struct imapid_proxy_header *header)
{
    static const struct {
        const char *begin;
        size_t n_begin;
        enum imapid_proxy_status (*parse)(const uint8_t *octets, size_t n,
                                          struct imapid_proxy_header *header);
    } versions[] = {
        {"PROXY ", 6, parse_version1},
        {"\r\n\r\n\0\r\nQUIT\n", 12, parse_version2},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
        if (memcmp(octets, versions[i].begin, MIN(n, versions[i].n_begin)) != 0)
            continue;
        return n < versions[i].n_begin ? IMAPID_PROXY_MORE : versions[i].parse(octets, n, header);
    }
    return IMAPID_PROXY_NOT;
}
