/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unread.c: counts packets that were not read, by kind, and words it. A crafted capture can have
 * any number of kinds: a bounded number is told apart.
 *
 * Refuses a kind too many. It is counted with the others.
 *
 * Misuse: believing a layer or name out of JSON Lines. imapid_unread_remake_name() makes it
 * again. */

#include "net/unread.h"

#include "net/numbers.h"
#include "net/udp.h"

#include <glib.h>
#include <string.h>

void imapid_unread_count(struct imapid_unread_counts *counts, const struct imapid_unread *what,
                         uint64_t n)
{
    if (!n)
        return;
    counts->n_packets += n;
    for (unsigned i = 0; i < counts->n_kinds; i++)
        if (counts->kinds[i].what.number == what->number &&
            counts->kinds[i].what.space == what->space &&
            counts->kinds[i].what.tunnel == what->tunnel) {
            counts->kinds[i].n_packets += n;
            return;
        }
    if (counts->n_kinds == IMAPID_UNREAD_N_MAX) {
        counts->n_further += n;
        return;
    }
    counts->kinds[counts->n_kinds].what = *what;
    counts->kinds[counts->n_kinds++].n_packets = n;
}

#define LOOKS_LIKE "looks like "

static bool is_hexadecimal(enum imapid_number_space space)
{
    return space != IMAPID_NUMBER_LINK_TYPE && space != IMAPID_NUMBER_IP_PROTOCOL &&
           space != IMAPID_NUMBER_UDP_PORT && space != IMAPID_NUMBER_FAMILY &&
           space != IMAPID_NUMBER_IP_VERSION;
}

char *imapid_unread_make_name(const struct imapid_unread *what)
{
    const char *name = imapid_numbers_get_name(what->space, what->number);
    if (what->tunnel)
        return g_strconcat(LOOKS_LIKE, imapid_udp_get_name(what->tunnel), NULL);
    if (!name && what->space == IMAPID_NUMBER_UDP_PORT)
        name = imapid_udp_get_port_name((uint16_t)what->number);
    if (name)
        return g_strdup(name);
    return g_strdup_printf(is_hexadecimal(what->space) ? "0x%04x" : "%u", (unsigned)what->number);
}

char *imapid_unread_remake_name(const char *layer, uint64_t number, const char *name)
{
    int space = imapid_numbers_find_space(layer);
    struct imapid_unread what = {.number = (uint32_t)number};
    if (space < 0)
        return g_strdup("unknown");
    what.space = (enum imapid_number_space)space;
    if (space == IMAPID_NUMBER_UDP_PORT && g_str_has_prefix(name, LOOKS_LIKE))
        what.tunnel = imapid_udp_find_tunnel(name + strlen(LOOKS_LIKE));
    return imapid_unread_make_name(&what);
}

char *imapid_unread_make_phrase(const char *layer, uint64_t number, const char *name)
{
    int space = imapid_numbers_find_space(layer);
    const char *title =
        space < 0 ? layer : imapid_numbers_get_title((enum imapid_number_space)space);
    char *digits = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    char *phrase;
    if (space < 0 || space == IMAPID_NUMBER_WLAN || space == IMAPID_NUMBER_DEPTH ||
        space == IMAPID_NUMBER_HEADER)
        phrase = g_strdup_printf("%s: %s", title, name); /* the number says nothing */
    else if (strcmp(name, digits) == 0 || g_str_has_prefix(name, "0x"))
        phrase = g_strdup_printf("%s %s", title, name);
    else
        phrase = g_strdup_printf("%s %s (%s)", title, digits, name);
    g_free(digits);
    return phrase;
}

char *imapid_unread_make_help(const char *layer, uint64_t number, const char *name)
{
    if (strcmp(layer, imapid_numbers_get_word(IMAPID_NUMBER_LINK_TYPE)) == 0)
        return g_strdup("use --linktype N if they have another link type N");
    if (strcmp(layer, imapid_numbers_get_word(IMAPID_NUMBER_UDP_PORT)) == 0 &&
        g_str_has_prefix(name, LOOKS_LIKE) && imapid_udp_find_tunnel(name + strlen(LOOKS_LIKE)))
        return g_strdup_printf("use -d udp.port==%" G_GUINT64_FORMAT ",%s to read them", number,
                               name + strlen(LOOKS_LIKE));
    if (strcmp(layer, imapid_numbers_get_word(IMAPID_NUMBER_HEADER)) == 0 &&
        number == IMAPID_HEADER_CUT)
        return g_strdup("capture with a larger snap length");
    return NULL;
}
