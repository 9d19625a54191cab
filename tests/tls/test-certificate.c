/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates made here, element by element; and each cut at every octet. */
#include <imapid/certificate.h>

#include <glib.h>
#include <string.h>

/* An element around what stands in `body`, which is freed. */
static GByteArray *wrap(uint8_t tag, GByteArray *body)
{
    GByteArray *out = g_byte_array_new();
    uint8_t head[4] = {tag, 0x82, (uint8_t)(body->len >> 8), (uint8_t)body->len};
    uint8_t small[2] = {tag, (uint8_t)body->len};

    if (body->len < 128)
        g_byte_array_append(out, small, 2);
    else
        g_byte_array_append(out, head, 4);
    g_byte_array_append(out, body->data, body->len);
    g_byte_array_unref(body);
    return out;
}

static GByteArray *text(uint8_t tag, const char *octets)
{
    GByteArray *body = g_byte_array_new();

    g_byte_array_append(body, (const guint8 *)octets, (guint)strlen(octets));
    return wrap(tag, body);
}

static void add(GByteArray *out, GByteArray *element)
{
    g_byte_array_append(out, element->data, element->len);
    g_byte_array_unref(element);
}

static GByteArray *pair(uint8_t tag, GByteArray *one, GByteArray *other)
{
    GByteArray *body = g_byte_array_new();

    add(body, one);
    if (other)
        add(body, other);
    return wrap(tag, body);
}

/* A Name with one attribute 2.5.4.`type`. */
static GByteArray *name(uint8_t type, const char *value)
{
    char object[4] = {0x55, 4, (char)type, 0};

    return pair(0x30, pair(0x31, pair(0x30, text(6, object), text(12, value)), NULL), NULL);
}

struct made {
    const char *from, *to; /* UTCTime; 15 characters: GeneralizedTime */
    const char *subject, *issuer;
    const char *dns[3];
};

static GByteArray *make_time(const char *value)
{
    return text(strlen(value) == 15 ? 0x18 : 0x17, value);
}

static GByteArray *make(const struct made *made, bool is_13)
{
    GByteArray *body = g_byte_array_new(), *names = g_byte_array_new(), *message;
    uint8_t context = 0, head[6] = {0};

    add(body, pair(0xa0, text(2, "\2"), NULL));
    add(body, text(2, "\1\2\3"));
    add(body, pair(0x30, text(6, "*"), NULL));
    add(body, name(3, made->issuer));
    add(body, pair(0x30, make_time(made->from), make_time(made->to)));
    add(body, name(3, made->subject));
    add(body, pair(0x30, text(3, "a key"), NULL));
    for (size_t i = 0; i < 3 && made->dns[i]; i++)
        add(names, text(0x82, made->dns[i]));
    if (names->len)
        add(body,
            pair(0xa3,
                 pair(0x30, pair(0x30, text(6, "\x55\x1d\x11"), pair(4, wrap(0x30, names), NULL)),
                      NULL),
                 NULL));
    else
        g_byte_array_unref(names);
    body = pair(0x30, wrap(0x30, body), text(3, "a signature"));
    message = g_byte_array_new();
    if (is_13)
        g_byte_array_append(message, &context, 1);
    head[2] = (uint8_t)(body->len + 3);
    head[1] = (uint8_t)((body->len + 3) >> 8);
    head[5] = (uint8_t)body->len;
    head[4] = (uint8_t)(body->len >> 8);
    g_byte_array_append(message, head, 6);
    add(message, body);
    return message;
}

static bool read_for(const GByteArray *message, bool is_13, const char *wanted,
                     struct imapid_certificate *certificate)
{
    return imapid_certificate_read(message->data, message->len, is_13, (const uint8_t *)wanted,
                                   wanted ? strlen(wanted) : 0, certificate);
}

static void test_what_is_read(void)
{
    struct made made = {"240101000000Z",
                        "20500101000000Z",
                        "mail.example.org",
                        "Example CA",
                        {"imap.example.org", "*.example.net"}};
    struct imapid_certificate certificate;

    for (int is_13 = 0; is_13 < 2; is_13++) {
        GByteArray *message = make(&made, is_13);

        g_assert_true(read_for(message, is_13, "IMAP.example.org", &certificate));
        g_assert_cmpint(certificate.not_before, ==, 1704067200);
        g_assert_cmpint(certificate.not_after, ==, 2524608000);
        g_assert_cmpstr(certificate.name, ==, "imap.example.org");
        g_assert_cmpstr(certificate.issuer, ==, "Example CA");
        g_assert_false(certificate.is_own_issuer || certificate.is_for_another);
        g_byte_array_unref(message);
    }
}

static void test_names(void)
{
    static const struct {
        const char *wanted;
        bool is_for_another;
    } all[] = {{"imap.example.org", false}, {"a.example.net", false}, {"a.b.example.net", true},
               {"example.net", true},       {"mx.example.org", true}, {NULL, false}};
    struct made made = {"240101000000Z",
                        "260101000000Z",
                        "mail.example.org",
                        "mail.example.org",
                        {"imap.example.org", "*.example.net"}};
    struct imapid_certificate certificate;
    GByteArray *message = make(&made, false);

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_assert_true(read_for(message, false, all[i].wanted, &certificate));
        g_assert_cmpint(certificate.is_for_another, ==, all[i].is_for_another);
        g_assert_true(certificate.is_own_issuer);
    }
    g_byte_array_unref(message);
    made.dns[0] = NULL;
    made.subject =
        "\x1b[2J\xff, and a name that is longer than what a person can be told of it in a line";
    message = make(&made, false);
    g_assert_true(read_for(message, false, NULL, &certificate));
    g_assert_true(g_str_has_prefix(certificate.name, "?[2J?, and "));
    g_assert_cmpuint(strlen(certificate.name), ==, IMAPID_CERTIFICATE_NAME - 1);
    g_byte_array_unref(message);
}

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: not read */
    } all[] = {{"700101000001Z", 1},
               {"491231235959Z", 2524607999},
               {"500101000000Z", -631152000},
               {"240229000000Z", 1709164800},
               {"21000301000000Z", 4107542400},
               {"241301000000Z", 0},
               {"240100000000Z", 0},
               {"2401010000Z", 0},
               {"24010100000xZ", 0}};
    struct imapid_certificate certificate;

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        struct made made = {all[i].text, "260101000000Z", "a", "b", {NULL}};
        GByteArray *message = make(&made, false);

        g_assert_true(read_for(message, false, NULL, &certificate));
        g_assert_cmpint(certificate.not_before, ==, all[i].seconds);
        g_assert_cmpint(certificate.not_after != 0, ==, all[i].seconds != 0);
        g_byte_array_unref(message);
    }
}

/* Whatever is cut off or damaged: what is there is read, and nothing behind it. */
static void test_damage(void)
{
    struct made made = {"240101000000Z", "260101000000Z", "mail.example.org", "CA", {"x.example"}};
    struct imapid_certificate certificate;
    GByteArray *message = make(&made, false);
    bool was_read = false;

    for (guint n = 0; n <= message->len; n++) {
        uint8_t *copy = g_memdup2(message->data, n);
        bool is_read =
            imapid_certificate_read(copy, n, false, (const uint8_t *)"y", 1, &certificate);

        g_assert_true(is_read || !was_read); /* once enough is there */
        g_assert_true(!is_read || n == message->len || !certificate.is_for_another);
        was_read = is_read;
        g_free(copy);
    }
    g_assert_true(was_read && certificate.is_for_another);
    for (guint i = 0; i < message->len; i++)
        for (unsigned value = 0; value < 256; value += 17) {
            uint8_t *copy = g_memdup2(message->data, message->len);

            copy[i] = (uint8_t)value;
            imapid_certificate_read(copy, message->len, value & 1, NULL, 0, &certificate);
            g_free(copy);
        }
    g_byte_array_unref(message);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/certificate/read", test_what_is_read);
    g_test_add_func("/certificate/names", test_names);
    g_test_add_func("/certificate/times", test_times);
    g_test_add_func("/certificate/damage", test_damage);
    return g_test_run();
}
