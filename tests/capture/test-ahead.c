/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/ahead.c: what it gives of a file is what the capture gives that it reads,
 * in the same order, whoever is the slower one. */

#include "capture/ahead.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { N_BLOCKS = 6000, FAST = 0, SLOW_USER = 1, PEEKS = 2, PASSES = 4, HELPS = 8 };

/* Every third packet, where they are passed. */
static bool is_passed(int how, guint64 number)
{
    return how & PASSES && number % 3 == 0;
}

static void put(GByteArray *file, const void *octets, guint n)
{
    g_byte_array_append(file, octets, n);
}

static void put_block(GByteArray *file, guint32 type, const void *head, guint n_head, guint n,
                      bool damaged)
{
    guint32 n_block = 12 + n_head + ((n + 3) & ~3u), at = file->len, twice[2] = {type, n_block};
    put(file, twice, 8);
    put(file, head, n_head);
    g_byte_array_set_size(file, at + n_block - 4);
    for (guint32 i = at + 8 + n_head, value = at; i < at + n_block - 4; i++) /* nothing to pack */
        file->data[i] = (guint8)((value = value * 1664525 + 1013904223) >> 24);
    n_block ^= damaged ? 4 : 0;
    put(file, &n_block, 4);
}

static void put_section(GByteArray *file, guint16 link_type)
{
    const guint32 section[4] = {0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX}, interface[2] = {link_type};
    put_block(file, 0x0a0d0d0a, section, sizeof section, 0, false);
    put_block(file, 1, interface, sizeof interface, 0, false);
}

/* pcapng of two sections with all that there may be, then a pcap file, which ends too early. */
static char *make_file(GRand *draw)
{
    GByteArray *file = g_byte_array_new();
    const guint32 header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    char *path = NULL;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
    for (guint32 i = 0; i < N_BLOCKS; i++) {
        guint32 n = i % 1500 == 700 ? 700000 + i : (guint32)g_rand_int_range(draw, 0, 1500);
        const guint32 packet[5] = {i % 200 == 199 ? 5 : 0, 0, i, n, n + 7};
        const guint32 secrets[2] = {0x544c534b, n};
        const guint32 statistics[] = {0, 0, 0, 8 << 16 | 7, i, 0};
        if (i % (N_BLOCKS / 2) == 0)
            put_section(file, i ? 101 : 1);
        /* sound ones before the second file, or its beginning would be lost with a damaged block */
        switch (i < N_BLOCKS - 10 ? g_rand_int_range(draw, 0, 60) : -1) {
        case 0:
            put_block(file, 10, secrets, sizeof secrets, n, false);
            break;
        case 1:
            put_block(file, 4, NULL, 0, n, false); /* skipped */
            break;
        case 2:
            put_block(file, 0xbad, NULL, 0, n, false); /* a frame that is no packet */
            break;
        case 3:
            put_block(file, 6, packet, sizeof packet, n, true);
            break;
        case 4:
            put_block(file, 5, statistics, sizeof statistics, 0, false);
            break;
        default:
            put_block(file, 6, packet, sizeof packet, n, false);
            break;
        }
    }
    put(file, header, sizeof header);
    for (guint32 i = 0; i < N_BLOCKS / 10; i++) {
        const guint32 packet[4] = {i + 1, 0, 100, 100};
        put(file, packet, sizeof packet);
        put(file, file->data + file->len - 100, 100);
    }
    g_assert_cmpint(write(fd, file->data, file->len - 3), ==, file->len - 3);
    close(fd);
    g_byte_array_unref(file);
    return path;
}

static void on_secrets(void *ctx, guint32 type, const guint8 *octets, size_t n)
{
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, octets, n);
    g_string_append_printf(ctx, "secrets %x %zu %s\n", type, n, sum);
    g_free(sum);
}

static void on_note(void *ctx, const char *message)
{
    g_string_append_printf(ctx, "note %s\n", message);
}

static void on_drops(void *ctx, const char *where, uint64_t n)
{
    g_string_append_printf(ctx, "drops %s %" G_GUINT64_FORMAT "\n", where, n);
}

struct user {
    int how;
    guint64 last; /* packet that was passed */
    /* What there is to help with: a turn for each packet that was given, one after the other. */
    gint n_given, n_helped, is_at_work;
};

static uint64_t find_out(void *ctx, struct imapid_packet *packet, bool is_likely, void *room)
{
    const struct user *user = ctx;
    (void)is_likely;
    memset(room, (int)(packet->number % 251), IMAPID_AHEAD_ROOM);
    return is_passed(user->how, packet->number) ? packet->number : 0;
}

static size_t may_pass(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    size_t i = 0;
    (void)ctx;
    g_assert_cmpuint(n, >, 0);
    while (i < n && marks[i].key)
        i++;
    return i;
}

static size_t pass(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    struct user *user = ctx;
    size_t n_passed = may_pass(ctx, marks, n);
    for (size_t i = 0; i < n_passed; i++) {
        g_assert_cmpuint(marks[i].key, ==, marks[i].number);
        g_assert_cmpuint(marks[i].number, >, user->last);
        user->last = marks[i].number;
    }
    return n_passed;
}

static bool help(void *ctx)
{
    struct user *user = ctx;
    if (g_atomic_int_get(&user->n_helped) == g_atomic_int_get(&user->n_given) ||
        !g_atomic_int_compare_and_exchange(&user->is_at_work, 0, 1))
        return false;
    bool is_there = g_atomic_int_get(&user->n_helped) < g_atomic_int_get(&user->n_given);
    if (is_there)
        g_atomic_int_inc(&user->n_helped);
    g_atomic_int_set(&user->is_at_work, 0);
    return is_there;
}

static bool may_help(void *ctx)
{
    struct user *user = ctx;
    return g_atomic_int_get(&user->n_given) - g_atomic_int_get(&user->n_helped) > 3;
}

static bool is_helped(void *ctx)
{
    struct user *user = ctx;
    return g_atomic_int_get(&user->n_helped) == g_atomic_int_get(&user->n_given);
}

static void note_counts(GString *log, const struct imapid_capture *capture, bool at_end)
{
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    g_string_append_printf(
        log,
        "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
        " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s\n",
        counts->n_drops, counts->n_packets, counts->n_octets, counts->n_octets_wire, counts->n_cut,
        counts->n_further, counts->n_errors, imapid_capture_get_format(capture));
    if (at_end)
        g_string_append_printf(log, "skipped %" G_GUINT64_FORMAT "\n", counts->n_skipped_blocks);
}

static void check_ahead(const struct imapid_packet *packet, bool ahead)
{
    const guint8 *room = packet->ahead;
    g_assert_true(ahead == (room != NULL));
    for (unsigned i = 0; room && i < IMAPID_AHEAD_ROOM; i++)
        g_assert_cmpuint(room[i], ==, packet->number % 251);
}

/* What was said of a packet before it came, by its number. */
struct peeked {
    guint64 number;
    guint32 n;
};

static void peek(struct imapid_capture *capture, bool ahead, guint64 *n_peeked,
                 struct peeked *peeked)
{
    struct imapid_packet packet;
    while (imapid_capture_peek(capture, &packet)) {
        peeked[packet.number % 256] = (struct peeked){packet.number, packet.n};
        check_ahead(&packet, ahead);
        ++*n_peeked;
    }
}

/* For each packet; sometimes it waits for all that was asked for. */
static void ask_for_help(struct imapid_capture *capture, struct user *user, guint64 n)
{
    g_atomic_int_inc(&user->n_given);
    imapid_ahead_call(capture);
    if (n % 100)
        return;
    imapid_ahead_wait(capture, is_helped, user);
    g_assert_true(is_helped(user));
}

/* Ends after so many packets; 0: at the end. n_threads 0: it is read without areas. */
static char *read_file(const char *path, unsigned n_threads, int how, guint64 n_packets)
{
    char *message = NULL;
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    struct imapid_packet packet;
    enum imapid_capture_result result;
    GString *log = g_string_new(NULL);
    guint64 n_peeked = 0, n = 0;
    struct peeked peeked[256] = {{0, 0}}, *expected;
    struct user user = {.how = how};
    if (n_threads) {
        capture = imapid_ahead_new(capture, n_threads);
        g_assert_true(imapid_ahead_is(capture));
        imapid_ahead_set_user(
            capture, &(struct imapid_ahead_user){.find_out = find_out,
                                                 .pass = pass,
                                                 .may_pass = may_pass,
                                                 .ctx = &user,
                                                 .help = how & HELPS ? help : NULL,
                                                 .may_help = how & HELPS ? may_help : NULL});
    }
    imapid_capture_on_secrets(capture, on_secrets, log);
    imapid_capture_on_note(capture, on_note, log);
    imapid_capture_on_drops(capture, on_drops, log);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_PACKET && is_passed(how, packet.number)) {
            g_assert_cmpuint(n_threads, ==, 0);
            continue;
        }
        if (result == IMAPID_CAPTURE_ERROR) {
            g_string_append_printf(log, "error %s\n", imapid_capture_get_error(capture));
        } else {
            char *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, packet.data, packet.n);
            g_string_append_printf(log, "%" G_GUINT64_FORMAT " %u %u %u %" G_GINT64_FORMAT " %s\n",
                                   packet.number, packet.n_wire, packet.interface, packet.link_type,
                                   packet.ts_ns, sum);
            g_free(sum);
            check_ahead(&packet, n_threads > 0);
            /* One that was peeked at may have been passed since. */
            expected = &peeked[packet.number % 256];
            if (expected->number && !is_passed(how, expected->number)) {
                g_assert_cmpuint(expected->number, ==, packet.number);
                g_assert_cmpuint(expected->n, ==, packet.n);
            }
            expected->number = 0;
            n++;
        }
        note_counts(log, capture, false);
        if (how & PEEKS)
            peek(capture, n_threads > 0, &n_peeked, peeked);
        if (how & SLOW_USER && n % 1000 == 1)
            g_usleep(20000);
        if (n_threads && how & HELPS)
            ask_for_help(capture, &user, n);
        if (n_packets && n == n_packets)
            imapid_capture_stop(capture);
    }
    note_counts(log, capture, !n_packets);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    if (n_threads && how & PEEKS && !n_packets)
        g_assert_cmpuint(n_peeked, >, n / 2);
    imapid_capture_close(capture);
    return g_string_free(log, FALSE);
}

static void check_same(const char *path)
{
    static const int hows[] = {FAST,
                               SLOW_USER,
                               PEEKS,
                               PEEKS | SLOW_USER,
                               PEEKS | PASSES,
                               HELPS,
                               HELPS | PEEKS | SLOW_USER};
    static const unsigned n_threads[] = {1, 2, 3, 7};
    for (size_t i = 0; i < G_N_ELEMENTS(hows) * G_N_ELEMENTS(n_threads); i++)
        for (guint64 n = 0; n < 4000; n += 1999) {
            int how = hows[i / G_N_ELEMENTS(n_threads)];
            char *plain = read_file(path, 0, how & PASSES, n),
                 *ahead = read_file(path, n_threads[i % G_N_ELEMENTS(n_threads)], how, n);
            g_assert_cmpstr(plain, ==, ahead);
            g_assert_true(n || (strstr(plain, "error") && strstr(plain, "note") &&
                                strstr(plain, "secrets") && strstr(plain, "skipped")));
            g_free(plain);
            g_free(ahead);
        }
}

static void test_same(void)
{
    GRand *draw = g_rand_new_with_seed((guint32)g_test_rand_int());
    char *path = make_file(draw), *packed = g_strconcat(path, ".gz", NULL);
    const char *gzip[] = {"gzip", "-1", "-k", path, NULL};
    check_same(path);
    g_assert_true(g_spawn_sync(NULL, (char **)gzip, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    check_same(packed);
    g_unlink(path);
    g_unlink(packed);
    g_free(path);
    g_free(packed);
    g_rand_free(draw);
}

/* ---- what goes through more areas than are begun at once ---- */

enum { AREA_FIRST = 128 << 10, AREA = 256 << 10, N_AREAS = 160 };

static guint get_area_end(guint i)
{
    return AREA_FIRST + i * AREA;
}

static void put_packets(GByteArray *file, guint32 high)
{
    for (guint32 i = 0; i < 50; i++) {
        const guint32 packet[5] = {0, high, i, 60, 60};
        put_block(file, 6, packet, sizeof packet, 60, false);
    }
}

/* Sets octets there, with 0 before them. */
static void put_at(GByteArray *file, guint at, const void *octets, guint n)
{
    guint n_before = file->len;
    g_byte_array_set_size(file, at);
    memset(file->data + n_before, 0, at - n_before);
    put(file, octets, n);
}

/* A block that nobody knows. */
static void put_unknown(GByteArray *file)
{
    put_block(file, 0x7777, NULL, 0, N_AREAS * AREA, false);
}

/* Damage without anything that looks like a block. */
static void put_damage(GByteArray *file)
{
    put_at(file, get_area_end(N_AREAS) + 4, NULL, 0);
}

/* The same with what looks like one until its end is there, at the end of each area. */
static void put_likely(GByteArray *file)
{
    const guint32 head[4] = {6, 262144, 0, 0};
    for (guint i = 0; i < N_AREAS; i++)
        put_at(file, get_area_end(i) - sizeof head, head, sizeof head);
}

/* A packet that the header of another file would have to be asked for, at the end of each area. */
static void put_rare(GByteArray *file)
{
    for (guint i = 0; i < N_AREAS; i++) {
        guint32 n = get_area_end(i) - 20 - file->len - 16;
        const guint32 long_one[4] = {i, 0, n, n}, rare[4] = {0xa1b2c3d4, 0, 8, 8};
        put(file, long_one, sizeof long_one);
        put_at(file, file->len + n, rare, sizeof rare);
        put_at(file, file->len + 8, NULL, 0);
    }
}

/* A time that is told as none: it is noted, and no capture begins there. */
static void put_late(GByteArray *file)
{
    put_packets(file, UINT32_MAX);
    put_block(file, 4, NULL, 0, 5 * AREA, false);
}

static void test_through_areas(void)
{
    static void (*const puts[])(GByteArray *) = {put_unknown, put_damage, put_likely, put_late,
                                                 put_rare};
    const guint32 header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    for (size_t i = 0; i < G_N_ELEMENTS(puts); i++) {
        GByteArray *file = g_byte_array_new();
        char *path = NULL;
        int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
        if (puts[i] == put_rare) {
            put(file, header, sizeof header);
            put_rare(file);
        } else {
            put_section(file, 1);
            put_packets(file, 0);
            puts[i](file);
            put_packets(file, 0);
        }
        g_assert_cmpint(write(fd, file->data, file->len), ==, file->len);
        close(fd);
        char *plain = read_file(path, 0, FAST, 0);
        for (unsigned n_threads = 1; n_threads < 4; n_threads++) {
            char *ahead = read_file(path, n_threads, FAST, 0);
            g_assert_cmpstr(plain, ==, ahead);
            g_free(ahead);
        }
        g_free(plain);
        g_unlink(path);
        g_free(path);
        g_byte_array_unref(file);
    }
}

struct stopped {
    struct imapid_capture *capture;
    uint64_t place; /* at which it was told to stop */
};

static void stop_soon(void *ctx, uint64_t place)
{
    struct stopped *stopped = ctx;
    if (place < 4 * AREA)
        return;
    stopped->place = place;
    imapid_capture_stop(stopped->capture);
}

static void test_stop_without_packets(void)
{
    static void (*const puts[])(GByteArray *) = {put_unknown, put_damage};
    for (size_t i = 0; i < G_N_ELEMENTS(puts); i++) {
        GByteArray *file = g_byte_array_new();
        char *path = NULL, *message = NULL;
        int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
        put_section(file, 1);
        puts[i](file);
        g_assert_cmpint(write(fd, file->data, file->len), ==, file->len);
        close(fd);
        for (unsigned n_threads = 0; n_threads < 4; n_threads++) {
            struct imapid_packet packet;
            struct imapid_capture *capture = imapid_capture_open(path, &message);
            if (n_threads)
                capture = imapid_ahead_new(capture, n_threads);
            struct stopped stopped = {capture, 0};
            imapid_capture_on_progress(capture, stop_soon, &stopped);
            while (imapid_capture_next(capture, &packet) != IMAPID_CAPTURE_END)
                continue;
            g_assert_cmpuint(stopped.place, >=, 4 * AREA);
            g_assert_cmpuint(stopped.place, <, 8 * AREA);
            g_assert_cmpstr(imapid_capture_get_format(capture), ==, "pcapng");
            imapid_capture_close(capture);
        }
        g_unlink(path);
        g_free(path);
        g_byte_array_unref(file);
    }
}

/* One that is closed before it was read, or at once, leaves nothing behind. */
static void test_closed_early(void)
{
    GRand *draw = g_rand_new_with_seed(1);
    char *path = make_file(draw), *message = NULL;
    for (int i = 0; i < 20; i++) {
        struct imapid_capture *capture =
            imapid_ahead_new(imapid_capture_open(path, &message), 1 + (unsigned)i % 3);
        struct imapid_packet packet;
        for (int k = 0; k < i * i; k++)
            imapid_capture_next(capture, &packet);
        if (i % 3 == 0)
            g_usleep(2000);
        imapid_capture_close(capture);
    }
    g_unlink(path);
    g_free(path);
    g_rand_free(draw);
}

/* A small file is read as such. */
static void test_small(void)
{
    char *path = NULL, *message = NULL;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "x", 1), ==, 1);
    close(fd);
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    g_assert_true(imapid_ahead_new(capture, 2) == capture);
    g_assert_false(imapid_ahead_is(capture));
    imapid_capture_close(capture);
    g_unlink(path);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ahead/same", test_same);
    g_test_add_func("/ahead/through-areas", test_through_areas);
    g_test_add_func("/ahead/stop-without-packets", test_stop_without_packets);
    g_test_add_func("/ahead/closed-early", test_closed_early);
    g_test_add_func("/ahead/small", test_small);
    return g_test_run();
}
