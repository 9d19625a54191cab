/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings.h: what is wrong, or worth knowing, about one ID list or one exchange; findings.def is
 * the table. Nothing is ever found in what the capture lost: a cut list is judged by what is there.
 */
#ifndef IMAPID_FINDINGS_H
#define IMAPID_FINDINGS_H

#include <imapid/list.h>
#include <imapid/session.h>

enum imapid_finding_code {
#define IMAPID_FINDING(symbol, code, severity, section, message) IMAPID_FINDING_##symbol,
#include <imapid/findings.def>
#undef IMAPID_FINDING
    IMAPID_N_FINDINGS
};

enum imapid_severity {
    IMAPID_SEVERITY_NOTE,
    IMAPID_SEVERITY_WARNING,
    IMAPID_SEVERITY_ERROR,
};

/* Limits of RFC 2971 3.3. */
#define IMAPID_FIELD_MAX 30
#define IMAPID_VALUE_MAX 1024
#define IMAPID_PAIRS_MAX 30

struct imapid_finding {
    enum imapid_finding_code code;
    enum imapid_side side;
    struct imapid_slice place; /* in that side's unit; n is 0 where it is about no one place */
    struct imapid_slice field; /* the field's name there, as sent; n is 0 where there is none */
    unsigned pair;             /* of the list, from 1; 0 where it is about no pair */
};

/* Room for findings. A list can earn one for every few octets; past this many they are counted
 * only. */
#define IMAPID_FINDINGS_MAX 64

struct imapid_findings {
    unsigned n;
    unsigned n_left_out;
    struct imapid_finding list[IMAPID_FINDINGS_MAX];
};

/* Empties the list. Call it before the first add. */
void imapid_findings_clear(struct imapid_findings *findings);

/* Adds what one unit with an ID list earns: its form (RFC 2971 4), the limits (3.3) and the values
 * of its pairs. What there is no room for raises n_left_out. Places are those of the unit. */
void imapid_findings_add_unit(struct imapid_findings *findings, enum imapid_side side,
                              const struct imapid_unit *unit);

/* Adds what an exchange as a whole earns, and nothing of its units. `command` and `response` are
 * the units it is made of, or NULL. */
void imapid_findings_add_whole(struct imapid_findings *findings,
                               const struct imapid_exchange *exchange,
                               const struct imapid_unit *command,
                               const struct imapid_unit *response);

/* Adds what its units earn, and then what it earns as a whole. Call it when the exchange has ended.
 */
void imapid_findings_add_exchange(struct imapid_findings *findings,
                                  const struct imapid_exchange *exchange,
                                  const struct imapid_unit *command,
                                  const struct imapid_unit *response);

/* What the table says of a code: its name in kebab-case, the section of an RFC, a sentence for people.
 * Static strings, never NULL. */
const char *imapid_finding_code(enum imapid_finding_code code);
const char *imapid_finding_section(enum imapid_finding_code code);
const char *imapid_finding_message(enum imapid_finding_code code);

/* The message of required-by-server: what the ID lacked; the table's for NOTHING. Static. */
const char *imapid_finding_required(enum imapid_lack lack);

/* The severity of a code, and its name: "note", "warning" or "error", static. */
enum imapid_severity imapid_finding_severity(enum imapid_finding_code code);
const char *imapid_severity_name(enum imapid_severity severity);

/* Is it about the form of a list, so that the text as sent belongs beside it? */
bool imapid_finding_is_form(enum imapid_finding_code code);

#endif
