/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_COPY_H
#define IMAPID_RECORD_COPY_H

#include "record/record.h"

/* Copies of records, for who has to keep one past the call that gave it. Nothing of a copy points into
 * what it was made of, file names included. */

/* Freed with imapid_record_exchange_free(). */
struct imapid_record_exchange *imapid_copy_exchange(const struct imapid_record_exchange *from);

struct imapid_record_session *imapid_copy_session(const struct imapid_record_session *from);
void imapid_copy_session_free(struct imapid_record_session *session);

/* Octets of memory that a copy takes, or a little more. */
gsize imapid_copy_size_of_exchange(const struct imapid_record_exchange *exchange);
gsize imapid_copy_size_of_session(const struct imapid_record_session *session);

#endif
