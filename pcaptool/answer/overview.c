/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overview.c: what the connections did, all together. Of what was said it asks once for each number.
 *
 * Refuses nothing.
 *
 * Misuse: two threads that count for one share. */
#include "answer/overview.h"

#include "answer/unreadable.h"

#include <string.h>

static void see(struct imapid_overview *overview, int64_t ts_ns)
{
    overview->first_ns = imapid_time_first(overview->first_ns, ts_ns);
    overview->last_ns = MAX(overview->last_ns, ts_ns);
}

/* What an exchange says of its connection. */
enum {
    FACT_KNOWN = 1, /* the others were looked up */
    FACT_SENT = 2,
    FACT_REFUSED = 4,
};

/* Facts by what is said. */
struct facts {
    const struct imapid_store_view *view;
    uint8_t *by_said;
    struct imapid_store_reading reading;
};

/* The one line of the summary in which a connection is counted. */
static uint64_t *find_line(struct imapid_overview *overview, const struct imapid_store_conn *conn,
                           bool sent)
{
    if (sent)
        return &overview->n_with_id;
    if (imapid_unreadable_is_conn(conn))
        return &overview->n_unread;
    if (!imapid_unreadable_is_silent(conn, sent))
        return &overview->n_maybe_silent;
    g_assert(conn->has_session); /* only by that it is known to be silent */
    return conn->session.ended == IMAPID_ENDED_NOT ? &overview->n_open : &overview->n_silent;
}

static uint8_t get_facts(struct facts *facts, unsigned index, unsigned said)
{
    uint8_t known = facts->by_said[said];
    const struct imapid_record_exchange *exchange;

    if (known)
        return known;
    exchange = imapid_store_read_exchange(facts->view, index, &facts->reading);
    known = FACT_KNOWN;
    if (exchange->command.seen)
        known |= FACT_SENT;
    if (exchange->status == IMAPID_STATUS_NO || exchange->status == IMAPID_STATUS_BAD)
        known |= FACT_REFUSED;
    facts->by_said[said] = known;
    return known;
}

static void count_session(struct imapid_overview *overview, const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = &conn->session;

    see(overview, session->first_ns);
    see(overview, session->last_ns);
    overview->n_unreadable += imapid_unreadable_is_conn(conn);
    overview->n_late += !session->from_start;
    overview->n_doubted += imapid_doubts_has(&conn->conn.doubts, IMAPID_DOUBT_OF_OTHERS);
    for (unsigned i = 0; i < session->n_findings; i++)
        overview->n_required += session->findings[i].code == IMAPID_FINDING_REQUIRED_BY_SERVER;
}

/* JSON Lines may bring any numbers: their sum has an end. */
static void add(uint64_t *sum, uint64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = UINT64_MAX;
}

static void count_conn(struct imapid_overview *overview, struct facts *facts, unsigned index)
{
    struct imapid_store_span span = imapid_store_get_span(facts->view, index);
    struct imapid_store_conn conn;
    uint8_t all = 0;

    for (unsigned i = span.first; i < span.first + span.n; i++) {
        struct imapid_store_brief brief = imapid_store_get_brief(facts->view, i);

        all |= get_facts(facts, i, brief.said);
        see(overview, brief.when_ns);
    }
    conn.has_session = span.has_session; /* without one there is nothing else to read */
    if (span.has_session)
        imapid_store_read_conn(facts->view, index, &conn);
    ++*find_line(overview, &conn, all & FACT_SENT);
    overview->n_refused += (all & FACT_REFUSED) != 0;
    if (!conn.has_session)
        return;
    count_session(overview, &conn);
    if (facts->view->n_parts)
        add(&overview->n_lost, conn.session.n_lost);
}

static int compare_names(const void *a, const void *b)
{
    const struct imapid_record_capture *one = a, *other = b;
    int order = g_strcmp0(one->site, other->site);

    return order ? order : strcmp(one->file, other->file);
}

/* The parts that captures count as connections, too, see struct imapid_record_continued. */
static uint64_t count_parts(const struct imapid_store_view *view)
{
    uint64_t n = 0;
    bool is_there = false;

    for (unsigned i = 0; i < view->n_parts; i++) {
        struct imapid_record_capture named = {.site = NULL};

        if (!i || view->parts[i].file != view->parts[i - 1].file) {
            named.file = imapid_store_get_file(view, view->parts[i].file, &named.site);
            is_there = view->n_captures && bsearch(&named, view->captures, view->n_captures,
                                                   sizeof named, compare_names);
        }
        n += is_there;
    }
    return n;
}

static void count_captures(struct imapid_overview *overview, const struct imapid_store_view *view)
{
    for (unsigned i = 0; i < view->n_captures; i++) {
        const struct imapid_record_capture *capture = &view->captures[i];

        add(&overview->n_packets, capture->n_packets);
        add(&overview->n_octets, capture->n_octets);
        add(&overview->n_tcp, capture->n_conns);
        if (!view->n_parts) /* else it is counted with what is told of them */
            add(&overview->n_lost, capture->n_lost);
        add(&overview->n_cut, capture->n_cut);
        add(&overview->n_unknown_link, capture->n_unknown_link);
        if (!capture->n_unread) /* as in records of versions before that had no list */
            add(&overview->n_unread_packets, capture->n_unknown_link);
        for (unsigned k = 0; k < capture->n_unread; k++)
            add(&overview->n_unread_packets, capture->unread[k].n_packets);
    }
    overview->n_failed = imapid_unreadable_count_failed(view);
    overview->n_tcp -= MIN(overview->n_tcp, count_parts(view));
}

/* ---- shares ---- */

struct share {
    struct imapid_overview overview;
    struct facts facts; /* by_said NULL: nothing was counted */
};

struct imapid_overseer {
    const struct imapid_store_view *view;
    struct share *shares;
    unsigned n_shares;
    uint8_t *seen; /* atomic: addresses */
};

struct imapid_overseer *imapid_overseer_new(const struct imapid_store_view *view, unsigned n_shares)
{
    struct imapid_overseer *overseer = g_new(struct imapid_overseer, 1);

    *overseer = (struct imapid_overseer){view, g_new0(struct share, n_shares), n_shares,
                                         g_malloc0(view->n_addresses + (gsize)1)};
    return overseer;
}

void imapid_overseer_count(struct imapid_overseer *overseer, unsigned share, unsigned conn)
{
    const struct imapid_store_view *view = overseer->view;
    struct share *own = &overseer->shares[share];

    if (!own->facts.by_said) {
        own->facts = (struct facts){.view = view, .by_said = g_malloc0(view->n_said + (gsize)1)};
        own->overview.first_ns = own->overview.last_ns = IMAPID_TIME_NONE;
    }
    __atomic_store_n(&overseer->seen[imapid_store_get_address(view, conn)], 1, __ATOMIC_RELAXED);
    count_conn(&own->overview, &own->facts, conn);
}

static void add_overview(struct imapid_overview *overview, const struct imapid_overview *share)
{
    overview->n_with_id += share->n_with_id;
    overview->n_silent += share->n_silent;
    overview->n_open += share->n_open;
    overview->n_unread += share->n_unread;
    overview->n_maybe_silent += share->n_maybe_silent;
    overview->n_refused += share->n_refused;
    overview->n_required += share->n_required;
    overview->n_unreadable += share->n_unreadable;
    overview->n_late += share->n_late;
    overview->n_doubted += share->n_doubted;
    add(&overview->n_lost, share->n_lost);
    see(overview, share->first_ns);
    see(overview, share->last_ns);
}

struct imapid_overview imapid_overseer_end(struct imapid_overseer *overseer)
{
    const struct imapid_store_view *view = overseer->view;
    struct imapid_overview overview = {
        .n_captures = view->n_captures,
        .n_conns = view->n_conns,
        .n_exchanges = view->n_exchanges,
        .first_ns = IMAPID_TIME_NONE,
        .last_ns = IMAPID_TIME_NONE,
    };

    count_captures(&overview, view);
    for (unsigned i = 0; i < overseer->n_shares; i++) {
        struct share *share = &overseer->shares[i];

        if (!share->facts.by_said)
            continue;
        add_overview(&overview, &share->overview);
        g_free(share->facts.by_said);
        imapid_store_reading_deinit(&share->facts.reading);
    }
    for (unsigned i = 0; i < view->n_addresses; i++)
        overview.n_addresses += overseer->seen[i];
    g_free(overseer->seen);
    g_free(overseer->shares);
    g_free(overseer);
    return overview;
}

struct imapid_overview imapid_overview_count(const struct imapid_store_view *view)
{
    struct imapid_overseer *overseer = imapid_overseer_new(view, 1);

    for (unsigned conn = 0; conn < view->n_conns; conn++)
        imapid_overseer_count(overseer, 0, conn);
    return imapid_overseer_end(overseer);
}
