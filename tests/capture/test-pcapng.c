/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/pcapng.c: every kind of block in both byte orders, sections and
 * interfaces, resolutions of time, and damage of every kind with what is read behind it. */

#include "files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Blocks are begun, filled, and closed with both lengths. */
static guint open_block(struct file *file, guint32 type)
{
    put32(file, type);
    put32(file, 0);
    return file->octets->len - 8;
}

static void close_block(struct file *file, guint start)
{
    while (file->octets->len % 4)
        put_text(file, "", 1);
    guint32 n = file->octets->len - start + 4;
    put32(file, n);
    memcpy(file->octets->data + start + 4, file->octets->data + file->octets->len - 4, 4);
}

static void put_section(struct file *file)
{
    guint start = open_block(file, 0x0a0d0d0a);
    put32(file, 0x1a2b3c4d);
    put16(file, 1);
    put16(file, 0);
    put64(file, G_MAXUINT64);
    close_block(file, start);
}

static void put_option(struct file *file, guint16 code, const char *value, guint16 n)
{
    put16(file, code);
    put16(file, n);
    put_text(file, value, n);
    while (file->octets->len % 4)
        put_text(file, "", 1);
}

static guint open_interface(struct file *file, guint16 link_type, guint32 n_snap)
{
    guint start = open_block(file, 1);
    put16(file, link_type);
    put16(file, 0);
    put32(file, n_snap);
    return start;
}

static void put_interface(struct file *file, guint16 link_type, guint32 n_snap)
{
    close_block(file, open_interface(file, link_type, n_snap));
}

static void put_packet(struct file *file, guint32 interface, guint64 ticks, const char *text,
                       guint32 n_wire)
{
    guint start = open_block(file, 6);
    put32(file, interface);
    put32(file, (guint32)(ticks >> 32));
    put32(file, (guint32)ticks);
    put32(file, (guint32)strlen(text));
    put32(file, n_wire);
    put_text(file, text, (guint)strlen(text));
    close_block(file, start);
}

static struct file file_new(bool swapped)
{
    struct file file = {g_byte_array_new(), swapped};
    put_section(&file);
    return file;
}

static void test_blocks(void)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct file file = file_new(swapped);
        put_interface(&file, 1, 0);
        put_interface(&file, 113, 4);
        put_packet(&file, 0, 0x123456789, "one", 3);
        put_packet(&file, 1, 7, "two", 9);
        /* simple; obsolete; statistics; names; secrets; one that nobody knows */
        guint start = open_block(&file, 3);
        put32(&file, 5);
        put_text(&file, "three", 5);
        close_block(&file, start);
        start = open_block(&file, 2);
        put16(&file, 1);
        put16(&file, 3);
        put32(&file, 0);
        put32(&file, 8);
        put32(&file, 4);
        put32(&file, 6);
        put_text(&file, "four", 4);
        close_block(&file, start);
        start = open_block(&file, 5);
        put64(&file, 0);
        close_block(&file, start);
        close_block(&file, open_block(&file, 4));
        start = open_block(&file, 10);
        put32(&file, 0x544c534b);
        put32(&file, 5);
        put_text(&file, "CLIENT", 5);
        close_block(&file, start);
        start = open_block(&file, 0x12345678);
        put_text(&file, "whatever", 8);
        close_block(&file, start);
        put_packet(&file, 0, 0, "five", 4);
        check_log(&file, "1:one@4886718345000 2:two/9[113]i1@7000 3:three@- 4:four/6[113]i1@8000 "
                         "secrets(544c534b,CLIEN) 5:five ");
        g_byte_array_free(file.octets, TRUE);
    }
}

/* Packets have the numbers that Wireshark gives them. */
static void test_numbers(void)
{
    static const guint32 types[] = {0xbad, 0x40000bad, 9, 0x204, 0x216, 0x221, 0x999, 7};
    struct file file = file_new(true);
    put_interface(&file, 1, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        guint start = open_block(&file, types[i]);
        put64(&file, 1);
        close_block(&file, start);
        put_packet(&file, 0, 0, "x", 1);
    }
    check_log(&file, "2:x 4:x 6:x 8:x 10:x 12:x 13:x 14:x ");
    g_byte_array_free(file.octets, TRUE);
}

static void test_simple_snap_length(void)
{
    struct file file = file_new(false);
    put_interface(&file, 1, 3);
    guint start = open_block(&file, 3);
    put32(&file, 9);
    put_text(&file, "abc", 3); /* and one octet of padding */
    close_block(&file, start);
    check_log(&file, "1:abc/9@- ");
    g_byte_array_free(file.octets, TRUE);
}

static void test_sections(void)
{
    struct file file = file_new(false);
    put_interface(&file, 1, 0);
    put_packet(&file, 0, 0, "one", 3);
    file.swapped = true;
    put_section(&file);
    put_packet(&file, 0, 0, "none", 4); /* before its interface */
    put_interface(&file, 101, 0);
    put_packet(&file, 0, 0, "two", 3);
    file.swapped = false;
    put_section(&file);
    put_interface(&file, 113, 0);
    put_packet(&file, 0, 0, "three", 5);
    check_log(&file, "1:one !F: octet 112: pcapng block of type 6: an interface that was not "
                     "described 2:two[101]i1 3:three[113]i2 ");
    g_byte_array_free(file.octets, TRUE);
}

static void check_time(guint8 resolution, gint64 offset, guint64 ticks, gint64 expected)
{
    struct file file = file_new(true);
    guint start = open_interface(&file, 1, 0);
    gint64 big = GINT64_TO_BE(offset);
#if G_BYTE_ORDER == G_BIG_ENDIAN
    big = GINT64_TO_LE(offset);
#endif
    put_option(&file, 2, "eth0", 4);
    put_option(&file, 9, (const char *)&resolution, 1);
    put_option(&file, 14, (const char *)&big, 8);
    put_option(&file, 0, "", 0);
    close_block(&file, start);
    put_packet(&file, 0, ticks, "x", 1);
    char *log = read_log(file.octets->data, file.octets->len, 1000);
    bool is_far = expected == IMAPID_TIME_NONE;
    char *text = is_far     ? g_strdup("1:x@- ")
                 : expected ? g_strdup_printf("1:x@%" G_GINT64_FORMAT " ", expected)
                            : g_strdup("1:x ");
    g_assert_true(g_str_has_suffix(log, text));
    g_assert_true((strstr(log, "a time before 1677 or after 2262") != NULL) == is_far);
    g_assert_true(is_far || !strcmp(log, text));
    g_free(text);
    g_free(log);
    g_byte_array_free(file.octets, TRUE);
}

static void test_times(void)
{
    check_time(6, 0, 1, 1000);
    check_time(0, 0, 3, 3000000000);
    check_time(3, 0, 1, 1000000);
    check_time(9, 0, 1700000000123456789, 1700000000123456789);
    check_time(12, 0, 5000, 5);
    check_time(19, 0, G_MAXUINT64, 1844674407);
    check_time(28, 0, G_MAXUINT64, 1);
    check_time(127, 0, G_MAXUINT64, 1);
    check_time(0x80 | 1, 0, 3, 1500000000);
    check_time(0x80 | 10, 0, 1024 + 512, 1500000000);
    check_time(0x80 | 40, 0, (guint64)1 << 40 | (guint64)1 << 39, 1500000000);
    check_time(0x80 | 64, 0, (guint64)1 << 63, 500000000);
    check_time(0x80 | 127, 0, G_MAXUINT64, 0);
    check_time(9, 5, 1, 5000000001);
    check_time(9, -5, 5000000001, 1);
    /* 11 April 2262, 23:47:16.854775807, is the last of 64 bits */
    check_time(9, 0, G_MAXINT64, G_MAXINT64);
    check_time(9, 0, (guint64)G_MAXINT64 + 1, IMAPID_TIME_NONE);
    check_time(9, 1, G_MAXINT64 - 1000000000, G_MAXINT64);
    check_time(9, 1, G_MAXINT64 - 999999999, IMAPID_TIME_NONE);
    check_time(9, -1, (guint64)G_MAXINT64 + 1, IMAPID_TIME_NONE);
    check_time(0x80, 0, 9223372036, 9223372036000000000);
    check_time(0x80, 0, 9223372037, IMAPID_TIME_NONE);
    check_time(9, -9223372036, 1, -9223372035999999999);
    check_time(9, -9223372037, 1000000000, IMAPID_TIME_NONE);
    check_time(0, 0, G_MAXUINT64, IMAPID_TIME_NONE);
    check_time(0x80, 0, G_MAXUINT64, IMAPID_TIME_NONE);
    check_time(9, G_MAXINT64, 1, IMAPID_TIME_NONE);
    check_time(9, G_MININT64, 1, IMAPID_TIME_NONE);
}

static void test_truncation(void)
{
    struct file file = file_new(false);
    put_interface(&file, 1, 0);
    guint n_before = file.octets->len;
    put_packet(&file, 0, 0, "one", 3);
    for (guint n = 4; n <= file.octets->len; n++) {
        char *log = read_log(file.octets->data, n, 9);
        if (n == file.octets->len)
            g_assert_cmpstr(log, ==, "1:one ");
        else if (n == n_before || n == 28)
            g_assert_cmpstr(log, ==, "");
        else
            g_assert_nonnull(strstr(log, "the file ends inside a block"));
        g_free(log);
    }
    g_byte_array_free(file.octets, TRUE);
}

/* Three packets, the second one's block changed at an octet. */
static void check_damage(guint place, guint8 value, const char *expected)
{
    struct file file = file_new(false);
    put_interface(&file, 1, 0);
    put_packet(&file, 0, 0, "one", 3);
    guint start = file.octets->len;
    put_packet(&file, 0, 0, "two", 3);
    guint end = file.octets->len;
    put_packet(&file, 0, 0, "three", 5);
    file.octets->data[place < 1000 ? start + place : end - (place - 1000)] = value;
    check_log(&file, expected);
    g_byte_array_free(file.octets, TRUE);
}

#define BAD "!F: octet 84: pcapng block of type 6: "

static void test_damage(void)
{
    /* inside the block: it alone is lost */
    check_damage(8, 9, "1:one " BAD "an interface that was not described 2:three ");
    check_damage(20, 9, "1:one " BAD "a packet longer than the block 2:three ");
    /* its lengths: the next block is found */
    check_damage(4, 5, "1:one " BAD "a length that no block can have 2:three ");
    check_damage(4, 0x24 + 4, "1:one " BAD "two lengths that differ 2:three ");
    check_damage(7, 0x7f, "1:one " BAD "longer than any such block 2:three ");
    check_damage(1004, 99, "1:one " BAD "two lengths that differ 2:three ");
}

static void test_damaged_type(void)
{
    check_damage(3, 0x77, "1:one 2:three "); /* a block of another type, then */
}

static void test_damaged_interface(void)
{
    struct file file = file_new(false);
    guint start = open_interface(&file, 1, 0);
    put16(&file, 2);
    put16(&file, 400); /* longer than the block */
    close_block(&file, start);
    put_packet(&file, 0, 0, "one", 3);
    start = open_block(&file, 10);
    put32(&file, 1);
    put32(&file, 9);
    close_block(&file, start);
    close_block(&file, open_block(&file, 6));
    put_packet(&file, 0, 0, "two", 3);
    check_log(&file, "!F: octet 28: pcapng block of type 1: options longer than the block 1:one "
                     "!F: octet 88: pcapng block of type 10: secrets longer than the block "
                     "!F: octet 108: pcapng block of type 6: too short for its type 2:two ");
    g_byte_array_free(file.octets, TRUE);
}

static void put_statistics(struct file *file, guint32 interface, guint64 n_interface,
                           guint64 n_system)
{
    guint start = open_block(file, 5);
    guint64 values[] = {n_interface, n_system};
    put32(file, interface);
    put64(file, 0);
    put_option(file, 4, "eightoct", 8); /* received: says nothing of drops */
    for (guint16 i = 0; i < 2; i++) {
        put16(file, i ? 7 : 5);
        put16(file, 8);
        put64(file, values[i]);
    }
    put_option(file, 0, "", 0);
    close_block(file, start);
}

/* Each says how many there were until then. */
static void test_drops(void)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        struct file file = file_new(swapped);
        put_interface(&file, 1, 0);
        put_interface(&file, 1, 0);
        put_statistics(&file, 0, 0, 0);
        put_packet(&file, 0, 0, "one", 3);
        put_statistics(&file, 0, 2, 3);
        put_statistics(&file, 0, 2, 3);
        put_statistics(&file, 1, 0, 1);
        put_statistics(&file, 2, 9, 9); /* no such interface */
        put_statistics(&file, 0, 4, 3);
        put_statistics(&file, 0, 1, 1); /* fewer than before: nothing new */
        put_statistics(&file, 1, G_MAXUINT64, 5);
        put_section(&file); /* counts begin anew */
        put_interface(&file, 1, 0);
        put_statistics(&file, 0, 0, 1);
        check_log(&file, "1:one drops(F,5) drops(F,1) drops(F,2) drops(F,9223372036854775799) ");
        g_byte_array_free(file.octets, TRUE);
    }
}

/* Lengths that do not fit, at the end and in an option, are no drops, and hide no packet. */
static void test_damaged_statistics(void)
{
    static const guint16 options[][2] = {{7, 4}, {7, 65535}, {7, 9}, {0, 8}, {5, 0}};
    struct file file = file_new(false);
    put_interface(&file, 1, 0);
    close_block(&file, open_block(&file, 5));
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        guint start = open_block(&file, 5);
        put32(&file, 0);
        put64(&file, 0);
        put16(&file, options[i][0]);
        put16(&file, options[i][1]);
        put64(&file, 1);
        close_block(&file, start);
    }
    put_packet(&file, 0, 0, "one", 3);
    check_log(&file, "1:one ");
    g_byte_array_free(file.octets, TRUE);
}

static void test_version(void)
{
    struct file file = file_new(false);
    file.octets->data[12] = 2;
    check_log(&file, "!F: octet 0: pcapng block of type 168627466: a version of pcapng that is not "
                     "known ");
    g_byte_array_free(file.octets, TRUE);
}

/* Reads the first packet of a file of n octets at first, which then has others. */
static void check_written(const struct file *file, gsize n, gsize n_then, const char *expected)
{
    char *path = NULL;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL), fd_write = open(path, O_WRONLY);
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = 1}};
    GString *log = g_string_new(NULL);
    enum imapid_capture_result result;
    struct imapid_packet packet;
    struct imapid_capture *capture;
    g_assert_cmpint(write(fd_write, file->octets->data, n), ==, n);
    g_assert_cmpint(futimens(fd_write, times), ==, 0); /* clocks of files are coarse */
    capture = imapid_capture_open_fd("F", fd, NULL);
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_PACKET);
    if (n_then < n)
        g_assert_cmpint(ftruncate(fd_write, (off_t)n_then), ==, 0);
    else if (n_then > n)
        g_assert_cmpint(write(fd_write, file->octets->data + n, n_then - n), ==, n_then - n);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END)
        if (result == IMAPID_CAPTURE_ERROR)
            g_string_append_printf(log, "!%s ", imapid_capture_get_error(capture));
        else
            g_string_append_printf(log, "%.*s ", (int)packet.n, (const char *)packet.data);
    g_assert_cmpstr(log->str, ==, expected);
    g_string_free(log, TRUE);
    imapid_capture_close(capture);
    close(fd_write);
    g_unlink(path);
    g_free(path);
}

#define WRITTEN "; the file was written while it was read "

/* Of a file that is no stream, the size is known; a writer may change it. */
static void test_written(void)
{
    struct file file = file_new(false);
    guint start, end, n_area = 131072; /* more than is read at once */
    put_interface(&file, 1, 0);
    put_packet(&file, 0, 0, "one", 3);
    start = open_block(&file, 0x77); /* nobody knows it */
    g_byte_array_set_size(file.octets, start + 8 + n_area);
    memset(file.octets->data + start + 8, 0x55, n_area);
    close_block(&file, start);
    end = file.octets->len;
    put_packet(&file, 0, 0, "two", 3);
    check_written(&file, end - 8, file.octets->len, "two ");
    check_written(&file, file.octets->len, file.octets->len, "two ");
    check_written(&file, end - 8, end - 8,
                  "!F: octet 84: the file ends inside a block, after 131076 of 131084 octets ");
    check_written(
        &file, end - 8, end - 4,
        "!F: octet 84: the file ends inside a block, after 131080 of 131084 octets" WRITTEN);
    check_written(&file, file.octets->len, end,
                  "!F: octet 131168: the file ends here, of the 131204 octets that it had" WRITTEN);
    /* what is damaged shows by what comes behind it */
    file.octets->data[start + 7] = 0x7f;
    check_written(
        &file, file.octets->len, file.octets->len,
        "!F: octet 84: pcapng block of type 119: an unknown type with a length beyond the "
        "file's end two ");
    g_byte_array_free(file.octets, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcapng/blocks", test_blocks);
    g_test_add_func("/pcapng/numbers", test_numbers);
    g_test_add_func("/pcapng/simple-snap-length", test_simple_snap_length);
    g_test_add_func("/pcapng/sections", test_sections);
    g_test_add_func("/pcapng/times", test_times);
    g_test_add_func("/pcapng/truncation", test_truncation);
    g_test_add_func("/pcapng/damage", test_damage);
    g_test_add_func("/pcapng/damaged-type", test_damaged_type);
    g_test_add_func("/pcapng/damaged-interface", test_damaged_interface);
    g_test_add_func("/pcapng/drops", test_drops);
    g_test_add_func("/pcapng/damaged-statistics", test_damaged_statistics);
    g_test_add_func("/pcapng/version", test_version);
    g_test_add_func("/pcapng/written", test_written);
    return g_test_run();
}
