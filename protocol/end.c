/* SPDX-License-Identifier: GPL-2.0-or-later */
/* end.c: reads addresses and ports from text. All modules use this reader.
 *
 * Refuses a text that holds more than the address or the port.
 *
 * Misuse: searching any text for an address. A version number can look like one. */
#include <imapid/end.h>

#include <arpa/inet.h>

bool imapid_end_read_address(struct imapid_end *end, const uint8_t *text, size_t n)
{
    char copy[INET6_ADDRSTRLEN] = "";
    uint8_t address[16] = {0};
    uint16_t family = 4;

    if (!n || n >= sizeof copy || memchr(text, 0, n))
        return false;
    memcpy(copy, text, n);
    if (inet_pton(AF_INET, copy, address) != 1) {
        family = 6;
        if (inet_pton(AF_INET6, copy, address) != 1)
            return false;
    }
    memcpy(end->address, address, sizeof address);
    end->family = family;
    return true;
}

bool imapid_end_read_port(struct imapid_end *end, const uint8_t *text, size_t n)
{
    unsigned number = 0;

    if (n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!imapid_is_digit(text[i]))
            return false;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (!number || number > UINT16_MAX)
        return false;
    end->port = (uint16_t)number;
    return true;
}

int imapid_end_compare(const struct imapid_end *a, const struct imapid_end *b)
{
    int order = memcmp(a->address, b->address, sizeof a->address);

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return order ? order : (a->port > b->port) - (a->port < b->port);
}
