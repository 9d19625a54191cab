/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/keylog.c and keylog-line.c. */
#include "tls/keylog.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define R  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define R2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define S  "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
#define SU "A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"
#define S2 "c0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
#define Z  "00000000000000000000000000000000"
#define M  S "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"

static void make_random(uint8_t random[IMAPID_TLS_RANDOM], uint8_t first)
{
    for (int i = 0; i < IMAPID_TLS_RANDOM; i++)
        random[i] = (uint8_t)i;
    random[0] = first;
}

static void add(struct imapid_keylog *keylog, const char *text)
{
    size_t n = strlen(text);
    uint8_t *copy = g_malloc(n); /* of exactly the size */

    if (n)
        memcpy(copy, text, n);
    imapid_keylog_add(keylog, copy, n);
    g_free(copy);
}

static unsigned find(struct imapid_keylog *keylog, uint8_t first, enum imapid_secret_kind kind,
                     struct imapid_secret *secrets)
{
    uint8_t random[IMAPID_TLS_RANDOM];

    make_random(random, first);
    return imapid_keylog_find(keylog, random, kind, 0, secrets);
}

static void check_one(struct imapid_keylog *keylog, enum imapid_secret_kind kind, size_t n)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];

    g_assert_cmpuint(find(keylog, 0, kind, secrets), ==, 1);
    g_assert_cmpuint(secrets[0].n, ==, n);
    for (size_t i = 0; i < n; i++)
        g_assert_cmpuint(secrets[0].octets[i], ==, 0xa0 + i);
}

/* Several for one key, in the order they came, of this key log and then of the one under it. */
static void test_premasters(void)
{
    static const char below[] = "PMS_CLIENT_RANDOM " R " 04\nRSA 0011223344556677 0506\n";
    static const char above[] =
        "PMS_CLIENT_RANDOM " R " 01\nPMS_CLIENT_RANDOM " R " 0203\nPMS_CLIENT_RANDOM " R " 01\n";
    static const size_t lengths[] = {1, 2, 1};
    struct imapid_keylog *base = imapid_keylog_new(),
                         *keylog = imapid_keylog_new_over(base, G_MAXSIZE);
    uint8_t key[IMAPID_TLS_RANDOM];
    GBytes *found;

    g_assert_true(imapid_keylog_unhex((const uint8_t *)R, sizeof key, key));
    g_assert_false(imapid_keylog_has_long(NULL, IMAPID_LONG_PREMASTER));
    g_assert_false(imapid_keylog_has_long(keylog, IMAPID_LONG_PREMASTER));
    imapid_keylog_add(base, (const uint8_t *)below, sizeof below - 1);
    g_assert_true(imapid_keylog_has_long(keylog, IMAPID_LONG_PREMASTER));
    g_assert_true(imapid_keylog_has_any(keylog));
    imapid_keylog_add(keylog, (const uint8_t *)above, sizeof above - 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        found = imapid_keylog_find_long(keylog, IMAPID_LONG_PREMASTER, key, i);
        g_assert_cmpuint(g_bytes_get_size(found), ==, lengths[i]);
        g_bytes_unref(found);
    }
    g_assert_null(
        imapid_keylog_find_long(keylog, IMAPID_LONG_PREMASTER, key, G_N_ELEMENTS(lengths)));
    g_assert_cmpuint(imapid_keylog_count_long(keylog, IMAPID_LONG_PREMASTER, key), ==,
                     G_N_ELEMENTS(lengths));
    g_assert_cmpuint(imapid_keylog_count_long(base, IMAPID_LONG_PREMASTER, key), ==, 1);
    memset(key, 0, sizeof key);
    memcpy(key, "\x00\x11\x22\x33\x44\x55\x66\x77", IMAPID_TLS_EXCHANGE_KEY);
    found = imapid_keylog_find_long(keylog, IMAPID_LONG_PREMASTER, key, 0);
    g_assert_cmpmem(g_bytes_get_data(found, NULL), g_bytes_get_size(found), "\5\6", 2);
    g_bytes_unref(found);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_duplicates, ==, 1);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_conflicts, ==, 1);
    imapid_keylog_free(keylog);
    imapid_keylog_free(base);
}

static void test_kinds(void)
{
    static const struct {
        const char *label;
        enum imapid_secret_kind kind;
    } kinds[] = {{"CLIENT_RANDOM", IMAPID_SECRET_MASTER},
                 {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", IMAPID_SECRET_CLIENT_HANDSHAKE},
                 {"SERVER_HANDSHAKE_TRAFFIC_SECRET", IMAPID_SECRET_SERVER_HANDSHAKE},
                 {"CLIENT_TRAFFIC_SECRET_0", IMAPID_SECRET_CLIENT_TRAFFIC},
                 {"SERVER_TRAFFIC_SECRET_0", IMAPID_SECRET_SERVER_TRAFFIC}};

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
        bool is_master = kinds[i].kind == IMAPID_SECRET_MASTER;
        char *line = g_strdup_printf("%s " R " %s\n", kinds[i].label, is_master ? M : S);

        add(keylog, line);
        check_one(keylog, kinds[i].kind, is_master ? 48 : 32);
        for (size_t j = 0; j < G_N_ELEMENTS(kinds); j++)
            if (j != i)
                g_assert_cmpuint(find(keylog, 0, kinds[j].kind, secrets), ==, 0);
        g_assert_cmpuint(find(keylog, 1, kinds[i].kind, secrets), ==, 0);
        g_free(line);
        imapid_keylog_free(keylog);
    }
}

/* Lines of every form, and what each counts as. */
enum { SECRET, COMMENT, IGNORED, GARBAGE };
static const struct {
    const char *text;
    int is;
} line_forms[] = {
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S, SECRET},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S "\n", SECRET},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S "\r\n", SECRET},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " SU, SECRET},
    {"\xef\xbb\xbf"
     "CLIENT_TRAFFIC_SECRET_0 " R " " S,
     SECRET},
    {"  CLIENT_TRAFFIC_SECRET_0\t" R "   " S "  \n", SECRET},
    {"SERVER_TRAFFIC_SECRET_0 " R " " M, SECRET},
    {"CLIENT_RANDOM " R " " M, SECRET},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S Z Z, SECRET},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " M Z, SECRET},
    {"CLIENT_RANDOM " R " " M "00", SECRET},
    {"CLIENT_RANDOM " R " " M Z, SECRET},
    {"CLIENT_RANDOM " R " " M Z "00", GARBAGE},
    {"CLIENT_RANDOM " R " " S S, GARBAGE},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S "000000000001", GARBAGE},
    {"# CLIENT_RANDOM " R " " M, COMMENT},
    {"\n", COMMENT},
    {"\r\n", COMMENT},
    {"  \t\n", COMMENT},
    {"EARLY_EXPORTER_SECRET " R " " S, IGNORED},
    {"EXPORTER_SECRET " R " " S, IGNORED},
    {"CLIENT_EARLY_TRAFFIC_SECRET " R " " S, SECRET},
    {"CLIENT_TRAFFIC_SECRET_1 " R " " S, IGNORED},
    {"RSA Session-ID:00 Master-Key:" M, SECRET},
    {"RSA Session-ID:" R " Master-Key:" M "\r\n", SECRET},
    {"RSA Session-ID:" R "00 Master-Key:" M, GARBAGE},
    {"RSA Session-ID: Master-Key:" M, GARBAGE},
    {"RSA Session-ID:0 Master-Key:" M, GARBAGE},
    {"RSA Session-ID:00 Master-Key:" M "00", GARBAGE},
    {"RSA Session-ID:00 Master-Key:" M " more", GARBAGE},
    {"RSA Session-ID:00 " M, GARBAGE},
    {"RSA 0011223344556677 " M, SECRET},
    {"RSA 00112233445566 " M, GARBAGE},
    {"RSA 0011223344556677 " M "0", GARBAGE},
    {"RSA 0011223344556677 " M " more", GARBAGE},
    {"RSA 0011223344556677", GARBAGE},
    {"RSA 001122334455667x " M, GARBAGE},
    {"PMS_CLIENT_RANDOM " R " " M, SECRET},
    {"PMS_CLIENT_RANDOM " R " 00", SECRET},
    {"PMS_CLIENT_RANDOM " R " " M M M, SECRET},
    {"PMS_CLIENT_RANDOM " R " " M "g0", GARBAGE},
    {"PMS_CLIENT_RANDOM " R "00 " M, GARBAGE},
    {"PMS_CLIENT_RANDOM " R, GARBAGE},
    {"CLIENT_RANDOM", GARBAGE},
    {"CLIENT_RANDOM " R, GARBAGE},
    {"CLIENT_RANDOM " R " " S, GARBAGE},
    {"CLIENT_RANDOM " R " " M "01", GARBAGE},
    {"CLIENT_RANDOM " R "0 " M, GARBAGE},
    {"CLIENT_RANDOM " R " " M " more", GARBAGE},
    {"CLIENT_RANDOM " R M, GARBAGE},
    {"CLIENT_RANDOM x" R " " M, GARBAGE},
    {"client_random " R " " M, GARBAGE},
    {"CLIENT_TRAFFIC_SECRET_0 " R " " S "0", GARBAGE},
    {"CLIENT_TRAFFIC_SECRET_0 " R " g"
     "0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9ba"
     "bbbcbdbebf",
     GARBAGE},
    {"CLIENT_TRAFFIC_SECRETS_0 " R " " S, GARBAGE},
    {"<html>", GARBAGE},
};

static void test_lines(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(line_forms); i++) {
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct imapid_keylog_counts counts;

        g_test_message("%s", line_forms[i].text);
        add(keylog, line_forms[i].text);
        counts = imapid_keylog_get_counts(keylog);
        g_assert_cmpuint(counts.n_lines, ==, 1);
        g_assert_cmpuint(counts.n_secrets, ==, line_forms[i].is == SECRET);
        g_assert_cmpuint(counts.n_comments, ==, line_forms[i].is == COMMENT);
        g_assert_cmpuint(counts.n_ignored, ==, line_forms[i].is == IGNORED);
        g_assert_cmpuint(counts.n_garbage, ==, line_forms[i].is == GARBAGE);
        g_assert_true((imapid_keylog_get_generation(keylog) > 0) == (line_forms[i].is == SECRET));
        imapid_keylog_free(keylog);
    }
}

/* No start of a text, and no changed octet, does harm. */
static void test_every_start(void)
{
    static const char text[] = "CLIENT_RANDOM " R " " M "\r\n# x\nSERVER_TRAFFIC_SECRET_0 " R " " S;

    for (size_t n = 0; n < sizeof text; n++) {
        struct imapid_keylog *keylog = imapid_keylog_new();
        char *start = g_strndup(text, n);

        add(keylog, start);
        g_free(start);
        imapid_keylog_free(keylog);
    }
}

static void test_candidates(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new(),
                         *over = imapid_keylog_new_over(keylog, G_MAXSIZE);
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    uint8_t random[IMAPID_TLS_RANDOM];
    struct imapid_keylog_counts counts;

    for (int i = 0; i < IMAPID_KEYLOG_CANDIDATES + 4; i++) {
        char *line = g_strdup_printf("CLIENT_TRAFFIC_SECRET_0 " R " %04x%s\n", i, &S[4]);

        add(keylog, line);
        add(keylog, line);
        g_free(line);
    }
    make_random(random, 0);
    for (unsigned i = 0; i < IMAPID_KEYLOG_CANDIDATES; i++) {
        g_assert_cmpuint(
            imapid_keylog_find(keylog, random, IMAPID_SECRET_CLIENT_TRAFFIC, i, secrets), ==,
            MIN(IMAPID_KEYLOG_BATCH, IMAPID_KEYLOG_CANDIDATES - i));
        g_assert_cmpuint(secrets[0].octets[0] << 8 | secrets[0].octets[1], ==, i);
    }
    g_assert_cmpuint(imapid_keylog_find(keylog, random, IMAPID_SECRET_CLIENT_TRAFFIC,
                                        IMAPID_KEYLOG_CANDIDATES, secrets),
                     ==, 0);
    counts = imapid_keylog_get_counts(keylog);
    g_assert_cmpuint(counts.n_secrets, ==, IMAPID_KEYLOG_CANDIDATES);
    g_assert_cmpuint(counts.n_duplicates, ==, IMAPID_KEYLOG_CANDIDATES);
    g_assert_cmpuint(counts.n_dropped, ==, 8);

    /* One over it finds its own first. */
    add(over, "CLIENT_TRAFFIC_SECRET_0 " R " " S "\nCLIENT_TRAFFIC_SECRET_0 " R2 " " S2 "\n");
    g_assert_cmpuint(find(over, 0, IMAPID_SECRET_CLIENT_TRAFFIC, secrets), ==, IMAPID_KEYLOG_BATCH);
    g_assert_cmpuint(secrets[0].octets[0], ==, 0xa0);
    g_assert_cmpuint(secrets[1].octets[0], ==, 0);
    g_assert_cmpuint(find(over, 0xff, IMAPID_SECRET_CLIENT_TRAFFIC, secrets), ==, 1);
    g_assert_cmpuint(find(keylog, 0xff, IMAPID_SECRET_CLIENT_TRAFFIC, secrets), ==, 0);
    imapid_keylog_free(over);
    imapid_keylog_free(keylog);
}

static char *make_line(uint32_t i)
{
    return g_strdup_printf("CLIENT_RANDOM %08x%s %08x%s\n", i, &R[8], i, &M[8]);
}

static void test_many(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new();
    GString *text = g_string_new(NULL);
    const uint32_t n = 50000;

    for (uint32_t i = 0; i < n; i++) {
        char *line = make_line(i);

        g_string_append(text, line);
        g_free(line);
    }
    add(keylog, text->str);
    add(keylog, text->str);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_secrets, ==, n);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_duplicates, ==, n);
    for (uint32_t i = 0; i < n; i++) {
        struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
        uint8_t random[IMAPID_TLS_RANDOM];
        uint32_t big = GUINT32_TO_BE(i);

        make_random(random, 0);
        memcpy(random, &big, 4);
        g_assert_cmpuint(imapid_keylog_find(keylog, random, IMAPID_SECRET_MASTER, 0, secrets), ==,
                         1);
        g_assert_cmpmem(secrets[0].octets, 4, &big, 4);
    }
    g_string_free(text, TRUE);
    imapid_keylog_free(keylog);
}

static bool has_line(struct imapid_keylog *keylog, uint32_t i)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    uint8_t random[IMAPID_TLS_RANDOM];
    uint32_t big = GUINT32_TO_BE(i);
    unsigned n;

    make_random(random, 0);
    memcpy(random, &big, 4);
    n = imapid_keylog_find(keylog, random, IMAPID_SECRET_MASTER, 0, secrets);
    g_assert_cmpuint(n, <=, 1);
    if (n)
        g_assert_cmpmem(secrets[0].octets, 4, &big, 4);
    return n > 0;
}

static void add_made(struct imapid_keylog *keylog, char *line)
{
    add(keylog, line);
    g_free(line);
}

/* What a key log takes stays below its limit, and those that came first give way. */
static void test_limit(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new();
    const uint32_t n = 30000;
    const gsize limit = 512 << 10;
    uint32_t first = 0;
    gsize told;

    imapid_keylog_set_limit(keylog, limit);
    for (uint32_t i = 0; i < n; i++) {
        add_made(keylog, make_line(i));
        g_assert_cmpuint(imapid_keylog_count_memory(keylog, 0), <=, limit);
        g_assert_true(has_line(keylog, i));
    }
    while (!has_line(keylog, first))
        first++;
    for (uint32_t i = first; i < n; i++)
        g_assert_true(has_line(keylog, i));
    g_assert_cmpuint(n - first, >, limit / 2 / 160);
    g_assert_cmpuint(imapid_keylog_take_gave_way(keylog, &told), ==, first);
    g_assert_cmpuint(told, ==, limit);
    g_assert_cmpuint(imapid_keylog_take_gave_way(keylog, &told), ==, 0);
    /* One that gave way may come again. */
    add_made(keylog, make_line(0));
    g_assert_true(has_line(keylog, 0));
    imapid_keylog_free(keylog);
}

/* One session with more secrets than there is memory for, and sessions of any number of secrets. */
static void test_limit_of_one(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    GRand *rand = g_rand_new_with_seed(15);

    imapid_keylog_set_limit(keylog, 1); /* no limit is that low */
    for (int i = 0; i < 2 * IMAPID_KEYLOG_CANDIDATES; i++)
        add_made(keylog, g_strdup_printf("%s_TRAFFIC_SECRET_0 " R " %04x%s\n",
                                         i % 2 ? "CLIENT" : "SERVER", i, &S[4]));
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_dropped, >, 0);
    g_assert_cmpuint(imapid_keylog_count_memory(keylog, 0), <=, IMAPID_KEYLOG_LIMIT_MIN);
    g_assert_cmpuint(find(keylog, 0, IMAPID_SECRET_CLIENT_TRAFFIC, secrets), ==,
                     IMAPID_KEYLOG_BATCH);
    for (int i = 0; i < 20000; i++) {
        uint32_t client = (uint32_t)g_rand_int_range(rand, 0, 400);

        if (g_rand_int_range(rand, 0, 4))
            add_made(keylog, make_line(client));
        else
            add_made(keylog, g_strdup_printf("CLIENT_TRAFFIC_SECRET_0 %08x%s %04x%s\n", client,
                                             &R[8], i & 0xffff, &S[4]));
        (void)has_line(keylog, client);
        (void)has_line(keylog, (uint32_t)g_rand_int_range(rand, 0, 400));
        g_assert_cmpuint(imapid_keylog_count_memory(keylog, 0), <=, IMAPID_KEYLOG_LIMIT_MIN);
    }
    g_rand_free(rand);
    imapid_keylog_free(keylog);
}

/* The same of secrets that have no fixed length. */
static void test_limit_of_long(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new();
    const int n = 2000;
    int n_found = 0;
    gsize limit;

    imapid_keylog_set_limit(keylog, 1);
    for (int i = 0; i < n; i++) {
        uint8_t random[IMAPID_TLS_RANDOM];
        uint32_t big = GUINT32_TO_BE((uint32_t)i);

        add_made(keylog, g_strdup_printf("PMS_CLIENT_RANDOM %08x%s %s\n", i, &R[8], M));
        make_random(random, 0);
        memcpy(random, &big, 4);
        g_assert_cmpuint(imapid_keylog_count_long(keylog, IMAPID_LONG_PREMASTER, random), ==, 1);
        g_assert_cmpuint(imapid_keylog_count_memory(keylog, 0), <=, IMAPID_KEYLOG_LIMIT_MIN);
    }
    for (int i = 0; i < n; i++) {
        uint8_t random[IMAPID_TLS_RANDOM];
        uint32_t big = GUINT32_TO_BE((uint32_t)i);

        make_random(random, 0);
        memcpy(random, &big, 4);
        n_found += (int)imapid_keylog_count_long(keylog, IMAPID_LONG_PREMASTER, random);
    }
    g_assert_cmpint(n_found, <, n / 2);
    g_assert_cmpuint(imapid_keylog_take_gave_way(keylog, &limit), ==, n - n_found);
    imapid_keylog_free(keylog);
}

/* ---- files ---- */

static void append(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");

    g_assert(file);
    fputs(text, file);
    fclose(file);
}

static void test_file(void)
{
    char *folder = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(folder, "keys", NULL);
    struct imapid_keylog *keylog = imapid_keylog_new();
    char *message = NULL, *huge = g_strnfill(3 << 20, 'x');

    g_assert_false(imapid_keylog_read(keylog, path, &message));
    g_assert_true(g_str_has_prefix(message, path));
    g_assert_nonnull(strstr(message, "No such file"));
    g_free(message);
    g_assert_false(imapid_keylog_read(keylog, path, NULL));
    g_assert_false(imapid_keylog_read(keylog, folder, &message));
    g_free(message);

    /* A line of 3 MiB, then half a line. */
    append(path, "\xef\xbb\xbf# x\n");
    append(path, huge);
    append(path, "\r\nCLIENT_TRAFFIC_SECRET_0 " R " " S "\nSERVER_TRAFFIC_SECRET_0 " R);
    g_assert_true(imapid_keylog_read(keylog, path, &message));
    check_one(keylog, IMAPID_SECRET_CLIENT_TRAFFIC, 32);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_garbage, ==, 2);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_comments, ==, 1);
    g_assert_false(imapid_keylog_refresh(keylog));

    /* The rest of it, and its line end later still. */
    append(path, " " S);
    g_assert_true(imapid_keylog_refresh(keylog));
    check_one(keylog, IMAPID_SECRET_SERVER_TRAFFIC, 32);
    g_assert_false(imapid_keylog_refresh(keylog));
    append(path, "\n");
    g_assert_false(imapid_keylog_refresh(keylog));
    append(path, "CLIENT_RANDOM " R " " M "\n");
    g_assert_true(imapid_keylog_refresh(keylog));
    check_one(keylog, IMAPID_SECRET_MASTER, 48);

    /* Begun anew. */
    g_assert_true(
        g_file_set_contents(path, "CLIENT_HANDSHAKE_TRAFFIC_SECRET " R " " S "\n", -1, NULL));
    g_assert_true(imapid_keylog_refresh(keylog));
    check_one(keylog, IMAPID_SECRET_CLIENT_HANDSHAKE, 32);

    /* Gone: what was read stays. */
    g_unlink(path);
    g_assert_false(imapid_keylog_refresh(keylog));
    check_one(keylog, IMAPID_SECRET_MASTER, 48);
    g_rmdir(folder);
    g_free(huge);
    g_free(path);
    g_free(folder);
    imapid_keylog_free(keylog);
}

/* Zeros behind a secret are no part of it. */
static void test_padded(void)
{
    static const struct {
        const char *text;
        enum imapid_secret_kind kind;
        size_t n;
    } lines[] = {
        {"CLIENT_TRAFFIC_SECRET_0 " R " " S Z Z, IMAPID_SECRET_CLIENT_TRAFFIC, 32},
        {"SERVER_TRAFFIC_SECRET_0 " R " " M Z, IMAPID_SECRET_SERVER_TRAFFIC, 48},
        {"CLIENT_RANDOM " R " " M Z, IMAPID_SECRET_MASTER, 48},
    };
    struct imapid_keylog *keylog = imapid_keylog_new();

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        add(keylog, lines[i].text);
        check_one(keylog, lines[i].kind, lines[i].n);
    }
    imapid_keylog_free(keylog);
}

/* The master secret of a session, of which the key log or an earlier connection tells. */
static void test_session(void)
{
    static const uint8_t id[] = {0xab, 0xcd};
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH], master = {.n = 48};
    uint8_t key[IMAPID_TLS_RANDOM];

    imapid_keylog_session_key(id, sizeof id, key);
    g_assert_cmpuint(imapid_keylog_find(keylog, key, IMAPID_SECRET_SESSION, 0, secrets), ==, 0);
    add(keylog, "RSA Session-ID:ABcd Master-Key:" M);
    g_assert_cmpuint(imapid_keylog_find(keylog, key, IMAPID_SECRET_SESSION, 0, secrets), ==, 1);
    g_assert_cmpuint(secrets[0].n, ==, 48);
    g_assert_cmpuint(secrets[0].octets[47], ==, 0xcf);
    g_assert_cmpuint(imapid_keylog_find(keylog, key, IMAPID_SECRET_MASTER, 0, secrets), ==, 0);

    memset(master.octets, 7, master.n);
    imapid_keylog_remember(keylog, key, &master);
    g_assert_cmpuint(imapid_keylog_find(keylog, key, IMAPID_SECRET_SESSION, 0, secrets), ==, 2);
    g_assert_cmpmem(secrets[1].octets, 48, master.octets, 48);
    imapid_keylog_free(keylog);
}

/* One that comes later, and its successors: the first is taken away, the second given another name. */
static void test_expected(void)
{
    static const char *const lines[] = {"CLIENT_RANDOM " R " " M "\n",
                                        "CLIENT_TRAFFIC_SECRET_0 " R " " S "\n",
                                        "SERVER_TRAFFIC_SECRET_0 " R " " S "\n"};
    char *folder = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(folder, "keys", NULL);
    char *other = g_build_filename(folder, "older", NULL);
    struct imapid_keylog *keylog = imapid_keylog_new();

    g_assert_false(imapid_keylog_has_any(keylog));
    imapid_keylog_expect(keylog, path);
    g_assert_true(imapid_keylog_has_any(keylog));
    g_assert_false(imapid_keylog_refresh(keylog));
    g_assert_cmpint(mkfifo(path, 0600), ==, 0); /* that nobody writes is not waited for */
    g_usleep(300000);
    g_assert_false(imapid_keylog_refresh(keylog));
    g_unlink(path);
    g_assert_false(imapid_keylog_refresh(keylog));
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
        bool found;

        append(path, lines[i]);
        while (!(found = imapid_keylog_refresh(keylog)) && g_get_monotonic_time() < end)
            g_usleep(10000);
        g_assert_true(found);
        g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_secrets, ==, i + 1);
        g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_lines, ==, i + 1);
        if (i == 0)
            g_unlink(path);
        else if (i == 1)
            g_rename(path, other);
        g_assert_false(imapid_keylog_refresh(keylog));
    }
    g_unlink(path);
    g_unlink(other);
    g_rmdir(folder);
    g_free(other);
    g_free(path);
    g_free(folder);
    imapid_keylog_free(keylog);
}

/* A pipe with a name: nobody is waited for, lines are read as they are whole, and writers come and go. */
static void test_named_pipe(void)
{
    static const char text[] =
        "# \nCLIENT_TRAFFIC_SECRET_0 " R " " S "\nCLIENT_RANDOM " R " " M "\n";
    static const char longer[] = "SERVER_TRAFFIC_SECRET_0 " R " " S "\n";
    char *folder = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(folder, "keys", NULL);
    struct imapid_keylog *keylog = imapid_keylog_new();
    char blanks[1 << 14];

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    imapid_keylog_expect(keylog, path);
    g_assert_false(imapid_keylog_refresh(keylog));
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        int fd = open(path, O_WRONLY | O_NONBLOCK);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, text + i, 1), ==, 1);
        imapid_keylog_refresh(keylog);
        if (i % 2) {
            close(fd);
            imapid_keylog_refresh(keylog);
        } else {
            imapid_keylog_refresh(keylog);
            close(fd);
        }
    }
    check_one(keylog, IMAPID_SECRET_CLIENT_TRAFFIC, 32);
    check_one(keylog, IMAPID_SECRET_MASTER, 48);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_lines, ==, 3);
    /* A line without use that is longer than any is one line, however it comes. */
    memset(blanks, 'x', sizeof blanks);
    for (int i = 0; i < 4; i++) {
        int fd = open(path, O_WRONLY | O_NONBLOCK);

        g_assert_cmpint(write(fd, blanks, sizeof blanks), ==, sizeof blanks);
        if (i == 3)
            g_assert_cmpint(write(fd, "\n", 1), ==, 1);
        if (i == 3)
            g_assert_cmpint(write(fd, longer, sizeof longer - 1), ==, sizeof longer - 1);
        close(fd);
        imapid_keylog_refresh(keylog);
    }
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_lines, ==, 5);
    check_one(keylog, IMAPID_SECRET_SERVER_TRAFFIC, 32);
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    imapid_keylog_free(keylog);
}

/* A file in UTF-16 that grows by an octet at a time, half characters included. */
static void check_utf16(bool is_big_endian, bool has_mark)
{
    static const char text[] =
        "# \r\nCLIENT_TRAFFIC_SECRET_0 " R " " S "\r\nCLIENT_RANDOM " R " " M;
    char *folder = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(folder, "keys", NULL);
    struct imapid_keylog *keylog = imapid_keylog_new();
    FILE *file = g_fopen(path, "wb");

    g_assert(file);
    setvbuf(file, NULL, _IONBF, 0);
    g_assert_true(imapid_keylog_read(keylog, path, NULL));
    for (size_t i = has_mark ? 0 : 1; i < sizeof text; i++) {
        unsigned character = i ? (unsigned char)text[i - 1] : 0xfeff;

        fputc((int)(is_big_endian ? character >> 8 : character & 0xff), file);
        imapid_keylog_refresh(keylog);
        fputc((int)(is_big_endian ? character & 0xff : character >> 8), file);
        imapid_keylog_refresh(keylog);
    }
    fclose(file);
    check_one(keylog, IMAPID_SECRET_CLIENT_TRAFFIC, 32);
    check_one(keylog, IMAPID_SECRET_MASTER, 48);
    imapid_keylog_free(keylog);
    keylog = imapid_keylog_new();
    g_assert_true(imapid_keylog_read(keylog, path, NULL));
    check_one(keylog, IMAPID_SECRET_MASTER, 48);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_lines, ==, 3);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_secrets, ==, 2);
    imapid_keylog_free(keylog);
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
}

static void test_utf16(void)
{
    for (int i = 0; i < 4; i++)
        check_utf16(i & 1, i & 2);
}

static gpointer write_pipe(gpointer data)
{
    append(data, "CLIENT_RANDOM " R " " M "\nCLIENT_TRAFFIC_SECRET_0 " R " " S);
    return NULL;
}

static void test_pipe(void)
{
    char *folder = g_dir_make_tmp(NULL, NULL), *path = g_build_filename(folder, "pipe", NULL);
    struct imapid_keylog *keylog = imapid_keylog_new();
    GThread *thread;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    thread = g_thread_new("writer", write_pipe, path);
    g_assert_true(imapid_keylog_read(keylog, path, NULL));
    g_thread_join(thread);
    check_one(keylog, IMAPID_SECRET_MASTER, 48);
    check_one(keylog, IMAPID_SECRET_CLIENT_TRAFFIC, 32);
    g_assert_false(imapid_keylog_refresh(keylog));
    g_unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    imapid_keylog_free(keylog);
}

/* ---- threads ---- */

static gpointer add_many(gpointer data)
{
    for (uint32_t i = 0; i < 5000; i++) {
        char *line = make_line(i);

        add(data, line);
        g_free(line);
    }
    return NULL;
}

static gpointer find_many(gpointer data)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    uint64_t last = 0;

    while (last < 5000) {
        uint64_t generation = imapid_keylog_get_generation(data);

        g_assert_cmpuint(generation, >=, last);
        last = generation;
        find(data, 0, IMAPID_SECRET_MASTER, secrets);
        /* Two that never rest let no writer in where only one thread runs at a time (valgrind). */
        g_usleep(1);
    }
    return NULL;
}

static void test_threads(void)
{
    struct imapid_keylog *keylog = imapid_keylog_new();
    GThread *threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = g_thread_new("test", i % 2 ? add_many : find_many, keylog);
    for (int i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(imapid_keylog_get_counts(keylog).n_secrets, ==, 5000);
    imapid_keylog_free(keylog);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keylog/premasters", test_premasters);
    g_test_add_func("/keylog/kinds", test_kinds);
    g_test_add_func("/keylog/lines", test_lines);
    g_test_add_func("/keylog/every-start", test_every_start);
    g_test_add_func("/keylog/candidates", test_candidates);
    g_test_add_func("/keylog/many", test_many);
    g_test_add_func("/keylog/limit", test_limit);
    g_test_add_func("/keylog/limit-of-one", test_limit_of_one);
    g_test_add_func("/keylog/limit-of-long", test_limit_of_long);
    g_test_add_func("/keylog/file", test_file);
    g_test_add_func("/keylog/padded", test_padded);
    g_test_add_func("/keylog/session", test_session);
    g_test_add_func("/keylog/expected", test_expected);
    g_test_add_func("/keylog/named-pipe", test_named_pipe);
    g_test_add_func("/keylog/utf16", test_utf16);
    g_test_add_func("/keylog/pipe", test_pipe);
    g_test_add_func("/keylog/threads", test_threads);
    return g_test_run();
}
