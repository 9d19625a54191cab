/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gist.c: which exchange of a connection counts. Of several, the last well-formed list that was not
 * refused tells who a side is, else the last one.
 *
 * Refuses nothing. Misuse: exchanges in another order than that of time. */
#include "record/gist.h"

static void count_findings(const struct imapid_record_finding *findings, unsigned n,
                           uint64_t *codes, unsigned *n_errors, unsigned *n_warnings)
{
    for (unsigned i = 0; i < n; i++) {
        enum imapid_severity severity = imapid_finding_severity(findings[i].code);

        *codes |= UINT64_C(1) << findings[i].code;
        *n_errors += severity == IMAPID_SEVERITY_ERROR;
        *n_warnings += severity == IMAPID_SEVERITY_WARNING;
    }
}

void imapid_gist_look(const struct imapid_record_exchange *exchange, struct imapid_gist_said *said)
{
    *said = (struct imapid_gist_said){
        .is_seen =
            {[IMAPID_CLIENT] = exchange->command.seen, [IMAPID_SERVER] = exchange->response.seen},
        .is_answered = exchange->status != IMAPID_STATUS_NONE || exchange->response.seen,
        .is_complete = exchange->complete,
        .is_refused =
            exchange->status != IMAPID_STATUS_NONE && exchange->status != IMAPID_STATUS_OK,
        .compressed = exchange->compressed,
        .security = exchange->security,
    };
    said->is_good[IMAPID_CLIENT] =
        exchange->command.seen && !exchange->command.is_malformed && !said->is_refused;
    said->is_good[IMAPID_SERVER] =
        exchange->response.seen && !exchange->response.is_malformed && !said->is_refused;
    count_findings(exchange->findings, exchange->n_findings, &said->codes, &said->n_errors,
                   &said->n_warnings);
}

void imapid_gist_add(struct imapid_gist *gist, const struct imapid_gist_said *said, int64_t ts_ns,
                     uint64_t frame, int64_t rtt_ns, bool tells[2])
{
    for (int side = 0; side < 2; side++) {
        tells[side] = said->is_seen[side] && (said->is_good[side] || !gist->side_is_good[side]);
        gist->side_is_seen[side] |= tells[side];
        if (tells[side])
            gist->side_is_good[side] = said->is_good[side];
    }
    if (!gist->has_id)
        gist->ts_ns = ts_ns;
    gist->security = said->security;
    gist->compressed |= said->compressed;
    gist->codes |= said->codes;
    gist->n_errors += said->n_errors;
    gist->n_warnings += said->n_warnings;
    if (gist->has_id && gist->is_good && !said->is_good[IMAPID_CLIENT])
        return;
    gist->has_id = true;
    gist->is_good = said->is_good[IMAPID_CLIENT];
    gist->is_refused = said->is_refused;
    gist->is_answered = said->is_answered;
    gist->is_complete = said->is_complete;
    gist->frame = frame;
    gist->rtt_ns = rtt_ns;
}

enum imapid_result imapid_gist_close(struct imapid_gist *gist,
                                     const struct imapid_record_session *session)
{
    if (session) {
        gist->security = session->security;
        gist->compressed = session->compressed;
        gist->ts_ns = session->first_ns;
        count_findings(session->findings, session->n_findings, &gist->codes, &gist->n_errors,
                       &gist->n_warnings);
    }
    return imapid_result_of(&(struct imapid_result_facts){.session = session,
                                                          .has_id = gist->has_id,
                                                          .is_answered = gist->is_answered,
                                                          .is_complete = gist->is_complete,
                                                          .is_refused = gist->is_refused,
                                                          .n_errors = gist->n_errors,
                                                          .n_warnings = gist->n_warnings});
}

uint64_t imapid_gist_get_frame(const struct imapid_gist *gist,
                               const struct imapid_record_session *session)
{
    if (session && session->healthy == IMAPID_NO && session->outcome.frame &&
        !session->outcome.file)
        return session->outcome.frame;
    if (gist->has_id)
        return gist->frame;
    return session && !session->not_decrypted ? session->conn.first_frame : 0;
}

const char *imapid_gist_get_login(const struct imapid_record_session *session)
{
    const char *mechanism = NULL;

    for (unsigned i = 0; session && i < session->n_auths; i++) {
        mechanism = session->auths[i].mechanism;
        if (session->auths[i].status == IMAPID_WORD_OK)
            break;
    }
    return mechanism;
}
