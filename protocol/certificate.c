/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certificate.c: dates and names of a certificate, for people.
 *
 * DER is walked with a cursor for each level. What is cut off is as if it were not there, so that the
 * beginning of a long certificate tells what it can. Nothing is copied but the names, octet by octet.
 *
 * Refuses: lengths of more than four octets or without an end, and tags of several octets: no certificate
 * has them. Misuse: to trust it. Neither signature nor chain is looked at. */
#include <imapid/certificate.h>

#include <string.h>

struct cursor {
    const uint8_t *at;
    size_t n;
};

enum tag {
    BOOLEAN = 0x01,
    OCTETS = 0x04,
    OBJECT = 0x06,
    UTC_TIME = 0x17,
    GENERALIZED_TIME = 0x18,
    SEQUENCE = 0x30,
    SET = 0x31,
    VERSION = 0xa0,    /* [0] of TBSCertificate */
    EXTENSIONS = 0xa3, /* [3] */
    DNS_NAME = 0x82    /* [2] of GeneralName */
};

/* Takes the next element: its tag, its content in *inner, as far as it is there. False: none is left, or
 * it is none. */
static bool take(struct cursor *cursor, uint8_t *tag, struct cursor *inner)
{
    size_t n_head = 2, length;

    if (cursor->n < 2 || (cursor->at[0] & 0x1f) == 0x1f)
        return false;
    *tag = cursor->at[0];
    length = cursor->at[1];
    if (length & 0x80) {
        size_t n_length = length & 0x7f;

        if (!n_length || n_length > 4 || cursor->n < 2 + n_length)
            return false;
        length = 0;
        for (size_t i = 0; i < n_length; i++)
            length = length << 8 | cursor->at[2 + i];
        n_head += n_length;
    }
    inner->at = cursor->at + n_head;
    inner->n = length < cursor->n - n_head ? length : cursor->n - n_head;
    cursor->at = inner->at + inner->n;
    cursor->n -= n_head + inner->n;
    return true;
}

static bool take_a(struct cursor *cursor, uint8_t wanted, struct cursor *inner)
{
    uint8_t tag;

    return take(cursor, &tag, inner) && tag == wanted;
}

static bool is_object(const struct cursor *object, uint8_t last)
{
    /* id-at: 2.5.4, id-ce: 2.5.29 */
    return object->n == 3 && object->at[0] == 0x55 && object->at[2] == last;
}

static void copy_name(char *to, const struct cursor *from)
{
    size_t n = from->n < IMAPID_CERTIFICATE_NAME - 1 ? from->n : IMAPID_CERTIFICATE_NAME - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = (char)(from->at[i] >= 0x20 && from->at[i] <= 0x7e ? from->at[i] : '?');
    to[n] = 0;
}

/* The value of the last attribute 2.5.4.`type` of a Name: the most specific one. */
static void read_name(struct cursor name, uint8_t type, char *to)
{
    struct cursor set, attribute, object, value;
    uint8_t tag;

    while (take_a(&name, SET, &set))
        while (take_a(&set, SEQUENCE, &attribute))
            if (take_a(&attribute, OBJECT, &object) && is_object(&object, type) &&
                object.at[1] == 4 && take(&attribute, &tag, &value))
                copy_name(to, &value);
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t count_days(int64_t year, unsigned month, unsigned day)
{
    static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t last = month > 2 ? year : year - 1; /* the last one whose 29 February may be past */

    return (year - 1970) * 365 + last / 4 - last / 100 + last / 400 - 477 + before[month - 1] +
           day - 1;
}

/* "260102030405Z", or with four digits of the year (RFC 5280 4.1.2.5). */
static bool read_time(struct cursor *cursor, int64_t *seconds)
{
    unsigned two[7] = {0}, n = 0;
    struct cursor text;
    int64_t year;
    uint8_t tag;

    if (!take(cursor, &tag, &text) || (tag != UTC_TIME && tag != GENERALIZED_TIME) ||
        text.n != (tag == UTC_TIME ? 13 : 15) || text.at[text.n - 1] != 'Z')
        return false;
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        two[i / 2] = 10 * two[i / 2] + text.at[i] - '0';
        n = (unsigned)i / 2;
    }
    year = tag == UTC_TIME ? two[0] + (two[0] < 50 ? 2000 : 1900) : 100 * two[0] + two[1];
    n -= 4; /* the place of the month */
    if (!two[n] || two[n] > 12 || !two[n + 1] || two[n + 1] > 31)
        return false;
    *seconds = count_days(year, two[n], two[n + 1]) * 86400 + two[n + 2] * 3600 + two[n + 3] * 60 +
               two[n + 4];
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Is `name` the wanted one, or one with "*" for its first label (RFC 9525 6.3)? */
static bool is_for(const uint8_t *name, size_t n, const uint8_t *wanted, size_t n_wanted)
{
    if (n > 1 && name[0] == '*' && name[1] == '.') {
        while (n_wanted && *wanted != '.') {
            wanted++;
            n_wanted--;
        }
        name++;
        n--;
    }
    if (n != n_wanted)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(name[i]) != lower(wanted[i]))
            return false;
    return true;
}

/* The first DNS name of the extension subjectAltName, and whether one of them is the wanted one. */
static void read_dns_names(struct cursor extensions, const uint8_t *wanted, size_t n_wanted,
                           char *to, bool *is_found)
{
    bool is_first = true;
    struct cursor list, extension, object, part, names, name;
    uint8_t tag;

    if (!take_a(&extensions, SEQUENCE, &list))
        return;
    while (take_a(&list, SEQUENCE, &extension)) {
        if (!take_a(&extension, OBJECT, &object) || !is_object(&object, 17) || object.at[1] != 29)
            continue;
        if (!take(&extension, &tag, &part) || (tag == BOOLEAN && !take(&extension, &tag, &part)) ||
            tag != OCTETS || !take_a(&part, SEQUENCE, &names))
            return;
        while (take(&names, &tag, &name)) {
            if (tag != DNS_NAME)
                continue;
            if (is_first)
                copy_name(to, &name);
            is_first = false;
            *is_found |= is_for(name.at, name.n, wanted, n_wanted);
        }
    }
}

/* The first certificate of the message. */
static bool find_first(const uint8_t *message, size_t n, bool is_13, struct cursor *first,
                       bool *is_whole)
{
    size_t at = 3, length;

    if (is_13) {
        if (!n)
            return false;
        at += 1u + message[0]; /* the request's context */
    }
    if (n < at + 3)
        return false;
    length = (size_t)message[at] << 16 | (size_t)message[at + 1] << 8 | message[at + 2];
    first->at = message + at + 3;
    *is_whole = length <= n - at - 3;
    first->n = *is_whole ? length : n - at - 3;
    return true;
}

bool imapid_certificate_read(const uint8_t *message, size_t n, bool is_13, const uint8_t *wanted,
                             size_t n_wanted, struct imapid_certificate *certificate)
{
    struct cursor all, outer, inner, part, issuer, validity, subject;
    bool is_whole, is_found;
    uint8_t tag;

    memset(certificate, 0, sizeof *certificate);
    if (!find_first(message, n, is_13, &all, &is_whole) || !take_a(&all, SEQUENCE, &outer) ||
        !take_a(&outer, SEQUENCE, &inner) || !take(&inner, &tag, &part) ||
        (tag == VERSION && !take(&inner, &tag, &part)) || /* then the serial number */
        !take_a(&inner, SEQUENCE, &part) ||               /* of the signature */
        !take_a(&inner, SEQUENCE, &issuer) || !take_a(&inner, SEQUENCE, &validity) ||
        !take_a(&inner, SEQUENCE, &subject))
        return false;
    if (!read_time(&validity, &certificate->not_before) ||
        !read_time(&validity, &certificate->not_after))
        certificate->not_before = certificate->not_after = 0;
    read_name(issuer, 10, certificate->issuer); /* organizationName */
    read_name(issuer, 3, certificate->issuer);  /* commonName */
    read_name(subject, 3, certificate->name);
    certificate->is_own_issuer =
        issuer.n && issuer.n == subject.n && !memcmp(issuer.at, subject.at, subject.n);
    is_found =
        is_for((const uint8_t *)certificate->name, strlen(certificate->name), wanted, n_wanted);
    while (take(&inner, &tag, &part))
        if (tag == EXTENSIONS)
            read_dns_names(part, wanted, n_wanted, certificate->name, &is_found);
    certificate->is_for_another = wanted && is_whole && *certificate->name && !is_found;
    return true;
}
