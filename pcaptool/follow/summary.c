/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.c: what is said of a session as a whole when it is over: its TLS, its logins, and its
 * findings.
 *
 * Refuses nothing.
 *
 * Misuse: forgetting imapid_summary_clear(), which frees the texts. */
#include "follow/summary.h"

#include <string.h>

/* TLS 1.0 and 1.1 must not be used. */
#define TLS_LEAST 0x0303

static char *copy_name(const uint8_t *octets, size_t n)
{
    return n ? g_utf8_make_valid((const char *)octets, (gssize)n) : NULL;
}

/* The protocol of the session, as far as it can be known: see record.h. */
static char *copy_alpn(const struct imapid_tls_info *info)
{
    if (info->n_alpn)
        return copy_name(info->alpn, info->n_alpn);
    if (info->version >= 0x0304 && info->n_alpn_offered > 1 &&
        info->alpn_offered[0] == info->n_alpn_offered - 1)
        return copy_name(info->alpn_offered + 1, info->alpn_offered[0]);
    return NULL;
}

/* The texts are the caller's to free. */
static struct imapid_record_tls describe_tls(const struct imapid_tls_info *info)
{
    struct imapid_record_tls tls = {.seen = info && (info->has_random || info->version)};

    if (!tls.seen)
        return tls;
    if (info->version) {
        tls.version = imapid_record_tls_version(info->version);
        tls.suite =
            info->suite_name ? g_strdup(info->suite_name) : g_strdup_printf("0x%04x", info->suite);
    }
    tls.server_name = copy_name(info->server_name, info->n_server_name);
    tls.alpn = copy_alpn(info);
    return tls;
}

void imapid_summary_clear(struct imapid_record_session *record)
{
    struct imapid_record_tls *tls = &record->tls;

    g_free((char *)tls->version);
    g_free((char *)tls->suite);
    g_free((char *)tls->server_name);
    g_free((char *)tls->alpn);
}

static struct imapid_record_finding *add_session_finding(struct imapid_record_session *record,
                                                         enum imapid_finding_code code)
{
    struct imapid_record_finding *finding = &record->findings[record->n_findings++];

    *finding = (struct imapid_record_finding){
        .code = code,
        .side = IMAPID_SERVER,
        .field.is_nil = true,
    };
    return finding;
}

void imapid_summary_make(struct imapid_record_session *record, const struct imapid_session *session,
                         const struct imapid_tls_info *info)
{
    record->tls = describe_tls(info);
    record->n_auths = session->login.n_auths;
    memcpy(record->auths, session->login.auths, sizeof record->auths);
    if (session->required_by_server)
        add_session_finding(record, IMAPID_FINDING_REQUIRED_BY_SERVER)->lack =
            session->required_by_server;
    if (info && info->version && info->version < TLS_LEAST)
        add_session_finding(record, IMAPID_FINDING_OBSOLETE_TLS);
    if (imapid_login_has_cleartext_password(&session->login))
        add_session_finding(record, IMAPID_FINDING_CLEARTEXT_PASSWORD)->side = IMAPID_CLIENT;
    for (int side = 0; side < 2; side++)
        if (session->spoke_before_tls[side])
            add_session_finding(record, IMAPID_FINDING_BEHIND_STARTTLS)->side =
                (enum imapid_side)side;
}
