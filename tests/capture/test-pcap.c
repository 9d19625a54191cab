/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/pcap.c: every variant of the format, in both byte orders and in any
 * portions; every truncation; lengths that cannot be. */

#include "files.h"

static struct file begin(bool swapped, guint32 magic, guint32 link_type)
{
    struct file file = {g_byte_array_new(), swapped};
    put32(&file, magic);
    put16(&file, 2);
    put16(&file, 4);
    put32(&file, 0);
    put32(&file, 0);
    put32(&file, 65535);
    put32(&file, link_type);
    return file;
}

static void put_packet(struct file *file, bool modified, const char *text, guint32 n_wire)
{
    put32(file, 5);
    put32(file, 7);
    put32(file, (guint32)strlen(text));
    put32(file, n_wire);
    if (modified)
        put64(file, 0);
    put_text(file, text, (guint)strlen(text));
}

static void test_variants(void)
{
    static const struct {
        guint32 magic;
        const char *expected;
    } variants[] = {
        {0xa1b2c3d4, "1:one[101]@5000007000 2:two/9[101]@5000007000 3:/5[101]@5000007000 "},
        {0xa1b23c4d, "1:one[101]@5000000007 2:two/9[101]@5000000007 3:/5[101]@5000000007 "},
        {0xa1b2cd34, "1:one[101]@5000007000 2:two/9[101]@5000007000 3:/5[101]@5000007000 "},
    };
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(variants); i++) {
        bool modified = variants[i / 2].magic == 0xa1b2cd34;
        /* the upper half of the link type is about checksums */
        struct file file = begin(i % 2, variants[i / 2].magic, 0x50000000 | 101);
        put_packet(&file, modified, "one", 3);
        put_packet(&file, modified, "two", 9);
        put_packet(&file, modified, "", 5);
        check_log(&file, variants[i / 2].expected);
        g_byte_array_free(file.octets, TRUE);
    }
}

static void test_truncation(void)
{
    struct file file = begin(false, 0xa1b2c3d4, 1);
    put_packet(&file, false, "one", 3);
    put_packet(&file, false, "two", 3);
    for (guint n = 0; n <= file.octets->len; n++) {
        char *log = read_log(file.octets->data, n, 5);
        GString *expected = g_string_new(n >= 24 + 19 ? "1:one@5000007000 " : "");
        guint in_packet = n >= 24 + 19 ? n - 24 - 19 : n - 24;
        if (n == 0)
            g_string_append(expected, "!F: octet 0: the file is empty ");
        else if (n < 4)
            g_string_append(expected, "!F: octet 0: neither pcap nor pcapng; what else Wireshark "
                                      "reads, its 'editcap -F pcapng' converts ");
        else if (n < 24)
            g_string_append_printf(expected,
                                   "!F: octet 0: the file ends inside a file header, "
                                   "after %u of 24 octets ",
                                   n);
        else if (in_packet == 19)
            g_string_append(expected, "2:two@5000007000 ");
        else if (in_packet > 0)
            g_string_append_printf(expected,
                                   "!F: octet %u: the file ends inside a packet%s, after "
                                   "%u of %u octets ",
                                   n - in_packet, in_packet < 16 ? " header" : "", in_packet,
                                   in_packet < 16 ? 16u : 19u);
        g_assert_cmpstr(log, ==, expected->str);
        g_string_free(expected, TRUE);
        g_free(log);
    }
    g_byte_array_free(file.octets, TRUE);
}

static void test_damage(void)
{
    struct file file = begin(false, 0xa1b2c3d4, 1);
    put_packet(&file, false, "one", 3);
    put32(&file, 0);
    put32(&file, 0);
    put32(&file, 262145);
    put32(&file, 262145);
    put_packet(&file, false, "two", 3);
    check_log(&file,
              "1:one@5000007000 !F: octet 43: packet header with a length of 262145 octets ");
    g_byte_array_free(file.octets, TRUE);
    file = begin(false, 0xa1b2c3d4, 1);
    file.octets->data[4] = 3;
    check_log(&file, "!F: octet 0: pcap version 3.4 is not known ");
    g_byte_array_free(file.octets, TRUE);
}

static void test_long_packets(void)
{
    struct file file = begin(false, 0xa1b2c3d4, 1);
    char *text = g_strnfill(262144, 'x');
    put_packet(&file, false, text, 262144);
    put_packet(&file, false, "two", 3);
    char *log = read_log(file.octets->data, file.octets->len, 1000);
    g_assert_true(g_str_has_suffix(log, "x@5000007000 2:two@5000007000 "));
    g_free(log);
    g_free(text);
    g_byte_array_free(file.octets, TRUE);
    /* on a link where packets may be longer */
    file = begin(false, 0xa1b2c3d4, 249);
    text = g_strnfill(1000000, 'x');
    put_packet(&file, false, text, 1000000);
    log = read_log(file.octets->data, file.octets->len, 100000);
    g_assert_true(g_str_has_suffix(log, "x[249]@5000007000 "));
    g_free(log);
    g_free(text);
    g_byte_array_free(file.octets, TRUE);
}

static void test_old_lengths(void)
{
    struct file file = begin(false, 0xa1b2c3d4, 1);
    file.octets->data[6] = 2; /* version 2.2: the lengths the other way round */
    put32(&file, 0);
    put32(&file, 0);
    put32(&file, 9);
    put32(&file, 3);
    put_text(&file, "one", 3);
    check_log(&file, "1:one/9 ");
    g_byte_array_free(file.octets, TRUE);
}

#define ANOTHER ": another capture begins here, and is read as well "

/* One file behind another, as `cat` makes them: of either format and byte order. */
static void test_another(void)
{
    static const guint8 pcapng[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 28,  0,   0,   0,   0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0,
        0,    255,  255,  255,  255, 255, 255, 255, 255,  28,   0,    0,    0, /* section; interface; packet */
        1,    0,    0,    0,    20,  0,   0,   0,   1,    0,    0,    0,    0, 0, 0,
        0,    20,   0,    0,    0,   3,   0,   0,   0,    20,   0,    0,    0, 4, 0,
        0,    0,    'a',  'b',  'c', 'd', 20,  0,   0,    0,
    };
    struct file file = begin(false, 0xa1b2c3d4, 1), other = begin(true, 0xa1b23c4d, 101);
    put_packet(&file, false, "one", 3);
    put_packet(&other, false, "two", 3);
    g_byte_array_append(file.octets, other.octets->data, other.octets->len);
    g_byte_array_append(file.octets, pcapng, sizeof pcapng);
    g_byte_array_append(file.octets, other.octets->data, 24); /* with no packet */
    g_byte_array_append(file.octets, pcapng, sizeof pcapng);
    g_byte_array_append(file.octets, other.octets->data, other.octets->len);
    check_log(&file, "1:one@5000007000 ~F: octet 43" ANOTHER "2:two[101]@5000000007 "
                     "~F: octet 86" ANOTHER "3:abcd@- ~F: octet 154" ANOTHER "~F: octet 178" ANOTHER
                     "4:abcdi1@- ~F: octet 246" ANOTHER "5:two[101]@5000000007 ");
    g_byte_array_free(file.octets, TRUE);
    g_byte_array_free(other.octets, TRUE);
    /* a packet whose time is a magic number is a packet */
    file = begin(false, 0xa1b2c3d4, 1);
    put32(&file, 0xa1b2c3d4);
    put32(&file, 0x00040002);
    put32(&file, 24);
    put32(&file, 24);
    put_text(&file, "abcdefghijklmnopqrstuvwx", 24);
    check_log(&file, "1:abcdefghijklmnopqrstuvwx@2712847316262146000 ");
    g_byte_array_free(file.octets, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcap/variants", test_variants);
    g_test_add_func("/pcap/truncation", test_truncation);
    g_test_add_func("/pcap/damage", test_damage);
    g_test_add_func("/pcap/long-packets", test_long_packets);
    g_test_add_func("/pcap/old-lengths", test_old_lengths);
    g_test_add_func("/pcap/another", test_another);
    return g_test_run();
}
