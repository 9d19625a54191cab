/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_SUMMARY_H
#define IMAPID_FOLLOW_SUMMARY_H

#include "record/record.h"
#include "tls/tls.h"

/* What the record of a session says besides counts: its TLS, how it logged in, and its findings.
 * `info` is NULL where there was no TLS. Sets tls, auths and findings of the record. */
void imapid_summary_make(struct imapid_record_session *record, const struct imapid_session *session,
                         const struct imapid_tls_info *info);

/* Frees what make() has set. */
void imapid_summary_clear(struct imapid_record_session *record);

#endif
