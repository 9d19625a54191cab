/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/source.c: what the first octets of an input say, and that whoever reads it gets
 * all of them. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define RECORD "{\"type\":\"exchange\",\"schema\":1}\n"
#define PCAP   "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0"
#define PCAPNG "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"

struct watcher {
    unsigned n_stops, n_idles, n_asked;
    unsigned over_at;          /* is_over() says so from that call on */
    const char *path;          /* of the file that grows */
    const char *appended;      /* at the first on_idle() */
    const char *appended_last; /* when it is over */
};

static void on_stop(void *ctx)
{
    ((struct watcher *)ctx)->n_stops++;
}

static void append(const char *path, const char *text)
{
    FILE *file = g_fopen(path, "ae");

    g_assert(file);
    g_assert_cmpint(fputs(text, file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);
}

static void on_idle(void *ctx)
{
    struct watcher *watcher = ctx;

    if (!watcher->n_idles++)
        append(watcher->path, watcher->appended);
}

static bool is_over(void *ctx)
{
    struct watcher *watcher = ctx;

    if (++watcher->n_asked < watcher->over_at)
        return false;
    append(watcher->path, watcher->appended_last);
    return true;
}

static char *folder;

/* To be removed with drop(). */
static char *write_file(const char *name, const void *octets, gsize n)
{
    char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, octets, (gssize)n, NULL));
    return path;
}

static void drop(char *path)
{
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_free(path);
}

static struct imapid_source *open_plain(const char *path)
{
    struct watcher none = {0};
    struct imapid_source_watch watch = {on_stop, on_idle, NULL, NULL, &none};

    return imapid_source_open(path, &watch); /* a file that does not grow asks nobody */
}

typedef ptrdiff_t (*reader)(void *source, uint8_t *octets, size_t n);

static GByteArray *read_all(struct imapid_source *source, reader read, size_t n_portion)
{
    GByteArray *all = g_byte_array_new();
    uint8_t *octets = g_malloc(n_portion);
    ptrdiff_t n;

    while ((n = read(source, octets, n_portion)) > 0)
        g_byte_array_append(all, octets, (guint)n);
    g_assert_cmpint(n, ==, 0);
    g_free(octets);
    return all;
}

static void assert_read(const char *path, reader read, const void *octets, gsize n)
{
    static const size_t portions[] = {1, 7, 4096};

    for (size_t i = 0; i < G_N_ELEMENTS(portions); i++) {
        struct imapid_source *source = open_plain(path);
        GByteArray *all = read_all(source, read, portions[i]);

        g_assert_cmpmem(all->data, all->len, octets, n);
        g_byte_array_unref(all);
        imapid_source_close(source);
    }
}

static GByteArray *gzip(const char *text, gsize n)
{
    GByteArray *packed = g_byte_array_new();
    z_stream z = {.next_in = (Bytef *)text, .avail_in = (uInt)n};

    g_assert_cmpint(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    g_byte_array_set_size(packed, (guint)deflateBound(&z, n) + 64);
    z.next_out = packed->data;
    z.avail_out = packed->len;
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_byte_array_set_size(packed, (guint)z.total_out);
    deflateEnd(&z);
    return packed;
}

/* ---- tests ---- */

static void test_kinds(void)
{
    static const struct {
        const char *name, *octets;
        gsize n;
        bool given, found, may_have_secrets;
    } cases[] = {
        {"a.pcap", PCAP, sizeof PCAP - 1, false, false, false},
        {"a.pcapng", PCAPNG, sizeof PCAPNG - 1, false, false, true},
        {"a.jsonl", RECORD, sizeof RECORD - 1, true, true, false},
        {"a", RECORD, sizeof RECORD - 1, true, true, false},
        {"other.jsonl", "{\"name\":1}\n", 11, true, false, false},
        {"empty", "", 0, false, false, false},
        {"empty.jsonl", "", 0, true, false, false},
        {"blank.jsonl.1", " \r\n\t\n", 5, true, false, false},
        {"nul.jsonl", "\0", 1, false, false, false},
        {"text.jsonl", "hello\n", 6, false, false, false},
        {"a.partial", "imapid partial 1\n", 17, false, false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *path = write_file(cases[i].name, cases[i].octets, cases[i].n);
        struct imapid_source *source = open_plain(path);

        g_assert_cmpint(imapid_source_is_jsonl(source, false), ==, cases[i].given);
        g_assert_cmpint(imapid_source_is_jsonl(source, true), ==, cases[i].found);
        g_assert_true(imapid_source_is_partial(source) ==
                      g_str_has_suffix(cases[i].name, ".partial"));
        g_assert_cmpint(imapid_source_may_have_secrets(source), ==, cases[i].may_have_secrets);
        g_assert_true(imapid_source_is_regular(source));
        g_assert_null(imapid_source_get_error(source));
        imapid_source_close(source);
        assert_read(path, imapid_source_read, cases[i].octets, cases[i].n);
        assert_read(path, imapid_source_read_unpacked, cases[i].octets, cases[i].n);
        drop(path);
    }
}

/* The name of a folder does not make an empty file JSON Lines. */
static void test_folder_name(void)
{
    char *sub = g_build_filename(folder, "x.jsonl", NULL), *path;
    struct imapid_source *source;

    g_assert_cmpint(g_mkdir(sub, 0700), ==, 0);
    path = write_file("x.jsonl/empty", "", 0);
    source = open_plain(path);
    g_assert_false(imapid_source_is_jsonl(source, false));
    imapid_source_close(source);
    drop(path);
    g_assert_cmpint(g_rmdir(sub), ==, 0);
    g_free(sub);
}

static void test_packed(void)
{
    GByteArray *packed = gzip(RECORD RECORD, 2 * (sizeof RECORD - 1));
    char *path = write_file("a.jsonl.gz", packed->data, packed->len);
    struct imapid_source *source = open_plain(path);

    g_assert_true(imapid_source_is_jsonl(source, true));
    imapid_source_close(source);
    assert_read(path, imapid_source_read_unpacked, RECORD RECORD, 2 * (sizeof RECORD - 1));
    drop(path);
    g_byte_array_unref(packed);

    /* a capture is given as it is: who reads captures unpacks them */
    packed = gzip(PCAP, sizeof PCAP - 1);
    path = write_file("a.pcap.gz", packed->data, packed->len);
    source = open_plain(path);
    g_assert_false(imapid_source_is_jsonl(source, false));
    g_assert_true(imapid_source_may_have_secrets(source));
    imapid_source_close(source);
    assert_read(path, imapid_source_read, packed->data, packed->len);
    assert_read(path, imapid_source_read_unpacked, packed->data, packed->len);
    drop(path);
    g_byte_array_unref(packed);
}

static void test_packed_damaged(void)
{
    GString *text = g_string_new(NULL);
    GByteArray *packed;
    uint8_t octets[4096];
    struct imapid_source *source;
    char *path, *error;
    ptrdiff_t n;

    for (int i = 0; i < 1000; i++)
        g_string_append_printf(text, "{\"type\":\"exchange\",\"schema\":%d}\n",
                               g_test_rand_int_range(0, G_MAXINT));
    packed = gzip(text->str, text->len);
    path = write_file("a.jsonl.gz", packed->data, packed->len / 2);
    source = open_plain(path);
    g_assert_true(imapid_source_is_jsonl(source, true));
    while ((n = imapid_source_read_unpacked(source, octets, sizeof octets)) > 0)
        ;
    g_assert_cmpint(n, ==, -1);
    error = imapid_source_get_error(source);
    g_assert_true(g_str_has_prefix(error, "octet "));
    g_free(error);
    imapid_source_close(source);
    drop(path);
    g_byte_array_unref(packed);
    g_string_free(text, TRUE);
}

/* The look ends, whatever is in the file: one that unpacks to nothing for very long. */
static void test_look_ends(void)
{
    GByteArray *empty = gzip("", 0), *packed = g_byte_array_new();
    struct imapid_source *source;
    char *path;

    while (packed->len < 8u << 20)
        g_byte_array_append(packed, empty->data, empty->len);
    path = write_file("nothing.gz", packed->data, packed->len);
    source = open_plain(path);
    g_assert_cmpuint(imapid_source_get_place(source), <=, (5u << 20) + (1u << 20));
    imapid_source_close(source);
    assert_read(path, imapid_source_read, packed->data, packed->len);
    drop(path);
    g_byte_array_unref(packed);
    g_byte_array_unref(empty);
}

static void test_place(void)
{
    char *path = write_file("a.jsonl", RECORD, sizeof RECORD - 1);
    struct imapid_source *source = open_plain(path);
    GByteArray *all;

    g_assert_cmpuint(imapid_source_get_place(source), >, 0); /* it was looked at */
    all = read_all(source, imapid_source_read, 5);
    g_assert_cmpuint(imapid_source_get_place(source), ==, sizeof RECORD - 1);
    g_byte_array_unref(all);
    imapid_source_close(source);
    drop(path);
}

static void test_fails(void)
{
    char *path = g_build_filename(folder, "none", NULL);
    struct imapid_source *source;
    uint8_t octet;

    errno = 0;
    g_assert_null(open_plain(path));
    g_assert_cmpint(errno, ==, ENOENT);
    g_free(path);

    source = open_plain(folder); /* opens, and cannot be read */
    g_assert_nonnull(source);
    g_assert_false(imapid_source_is_jsonl(source, false));
    errno = 0;
    g_assert_cmpint(imapid_source_read(source, &octet, 1), ==, -1);
    g_assert_cmpint(errno, ==, EISDIR);
    imapid_source_close(source);
}

static void test_pipe(void)
{
    char *path = g_build_filename(folder, "fifo", NULL);
    struct watcher watcher = {0};
    struct imapid_source_watch watch = {on_stop, on_idle, NULL, NULL, &watcher};
    struct imapid_source *source;
    GByteArray *all;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(write(fd, RECORD, sizeof RECORD - 1), ==, sizeof RECORD - 1);
    source = imapid_source_open(path, &watch);
    g_assert_true(imapid_source_is_jsonl(source, true));
    g_assert_false(imapid_source_is_regular(source));
    close(fd);
    all = read_all(source, imapid_source_read, 4096);
    g_assert_cmpmem(all->data, all->len, RECORD, sizeof RECORD - 1);
    g_byte_array_unref(all);
    imapid_source_close(source);
    drop(path);
}

/* A pipe that nobody writes yet is waited for, and its watcher is told meanwhile. */
static void test_late_writer(void)
{
    char *path = g_build_filename(folder, "fifo", NULL);
    struct watcher watcher = {.path = path, .appended = RECORD};
    struct imapid_source_watch watch = {on_stop, on_idle, NULL, NULL, &watcher};
    struct imapid_source *source;
    GByteArray *all;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    source = imapid_source_open(path, &watch);
    g_assert_cmpuint(watcher.n_idles, ==, 1);
    all = read_all(source, imapid_source_read, 4096);
    g_assert_cmpmem(all->data, all->len, RECORD, sizeof RECORD - 1);
    g_assert_cmpuint(watcher.n_stops, ==, 0);
    g_byte_array_unref(all);
    imapid_source_close(source);
    drop(path);
}

/* A file that grows: its end is none until its watcher says so, and what was written until then is
 * read. */
static void test_growing(void)
{
    char *path = write_file("a.jsonl", RECORD, sizeof RECORD - 1);
    struct watcher watcher = {
        .over_at = 3, .path = path, .appended = RECORD, .appended_last = "end"};
    struct imapid_source_watch watch = {on_stop, on_idle, is_over, NULL, &watcher};
    struct imapid_source *source = imapid_source_open(path, &watch);
    GByteArray *all;

    g_assert_false(imapid_source_is_regular(source)); /* it cannot be opened again instead */
    all = read_all(source, imapid_source_read, 4096);
    g_assert_cmpmem(all->data, all->len, RECORD RECORD "end", 2 * (sizeof RECORD - 1) + 3);
    g_assert_cmpuint(watcher.n_asked, ==, 3);
    g_assert_cmpuint(watcher.n_idles, >=, 1);
    g_assert_cmpuint(watcher.n_stops, ==, 0);
    g_byte_array_unref(all);
    imapid_source_close(source);
    drop(path);
}

static ptrdiff_t read_places(void *source, uint8_t *octets, size_t n)
{
    static uint64_t at;
    ptrdiff_t n_read = imapid_source_read_at(source, octets, n, at);

    at = n_read > 0 ? at + (uint64_t)n_read : 0;
    return n_read;
}

/* Nobody follows it: however it is read, it is what it was when it was opened, and what became of it can be asked. */
static void test_written(void)
{
    const reader readers[] = {imapid_source_read, imapid_source_read_unpacked, read_places};
    uint64_t before = 0, now = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++) {
        char *path = write_file("a.jsonl", RECORD, sizeof RECORD - 1);
        struct imapid_source *source = open_plain(path);
        GByteArray *all;

        g_assert_true(imapid_source_has_places(source));
        g_assert_cmpint(imapid_source_find_change(source, &before, &now), ==, IMAPID_SOURCE_SAME);
        append(path, RECORD);
        all = read_all(source, readers[i], 4096);
        g_assert_cmpmem(all->data, all->len, RECORD, sizeof RECORD - 1);
        g_byte_array_unref(all);
        g_assert_cmpint(imapid_source_find_change(source, &before, &now), ==, IMAPID_SOURCE_GREW);
        g_assert_cmpuint(before, ==, sizeof RECORD - 1);
        g_assert_cmpuint(now, ==, 2 * (sizeof RECORD - 1));
        g_assert_cmpint(truncate(path, 3), ==, 0);
        g_assert_cmpint(imapid_source_find_change(source, &before, &now), ==, IMAPID_SOURCE_SHRANK);
        g_assert_cmpuint(now, ==, 3);
        imapid_source_close(source);
        drop(path);
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("imapid-source-XXXXXX", NULL);
    g_test_add_func("/source/kinds", test_kinds);
    g_test_add_func("/source/folder-name", test_folder_name);
    g_test_add_func("/source/packed", test_packed);
    g_test_add_func("/source/packed-damaged", test_packed_damaged);
    g_test_add_func("/source/look-ends", test_look_ends);
    g_test_add_func("/source/place", test_place);
    g_test_add_func("/source/fails", test_fails);
    g_test_add_func("/source/pipe", test_pipe);
    g_test_add_func("/source/late-writer", test_late_writer);
    g_test_add_func("/source/growing", test_growing);
    g_test_add_func("/source/written", test_written);
    status = g_test_run();
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
    return status;
}
