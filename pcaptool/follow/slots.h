/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_SLOTS_H
#define IMAPID_FOLLOW_SLOTS_H

#include "record/record.h"

/* The exchanges of one session that are under way, a slot each as in struct imapid_session, until
 * they are records. */

/* The units are copies: they outlive the windows. */
struct imapid_slot {
    struct imapid_record_exchange *record; /* its result; its halves are read when it is over, as a
                                              list read takes many times its octets */
    struct imapid_unit unit[2];            /* by side; data NULL: not there */
    struct imapid_stamp packet[2];         /* of each unit */
};

/* Zero it. */
struct imapid_slots {
    struct imapid_slot slot[IMAPID_SLOTS];
    size_t n_octets; /* of all units */
};

/* What an event of the session says of an exchange; `exchange` is the one of its slot, `unit` was
 * read last, `packet` brought its last octet. Events of layers say nothing.
 * Returns the record where the exchange is over: all is set but `conn`; the caller frees it. Else
 * NULL. */
struct imapid_record_exchange *imapid_slots_take(struct imapid_slots *slots,
                                                 const struct imapid_event *event,
                                                 const struct imapid_exchange *exchange,
                                                 const struct imapid_unit *unit,
                                                 const struct imapid_stamp *packet);

/* Forgets all; nothing is held any more. */
void imapid_slots_clear(struct imapid_slots *slots);

#endif
