/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_TERMS_H
#define IMAPID_FOLLOW_TERMS_H

#include "record/terms.h"

/* The words of this program: reasons and suites of tls/, kinds of net/. */
extern const struct imapid_terms imapid_follow_terms;

#endif
