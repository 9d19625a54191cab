/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name.c: connections as keys of tables.
 *
 * Refuses nothing. Misuse: a name whose record is gone; its file is not copied. */
#include "record/name.h"

#include "siphash.h"

#include <string.h>

struct imapid_record_name imapid_record_name_of(const struct imapid_record_conn *conn)
{
    return (struct imapid_record_name){conn->site,        conn->file,
                                       conn->first_frame, conn->first_frame ? 0 : conn->stream,
                                       conn->client,      conn->server};
}

/* Strangers choose addresses, and must not choose where they meet. */
static const uint64_t *get_key(void)
{
    static uint64_t key[2];
    static gsize is_made;

    if (g_once_init_enter(&is_made)) {
        imapid_siphash_draw_key(key);
        g_once_init_leave(&is_made, 1);
    }
    return key;
}

guint imapid_record_name_hash(gconstpointer key)
{
    const struct imapid_record_name *name = key;
    uint64_t words[7];

    memcpy(words, name->client.address, 16);
    memcpy(words + 2, name->server.address, 16);
    words[4] = (uint64_t)name->stream << 32 | (uint32_t)name->client.port << 16 | name->server.port;
    words[5] = (uint64_t)g_str_hash(name->file) << 32 | (name->site ? g_str_hash(name->site) : 0);
    words[6] = name->first_frame;
    return (guint)imapid_siphash(get_key(), words, G_N_ELEMENTS(words));
}

gboolean imapid_record_name_equal(gconstpointer a, gconstpointer b)
{
    const struct imapid_record_name *one = a, *other = b;

    return one->first_frame == other->first_frame && one->stream == other->stream &&
           imapid_endpoint_is_same(&one->client, &other->client) &&
           imapid_endpoint_is_same(&one->server, &other->server) &&
           !strcmp(one->file, other->file) && !g_strcmp0(one->site, other->site);
}
