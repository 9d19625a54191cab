/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of captures as text: nothing a stranger wrote gets through unescaped. */
#include "record/spell-record.h"
#include "record/spell.h"

#include <stdio.h>
#include <string.h>

static char *spelled(void (*spell)(GString *, const uint8_t *, size_t), const char *octets,
                     size_t n)
{
    GString *out = g_string_new(NULL);
    uint8_t *copy = g_memdup2(octets, n); /* an exact-size block: the sanitizers guard its end */

    spell(out, copy, n);
    g_free(copy);
    return g_string_free(out, FALSE);
}

static void terminal(GString *out, const uint8_t *octets, size_t n)
{
    imapid_spell_terminal(out, octets, n, 0);
}

#define ASSERT_SPELLED(spell, octets, want)                                                        \
    do {                                                                                           \
        char *have = spelled(spell, octets, sizeof(octets) - 1);                                   \
        g_assert_cmpstr(have, ==, want);                                                           \
        g_free(have);                                                                              \
    } while (0)

static void test_terminal(void)
{
    ASSERT_SPELLED(terminal, "Thunderbird 153", "Thunderbird 153");
    ASSERT_SPELLED(terminal, "\033[2J\r\n\t\0end", "\\u001b[2J\\u000d\\u000a\\u0009\\u0000end");
    ASSERT_SPELLED(terminal, "a\\x1b", "a\\\\x1b");
    ASSERT_SPELLED(terminal,
                   "\xc2\x9b"
                   "31m",
                   "\\u009b31m"); /* CSI as one C1 control */
    ASSERT_SPELLED(terminal, "Zo\xc3\xab", "Zo\xc3\xab");
    ASSERT_SPELLED(terminal, "Zo\xdcn", "Zo\\xdcn");
    ASSERT_SPELLED(terminal,
                   "\xe2\x80\xae"
                   "gpj",
                   "\\u202egpj"); /* right-to-left override */
    ASSERT_SPELLED(terminal,
                   "a\xe2\x80\xa8"
                   "b\xf3\xa0\x81\x81",
                   "a\\u2028b\\U000e0041");
    ASSERT_SPELLED(terminal, "\xe2\x80", "\\xe2\\x80");          /* cut in mid-character */
    ASSERT_SPELLED(terminal, "\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate is no UTF-8 */
}

static void test_terminal_limit(void)
{
    GString *out = g_string_new("x");

    imapid_spell_terminal(out, (const uint8_t *)"abcdefgh", 8, 4);
    g_assert_cmpstr(out->str, ==, "xabcd...");
    g_string_truncate(out, 0);
    imapid_spell_terminal(out, (const uint8_t *)"abcd", 4, 4);
    g_assert_cmpstr(out->str, ==, "abcd");
    g_string_free(out, TRUE);
}

static void test_json(void)
{
    ASSERT_SPELLED(imapid_spell_json, "a\"b\\c", "\"a\\\"b\\\\c\"");
    ASSERT_SPELLED(imapid_spell_json, "\r\n\t\0\x7f", "\"\\r\\n\\t\\u0000\\u007f\"");
    ASSERT_SPELLED(imapid_spell_json, "\xdc\xff", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    ASSERT_SPELLED(imapid_spell_json, "\xe2\x80\xa8\xe2\x80\xae", "\"\\u2028\\u202e\"");
    ASSERT_SPELLED(imapid_spell_json, "\xf3\xa0\x81\x81\xf0\x9f\x93\xa7",
                   "\"\\udb40\\udc41\xf0\x9f\x93\xa7\"");
    ASSERT_SPELLED(imapid_spell_json, "", "\"\"");
}

static void assert_time(int64_t ts_ns, const char *want)
{
    GString *out = g_string_new(NULL);

    imapid_spell_time(out, ts_ns);
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
}

static void test_time(void)
{
    assert_time(0, "1970-01-01T00:00:00.000000000Z");
    assert_time(-1, "1969-12-31T23:59:59.999999999Z");
    assert_time(1767323045000000412, "2026-01-02T03:04:05.000000412Z");
    assert_time(951782400000000000, "2000-02-29T00:00:00.000000000Z");
    assert_time(4107542399999999999, "2100-02-28T23:59:59.999999999Z");
    assert_time(4107542400000000000, "2100-03-01T00:00:00.000000000Z");
    assert_time(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
    assert_time(INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z");
    assert_time(IMAPID_TIME_NONE, "");
}

static void test_endpoint(void)
{
    struct imapid_endpoint four = {{192, 0, 2, 1}, 143, 4};
    struct imapid_endpoint six = {{0x20, 1, 0xd, 0xb8, [15] = 1}, 993, 6};
    GString *out = g_string_new(NULL);

    imapid_spell_endpoint(out, &four);
    g_string_append_c(out, ' ');
    imapid_spell_endpoint(out, &six);
    g_assert_cmpstr(out->str, ==, "192.0.2.1:143 [2001:db8::1]:993");
    g_string_free(out, TRUE);
}

static void assert_four(const char *want)
{
    struct imapid_endpoint endpoint = {.family = 4};
    GString *out = g_string_new(NULL);
    unsigned octet[4];

    g_assert_cmpint(sscanf(want, "%u.%u.%u.%u", &octet[0], &octet[1], &octet[2], &octet[3]), ==, 4);
    for (int i = 0; i < 4; i++)
        endpoint.address[i] = (uint8_t)octet[i];
    imapid_spell_address(out, &endpoint);
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
}

static void test_address(void)
{
    assert_four("0.0.0.0");
    assert_four("255.255.255.255");
    assert_four("1.10.100.200");
}

/* Numbers of every length, at every place of a text that has to grow. */
static void test_number(void)
{
    GString *out = g_string_sized_new(1), *want = g_string_new(NULL);

    for (uint64_t number = 1, n = 0; n < 20; n++, number *= 10)
        for (int i = -1; i < 2; i++) {
            imapid_spell_number(out, number + (uint64_t)i);
            imapid_spell_key(out, "key");
            g_string_append_printf(want, "%" G_GUINT64_FORMAT ",\"key\":", number + (uint64_t)i);
        }
    imapid_spell_number(out, UINT64_MAX);
    g_string_append(want, "18446744073709551615");
    g_assert_cmpuint(out->len, ==, strlen(out->str));
    g_assert_cmpstr(out->str, ==, want->str);
    g_string_free(out, TRUE);
    g_string_free(want, TRUE);
}

static void assert_seconds(int64_t ns, const char *want)
{
    GString *out = g_string_new(NULL);

    imapid_spell_seconds(out, ns);
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
}

static void test_seconds(void)
{
    assert_seconds(0, "0.000000000");
    assert_seconds(1, "0.000000001");
    assert_seconds(-1, "-0.000000001");
    assert_seconds(12000000345, "12.000000345");
    assert_seconds(INT64_MAX, "9223372036.854775807");
    assert_seconds(INT64_MIN, "-9223372036.854775808");
}

/* Is a text told to be plain if and only if nothing of it changes? */
static void test_plain(void)
{
    for (unsigned c = 0; c < 256; c++) {
        const char text[] = {'a', (char)c, 'b', 0};
        char *have = spelled(imapid_spell_json, text, 3);
        char *want = g_strdup_printf("\"%s\"", text);

        g_assert_cmpint(imapid_spell_is_plain((const uint8_t *)text, 3), ==,
                        c && !strcmp(have, want));
        g_free(have);
        g_free(want);
    }
    g_assert_true(imapid_spell_is_plain((const uint8_t *)"", 0));
}

static void assert_flow(struct imapid_record_conn conn, const char *id, const char *community,
                        const char *filter)
{
    GString *out = g_string_new(NULL);

    imapid_spell_session_id(out, &conn);
    g_string_append_c(out, ' ');
    imapid_spell_community_id(out, &conn);
    g_string_append_c(out, ' ');
    imapid_spell_filter(out, &conn);
    g_string_prepend_c(out, '|');
    {
        char *want = g_strdup_printf("|%s %s %s", id, community, filter);

        g_assert_cmpstr(out->str, ==, want);
        g_free(want);
    }
    g_string_free(out, TRUE);
}

/* The first is a vector of the specification of Community ID; the others are what Wireshark's own
 * implementation says. Both directions have one. */
static void test_flow(void)
{
    struct imapid_endpoint a = {{128, 232, 110, 120}, 34855, 4}, b = {{66, 35, 250, 204}, 80, 4};
    struct imapid_endpoint c = {{0x20, 1, 0xd, 0xb8, [15] = 1}, 50000, 6};
    struct imapid_endpoint d = {{0x20, 1, 0xd, 0xb8, [15] = 2}, 143, 6};

    assert_flow(
        (struct imapid_record_conn){.file = "a:b.pcap", .first_frame = 7, .client = a, .server = b},
        "a:b.pcap:7", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        "(ip.addr eq 128.232.110.120 and ip.addr eq 66.35.250.204) and "
        "(tcp.port eq 34855 and tcp.port eq 80)");
    assert_flow((struct imapid_record_conn){.file = "a", .client = b, .server = a}, "",
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
                "(ip.addr eq 66.35.250.204 and ip.addr eq 128.232.110.120) and "
                "(tcp.port eq 80 and tcp.port eq 34855)");
    assert_flow(
        (struct imapid_record_conn){.file = "a", .first_frame = 1, .client = c, .server = d}, "a:1",
        "1:0/YrehO3EISikLAccFgSI+GZUp4=",
        "(ipv6.addr eq 2001:db8::1 and ipv6.addr eq 2001:db8::2) and "
        "(tcp.port eq 50000 and tcp.port eq 143)");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spell/terminal", test_terminal);
    g_test_add_func("/spell/terminal-limit", test_terminal_limit);
    g_test_add_func("/spell/json", test_json);
    g_test_add_func("/spell/time", test_time);
    g_test_add_func("/spell/endpoint", test_endpoint);
    g_test_add_func("/spell/address", test_address);
    g_test_add_func("/spell/number", test_number);
    g_test_add_func("/spell/seconds", test_seconds);
    g_test_add_func("/spell/plain", test_plain);
    g_test_add_func("/spell/flow", test_flow);
    return g_test_run();
}
