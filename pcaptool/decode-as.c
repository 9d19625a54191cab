/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode-as.c: reads -d and --linktype: what the user says that packets are, as tshark spells it.
 *
 * Refuses, with a list of what there is: layers other than UDP ports, and tunnels and link types
 * that are not read here.
 *
 * Misuse: a port twice. The first one counts. */
#include "decode-as.h"

#include "net/numbers.h"
#include "net/udp.h"

#include <glib.h>
#include <string.h>

#define LAYER "udp.port=="

/* Takes digits at *text. False where there are none, or where they are more than 16 bits. */
static bool take_number(const char **text, uint16_t *number)
{
    const char *at = *text;
    uint32_t value = 0;

    for (; g_ascii_isdigit(*at) && value <= UINT16_MAX; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    if (at == *text || value > UINT16_MAX)
        return false;
    *text = at;
    *number = (uint16_t)value;
    return true;
}

char *imapid_decode_as_add(struct imapid_decode *decode, const char *text)
{
    const char *at = text;
    uint16_t port = 0;
    unsigned tunnel = 0;
    char *names, *message;

    if (g_str_has_prefix(at, LAYER)) {
        at += strlen(LAYER);
        if (take_number(&at, &port) && port && *at == ',')
            tunnel = imapid_udp_find_tunnel(at + 1);
    }
    if (!tunnel) {
        names = imapid_udp_list_names();
        message = g_strdup_printf("-d takes " LAYER "PORT,TUNNEL, not '%s'; tunnels are: %s", text,
                                  names);
        g_free(names);
        return message;
    }
    if (decode->n_ports == IMAPID_DECODE_N_PORTS)
        return g_strdup_printf("-d: no more than %d ports", IMAPID_DECODE_N_PORTS);
    decode->ports[decode->n_ports].port = port;
    decode->ports[decode->n_ports++].tunnel = tunnel;
    return NULL;
}

char *imapid_decode_as_set_link_type(struct imapid_decode *decode, const char *text)
{
    struct imapid_cursor cursor;
    const char *at = text;

    if (!take_number(&at, &decode->link_type) || *at)
        return g_strdup_printf("--linktype takes a number of tcpdump.org's list, not '%s'", text);
    if (imapid_numbers_find_link_type(decode->link_type, &cursor) == IMAPID_LAYER_UNREAD)
        return g_strdup_printf("--linktype %s: packets of this type are not read", text);
    decode->has_link_type = true;
    return NULL;
}
