/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detail.c: a connection told at length (--verbose).
 *
 * Steps are sorted by time when the connection is told: records of exchanges come as these are
 * complete. A step whose time is not in the records has none, and stands where its frame belongs.
 *
 * Refuses to show more than PAIRS_MAX pairs of a list; the caller decides how many exchanges. Misuse:
 * steps of several connections in one. */
#include "record/detail.h"

#include "record/shell.h"
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/width.h"

#include <string.h>

#define FRAME 7u
#define TIME  15u
#define AFTER 7u

/* Columns before what happened, and before the pairs below it. */
#define INDENT (2 + FRAME + 2 + TIME + 2 + AFTER + 2)

/* Pairs of a list that are told: RFC 2971 allows 30. */
#define PAIRS_MAX 100u

/* What happened in a frame. */
struct step {
    uint64_t frame; /* 0: not known */
    int64_t ts_ns;  /* IMAPID_TIME_NONE: not known */
    uint32_t order; /* of those of one frame */
    bool is_wrong;
    bool has_no_clock; /* its time only says where it stands */
    bool is_elsewhere; /* the frame counts in another file than the connection's */
    GString *text;     /* one line */
    GString *below;    /* further lines, with their line ends; NULL: none */
};

struct imapid_detail {
    GPtrArray *steps;
    GString *findings; /* of exchanges */
    gsize n;           /* octets that exchanges take */
    uint64_t n_left_out;
};

static void free_step(gpointer data)
{
    struct step *step = data;

    g_string_free(step->text, TRUE);
    if (step->below)
        g_string_free(step->below, TRUE);
    g_free(step);
}

struct imapid_detail *imapid_detail_new(void)
{
    struct imapid_detail *detail = g_new0(struct imapid_detail, 1);

    detail->steps = g_ptr_array_new_with_free_func(free_step);
    detail->findings = g_string_new(NULL);
    return detail;
}

void imapid_detail_free(struct imapid_detail *detail)
{
    if (!detail)
        return;
    g_ptr_array_unref(detail->steps);
    g_string_free(detail->findings, TRUE);
    g_free(detail);
}

static struct step *add_step(struct imapid_detail *detail, uint64_t frame)
{
    struct step *step = g_new0(struct step, 1);

    step->frame = frame;
    step->ts_ns = IMAPID_TIME_NONE;
    step->text = g_string_new(NULL);
    g_ptr_array_add(detail->steps, step);
    return step;
}

static void add_value(GString *out, const struct imapid_record_string *string,
                      const struct imapid_terminal *terminal)
{
    if (string->is_nil)
        g_string_append(out, "NIL");
    else
        imapid_spell_value(out, string->octets, string->n, terminal->utf8);
}

static void add_text(GString *out, const char *text, const struct imapid_terminal *terminal)
{
    imapid_spell_value(out, (const uint8_t *)text, strlen(text), terminal->utf8);
}

/* ---- exchanges ---- */

static void add_pairs(GString *out, const struct imapid_record_half *half,
                      const struct imapid_terminal *terminal)
{
    for (unsigned i = 0; i < MIN(half->n_pairs, PAIRS_MAX); i++) {
        size_t start;

        g_string_append_printf(out, "%*s", (int)INDENT + 4, "");
        start = out->len;
        add_value(out, &half->pairs[i].field, terminal);
        imapid_width_pad(out, start, 16);
        g_string_append(out, "  ");
        add_value(out, &half->pairs[i].value, terminal);
        g_string_append_c(out, '\n');
    }
    if (half->n_pairs > PAIRS_MAX) {
        g_string_append_printf(out, "%*s(", (int)INDENT + 4, "");
        imapid_spell_grouped(out, half->n_pairs - PAIRS_MAX);
        g_string_append(out, " more)\n");
    }
    if (half->is_malformed) {
        g_string_append_printf(out, "%*sas sent: ", (int)INDENT + 4, "");
        imapid_spell_value(out, half->raw, half->n_raw, terminal->utf8);
        g_string_append_c(out, '\n');
    }
}

/* The frame counts in another file than the connection's. */
static void add_file(struct step *step, const char *file, const struct imapid_terminal *terminal)
{
    if (!file)
        return;
    step->is_elsewhere = true;
    g_string_append_printf(step->text, " (frame %" G_GUINT64_FORMAT " of ", step->frame);
    add_text(step->text, file, terminal);
    g_string_append_c(step->text, ')');
}

static void add_half(struct imapid_detail *detail, const struct imapid_record_half *half,
                     const char *before, const struct imapid_terminal *terminal)
{
    struct step *step;

    if (!half->seen)
        return;
    step = add_step(detail, half->packet.number);
    step->ts_ns = half->packet.ts_ns;
    step->is_wrong = half->is_malformed;
    g_string_append(step->text, before);
    if (!half->n_pairs && !half->is_malformed)
        g_string_append(step->text, half->has_list ? " ()" : " NIL");
    add_file(step, half->file, terminal);
    step->below = g_string_new(NULL);
    add_pairs(step->below, half, terminal);
}

/* Records do not hold the time of a result; but where it came with the response, or there was none. */
static int64_t get_result_time(const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *response = &exchange->response;
    int64_t rtt_ns;

    if (response->seen)
        return exchange->result.number == response->packet.number &&
                       !g_strcmp0(exchange->result_file, response->file)
                   ? response->packet.ts_ns
                   : IMAPID_TIME_NONE;
    return imapid_record_rtt_ns(exchange, &rtt_ns) ? exchange->command.packet.ts_ns + rtt_ns
                                                   : IMAPID_TIME_NONE;
}

static void add_result(struct imapid_detail *detail, const struct imapid_record_exchange *exchange,
                       const char *tag, const struct imapid_terminal *terminal)
{
    struct step *step;

    if (exchange->status == IMAPID_STATUS_NONE)
        return;
    step = add_step(detail, exchange->result.number);
    step->ts_ns = get_result_time(exchange);
    step->is_wrong = exchange->status != IMAPID_STATUS_OK;
    g_string_append_printf(step->text, "S %s %s", exchange->is_untagged ? "*" : tag,
                           imapid_record_status(exchange->status));
    if (!exchange->text.is_nil && exchange->text.n) {
        g_string_append_c(step->text, ' ');
        add_value(step->text, &exchange->text, terminal);
    }
    add_file(step, exchange->result_file, terminal);
}

static const char *mark_of(enum imapid_severity severity)
{
    return severity == IMAPID_SEVERITY_ERROR     ? "x"
           : severity == IMAPID_SEVERITY_WARNING ? "!"
                                                 : " ";
}

static void add_findings(GString *out, const struct imapid_record_finding *findings, unsigned n,
                         const struct imapid_terminal *terminal)
{
    for (unsigned i = 0; i < n; i++) {
        const struct imapid_record_finding *finding = &findings[i];

        g_string_append_printf(out, "%s %s", mark_of(imapid_finding_severity(finding->code)),
                               imapid_finding_code(finding->code));
        g_string_append_printf(out, " (%s", finding->side == IMAPID_CLIENT ? "client" : "server");
        if (!finding->field.is_nil) {
            g_string_append(out, ", ");
            add_value(out, &finding->field, terminal);
        }
        g_string_append_printf(out, "): %s [%s]\n", imapid_record_message(finding),
                               imapid_finding_section(finding->code));
    }
}

/* Octets of memory that the steps from the nth on and all findings take. */
static gsize count_memory(const struct imapid_detail *detail, guint n)
{
    gsize n_octets = detail->findings->len;

    for (; n < detail->steps->len; n++) {
        const struct step *step = detail->steps->pdata[n];

        n_octets += sizeof *step + step->text->allocated_len +
                    (step->below ? step->below->allocated_len : 0);
    }
    return n_octets;
}

gsize imapid_detail_count_memory(const struct imapid_detail *detail)
{
    return detail->n;
}

void imapid_detail_leave_out(struct imapid_detail *detail)
{
    detail->n_left_out++;
}

void imapid_detail_add_exchange(struct imapid_detail *detail,
                                const struct imapid_record_exchange *exchange,
                                const struct imapid_terminal *terminal)
{
    GString *tag = g_string_new(NULL), *command = g_string_new("C ");
    gsize n_findings = detail->findings->len;
    guint n_steps = detail->steps->len;

    if (exchange->tag)
        add_text(tag, exchange->tag, terminal);
    else
        g_string_append_c(tag, '?');
    g_string_append_printf(command, "%s ID", tag->str);
    add_half(detail, &exchange->command, command->str, terminal);
    add_half(detail, &exchange->response, "S * ID", terminal);
    add_result(detail, exchange, tag->str, terminal);
    add_findings(detail->findings, exchange->findings, exchange->n_findings, terminal);
    detail->n += count_memory(detail, n_steps) - n_findings;
    g_string_free(command, TRUE);
    g_string_free(tag, TRUE);
}

/* ---- sessions ---- */

/* The last step of a frame that is in the connection's file; NULL where there is none. */
static struct step *find_step(struct imapid_detail *detail, uint64_t frame)
{
    for (guint i = detail->steps->len; i-- > 0;) {
        struct step *step = detail->steps->pdata[i];

        if (frame && step->frame == frame && !step->is_elsewhere)
            return step;
    }
    return NULL;
}

/* At a moment, which has a time where it is known. */
static struct step *add_step_at(struct imapid_detail *detail, const struct imapid_moment *moment)
{
    struct step *step = add_step(detail, moment->frame);

    if (moment->ns)
        step->ts_ns = moment->ns;
    return step;
}

static int64_t get_time(const struct imapid_milestone *milestone)
{
    return milestone->n_tag ? milestone->asked.ns : milestone->answered.ns;
}

/* Of a long tag only the head is kept. */
static void add_tag(GString *out, const struct imapid_milestone *milestone,
                    const struct imapid_terminal *terminal)
{
    imapid_spell_value(out, milestone->tag_head, MIN(milestone->n_tag, sizeof milestone->tag_head),
                       terminal->utf8);
    if (milestone->n_tag > sizeof milestone->tag_head)
        g_string_append(out, terminal->utf8 ? "\xe2\x80\xa6" : "...");
}

static void add_begin(struct imapid_detail *detail, const struct imapid_record_session *session)
{
    struct step *step = add_step(detail, session->conn.first_frame);

    step->ts_ns = session->first_ns;
    g_string_append(step->text,
                    !session->from_start ? "goes on from before the capture"
                    : session->outcome.status && session->outcome.stopped_at == IMAPID_STAGE_CONNECT
                        ? "C asks for a connection (SYN)"
                        : "connected");
}

static void add_tls(struct imapid_detail *detail, const struct imapid_record_session *session,
                    const struct imapid_terminal *terminal)
{
    const struct imapid_record_tls *tls = &session->tls;
    struct step *step;

    if (!tls->seen)
        return;
    step = add_step_at(detail, &session->tls_hello);
    add_text(step->text, tls->version ? tls->version : "TLS", terminal);
    if (tls->suite) {
        g_string_append(step->text, ", ");
        add_text(step->text, tls->suite, terminal);
    }
    if (tls->server_name) {
        g_string_append(step->text, ", for ");
        add_text(step->text, tls->server_name, terminal);
    }
    g_string_append(step->text, session->not_decrypted ? "" : ", read with its key");
}

/* What the server said: "S a1 NO [ALERT] no". */
static void add_answer(struct imapid_detail *detail, const struct imapid_milestone *milestone,
                       const struct imapid_terminal *terminal)
{
    struct step *step = add_step_at(detail, &milestone->answered);
    enum imapid_word word = milestone->n_tag ? milestone->status : milestone->word;

    step->order = milestone->answered_order;
    step->is_wrong = word == IMAPID_WORD_NO || word == IMAPID_WORD_BAD;
    g_string_append(step->text, "S ");
    if (milestone->n_tag)
        add_tag(step->text, milestone, terminal);
    else
        g_string_append(step->text, word == IMAPID_WORD_BYE ? "*" : "greets: *");
    g_string_append_printf(step->text, " %s", imapid_word_name(word));
    if (milestone->n_text) {
        g_string_append_c(step->text, ' ');
        imapid_spell_value(step->text, milestone->text, milestone->n_text, terminal->utf8);
    }
    if (milestone->is_cut)
        g_string_append(step->text, terminal->utf8 ? "\xe2\x80\xa6" : "...");
}

static void add_command_step(struct imapid_detail *detail, const struct imapid_milestone *milestone,
                             const struct imapid_terminal *terminal)
{
    struct step *step = add_step_at(detail, &milestone->asked);
    const char *name = imapid_word_name(milestone->word);

    step->order = milestone->asked_order;
    g_string_append(step->text, "C ");
    add_tag(step->text, milestone, terminal);
    g_string_append_printf(step->text, " %s", *name ? name : "(a command that is not known)");
    if (milestone->argument)
        g_string_append_printf(step->text, " %s", milestone->argument);
}

static void add_milestones(struct imapid_detail *detail, const struct imapid_milestones *milestones,
                           const struct imapid_terminal *terminal)
{
    for (unsigned i = 0; i < milestones->n; i++) {
        const struct imapid_milestone *milestone = &milestones->list[i];

        if (milestones->n_left_out && i == milestones->n_before) {
            struct step *step = add_step(detail, 0);

            step->frame = milestone->n_tag ? milestone->asked.frame : milestone->answered.frame;
            step->ts_ns = get_time(milestone);
            g_string_append(step->text, "(");
            imapid_spell_grouped(step->text, milestones->n_left_out);
            g_string_append(step->text, " more between)");
            step->has_no_clock = true;
        }
        if (milestone->n_tag)
            add_command_step(detail, milestone, terminal);
        if (!milestone->n_tag || milestone->status)
            add_answer(detail, milestone, terminal);
    }
}

/* Where nothing tells when they were. */
static void add_logins(struct imapid_detail *detail, const struct imapid_record_session *session)
{
    for (unsigned i = 0; i < session->n_auths; i++) {
        const struct imapid_auth *auth = &session->auths[i];
        struct step *step = add_step(detail, 0);

        g_string_append_printf(step->text, "login with %s: %s%s", auth->mechanism,
                               auth->status == IMAPID_WORD_OK ? "accepted"
                               : auth->status == IMAPID_WORD_NO || auth->status == IMAPID_WORD_BAD
                                   ? "refused"
                                   : "its answer was not seen",
                               auth->cleartext_password ? "; the password crossed in the clear"
                                                        : "");
        step->is_wrong = auth->status == IMAPID_WORD_NO || auth->status == IMAPID_WORD_BAD;
    }
}

/* "login refused: NO no"; the status where the words do not tell it. */
static void add_outcome_words(GString *out, const struct imapid_record_outcome *outcome,
                              const struct imapid_terminal *terminal)
{
    imapid_result_spell(out, imapid_result_of_outcome(outcome), 0);
    if (imapid_result_tells(outcome->status))
        return;
    g_string_append(out, ": ");
    if (g_str_has_prefix(outcome->status, "not-imap:")) {
        add_text(out, outcome->status + strlen("not-imap:"), terminal);
        return;
    }
    add_text(out, outcome->status, terminal);
    if (!outcome->text.is_nil) {
        g_string_append_c(out, ' ');
        add_value(out, &outcome->text, terminal);
    }
}

/* The decisive frame, with the peer's words. */
static void add_outcome(struct imapid_detail *detail, const struct imapid_record_session *session,
                        const struct imapid_terminal *terminal)
{
    const struct imapid_record_outcome *outcome = &session->outcome;
    struct step *step;

    if (session->healthy != IMAPID_NO || !outcome->status)
        return;
    step = outcome->frame && !outcome->file ? find_step(detail, outcome->frame) : NULL;
    if (step) {
        step->is_wrong = outcome->by != IMAPID_PARTY_CAPTURE;
        return;
    }
    step = add_step_at(detail,
                       &(struct imapid_moment){outcome->file ? 0 : outcome->frame, outcome->ns});
    step->is_wrong = outcome->by != IMAPID_PARTY_CAPTURE;
    add_outcome_words(step->text, outcome, terminal);
    add_file(step, outcome->file, terminal);
}

static void add_end(struct imapid_detail *detail, const struct imapid_record_session *session,
                    const struct imapid_terminal *terminal)
{
    const struct imapid_record_outcome *outcome = &session->outcome;
    const char *party = imapid_party_name(outcome->ended_by);
    struct step *step;

    if (!session->ended) {
        step = add_step(detail, UINT64_MAX);
        g_string_append(step->text, "the capture ends");
        return;
    }
    step = add_step_at(detail, &(struct imapid_moment){outcome->ended_frame, outcome->ended_ns});
    step->order = UINT32_MAX;
    /* The reset may have come from neither. */
    if (session->ended == IMAPID_ENDED_RST && outcome->by == IMAPID_PARTY_NETWORK &&
        outcome->status && !strcmp(outcome->status, "RST"))
        party = "network";
    g_string_append_printf(step->text, "%s by the %s",
                           session->ended == IMAPID_ENDED_RST ? "reset" : "closed",
                           party ? party : "other side");
    add_file(step, outcome->ended_file, terminal);
}

/* ---- all of it ---- */

static void add_after(GString *out, int64_t ns)
{
    size_t start = out->len;

    if (ns >= 0)
        imapid_row_spell_duration(out, ns);
    imapid_width_pad(out, start, AFTER);
}

static gint compare_times(gconstpointer a, gconstpointer b)
{
    const struct step *one = *(struct step *const *)a, *other = *(struct step *const *)b;

    if (one->ts_ns != other->ts_ns)
        return one->ts_ns < other->ts_ns ? -1 : 1;
    if (one->frame != other->frame)
        return one->frame < other->frame ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

/* Where a step without a time belongs: behind what is before it; without a frame behind the first. */
static guint find_place(const GPtrArray *steps, const struct step *step)
{
    guint place = step->is_elsewhere ? 0 : steps->len;

    if (!step->frame)
        return MIN(1, steps->len);
    while (place) {
        const struct step *before = steps->pdata[place - 1];

        if (!before->is_elsewhere &&
            (before->frame < step->frame ||
             (before->frame == step->frame && before->order < step->order)))
            return place;
        place--;
    }
    return step->is_elsewhere ? steps->len : 0;
}

/* By time; and those whose time is not known by frame. g_ptr_array_sort() keeps the order of equals. */
static void sort_steps(struct imapid_detail *detail)
{
    GPtrArray *sorted = g_ptr_array_new(), *loose = g_ptr_array_new();

    for (guint i = 0; i < detail->steps->len; i++) {
        struct step *step = detail->steps->pdata[i];

        g_ptr_array_add(imapid_time_is_known(step->ts_ns) ? sorted : loose, step);
    }
    g_ptr_array_sort(sorted, compare_times);
    for (guint i = loose->len; i-- > 0;) {
        struct step *step = loose->pdata[i];

        g_ptr_array_insert(sorted, (gint)find_place(sorted, step), step);
    }
    if (sorted->len)
        memcpy(detail->steps->pdata, sorted->pdata, sorted->len * sizeof *sorted->pdata);
    g_ptr_array_unref(sorted);
    g_ptr_array_unref(loose);
}

static void add_steps(GString *out, struct imapid_detail *detail,
                      const struct imapid_terminal *terminal, int64_t origin_ns)
{
    int64_t before_ns = IMAPID_TIME_NONE;

    sort_steps(detail);
    g_string_append(out, "\n    FRAME  TIME             AFTER\n");
    for (guint i = 0; i < detail->steps->len; i++) {
        const struct step *step = detail->steps->pdata[i];
        bool has_clock = imapid_time_is_known(step->ts_ns) && !step->has_no_clock;
        size_t start;

        if (terminal->color && step->is_wrong)
            g_string_append(out, "\033[31m");
        g_string_append(out, step->is_wrong ? "x " : "  ");
        start = out->len;
        if (step->frame && step->frame != UINT64_MAX && !step->is_elsewhere && !step->has_no_clock)
            imapid_spell_number(out, step->frame);
        imapid_width_pad_before(out, start, FRAME);
        g_string_append(out, "  ");
        start = out->len;
        if (has_clock)
            imapid_row_spell_clock(out, terminal, step->ts_ns, origin_ns, true);
        imapid_width_pad(out, start, TIME);
        g_string_append(out, "  ");
        add_after(out, has_clock && imapid_time_is_known(before_ns)
                           ? imapid_ns_between(before_ns, step->ts_ns)
                           : -1);
        g_string_append(out, "  ");
        g_string_append(out, step->text->str);
        if (terminal->color && step->is_wrong)
            g_string_append(out, "\033[0m");
        g_string_append_c(out, '\n');
        if (step->below)
            g_string_append(out, step->below->str);
        if (has_clock)
            before_ns = step->ts_ns;
    }
}

/* Each line of `text`, set in, once; behind it how often it is there. */
static void add_block(GString *out, const char *text)
{
    char **lines = g_strsplit(text, "\n", -1);
    GHashTable *numbers = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; lines[i]; i++)
        g_hash_table_insert(
            numbers, lines[i],
            GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(numbers, lines[i])) + 1));
    for (guint i = 0; lines[i]; i++) {
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(numbers, lines[i]));

        if (!*lines[i] || !n)
            continue;
        g_string_append_printf(out, "  %s", lines[i]);
        if (n > 1)
            g_string_append_printf(out, ", %u times", n);
        g_string_append_c(out, '\n');
        g_hash_table_insert(numbers, lines[i], NULL);
    }
    g_hash_table_unref(numbers);
    g_strfreev(lines);
}

/* The way it came, and what speaks against what is told. */
static void add_way(GString *out, const struct imapid_record_conn *conn)
{
    if (conn->path.n) {
        g_string_append(out, "  path: ");
        imapid_spell_path_text(out, &conn->path);
        g_string_append_c(out, '\n');
    }
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        if (!conn->doubts.of[i].n)
            continue;
        g_string_append(out, "  ! doubt ");
        imapid_spell_doubt_text(out, &conn->doubts, (enum imapid_doubt)i);
        g_string_append_c(out, '\n');
    }
}

static bool is_decrypted(const struct imapid_record_session *session)
{
    return session && session->security != IMAPID_SECURITY_NONE && !session->not_decrypted;
}

static void add_command(GString *out, const struct imapid_row *row)
{
    gsize start = out->len;

    /* one empty line before it, which is there if nothing stands behind the steps */
    g_string_append(out, g_str_has_suffix(out->str, "\n\n") ? "  " : "\n  ");
    if (!imapid_shell_spell_wireshark(out, row->conn->file,
                                      is_decrypted(row->session) ? row->keylog : NULL,
                                      row->conn->stream, 0)) {
        g_string_truncate(out, start);
        return;
    }
    if (row->frame)
        g_string_append_printf(out, "        then: frame %" G_GUINT64_FORMAT, row->frame);
    g_string_append_c(out, '\n');
}

static void add_head(GString *out, const struct imapid_row *row,
                     const struct imapid_terminal *terminal)
{
    const struct imapid_record_session *session = row->session;
    size_t start;

    g_string_append(out, terminal->color ? "\033[1m" : "");
    g_string_append_printf(out, "Connection %u in ", row->conn->stream);
    add_text(out, row->conn->file ? row->conn->file : "", terminal);
    g_string_append(out, ": ");
    imapid_result_spell(out, row->result, row->n_warnings);
    g_string_append(out, terminal->color ? "\033[0m\n" : "\n");
    imapid_spell_endpoint(out, &row->conn->client);
    g_string_append(out, " to ");
    imapid_spell_endpoint(out, &row->conn->server);
    if (row->conn->proxied_client.family) {
        g_string_append(out, ", for ");
        imapid_spell_endpoint(out, &row->conn->proxied_client);
    }
    g_string_append(out, ", ");
    start = out->len;
    imapid_row_spell_date(out, terminal, row->ts_ns);
    if (out->len > start && session)
        g_string_append(out, ", ");
    if (session &&
        !(imapid_time_is_known(session->first_ns) && imapid_time_is_known(session->last_ns)))
        g_string_append(out, "for an unknown time");
    else if (session)
        imapid_row_spell_duration(out,
                                  MAX(imapid_ns_between(session->first_ns, session->last_ns), 0));
    g_string_append_c(out, '\n');
}

/* What became of it; where no sentence was made, and nothing is wrong, the row has said it. */
static void add_sentence(GString *out, const struct imapid_record_session *session,
                         const struct imapid_terminal *terminal)
{
    const struct imapid_record_outcome *outcome = &session->outcome;
    size_t start = out->len;

    if (!outcome->say.is_nil && outcome->say.n) {
        imapid_spell_value(out, outcome->say.octets, outcome->say.n, terminal->utf8);
    } else if (outcome->status && session->healthy == IMAPID_NO) {
        add_outcome_words(out, outcome, terminal);
    }
    if (out->len > start)
        g_string_append_c(out, '\n');
}

void imapid_detail_spell_course(GString *out, struct imapid_detail *detail,
                                const struct imapid_row *row,
                                const struct imapid_terminal *terminal, int64_t origin_ns,
                                bool has_findings)
{
    const struct imapid_record_session *session = row->session;
    GString *findings = g_string_new(NULL);

    add_head(out, row, terminal);
    if (session) {
        add_sentence(out, session, terminal);
        add_begin(detail, session);
        add_tls(detail, session, terminal);
        if (session->milestones)
            add_milestones(detail, session->milestones, terminal);
        else
            add_logins(detail, session);
        add_end(detail, session, terminal);
        add_outcome(detail, session, terminal);
        add_findings(findings, session->findings, session->n_findings, terminal);
    }
    add_steps(out, detail, terminal, origin_ns);
    g_string_append_c(out, '\n');
    if (session && session->not_decrypted) {
        g_string_append(out, "  ? not read: ");
        add_text(out, session->not_decrypted_phrase, terminal);
        g_string_append_c(out, '\n');
    }
    if (session && session->gave_way)
        g_string_append(out, "  ? given up to make room\n");
    if (detail->n_left_out) {
        g_string_append(out, "  ? not shown: ");
        imapid_spell_grouped(out, detail->n_left_out);
        g_string_append(out, " more ID exchanges; JSON Lines have all\n");
    }
    if (has_findings) {
        add_block(out, detail->findings->str);
        add_block(out, findings->str);
    }
    add_way(out, row->conn);
    g_string_free(findings, TRUE);
}

void imapid_detail_spell(GString *out, struct imapid_detail *detail, const struct imapid_row *row,
                         const struct imapid_terminal *terminal, int64_t origin_ns)
{
    imapid_detail_spell_course(out, detail, row, terminal, origin_ns, true);
    add_command(out, row);
    g_string_append_c(out, '\n');
}
