/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partials: what comes out is what went in, whatever the portions; whatever octet is changed, cut off or
 * added, it is told where; and rows that say what no record can say are refused. */
#include "answer/partial.h"
#include "partial-block.h"
#include "record/writer.h"
#include "sample.h"

#include <string.h>

static const struct imapid_writer_style style;

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    imapid_jsonl_writer.exchange(ctx, &style, exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_jsonl_writer.session(ctx, &style, session);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    imapid_jsonl_writer.capture(ctx, &style, capture);
}

/* Texts of all records, then messages. */
static void on_complaint(void *ctx, const char *message)
{
    g_string_append_printf(ctx, "%s\n", message);
}

struct portions {
    const GByteArray *octets;
    size_t at, n_portion;
};

static ptrdiff_t read_portion(void *ctx, uint8_t *octets, size_t n)
{
    struct portions *portions = ctx;

    n = MIN(MIN(n, portions->n_portion), portions->octets->len - portions->at);
    if (n)
        memcpy(octets, portions->octets->data + portions->at, n);
    portions->at += n;
    return (ptrdiff_t)n;
}

static char *read_all(const GByteArray *octets, size_t n_portion, bool *good)
{
    GString *text = g_string_new(NULL);
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, text, NULL};
    struct portions portions = {octets, 0, n_portion};
    struct imapid_partial partial = {.name = "x",
                                     .read = read_portion,
                                     .read_ctx = &portions,
                                     .sink = &sink,
                                     .complain = on_complaint};

    *good = imapid_partial_read(&partial);
    return g_string_free(text, FALSE);
}

static void forget_complaint(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

/* Without a look at rows, but for the unit. */
static bool is_of(const GByteArray *octets, const struct imapid_partial_unit *unit)
{
    struct imapid_record_sink sink = {.ctx = NULL};
    struct portions portions = {octets, 0, 1000};
    struct imapid_partial partial = {.name = "x",
                                     .read = read_portion,
                                     .read_ctx = &portions,
                                     .sink = &sink,
                                     .complain = forget_complaint,
                                     .unit = unit};

    return imapid_partial_check(&partial, octets->len);
}

static bool is_sound(const GByteArray *octets)
{
    return is_of(octets, NULL);
}

static void put(void *ctx, const char *octets, size_t n)
{
    g_byte_array_append(ctx, (const uint8_t *)octets, (guint)n);
}

/* The state of a store, which is freed, and in *lines all it has. */
static GByteArray *settle(struct imapid_store *store, bool is_whole, char **lines)
{
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    GString *text = g_string_new(NULL);
    GByteArray *octets = g_byte_array_new();

    imapid_partial_write(&view, is_whole, NULL, put, octets);
    for (unsigned i = 0; i < view.n_conns; i++) {
        struct imapid_store_conn conn;

        imapid_store_read_conn(&view, i, &conn);
        for (unsigned k = 0; k < conn.n_exchanges; k++)
            on_exchange(text, imapid_store_read_exchange(&view, conn.first + k, &reading));
        if (conn.has_session)
            on_session(text, &conn.session);
    }
    for (unsigned i = 0; i < view.n_captures; i++)
        on_capture(text, &view.captures[i]);
    imapid_store_reading_deinit(&reading);
    imapid_store_free(store);
    *lines = g_string_free(text, FALSE);
    return octets;
}

/* Two connections of a kind: in the clear, with IPv6, a VLAN and doubts, with all that a session can
 * say, malformed, without a command, and so on, as the bits of `i` have it. */
static void add(struct imapid_store *store, unsigned i)
{
    struct imapid_record_session session = sample_session();
    struct sample *sample = sample_new();
    struct imapid_record_exchange *exchange = &sample->exchange;
    struct imapid_record_conn *conn = &exchange->conn;
    char *name = g_strdup_printf("name %u", i / 2);

    conn->stream = i;
    conn->first_frame = i % 3 ? i : 0;
    conn->site = i % 2 ? "oslo" : NULL;
    if (i & 1) {
        conn->client.family = conn->proxied_client.family = 6;
        memset(conn->client.address, 0xfe, sizeof conn->client.address);
        conn->proxied_client.address[15] = 7;
        conn->path.n = 2;
        conn->path.hops[0] = (struct imapid_hop){.has_number = true, .number = 12};
        conn->path.hops[1] = (struct imapid_hop){
            .kind = IMAPID_PATH_GRE, .family = 4, .from = {1, 2, 3, 4}, .to = {5, 6, 7, 8}};
        conn->doubts.of[0].n = 9;
        conn->doubts.of[0].frames[0] = 4;
    }
    if (i & 2) {
        exchange->command.file = exchange->result_file = "b.pcap";
        sample_raw(sample, IMAPID_SERVER, "* ID (\"a\xff");
        exchange->complete = false;
    }
    exchange->command.seen = !(i & 4);
    exchange->response.seen = !(i & 8);
    if (i & 16)
        exchange->status = IMAPID_STATUS_NONE;
    if (i & 32) {
        g_clear_pointer(&exchange->tag, g_free);
        exchange->text.is_nil = true;
        exchange->response.packet.ts_ns -= 5;
    }
    sample_pair(sample, IMAPID_CLIENT, "name", name);
    sample_pair(sample, IMAPID_CLIENT, "os", i & 64 ? NULL : "");
    sample_finding(sample, IMAPID_FINDING_MISSING_VALUE, IMAPID_CLIENT, i & 1 ? "os" : NULL);
    session.conn = *conn;
    session.outcome.status = name;
    session.outcome.text = sample_string(sample, name, strlen(name));
    session.outcome.file = session.outcome.ended_file = i & 2 ? NULL : "c.pcap";
    session.outcome.ended_by = IMAPID_PARTY_NETWORK;
    session.outcome.ended_frame = i;
    session.first_ns -= (int64_t)i << 40;
    session.not_decrypted = i & 4 ? name : NULL;
    session.tls.seen = i & 8;
    session.tls.server_name = session.tls.seen ? name : NULL;
    session.n_auths = i % 3;
    for (unsigned k = 0; k < session.n_auths; k++)
        session.auths[k] = (struct imapid_auth){.mechanism = "PLAIN", .cleartext_password = k};
    imapid_store_add_exchange(store, exchange);
    imapid_store_add_session(store, &session);
    sample_free(sample);
    g_free(name);
}

static struct imapid_store *make_store(unsigned n)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_record_unread unread[] = {{"ethertype", 0x88cc, "LLDP", 3},
                                            {"link-type", 147, "user 0", 1}};
    struct imapid_record_capture capture = sample_capture();

    for (unsigned i = 0; i < n; i++)
        add(store, i);
    capture.n_unread = G_N_ELEMENTS(unread);
    capture.unread = unread;
    capture.error = (char *)"octet 3: it is cut";
    imapid_store_add_capture(store, &capture);
    capture = sample_capture();
    capture.file = "b.pcap";
    imapid_store_add_capture(store, &capture);
    return store;
}

static void test_round(void)
{
    static const size_t portions[] = {1, 7, 100000};
    char *wanted, *had;
    GByteArray *octets = settle(make_store(128), true, &wanted);
    bool good;

    g_assert_true(imapid_partial_is(octets->data, octets->len));
    g_assert_false(imapid_partial_is(octets->data, IMAPID_PARTIAL_PEEK - 1));
    g_assert_cmpuint(sample_count(wanted, "\"type\":\"exchange\""), ==, 128);
    g_assert_cmpuint(sample_count(wanted, "\"type\":\"session\""), ==, 128);
    g_assert_cmpuint(sample_count(wanted, "\"type\":\"capture\""), ==, 2);
    for (size_t i = 0; i < G_N_ELEMENTS(portions); i++) {
        had = read_all(octets, portions[i], &good);
        g_assert_cmpstr(had, ==, wanted);
        g_assert_true(good);
        g_free(had);
    }
    g_free(wanted);
    g_byte_array_unref(octets);
}

/* One that was made of less than there was says so, behind its records. */
static void test_not_whole(void)
{
    char *wanted, *had, *all;
    GByteArray *octets = settle(make_store(2), false, &wanted);
    bool good;

    had = read_all(octets, 100000, &good);
    all = g_strdup_printf(
        "%sx: octet %u: the partial was made of inputs that could not be read whole\n", wanted,
        octets->len);
    g_assert_cmpstr(had, ==, all);
    g_assert_false(good);
    g_free(all);
    g_free(had);
    g_free(wanted);
    g_byte_array_unref(octets);
}

/* A message alone, with a place no later than the end. */
static void check_complaint(const char *text, const GByteArray *octets)
{
    const char *message = strstr(text, "x: octet ");
    guint64 place;
    char *end;

    g_assert_nonnull(message);
    place = g_ascii_strtoull(message + strlen("x: octet "), &end, 10);
    g_assert_cmpuint(place, <=, octets->len);
    g_assert_true(g_str_has_prefix(end, ": "));
    g_assert_cmpuint(sample_count(text, "x: octet "), ==, 1);
}

/* No octet can be changed, nor can it end early, without being told. */
static void test_damage(void)
{
    char *wanted, *had;
    GByteArray *octets = settle(make_store(3), true, &wanted);
    guint n = octets->len;
    bool good;

    g_assert_true(is_sound(octets));
    for (guint i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            octets->data[i] ^= (uint8_t)(1 << bit);
            had = read_all(octets, 100000, &good);
            g_assert_false(good);
            g_assert_false(is_sound(octets));
            check_complaint(had, octets);
            g_free(had);
            octets->data[i] ^= (uint8_t)(1 << bit);
        }
    for (guint i = 0; i < n; i++) {
        octets->len = i;
        had = read_all(octets, 100000, &good);
        g_assert_false(good);
        g_assert_false(is_sound(octets));
        g_assert_nonnull(strstr(had, "is cut"));
        check_complaint(had, octets);
        g_free(had);
    }
    octets->len = n;
    put(octets, "", 1);
    had = read_all(octets, 100000, &good);
    g_assert_false(good);
    g_assert_false(is_sound(octets));
    g_assert_nonnull(strstr(had, "something behind the end of the partial"));
    g_free(had);
    g_free(wanted);
    g_byte_array_unref(octets);
}

/* Blocks that change places, or are missing, are known by their place. */
static void test_blocks(void)
{
    char *wanted, *had;
    GByteArray *octets = settle(make_store(4000), true, &wanted);
    guint at = strlen(IMAPID_PARTIAL_HEAD), n;
    bool good;

    g_assert_cmpuint(octets->len, >, 2 * 65536); /* there are several */
    g_assert_true(is_sound(octets));
    n = 12 + octets->data[at] + ((guint)octets->data[at + 1] << 8) +
        ((guint)octets->data[at + 2] << 16);
    had = read_all(octets, 100000, &good);
    g_assert_true(good);
    g_assert_cmpstr(had, ==, wanted);
    g_free(had);
    g_byte_array_remove_range(octets, at, n);
    had = read_all(octets, 100000, &good);
    g_assert_false(good);
    g_assert_cmpstr(had, ==,
                    "x: octet 17: the partial is damaged: a block is not as it was written\n");
    g_free(had);
    g_free(wanted);
    g_byte_array_unref(octets);
}

/* More than rows may refer to: both sides forget at the same row. */
static void test_forgetting(void)
{
    struct imapid_store *stores[] = {imapid_store_new(), imapid_store_new()};
    static char big[32768];

    memset(big, 'b', sizeof big - 1);
    for (unsigned i = 0; i < 70000; i++) { /* by number */
        struct sample *sample = sample_new();

        g_free(sample->exchange.tag);
        sample->exchange.tag = g_strdup_printf("t%u", i * 7 % 69997);
        sample->exchange.conn.stream = i / 100;
        imapid_store_add_exchange(stores[0], &sample->exchange);
        sample_free(sample);
    }
    for (unsigned i = 0; i < 700; i++) { /* by octets */
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = i;
        big[i % 300] = 'c';
        sample_pair(sample, IMAPID_CLIENT, "name", big);
        big[i % 300] = 'b';
        imapid_store_add_exchange(stores[1], &sample->exchange);
        sample_free(sample);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
        char *wanted, *had;
        GByteArray *octets = settle(stores[i], true, &wanted);
        bool good;

        had = read_all(octets, 100000, &good);
        g_assert_true(good);
        g_assert_true(!strcmp(had, wanted));
        g_free(had);
        g_free(wanted);
        g_byte_array_unref(octets);
    }
}

/* ---- rows that nobody writes, in blocks that are whole ---- */

/* A text of one octet, which stands here first. */
#define F "\0\1f"
/* The stream and the ends of a connection, IPv4. */
#define ENDS "\0\4\12\0\0\1\1\4\12\0\0\2\2"

static char *read_rows(const char *rows, size_t n, bool *good)
{
    GByteArray *octets = partial_block((const uint8_t *)rows, n);
    char *text;

    text = read_all(octets, 100000, good);
    g_byte_array_unref(octets);
    return text;
}

/* What an exchange says is kept, taken apart; a session that refers to it is not given that. */
static void test_other_kind(void)
{
    static const char zeroes[IMAPID_N_DOUBTS + 10];
    const char conn[] = {0, sizeof ENDS - 1 + IMAPID_N_DOUBTS + 4};

    for (int is_session = 0; is_session < 2; is_session++) {
        GByteArray *rows = g_byte_array_new();
        char *had, *wanted;
        guint n;
        bool good;

        put(rows, "\1" F, 4);
        put(rows, conn, sizeof conn);
        put(rows, ENDS, sizeof ENDS - 1);
        put(rows, zeroes, IMAPID_N_DOUBTS + 4);
        put(rows, "\0\12", 2);
        put(rows, zeroes, 10);
        put(rows, "\1\1\0\0", 4);
        n = rows->len;
        put(rows, is_session ? "\2\1\2\3\0\0\0\0\0\0\0" : "\1\1\2\3\1\1\0\0", is_session ? 11 : 8);
        put(rows, "\0\2\1", 3);
        had = read_rows((const char *)rows->data, rows->len, &good);
        wanted = g_strdup_printf(
            "x: octet %u: the partial is damaged: a number that does not end\n", 29 + n);
        g_assert_true(good == !is_session);
        g_assert_true(!strstr(had, wanted) == !is_session);
        g_free(wanted);
        g_free(had);
        g_byte_array_unref(rows);
    }
}

/* A partial of a unit is that unit's alone; of none it is nobody's. */
static void test_unit(void)
{
    static const struct imapid_partial_unit unit = {"a", 7}, next = {"a", 8}, other = {"b", 7};
    const struct imapid_partial_unit *units[] = {NULL, &unit, &next, &other};

    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        struct imapid_store *store = imapid_store_new();
        struct imapid_store_view view = imapid_store_settle(store);
        GByteArray *octets = g_byte_array_new();

        imapid_partial_write(&view, true, units[i], put, octets);
        g_assert_true(is_sound(octets));
        for (size_t k = 1; k < G_N_ELEMENTS(units); k++)
            g_assert_true(is_of(octets, units[k]) == (i == k));
        g_byte_array_unref(octets);
        imapid_store_free(store);
    }
}

static void test_rows(void)
{
#define ROWS(rows) rows, sizeof(rows) - 1
    static const struct {
        const char *rows;
        size_t n;
        const char *message; /* NULL: none */
    } cases[] = {
        {ROWS("\0\0\1"), NULL},
        {ROWS("\0\1\1"), "29: the partial is damaged: not as many records as it says"},
        {ROWS("\0\0\1\0"), "29: the partial is damaged: something behind its end"},
        {ROWS("\0\0\2"), "29: the partial is damaged: a number past its limit"},
        {ROWS("\0\0"), "29: the partial is damaged: a number that does not end"},
        {ROWS("\5\2f\7\0\0\1"), NULL},
        {ROWS("\5\2f"), "29: the partial is damaged: a number that does not end"},
        {ROWS("\6"), "29: the partial is damaged: a number past its limit"},
        {ROWS("\377\377\377\377\377\377\377\377\377\1"),
         "29: the partial is damaged: a number past its limit"},
        {ROWS("\377\377\377\377\377\377\377\377\377\2"),
         "29: the partial is damaged: a number that does not end"},
        {ROWS("\1\1"), "29: the partial is damaged: something that was not told before"},
        {ROWS("\1\0\2f"), "29: the partial is damaged: something longer than its row"},
        {ROWS("\1\0\377\377\377\377\377\377\377\377\377\1f"),
         "29: the partial is damaged: something longer than its row"},
        {ROWS("\1" F "\0\0"), "29: the partial is damaged: a number that does not end"},
        {ROWS("\1" F "\0\2\0\5"),
         "29: the partial is damaged: an address that is neither IPv4 nor IPv6"},
        {ROWS("\1" F "\0\3\0\0\0"), "29: the partial is damaged: a connection without addresses"},
        {ROWS("\1" F "\0\20" ENDS "\0\0\11"),
         "29: the partial is damaged: a number past its limit"},
        {ROWS("\3" F), "29: the partial is damaged: a number that does not end"},
        {ROWS("\2" F "\2"), "29: the partial is damaged: something that was not told before"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool good;
        char *had = read_rows(cases[i].rows, cases[i].n, &good);
        char *wanted =
            cases[i].message ? g_strdup_printf("x: octet %s\n", cases[i].message) : g_strdup("");

        g_assert_cmpstr(had, ==, wanted);
        g_assert_true(good == !cases[i].message);
        g_free(wanted);
        g_free(had);
    }
}

/* A list that promises more than its row has octets for costs no memory. */
static void test_long_list(void)
{
    GByteArray *rows = g_byte_array_new();
    uint8_t conn[64] = {0}; /* no proxy, no frame, no path, no doubts, no site */
    const uint8_t n = sizeof ENDS - 1 + 4 + IMAPID_N_DOUBTS;
    bool good;
    char *had;

    memcpy(conn, ENDS, sizeof ENDS - 1);
    put(rows, "\1" F "\0", 5);
    put(rows, (const char *)&n, 1);
    put(rows, (const char *)conn, n);
    put(rows, "\0\7\1\0\1\377\377\7\0", 9); /* seen, no file, a list, 131,071 pairs */
    had = read_rows((const char *)rows->data, rows->len, &good);
    g_assert_false(good);
    g_assert_cmpstr(had, ==, "x: octet 29: the partial is damaged: a list longer than its row\n");
    g_free(had);
    g_byte_array_unref(rows);
}

static void test_versions(void)
{
    static const struct {
        const char *octets, *message;
    } cases[] = {{"imapid partial 2\n", "x: octet 0: no partial of this version\n"},
                 {"imapid partial", "x: octet 14: the partial is cut: its end is missing\n"},
                 {"", "x: octet 0: the partial is cut: its end is missing\n"},
                 {"GIF89a", "x: octet 0: no partial of this version\n"},
                 {IMAPID_PARTIAL_HEAD, "x: octet 17: the partial is cut: its end is missing\n"},
                 {IMAPID_PARTIAL_HEAD "\1\1\1\1........",
                  "x: octet 17: the partial is damaged: a block of no possible length\n"}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *octets = g_byte_array_new();
        bool good;
        char *had;

        put(octets, cases[i].octets, strlen(cases[i].octets));
        had = read_all(octets, 3, &good);
        g_assert_cmpstr(had, ==, cases[i].message);
        g_assert_false(good);
        g_free(had);
        g_byte_array_unref(octets);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/partial/round", test_round);
    g_test_add_func("/partial/not-whole", test_not_whole);
    g_test_add_func("/partial/damage", test_damage);
    g_test_add_func("/partial/blocks", test_blocks);
    g_test_add_func("/partial/forgetting", test_forgetting);
    g_test_add_func("/partial/other-kind", test_other_kind);
    g_test_add_func("/partial/unit", test_unit);
    g_test_add_func("/partial/rows", test_rows);
    g_test_add_func("/partial/long-list", test_long_list);
    g_test_add_func("/partial/versions", test_versions);
    return g_test_run();
}
