/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/capture.c: opening, counting, and inputs that are files, pipes,
 * growing, shrinking, or nothing of use. */

#include "files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

static const guint8 two_packets[] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0,   0,   0, 0,  0,
                                     0,    0,    0,    1,    0, 1, 0, 0, 0, 1, 0,   0,   0, 2,  0,
                                     0,    0,    2,    0,    0, 0, 2, 0, 0, 0, 'a', 'b', 3, 0,  0,
                                     0,    4,    0,    0,    0, 1, 0, 0, 0, 9, 0,   0,   0, 'c'};

static void test_open_fails(void)
{
    char *message = NULL;
    g_assert_null(imapid_capture_open("/no/such/file", &message));
    g_assert_nonnull(strstr(message, "/no/such/file: "));
    g_free(message);
}

static void test_not_a_capture(void)
{
    char *message = NULL;
    struct imapid_packet packet;
    struct imapid_capture *capture = imapid_capture_open("/", &message);
    /* a folder opens, but cannot be read */
    g_assert_nonnull(capture);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_ERROR);
    g_assert_nonnull(strstr(imapid_capture_get_error(capture), "reading failed"));
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    imapid_capture_close(capture);
    char *log = read_log((const guint8 *)"hello, world", 12, 5);
    g_assert_cmpstr(log, ==,
                    "!F: octet 0: neither pcap nor pcapng; what else Wireshark reads, its 'editcap "
                    "-F pcapng' converts ");
    g_free(log);
}

static void on_progress(void *ctx, uint64_t place)
{
    *(uint64_t *)ctx = place;
}

static void test_counts(void)
{
    uint64_t place = 0;
    char *path = NULL, *message = NULL;
    struct imapid_packet packet;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, two_packets, sizeof two_packets), ==, sizeof two_packets);
    close(fd);
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    g_assert_nonnull(capture);
    g_assert_null(imapid_capture_get_format(capture));
    g_assert_null(imapid_capture_get_error(capture));
    imapid_capture_on_progress(capture, on_progress, &place);
    while (imapid_capture_next(capture, &packet) == IMAPID_CAPTURE_PACKET)
        continue;
    g_assert_cmpstr(imapid_capture_get_format(capture), ==, "pcap");
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    g_assert_cmpuint(counts->n_packets, ==, 2);
    g_assert_cmpuint(counts->n_octets, ==, 3);
    g_assert_cmpuint(counts->n_octets_wire, ==, 11);
    g_assert_cmpuint(counts->n_cut, ==, 1);
    g_assert_cmpuint(counts->n_errors, ==, 0);
    g_assert_cmpuint(place, ==, 0); /* two packets are no news */
    imapid_capture_close(capture);
    g_unlink(path);
    g_free(path);
}

/* A pipe gives each packet when it is complete, whatever follows. */
static void test_pipe(void)
{
    uint64_t place = 0;
    int fds[2];
    char *message = NULL;
    struct imapid_packet packet;
    g_assert_cmpint(pipe(fds), ==, 0);
    char *path = g_strdup_printf("/proc/self/fd/%d", fds[0]);
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    g_assert_nonnull(capture);
    imapid_capture_on_progress(capture, on_progress, &place);
    g_assert_cmpint(write(fds[1], two_packets, 24 + 18 + 5), ==, 24 + 18 + 5);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    g_assert_cmpmem(packet.data, packet.n, "ab", 2);
    g_assert_cmpuint(place, ==, 24 + 18);
    g_assert_cmpint(write(fds[1], two_packets + 47, sizeof two_packets - 47), ==,
                    sizeof two_packets - 47);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    g_assert_cmpuint(packet.number, ==, 2);
    close(fds[1]);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    imapid_capture_close(capture);
    close(fds[0]);
    g_free(path);
}

static void test_shrinking_file(void)
{
    char *path = NULL, *message = NULL;
    struct imapid_packet packet;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, two_packets, 24), ==, 24);
    for (int i = 0; i < 20000; i++)
        g_assert_cmpint(write(fd, two_packets + 24, sizeof two_packets - 24), ==,
                        sizeof two_packets - 24);
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    g_assert_cmpint(ftruncate(fd, 300000), ==, 0);
    enum imapid_capture_result result;
    while ((result = imapid_capture_next(capture, &packet)) == IMAPID_CAPTURE_PACKET)
        continue;
    g_assert_cmpint(result, ==, IMAPID_CAPTURE_ERROR);
    g_assert_nonnull(strstr(imapid_capture_get_error(capture), "the file ends inside"));
    imapid_capture_close(capture);
    close(fd);
    g_unlink(path);
    g_free(path);
}

/* What is peeked at is what comes, under its number, however the window moves. */
static void test_peek(void)
{
    enum { N = 3000 };
    GByteArray *file = g_byte_array_new();
    char *path = NULL, *message = NULL;
    struct imapid_packet packet, ahead;
    static struct imapid_packet peeked[N + 1];
    unsigned n_peeked = 0;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);
    g_byte_array_append(file, two_packets, 24);
    for (guint32 i = 1; i <= N; i++) {
        guint32 n = i % 700 == 0 ? 200000 : i * 7919 % 1500;
        guint32 header[4] = {GUINT32_TO_LE(i), 0, GUINT32_TO_LE(n), GUINT32_TO_LE(n)};
        g_byte_array_append(file, (const guint8 *)header, sizeof header);
        g_byte_array_set_size(file, file->len + n);
        memset(file->data + file->len - n, (int)(i % 251), n);
    }
    g_assert_cmpint(write(fd, file->data, file->len), ==, file->len);
    close(fd);
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    for (unsigned i = 1; i <= N; i++) {
        g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
        if (peeked[i].number) {
            g_assert_cmpuint(peeked[i].n, ==, packet.n);
            g_assert_cmpuint(peeked[i].link_type, ==, packet.link_type);
        }
        while (imapid_capture_peek(capture, &ahead)) {
            g_assert_cmpuint(ahead.number, >, i);
            g_assert_cmpuint(ahead.number, <=, N);
            g_assert_true(!ahead.n || ahead.data[ahead.n - 1] == ahead.number % 251);
            n_peeked += !peeked[ahead.number].number;
            peeked[ahead.number] = ahead;
        }
    }
    g_assert_cmpuint(n_peeked, >, N * 9 / 10);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    g_assert_false(imapid_capture_peek(capture, &ahead));
    imapid_capture_close(capture);
    g_byte_array_unref(file);
    g_unlink(path);
    g_free(path);
}

static void test_stop(void)
{
    struct portions portions = {two_packets, sizeof two_packets, 0, 1000, 0};
    struct imapid_window_source source = {read_portion, NULL, &portions};
    struct imapid_capture *capture = imapid_capture_open_source("F", &source);
    struct imapid_packet packet;
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    imapid_capture_stop(capture);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    imapid_capture_close(capture);
    imapid_capture_close(NULL);
}

static void test_read_error(void)
{
    struct portions portions = {two_packets, sizeof two_packets - 1, 0, 10, EIO};
    struct imapid_window_source source = {read_portion, NULL, &portions};
    struct imapid_capture *capture = imapid_capture_open_source("F", &source);
    struct imapid_packet packet;
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_ERROR);
    g_assert_true(
        g_str_has_prefix(imapid_capture_get_error(capture), "F: octet 58: reading failed"));
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    g_assert_cmpuint(imapid_capture_get_counts(capture)->n_errors, ==, 1);
    imapid_capture_close(capture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/capture/open-fails", test_open_fails);
    g_test_add_func("/capture/peek", test_peek);
    g_test_add_func("/capture/not-a-capture", test_not_a_capture);
    g_test_add_func("/capture/counts", test_counts);
    g_test_add_func("/capture/pipe", test_pipe);
    g_test_add_func("/capture/shrinking-file", test_shrinking_file);
    g_test_add_func("/capture/stop", test_stop);
    g_test_add_func("/capture/read-error", test_read_error);
    return g_test_run();
}
