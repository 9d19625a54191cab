/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report (page.c and page-….c): which sections there are, the verdict, its limits, and that nothing in it
 * comes from when it is written. */
#include "answer/page.h"
#include "sample.h"

#include <string.h>

#define HOUR INT64_C(3600000000000)

/* Connections an hour apart, with a session each; `make` adds what the test is about. */
static struct imapid_store *make(unsigned n, const char *name,
                                 void (*change)(struct sample *sample,
                                                struct imapid_record_session *session))
{
    struct imapid_store *store = imapid_store_new();

    for (unsigned i = 0; i < n; i++) {
        struct sample *sample = sample_new();
        struct imapid_record_session session = sample_session();

        sample->exchange.conn.stream = i;
        sample->exchange.conn.client.port = (uint16_t)(10000 + i);
        sample->exchange.command.packet.ts_ns += i * HOUR;
        sample->exchange.response.packet.ts_ns += i * HOUR;
        sample_pair(sample, IMAPID_CLIENT, "name", name);
        session.conn = sample->exchange.conn;
        session.first_ns += i * HOUR;
        session.last_ns += i * HOUR;
        session.healthy = IMAPID_YES;
        if (change)
            change(sample, &session);
        imapid_store_add_exchange(store, &sample->exchange);
        imapid_store_add_session(store, &session);
        sample_free(sample);
    }
    return store;
}

static char *write_page(struct imapid_store *store, bool is_complete)
{
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_page page = {.view = &view,
                               .fold = fold,
                               .version = "1",
                               .is_complete = is_complete,
                               .clock = IMAPID_CLOCK_UTC};
    GString *out = g_string_new(NULL);

    imapid_page_write(out, &page);
    imapid_fold_free(fold);
    imapid_store_free(store);
    return g_string_free(out, FALSE);
}

static void test_empty(void)
{
    char *page = write_page(imapid_store_new(), true);

    g_assert_true(g_str_has_prefix(page, "<!"));
    g_assert_nonnull(strstr(page, "<h1>Nothing was read.</h1>"));
    g_assert_cmpuint(sample_count(page, "<tbody data-k"), ==, 0);
    g_assert_null(strstr(page, "Not every input could be read whole."));
    g_free(page);
    page = write_page(imapid_store_new(), false);
    g_assert_nonnull(strstr(page, "Not every input could be read whole."));
    g_free(page);
}

/* One connection: who both are, and how it went; no charts. */
static void test_one(void)
{
    char *page = write_page(make(1, "<b>Mutt</b>", NULL), true);

    g_assert_null(strstr(page, "<b>Mutt"));
    g_assert_nonnull(strstr(page, "&lt;b&gt;Mutt&lt;/b&gt;</bdi> spoke to"));
    g_assert_nonnull(strstr(page, "Nothing needs action.</h1>"));
    g_assert_nonnull(strstr(page, "<section id=\"who\""));
    g_assert_nonnull(strstr(page, "wireshark -r a.pcap -Y &#39;tcp.stream == 0&#39; -g 4"));
    g_assert_null(strstr(page, "<section id=\"time\""));
    g_assert_cmpuint(sample_count(page, "<tbody"), ==, 0);
    g_free(page);
}

static void find_faults(struct sample *sample, struct imapid_record_session *session)
{
    sample_finding(sample, IMAPID_FINDING_NIL_FIELD, IMAPID_CLIENT, NULL);
    session->n_findings = 1;
    session->findings[0] = (struct imapid_record_finding){.code = IMAPID_FINDING_CLEARTEXT_PASSWORD,
                                                          .side = IMAPID_CLIENT,
                                                          .field = {.is_nil = true}};
}

static void test_many(void)
{
    char *page = write_page(make(30, "Mutt", find_faults), true);

    g_assert_nonnull(strstr(page, "<h1>Two things need action: 30 connections sent a password in "
                                  "clear text and 30 connections have lists that break RFC "
                                  "2971.</h1>"));
    g_assert_cmpuint(sample_count(page, "<tbody data-k"), ==, 30);
    g_assert_cmpuint(sample_count(page, "class=\"day\""), ==, 2); /* from 03:04 on, 30 hours */
    g_assert_nonnull(strstr(page, "Friday 2 January 2026 <span>21 connections"));
    g_assert_nonnull(strstr(page, "<section id=\"time\""));
    g_assert_nonnull(strstr(page, "Connections per hour."));
    g_assert_cmpuint(sample_count(page, "<a class=\"bar\""), ==, 30);
    g_assert_null(strstr(page, "<section id=\"pairs\"")); /* one program, one server */
    g_assert_nonnull(strstr(page, "class=\"card card-error\""));
    g_free(page);
}

/* Two to twelve: a list, and no charts. */
static void test_few(void)
{
    char *page = write_page(make(12, "Mutt", NULL), true);

    g_assert_nonnull(strstr(page, "<h1>Nothing needs action.</h1>"));
    g_assert_cmpuint(sample_count(page, "<tbody data-k"), ==, 12);
    g_assert_null(strstr(page, "<section id=\"time\""));
    g_free(page);
}

static void hide(struct sample *sample, struct imapid_record_session *session)
{
    (void)sample;
    session->decrypted = IMAPID_NO;
    session->not_decrypted = "no-key";
    session->security = IMAPID_SECURITY_TLS;
}

/* Never green where nothing was read. */
static void test_unread(void)
{
    char *page = write_page(make(3, "Mutt", hide), true);

    g_assert_nonnull(strstr(page, "<h1>Nothing could be read: three connections are closed to "
                                  "us.</h1>"));
    g_assert_nonnull(strstr(page, "<b>3</b><span><a href=\"#list\" data-k=\"r"));
    g_assert_null(strstr(page, "<p class=\"m s sub\">")); /* all have named their program */
    g_free(page);
}

static void test_same(void)
{
    char *one = write_page(make(3, "Mutt", NULL), true);
    char *other = write_page(make(3, "Mutt", NULL), true);

    g_assert_cmpstr(one, ==, other);
    g_free(one);
    g_free(other);
}

static void fail_first(struct sample *sample, struct imapid_record_session *session)
{
    if (sample->exchange.conn.stream == 0)
        find_faults(sample, session);
}

/* More than there is room for: what needs action stays, then the newest. */
static void test_rows(void)
{
    char *page = write_page(make(IMAPID_PAGE_ROWS_MAX + 5, "Mutt", fail_first), true);

    g_assert_cmpuint(sample_count(page, "<tbody data-k") + sample_count(page, "<tbody hidden"), ==,
                     IMAPID_PAGE_ROWS_MAX);
    g_assert_nonnull(strstr(page, "tcp.stream == 0&#39;"));
    g_assert_null(strstr(page, "tcp.stream == 1&#39;"));
    g_assert_null(strstr(page, "tcp.stream == 5&#39;"));
    g_assert_nonnull(strstr(page, "tcp.stream == 6&#39;"));
    g_assert_nonnull(strstr(page, "5,000 of 5,005 "));
    g_free(page);
}

/* Of three answers one takes 100 ms, the others 10 ms. */
static void answer_slowly(struct sample *sample, struct imapid_record_session *session)
{
    int64_t ms = sample->exchange.conn.stream % 3 ? 10 : 100;

    (void)session;
    sample->exchange.response.packet.ts_ns =
        sample->exchange.command.packet.ts_ns + ms * 1000000 + 1;
    sample->exchange.result.ts_ns = sample->exchange.response.packet.ts_ns;
}

/* A bar is as high as its answers are many. */
static void test_answer_times(void)
{
    char *page = write_page(make(30, "Mutt", answer_slowly), true);

    g_assert_cmpuint(sample_count(page, "class=\"hist"), ==, 2);
    g_assert_cmpuint(sample_count(page, "y=\"4.0\" height=\"40.0\""), ==, 1);
    g_assert_cmpuint(sample_count(page, "y=\"24.0\" height=\"20.0\""), ==, 1);
    g_free(page);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page/empty", test_empty);
    g_test_add_func("/page/one", test_one);
    g_test_add_func("/page/many", test_many);
    g_test_add_func("/page/few", test_few);
    g_test_add_func("/page/unread", test_unread);
    g_test_add_func("/page/same", test_same);
    g_test_add_func("/page/rows", test_rows);
    g_test_add_func("/page/answer-times", test_answer_times);
    return g_test_run();
}
