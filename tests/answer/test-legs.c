/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legs of proxied sessions among records. Which two are tied is tested with protocol/legs.c; here it
 * is that records are told to it right, and what is made of the answer. */
#include "answer/legs.h"
#include "sample.h"

#include <string.h>

/* The client is 10.0.0.1:50000; the proxy 10.0.0.2:143 outside and 10.0.0.2:60000 inside. `origin`:
 * what the proxy says of the client's port; `name`: what it passes on. */
static struct imapid_store *make(const char *origin, const char *name, uint64_t n_lost)
{
    struct imapid_store *store = imapid_store_new();
    struct sample *outer = sample_new(), *inner = sample_new();
    struct imapid_record_session session = sample_session();

    sample_pair(outer, IMAPID_CLIENT, "name", "Mutt");
    imapid_store_add_exchange(store, &outer->exchange);
    session.ended = IMAPID_ENDED_FIN;
    session.n_lost = n_lost;
    imapid_store_add_session(store, &session);
    inner->exchange.conn.stream = 1;
    inner->exchange.conn.client = sample_endpoint(2, 60000);
    inner->exchange.conn.server = sample_endpoint(3, 143);
    if (name)
        sample_pair(inner, IMAPID_CLIENT, "name", name);
    sample_pair(inner, IMAPID_CLIENT, "x-originating-ip", "10.0.0.1");
    sample_pair(inner, IMAPID_CLIENT, "x-originating-port", origin);
    imapid_store_add_exchange(store, &inner->exchange);
    session.conn = inner->exchange.conn;
    session.n_lost = 0;
    imapid_store_add_session(store, &session);
    sample_free(outer);
    sample_free(inner);
    return store;
}

static void check(struct imapid_store *store, unsigned n, bool is_whole, bool differs,
                  const char *change)
{
    struct imapid_store_view view = imapid_store_settle(store);
    GArray *legs = imapid_legs_find(&view);

    g_assert_cmpuint(legs->len, ==, n);
    if (n) {
        const struct imapid_leg *leg = &g_array_index(legs, struct imapid_leg, 0);
        GString *out = g_string_new(NULL);

        g_assert_cmpuint(leg->outer, ==, 0);
        g_assert_cmpuint(leg->inner, ==, 1);
        g_assert_cmpint(leg->is_whole, ==, is_whole);
        g_assert_cmpint(leg->differs, ==, differs);
        if (differs) {
            imapid_legs_spell_change(out, &view, leg);
            g_assert_nonnull(strstr(out->str, change));
        }
        g_string_free(out, TRUE);
    }
    g_array_unref(legs);
    imapid_store_free(store);
}

static void test_tied(void)
{
    check(make("50000", "Mutt", 0), 1, true, false, NULL);
}

static void test_not_tied(void)
{
    check(make("50001", "Mutt", 0), 0, false, false, NULL);
    check(imapid_store_new(), 0, false, false, NULL);
}

static void test_differs(void)
{
    check(make("50000", "Alpine", 0), 1, true, true, "Mutt");
    check(make("50000", NULL, 0), 1, true, true, "Mutt");
}

static void test_not_whole(void)
{
    check(make("50000", "Alpine", 1), 1, false, false, NULL); /* nothing is found in what is lost */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/legs/tied", test_tied);
    g_test_add_func("/legs/not-tied", test_not_tied);
    g_test_add_func("/legs/differs", test_differs);
    g_test_add_func("/legs/not-whole", test_not_whole);
    return g_test_run();
}
