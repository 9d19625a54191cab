/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy.c: whole copies of records. Numbers come along with the struct; each pointer in a record has its
 * line here.
 *
 * Refuses nothing.
 *
 * Misuse: a new pointer in record.h without a line here. The test frees the original to find it. */
#include "record/copy.h"

#include <string.h>

/* What allocating costs beside the octets. */
#define OVERHEAD 256u

static struct imapid_record_string copy_string(GStringChunk *store,
                                               const struct imapid_record_string *from)
{
    struct imapid_record_string to = *from;

    if (from->octets)
        to.octets = (const uint8_t *)g_string_chunk_insert_len(store, (const char *)from->octets,
                                                               (gssize)from->n);
    return to;
}

static const char *copy_text(GStringChunk *store, const char *text)
{
    return text ? g_string_chunk_insert_const(store, text) : NULL;
}

static void copy_half(GStringChunk *store, struct imapid_record_half *half)
{
    const struct imapid_record_string raw = {.octets = half->raw, .n = half->n_raw};

    half->file = copy_text(store, half->file);
    half->raw = copy_string(store, &raw).octets;
    half->pairs = g_memdup2(half->pairs, half->n_pairs * sizeof *half->pairs);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        half->pairs[i].field = copy_string(store, &half->pairs[i].field);
        half->pairs[i].value = copy_string(store, &half->pairs[i].value);
    }
}

static void copy_findings(GStringChunk *store, struct imapid_record_finding *findings, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        findings[i].field = copy_string(store, &findings[i].field);
}

struct imapid_record_exchange *imapid_copy_exchange(const struct imapid_record_exchange *from)
{
    struct imapid_record_exchange *to = g_memdup2(from, sizeof *from);

    to->note = NULL; /* it may be gone before the copy */
    to->store = g_string_chunk_new(256);
    to->conn.site = copy_text(to->store, from->conn.site);
    to->conn.file = copy_text(to->store, from->conn.file);
    to->tag = g_strdup(from->tag);
    copy_half(to->store, &to->command);
    copy_half(to->store, &to->response);
    to->result_file = copy_text(to->store, from->result_file);
    to->text = copy_string(to->store, &from->text);
    to->findings = g_memdup2(from->findings, from->n_findings * sizeof *from->findings);
    copy_findings(to->store, to->findings, to->n_findings);
    return to;
}

/* A session, and what its pointers point to. */
struct kept_session {
    struct imapid_record_session session; /* first */
    GStringChunk *store;
};

struct imapid_record_session *imapid_copy_session(const struct imapid_record_session *from)
{
    struct kept_session *kept = g_new(struct kept_session, 1);
    struct imapid_record_session *to = &kept->session;
    GStringChunk *store = g_string_chunk_new(256);

    *kept = (struct kept_session){*from, store};
    to->conn.site = copy_text(store, from->conn.site);
    to->conn.file = copy_text(store, from->conn.file);
    to->outcome.status = copy_text(store, from->outcome.status);
    to->outcome.text = copy_string(store, &from->outcome.text);
    to->outcome.say = copy_string(store, &from->outcome.say);
    to->outcome.file = copy_text(store, from->outcome.file);
    to->outcome.ended_file = copy_text(store, from->outcome.ended_file);
    to->not_decrypted = copy_text(store, from->not_decrypted);
    to->not_decrypted_phrase = copy_text(store, from->not_decrypted_phrase);
    to->tls.version = copy_text(store, from->tls.version);
    to->tls.suite = copy_text(store, from->tls.suite);
    to->tls.server_name = copy_text(store, from->tls.server_name);
    to->tls.alpn = copy_text(store, from->tls.alpn);
    for (unsigned i = 0; i < to->n_auths; i++)
        to->auths[i].mechanism = copy_text(store, from->auths[i].mechanism);
    copy_findings(store, to->findings, to->n_findings);
    to->milestones =
        from->milestones ? g_memdup2(from->milestones, sizeof *from->milestones) : NULL;
    return to;
}

void imapid_copy_session_free(struct imapid_record_session *session)
{
    struct kept_session *kept = (struct kept_session *)session;

    g_string_chunk_free(kept->store);
    g_free((void *)kept->session.milestones);
    g_free(kept);
}

/* ---- sizes ---- */

static gsize measure_half(const struct imapid_record_half *half)
{
    gsize n = half->n_raw + half->n_pairs * sizeof *half->pairs;

    for (unsigned i = 0; i < half->n_pairs; i++)
        n += half->pairs[i].field.n + half->pairs[i].value.n + 2;
    return n;
}

gsize imapid_copy_size_of_exchange(const struct imapid_record_exchange *exchange)
{
    gsize n = sizeof *exchange + exchange->n_findings * sizeof *exchange->findings;

    n += measure_half(&exchange->command) + measure_half(&exchange->response);
    n += exchange->text.n + (exchange->tag ? strlen(exchange->tag) : 0);
    /* A chunk grows by powers of two. */
    return 2 * (n + strlen(exchange->conn.file)) + OVERHEAD;
}

gsize imapid_copy_size_of_session(const struct imapid_record_session *session)
{
    return sizeof *session + (session->milestones ? sizeof *session->milestones : 0) +
           2 * (session->outcome.text.n + session->outcome.say.n + strlen(session->conn.file)) +
           2 * OVERHEAD;
}
