/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_LEGS_H
#define IMAPID_ANSWER_LEGS_H

#include "answer/store.h"

/* Two legs of a proxied session: the client's connection to the proxy, and the proxy's to the
 * server behind it. imapid/legs.h says what ties them. Connections and exchanges are places in
 * the view. */
struct imapid_leg {
    unsigned outer, inner;
    unsigned outer_exchange; /* with the client's list; or IMAPID_STORE_NONE */
    unsigned inner_exchange; /* the one that tied them, or the one whose list is another */
    bool is_whole; /* both legs can be read from end to end, so their lists can be compared */
    bool differs;  /* the lists are not the same; only with is_whole */
};

/* What the server was not told of what the client said, and what it was told that the client did
 * not say, for people; octets as they were sent. Of a leg that differs. */
void imapid_legs_spell_change(GString *out, const struct imapid_store_view *view,
                              const struct imapid_leg *leg);

/* All pairs of legs, in the order of the inner ones. An array of struct imapid_leg, to be freed with
 * g_array_unref(). */
GArray *imapid_legs_find(const struct imapid_store_view *view);

#endif
