/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy.c: the PROXY protocol: version 1, a line, and version 2, octets.
 *
 * Refuses a line that is not as the document says, and headers of more than N_MAX octets. Where the
 * proxy speaks for itself or names no address of IP, the header is one and has no address.
 *
 * Misuse: octets from the middle of a connection. What stands there can look like a header. */
#include <imapid/proxy.h>

#include <stdbool.h>
#include <string.h>

#include <imapid/end.h>
#include <imapid/octets.h>

/* A line has no more (section 2.1). */
#define N_LINE_MAX 107

/* Names, certificates and the like behind the addresses; the document thinks of 536 octets. */
#define N_MAX 4096

#define N_WORDS_MAX 6

static bool parse_port(const char *text, uint16_t *port)
{
    unsigned number = 0;
    size_t n = strlen(text);

    if (!n || n > 5)
        return false;
    for (; *text; text++) {
        if (!imapid_is_digit((uint8_t)*text))
            return false;
        number = number * 10 + (unsigned)(*text - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

static bool parse_address(const char *text, uint8_t family, uint8_t address[16])
{
    struct imapid_end end = {.family = 0};

    if (!imapid_end_read_address(&end, (const uint8_t *)text, strlen(text)) || end.family != family)
        return false;
    memcpy(address, end.address, sizeof end.address);
    return true;
}

/* Cuts a line at its spaces. Returns the number of words; N_WORDS_MAX + 1 stands for more. */
static unsigned split(char *line, char *words[N_WORDS_MAX])
{
    unsigned n = 0;

    do {
        if (n == N_WORDS_MAX)
            return n + 1;
        words[n++] = line;
        line = strchr(line, ' ');
        if (line)
            *line++ = 0;
    } while (line);
    return n;
}

/* PROXY TCP4 source destination port port */
static bool parse_line(char *line, struct imapid_proxy_header *header)
{
    char *words[N_WORDS_MAX];
    unsigned n = split(line, words);
    uint8_t server[16];
    uint16_t server_port;

    if (n >= 2 && !strcmp(words[1], "UNKNOWN"))
        return true; /* whatever follows is not to be looked at */
    if (n != 6 || (strcmp(words[1], "TCP4") && strcmp(words[1], "TCP6")))
        return false;
    header->family = words[1][3] == '4' ? 4 : 6;
    return parse_address(words[2], header->family, header->address) &&
           parse_address(words[3], header->family, server) && parse_port(words[4], &header->port) &&
           parse_port(words[5], &server_port);
}

static enum imapid_proxy_status parse_version1(const uint8_t *octets, size_t n,
                                               struct imapid_proxy_header *header)
{
    char line[N_LINE_MAX + 1];
    const uint8_t *end = (const uint8_t *)memchr(octets, '\n', n < N_LINE_MAX ? n : N_LINE_MAX);
    struct imapid_proxy_header read = {0};
    size_t n_line;

    if (!end)
        return n < N_LINE_MAX ? IMAPID_PROXY_MORE : IMAPID_PROXY_NOT;
    n_line = (size_t)(end - octets);
    if (end[-1] != '\r' || memchr(octets, 0, n_line))
        return IMAPID_PROXY_NOT;
    memcpy(line, octets, n_line - 1);
    line[n_line - 1] = 0;
    if (!parse_line(line, &read))
        return IMAPID_PROXY_NOT;
    read.n = n_line + 1;
    *header = read;
    return IMAPID_PROXY_OK;
}

/* The client's address at the front of the n octets behind a fixed header. */
static void read_address(const uint8_t *octets, size_t n, unsigned kind,
                         struct imapid_proxy_header *header)
{
    static const struct {
        uint8_t kind, family;
        uint8_t n_address;
    } kinds[] = {
        {0x11, 4, 4},  /* TCP over IPv4 */
        {0x21, 6, 16}, /* TCP over IPv6 */
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint8_t n_address = kinds[i].n_address;

        if (kinds[i].kind != kind || n < 2u * n_address + 4)
            continue;
        memcpy(header->address, octets, n_address);
        header->port = imapid_octets_get16(octets + (size_t)2 * n_address);
        header->family = kinds[i].family;
    }
}

static enum imapid_proxy_status parse_version2(const uint8_t *octets, size_t n,
                                               struct imapid_proxy_header *header)
{
    size_t n_behind;
    unsigned command;

    if (n < 16)
        return IMAPID_PROXY_MORE;
    n_behind = imapid_octets_get16(octets + 14);
    command = octets[12];
    if ((command != 0x20 && command != 0x21) || 16 + n_behind > N_MAX)
        return IMAPID_PROXY_NOT;
    if (n < 16 + n_behind)
        return IMAPID_PROXY_MORE;
    memset(header, 0, sizeof *header);
    header->n = 16 + n_behind;
    if (command == 0x21) /* not for the proxy itself, as to see whether the server is there */
        read_address(octets + 16, n_behind, octets[13], header);
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

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        size_t n_begin = versions[i].n_begin;

        if (memcmp(octets, versions[i].begin, n < n_begin ? n : n_begin) != 0)
            continue;
        return n < n_begin ? IMAPID_PROXY_MORE : versions[i].parse(octets, n, header);
    }
    return IMAPID_PROXY_NOT;
}
