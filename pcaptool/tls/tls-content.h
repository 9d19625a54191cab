/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_CONTENT_H
#define IMAPID_TLS_TLS_CONTENT_H

#include "tls/tls-keys.h"

/* Records to what is in them. */

/* A record of direction dir, with its header, whole and in its place. WAIT: nothing was changed, read
 * it again when there are more secrets. */
enum imapid_tls_result imapid_tls_read_record(struct imapid_tls *tls, int dir,
                                              const uint8_t *record, size_t n);

/* What an authentic record held. */
void imapid_tls_read_content(struct imapid_tls *tls, int dir,
                             const struct imapid_tls_content *content);

#endif
