/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of one value stays, and what is replaced: a table of what software in the field says of
 * itself, and of what identifies a person, a device or a network, in every spelling we know. */
#include "record/redact-value.h"

#include <string.h>

static struct imapid_pseudonyms *pseudonyms;

/* What becomes of a value; to be freed. */
static char *redact(const char *field, const char *value)
{
    struct imapid_record_pair pair = {
        .field = {.octets = (const uint8_t *)field, .n = strlen(field)},
        /* A block of exactly its size: a sanitizer sees a step beyond its end. */
        .value = {.octets = g_memdup2(value, strlen(value)), .n = strlen(value)},
    };
    GString *out = g_string_new(NULL);

    imapid_redact_add_value(pseudonyms, out, &pair);
    g_free((void *)pair.value.octets);
    return g_string_free(out, FALSE);
}

/* ---- what stays ---- */

static const struct {
    const char *field, *value;
} kept[] = {
    {"name", "Thunderbird"},
    {"name", "Mozilla Thunderbird"},
    {"name", "Alpine"},
    {"name", "OfflineIMAP"},
    {"name", "imapflow"},
    {"name", "emailjs-imap-client"},
    {"name", "Mac OS X Mail"},
    {"name", "iPhone Mail"},
    {"name", "iPad Mail"},
    {"name", "com.apple.email.maild"},
    {"name", "com.android.email"},
    {"name", "com.samsung.android.email.provider"},
    {"name", "eu.faircode.email"},
    {"name", "K-9 Mail"},
    {"name", "Outlook-iOS-Android"},
    {"name", "Microsoft Outlook"},
    {"name", "Microsoft.Exchange.Imap4.Imap4Server"},
    {"name", "Windows Phone 8"},
    {"name", "Evolution"},
    {"name", "Kontact Mail (KMail)"},
    {"name", "Akonadi IMAP Resource"},
    {"name", "Roundcube"},
    {"name", "SnappyMail"},
    {"name", "Horde_Imap_Client"},
    {"name", "Mail::IMAPClient"},
    {"name", "MailCore2"},
    {"name", "The Bat!"},
    {"name", "eM Client"},
    {"name", "Foxmail 7.2"},
    {"name", "Delta Chat"},
    {"name", "imapsync"},
    {"name", "Yahoo! Mail"},
    {"name", "Node.js"},
    {"name", "GImap"},
    {"name", "Dovecot"},
    {"name", "Cyrus IMAPD"},
    {"name", "Courier-IMAP"},
    {"name", "GNU Mailutils"},
    {"name", "Zimbra"},
    {"name", "CommuniGate Pro"},
    {"name", "Sun Java(tm) System Messaging Server"},
    {"name", "IceWarp"},
    {"name", "Kerio Connect"},
    {"name", "MDaemon"},
    {"name", "Coremail_Imap"},
    {"name", "Post f\xc3\xbcr Zo\xc3\xab"},
    {"name", "Zo\xeb"}, /* Latin-1, as one server sends it */
    {"name", "\xe9\x82\xae\xe4\xbb\xb6"},
    {"name", "Notepad++"},
    {"name", "Dovecot/2.3"},
    {"version", "153.7.0"},
    {"version", "2.3.19.1"},
    {"version", "2.3.19.1 (9b53102964)"},
    {"version", "2.4.1-4 (7d8c0bc1a0)"},
    {"version", "3.6.1-Debian-3.6.1-4+deb12u5"},
    {"version", "v2.4.17-Fedora-RPM-2.4.17-15.el7"},
    {"version", "3.9.0-alpha0-1108-g3a29173c6d-fm-20231006.001-g3a29173c"},
    {"version", "1.0.16 (Courier-IMAP 5.0.13)"},
    {"version", "16.0 (3731.700.6)"},
    {"version", "3864.400.21"},
    {"version", "16.0.5056.1000"},
    {"version", "15.20"},
    {"version", "20G75"},
    {"version", "1.2178"},
    {"version", "9.2.1735.0"},
    {"version", "7.2.25.375"},
    {"version", "13.0.3.2"},
    {"version", "5.22.1 (22.12.3)"},
    {"version", "3.52.3 (3.52.3-0ubuntu1.1)"},
    {"version", "8.8.15_GA_3869"},
    {"version", "7.0.5.29.0 64bit (built Jul 29 2013)"},
    {"version", "2.0-beta3"},
    {"version", "6.0rc1"},
    {"version", "1:2.3.19.1~dfsg1-2"},
    {"version", "2.58"},
    {"version", "7"},
    {"version", ""},
    {"release", "20190917004220"},
    {"php", "8.2.7"},
    {"php", "7.4.3-4ubuntu2.18"},
    {"os", "Linux"},
    {"os", "linux x86_64"},
    {"os", "GNU/Linux"},
    {"os", "Mac OS X"},
    {"os", "iOS"},
    {"os", "android"},
    {"os", "Android 13"},
    {"os", "Windows 10"},
    {"os", "Windows NT 10.0; Win64; x64"},
    {"os", "Windows Server 2019"},
    {"os", "Darwin 22.6.0"},
    {"os", "FreeBSD"},
    {"os", "Debian GNU/Linux 12 (bookworm)"},
    {"os", "Linux 6.1.0-13-amd64"},
    {"os-version", "6.1.0-41-amd64"},
    {"os-version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1 (2025-11-09)"},
    {"os-version", "#1 SMP Debian 4.19.67-2+deb10u1 (2019-09-20)"},
    {"os-version", "3.10.0-1160.el7.x86_64"},
    {"os-version", "4.18.0-553.16.1.el8_10.x86_64"},
    {"os-version", "5.14.0-362.8.1.el9_3.x86_64"},
    {"os-version", "5.15.0-91-generic"},
    {"os-version", "5.15.167.4-microsoft-standard-WSL2"},
    {"os-version", "6.8.12-4-pve"},
    {"os-version", "13.2-RELEASE-p4"},
    {"os-version", "2.3.4; GRJ22"},
    {"os-version", "TP1A.220624.014"},
    {"os-version", "18.5 (22F76)"},
    {"os-version", "13.6 (22G120)"},
    {"os-version", "10.0.19045"},
    {"os-version", "10.19045"},
    {"version", "1.20240131"},
    {"version", "1.2.3.4"},
    {"os-version", "10_15_7"},
    {"vendor", "Apple Inc."},
    {"vendor", "Google, Inc."},
    {"vendor", "Double Precision, Inc."},
    {"vendor", "Project Cyrus"},
    {"vendor", "Postal Systems"},
    {"vendor", "Microsoft Corporation"},
    {"vendor", "1&1"},
    {"vendor", "HTC"},
    {"vendor", "KDE"},
    {"vendor", "T-Online"},
    {"vendor", "AT&T"},
    {"vendor", "Kopano B.V."},
    {"vendor", "Open-Xchange AG"},
    {"os", "Windows NT 6.1; WOW64"},
    {"os", "Linux armv7l"},
    {"os", "iOS 17.1.2 (21B101)"},
    {"os-version", "#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023"},
    {"os-version", "11.0.22000.282"},
    {"os-version", "5.14.21-150400.24.46-default"},
    {"name", "Opera Mail/1.0 (Win32)"},
    {"name", "Mutt 2.2.9 (2022-11-12)"},
    {"version", "9.0.1FP10 HF383"},
    {"support-url", "https://www.cyrusimap.org"},
    {"support-url", "http://support.google.com/mail"},
    {"support-url", "http://help.yahoo.com/"},
    {"support-url", "help.yahoo.com"},
    {"support-url", "www.gmx.net"},
    {"support-url", "https://imapsync.lamiral.info/"},
    {"support-url", "https://github.com/postalsys/imapflow/issues"},
    {"support-url", "http://www.gnu.org/software/mailutils"},
    {"support-url", "https://mail.163.com/help/"},
    {"support-url", "https://example.com:8443/help/index.html"},
    {"support-url", "https://example.com/a/long/way/to/help/pages/2"},
    {"date", "17-Jul-1996 02:44:25 -0700"},
    {"date", " 7-Jul-1996 02:44:25 -0700"},
    {"date", "Wed, 17 Jul 1996 02:44:25 -0700 (PDT)"},
    {"date", "2013-07-29"},
    {"date", "2013-07-29T10:11:12Z"},
    {"language", "en-US"},
    {"language", "de_DE"},
    {"transport", "tls"},
    {"x-originating-port", "50000"},
    {"x-proxy-ttl", "4"},
};

static void test_kept(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        char *became = redact(kept[i].field, kept[i].value);

        if (strcmp(became, kept[i].value))
            g_test_message("%s %s became %s", kept[i].field, kept[i].value, became), g_test_fail();
        g_free(became);
    }
}

/* ---- what goes ---- */

static const char *const replaced[] = {
    /* mail addresses */
    "john.doe@example.com",
    "JOHN.DOE@EXAMPLE.COM",
    "john.doe\xef\xbc\xa0"
    "example.com",
    "john.doe\xef\xb9\xab"
    "example.com",
    "john.doe at example.com",
    "john.doe (at) example (dot) com",
    "john [at] example [dot] com",
    "\"john doe\"@example.com",
    "john.doe@",
    "@example",
    "john.doe&#64;example.com",
    "john.doe&commat;example.com",
    "john.doe%40example.com",
    "john.doe%2540example.com",
    "john.doe=40example.com",
    "=?utf-8?q?john.doe=40example.com?=",
    "john.doe\\u0040example.com",
    "mailto:john.doe@example.com",
    "am9obi5kb2VAZXhhbXBsZS5jb20=",
    "am9obi5kb2VAZXhhbXBsZS5jb20",
    "6a6f686e2e646f65406578616d706c652e636f6d",
    "john.doe",
    "john_doe",
    "john-doe",
    "doe42",
    "jdoe1985",
    "john.doe@localhost",
    "jos\xc3\xa9@example.org",
    "\xe9\x82\xae\xe4\xbb\xb6@\xe4\xbe\x8b\xe5\xad\x90.cn",
    /* IPv4 addresses */
    "10.1.2.3",
    "192.0.2.7",
    "010.001.002.003",
    "012.1.2.3",
    "v10.1.2.3",
    "x.10.1.2.3",
    "10.1.2.3.",
    "10.1.2.3/24",
    "10.1.2.3:993",
    "1.2.3.4:993",
    "1.2.3.4/24",
    "10.66051",
    "v10.66051",
    "198.3330625:143",
    "1.10.1.2.3",
    "10.1.2.3.5",
    "10-1-2-3.dsl.example.net",
    "5-6-7-8.dsl.example.net",
    "ip-10-1-2-3.ec2.internal",
    "ip-5-6-7-8",
    "host10.1.2.3",
    "10_1_2_3",
    "10,1,2,3",
    "10, 1, 2, 3",
    "10 1 2 3",
    "10;1;2;3",
    "(10)(1)(2)(3)",
    "10 .1.2.3",
    "10. 1. 2. 3",
    "10 dot 1 dot 2 dot 3",
    "10[.]1[.]2[.]3",
    "0x0a010203",
    "0x0a.0x01.0x02.0x03",
    "0a010203",
    "167838211",
    "3221225985",
    "01200401003",
    "10\xe3\x80\x82"
    "1\xe3\x80\x82"
    "2\xe3\x80\x82"
    "3",
    "\xef\xbc\x91\xef\xbc\x90\xef\xbc\x8e\xef\xbc\x91\xef\xbc\x8e\xef\xbc\x92\xef\xbc\x8e\xef\xbc"
    "\x93",
    "10%2e1%2e2%2e3",
    "10&#46;1&#46;2&#46;3",
    "::ffff:10.1.2.3",
    "3.2.1.10.in-addr.arpa",
    /* IPv6 addresses */
    "2001:db8::77",
    "[2001:db8::77]",
    "2001:db8::77%eth0",
    "2001:db8::77/64",
    "2001:db8:0:0:0:0:0:77",
    "a2001:db8::77",
    "2001-db8--77.ipv6-literal.net",
    "2001-db8-0-0-0-0-0-77",
    "20010db8000000000000000000000077",
    "fe80::1",
    /* hardware and serial numbers, telephones */
    "00:11:22:33:44:55",
    "00-11-22-33-44-55",
    "00.11.22.33.44.55",
    "00 11 22 33 44 55",
    "0011.2233.4455",
    "1a2b.3c4d.5e6f",
    "aabb.ccdd.eeff",
    "1a-2b-3c-4d-5e-6f",
    "1a2b3c-4d5e6f",
    "1a2b3c:4d5e6f",
    "001122334455",
    "001b44113ab7",
    "001b:4411:3ab7",
    "02-00-5e-10-00-00-00-01",
    "550e8400-e29b-41d4-a716-446655440000",
    "deadbeef-cafe-babe-face-feedfacefeed",
    "550e8400e29b41d4a716446655440000",
    "{550e8400-e29b-41d4-a716-446655440000}",
    "490154203237518",
    "49-015420-323751-8",
    "49 015420 323751 8",
    "35-209900-176148-1",
    "IMEI 490154",
    "+49 170 1234567",
    "+491701234567",
    "0170 1234567",
    "0170/1234567",
    "170-123-4567",
    "(555) 123-4567",
    "555 123 4567",
    "tel 5551234",
    "S/N C02XG0FDJG5J",
    "C02XG0FDJG5J",
    "8F3K2LQ",
    "5CG8123ABC",
    "serial 12345",
    "0123456789abcdef0123456789abcdef01234567",
    "a9f8c1e2b3d4f5a6b7c8d9e0",
    "1fEWPANhXrIKAAAF",
    /* hosts, folders */
    "JOHNDOE-LAPTOP",
    "DESKTOP-8F3K2LQ",
    "johns-macbook-pro",
    "Johns-MBP",
    "John-PC",
    "joe-pc",
    "JOHN-X1",
    "John's iPhone",
    "John\xe2\x80\x99s iPad",
    "Johns iPhone",
    "johndoe.local",
    "/home/john.doe/bin/mutt",
    "/home/john/bin/mutt",
    "/Users/john/Library",
    "home/john/bin/mutt",
    "~john/bin",
    "C:\\Users\\john.doe\\x.exe",
    "C:\\Users\\john\\x",
    "C:/Users/john/x",
    "\\\\server\\john",
    "%USERPROFILE%",
    "$HOME",
    "file:///home/john",
    /* users and passwords */
    "https:/\\john.doe:pw@h",
    "https:\\\\john.doe:pw@h",
    "john.doe:hunter2@host",
    "john:hunter2",
    "user=john",
    "user john",
    "username: john",
    "imap://john@example.com/INBOX",
    "imap://john;AUTH=*@example.com/",
    /* what no product's name has */
    "a\nb",
    "a\tb",
    "a\x1b[31mb",
    "john\xe2\x80\x8b"
    "doe",
    "john\xe2\x80\xae"
    "doe",
    "\\",
    "{4}",
};

/* In every field whose value may stay, alone and inside what would. */
static void test_replaced(void)
{
    static const char *const fields[] = {"name",   "version", "os",        "os-version", "revision",
                                         "vendor", "date",    "transport", "support-url"};
    static const char *const around[] = {
        "%s",      "Mail %s", "%s Mail", "Mail (%s)", "<%s>",   "Mail for %s", "Mail;%s, 2",
        "Mail/%s", "1.0 %s",  "1.0-%s",  "'%s'",      "%s 1.0", "Mail: %s"};

    for (size_t i = 0; i < G_N_ELEMENTS(replaced); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(around) * G_N_ELEMENTS(fields); k++) {
            char **halves = g_strsplit(around[k % G_N_ELEMENTS(around)], "%s", 2);
            char *value = g_strconcat(halves[0], replaced[i], halves[1], NULL);
            const char *field = fields[k / G_N_ELEMENTS(around)];
            char *became = redact(field, value);

            if (strcmp(became, value) == 0)
                g_test_message("%s %s stays", field, value), g_test_fail();
            g_free(became);
            g_free(value);
            g_strfreev(halves);
        }
}

/* ---- URLs ---- */

static void assert_becomes(const char *field, const char *value, const char *pattern)
{
    char *became = redact(field, value);

    if (!g_regex_match_simple(pattern, became, G_REGEX_DOLLAR_ENDONLY, 0))
        g_test_message("%s %s became %s", field, value, became), g_test_fail();
    g_free(became);
}

#define TOKEN "redacted-[0-9a-f]{16}"

/* The user goes, and all from the first step on that is not harmless; in a name as well. */
static void test_urls(void)
{
    static const char *const fields[] = {"support-url", "name", "vendor"};

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *f = fields[i];

        assert_becomes(f, "https://john:pw@example.com/x", "^https://example\\.com/x$");
        assert_becomes(f, "https://john@doe@example.com/x", "^https://example\\.com/x$");
        assert_becomes(f, "https://john:pw@example.com/x?t=abc#f",
                       "^https://example\\.com/x\\?" TOKEN "$");
        assert_becomes(f, "https://example.com?a\nb", "^https://example\\.com\\?" TOKEN "$");
        assert_becomes(f, "https://example.com/#a?b\r\nc", "^https://example\\.com/#" TOKEN "$");
        assert_becomes(f, "https://h.example/~john/u/1", "^https://h\\.example/" TOKEN "$");
        assert_becomes(f, "https://h.example/u/john", "^https://h\\.example/u" TOKEN "$");
        assert_becomes(f, "https://h.example/users/john", "^https://h\\.example/users" TOKEN "$");
        assert_becomes(f, "https://h.example/help/12345", "^https://h\\.example/help/" TOKEN "$");
        assert_becomes(f, "https://h.example/john.doe/help", "^https://h\\.example/" TOKEN "$");
        assert_becomes(f, "https://h.example/john%40doe", "^https://h\\.example/" TOKEN "$");
        assert_becomes(f, "https://h.example/a/Zm9vYmFyMTIzNDU2Nzg5MHF1dXg",
                       "^https://h\\.example/a/" TOKEN "$");
        assert_becomes(f, "https://198.51.100.7/", "^" TOKEN "$");
        assert_becomes(f, "https://198-51-100-7.example.net/", "^" TOKEN "$");
        assert_becomes(f, "https://joes-laptop.example.net/", "^" TOKEN "$");
        assert_becomes(f, "https://[2001:db8::77]/", "^" TOKEN "$");
        assert_becomes(f, "https://0x0a010203/", "^" TOKEN "$");
        assert_becomes(f, "https://example.com\\@john/", "^" TOKEN "$");
        assert_becomes(f, "https://john\n@example.com/", "^" TOKEN "$");
        assert_becomes(f, "https://see john@example.com/", "^" TOKEN "$");
        assert_becomes(f, "https://john/", "^" TOKEN "$");
        assert_becomes(f, "mailto:john@example.com", "^" TOKEN "$");
    }
    assert_becomes("support-url", "h.example?user=john.doe", "^h\\.example\\?" TOKEN "$");
    assert_becomes("support-url", "john.doe", "^" TOKEN "$");
    assert_becomes("support-url", "john@h.example", "^" TOKEN "@redacted\\.invalid$");
    assert_becomes("name", "h.example?user=john.doe", "^" TOKEN "$");
    assert_becomes("name", "mail.johndoe.example", "^" TOKEN "$");
    assert_becomes("vendor", "imap.mail.example.com", "^" TOKEN "$");
}

/* Of the same kind there is the same pseudonym: counts and ties stay. */
static void test_kinds(void)
{
    assert_becomes("x-originating-ip", "192.0.2.7", "^fd04:[0-9a-f:]+$");
    assert_becomes("address", "2001:db8::7", "^fd06:[0-9a-f:]+$");
    assert_becomes("vendor", "192.0.2.7", "^fd04:[0-9a-f:]+$");
    assert_becomes("name", "joe@example.com", "^" TOKEN "@redacted\\.invalid$");
    assert_becomes("device-id", "joe@example.com", "^" TOKEN "@redacted\\.invalid$");
    assert_becomes("name", "<joe@example.com>", "^" TOKEN "$");
    assert_becomes("x-originating-ip", "pc.example", "^" TOKEN "$");
    assert_becomes("x-originating-port", "500001", "^" TOKEN "$");
    assert_becomes("x-originating-port", "5000a", "^" TOKEN "$");
    assert_becomes("joe", "Thunderbird", "^" TOKEN "$");
}

/* The longest value an ID may have takes no time, whatever it is of. */
static void test_long(void)
{
    static const char *const parts[] = {"a",  "1",  ".",        "a.", "1.",
                                        "/a", "a-", "\xcc\x81", "'",  " "};

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        for (unsigned k = 0; k < 2; k++) {
            GString *value = g_string_new(k ? "https://a.example/" : "");
            char *became;

            while (value->len < 65536)
                g_string_append(value, parts[i]);
            became = redact("support-url", value->str);
            g_assert_cmpuint(strlen(became), <, 20000);
            g_free(became);
            g_string_free(value, TRUE);
        }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    pseudonyms = imapid_pseudonyms_new(NULL, NULL);
    g_test_add_func("/redact-value/kept", test_kept);
    g_test_add_func("/redact-value/replaced", test_replaced);
    g_test_add_func("/redact-value/urls", test_urls);
    g_test_add_func("/redact-value/kinds", test_kinds);
    g_test_add_func("/redact-value/long", test_long);
    status = g_test_run();
    imapid_pseudonyms_free(pseudonyms);
    return status;
}
