/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/frames.c: in which file a packet is, and as which number. */
#include "follow/frames.h"

static const struct imapid_frames_file three[] = {{"a", 0}, {"b", 10}, {"c", 10}};

static GArray *make_files(guint n)
{
    GArray *files = g_array_new(FALSE, FALSE, sizeof *three);

    return g_array_append_vals(files, three, n);
}

static void assert_located(guint n_files, uint64_t number, const char *name, uint64_t expected)
{
    GArray *files = make_files(n_files);

    g_assert_cmpstr(imapid_frames_locate(files, &number), ==, name);
    g_assert_cmpuint(number, ==, expected);
    g_array_unref(files);
}

static void test_locate(void)
{
    assert_located(1, 1, "a", 1);
    assert_located(1, 12, "a", 12);
    assert_located(2, 1, "a", 1);
    assert_located(2, 10, "a", 10);
    assert_located(2, 11, "b", 1);
    assert_located(3, 10, "a", 10);
    assert_located(3, 11, "c", 1); /* b has no packet */
    assert_located(3, 0, "a", 0);  /* no packet at all */
}

/* A file is named where a packet is in another one than its connection begins in. */
static void test_exchange(void)
{
    GArray *files = make_files(2);
    struct imapid_record_exchange record = {
        .conn = {.file = three[0].name, .first_frame = 7},
        .command = {.seen = true, .packet.number = 10},
        .response = {.seen = true, .packet.number = 11},
        .status = IMAPID_STATUS_OK,
        .result.number = 13,
    };

    imapid_frames_locate_exchange(files, &record);
    g_assert_null(record.command.file);
    g_assert_cmpuint(record.command.packet.number, ==, 10);
    g_assert_cmpstr(record.response.file, ==, "b");
    g_assert_cmpuint(record.response.packet.number, ==, 1);
    g_assert_cmpstr(record.result_file, ==, "b");
    g_assert_cmpuint(record.result.number, ==, 3);
    g_assert_cmpuint(record.conn.first_frame, ==, 7); /* the caller's */
    g_array_unref(files);
}

/* What was not seen has no packet, and stays as it is. */
static void test_not_seen(void)
{
    GArray *files = make_files(2);
    struct imapid_record_exchange record = {
        .conn = {.file = three[0].name},
        .command.packet.number = 11,
        .response.packet.number = 12,
        .result.number = 13,
    };

    imapid_frames_locate_exchange(files, &record);
    g_assert_null(record.command.file);
    g_assert_cmpuint(record.command.packet.number, ==, 11);
    g_assert_null(record.response.file);
    g_assert_cmpuint(record.response.packet.number, ==, 12);
    g_assert_null(record.result_file);
    g_assert_cmpuint(record.result.number, ==, 13);
    g_array_unref(files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frames/locate", test_locate);
    g_test_add_func("/frames/exchange", test_exchange);
    g_test_add_func("/frames/not-seen", test_not_seen);
    return g_test_run();
}
