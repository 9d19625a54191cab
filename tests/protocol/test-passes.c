/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a list is read between its octets and what is found in it. Whoever sends lists of ten thousand pairs pays for
 * each reading with our time, so the readings are counted here (linked with --wrap), and not the time. */
#include <imapid/findings.h>
#include <imapid/session.h>

#include <glib.h>
#include <string.h>

#define READINGS 2 /* what may be a password, and what is found */

static unsigned n_given;

bool __real_imapid_list_next(struct imapid_list *list, struct imapid_pair *pair);
bool __wrap_imapid_list_next(struct imapid_list *list, struct imapid_pair *pair);

bool __wrap_imapid_list_next(struct imapid_list *list, struct imapid_pair *pair)
{
    bool given = __real_imapid_list_next(list, pair);

    n_given += given;
    return given;
}

struct imapid_list_sum __real_imapid_list_get_sum(const struct imapid_unit *unit);
struct imapid_list_sum __wrap_imapid_list_get_sum(const struct imapid_unit *unit);

/* What it reads is not seen above, as both are in one file. */
struct imapid_list_sum __wrap_imapid_list_get_sum(const struct imapid_unit *unit)
{
    struct imapid_list list;
    struct imapid_pair pair;

    if (!unit->sum.is_known) {
        imapid_list_begin(&list, unit);
        while (__wrap_imapid_list_next(&list, &pair))
            ;
    }
    return __real_imapid_list_get_sum(unit);
}

/* Shows the session one run of octets whole, and keeps its ID's unit. */
static void show(struct imapid_session *session, enum imapid_side side, const GString *octets,
                 struct imapid_unit *id)
{
    const uint8_t *at = (const uint8_t *)octets->str;
    size_t n = octets->len, n_used;
    struct imapid_unit unit;
    struct imapid_event event;
    enum imapid_session_status status;

    do {
        status = imapid_session_read(session, side, at, n, &unit, &n_used);
        if (status == IMAPID_SESSION_UNIT && imapid_unit_is_id(&unit))
            *id = unit;
        while (imapid_session_event(session, &event))
            ;
        at += n_used;
        n -= n_used;
    } while (status != IMAPID_SESSION_MORE);
}

static GString *make_list(const char *head, unsigned n, const char *pair, const char *tail)
{
    GString *octets = g_string_new(head);

    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(octets, "%s%s", i ? " " : "", pair);
    return g_string_append(octets, tail);
}

static unsigned count(unsigned n, const char *pair, const char *tail, bool from_start)
{
    GString *greeting = g_string_new("* OK ready\r\n");
    GString *command = make_list("a1 ID (", n, pair, tail);
    GString *response = make_list("* ID (", n, pair, tail);
    struct imapid_session *session = g_new0(struct imapid_session, 1);
    struct imapid_exchange exchange = {.status = IMAPID_STATUS_OK, .n_responses = 1};
    struct imapid_unit units[2] = {0};
    struct imapid_findings findings;

    n_given = 0;
    g_string_append(response, "a1 OK\r\n");
    imapid_session_init(session, from_start, IMAPID_SECURITY_NONE);
    show(session, IMAPID_SERVER, greeting, &units[IMAPID_SERVER]);
    show(session, IMAPID_CLIENT, command, &units[IMAPID_CLIENT]);
    show(session, IMAPID_SERVER, response, &units[IMAPID_SERVER]);
    g_assert_nonnull(units[IMAPID_CLIENT].data);
    g_assert_nonnull(units[IMAPID_SERVER].data);
    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, &exchange, &units[IMAPID_CLIENT],
                                 &units[IMAPID_SERVER]);
    g_free(session);
    g_string_free(greeting, TRUE);
    g_string_free(command, TRUE);
    g_string_free(response, TRUE);
    return n_given;
}

static void test_readings(void)
{
    static const char *const pairs[] = {"\"\" \"\"", "\"a\" \"b\"", "\"a\" NIL", "a b"};

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++)
        for (unsigned from_start = 0; from_start < 2; from_start++) {
            unsigned n = count(500, pairs[i], ")\r\n", from_start);

            g_assert_cmpuint(n, >=, 2 * 500);
            g_assert_cmpuint(n, <=, READINGS * 2 * 500);
            g_assert_cmpuint(count(1000, pairs[i], ")\r\n", from_start), ==, 2 * n);
        }
}

/* Where a part is hidden, what is left is another list, and is read anew: once for each who asks. */
static void test_hidden(void)
{
    unsigned n = count(500, "\"a\" \"b\"", ") x LOGIN joe secret\r\n", true);

    g_assert_cmpuint(n, <=, (READINGS + 4) * 2 * 500);
    g_assert_cmpuint(count(1000, "\"a\" \"b\"", ") x LOGIN joe secret\r\n", true), ==, 2 * n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/passes/readings", test_readings);
    g_test_add_func("/passes/hidden", test_hidden);
    return g_test_run();
}
