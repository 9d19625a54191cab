/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields.c: looks defined fields up. Every other field is OTHER, which is valid.
 *
 * Refuses nothing.
 *
 * Misuse: asking for the column of OTHER, which has none. */
#include <imapid/fields.h>

#include <string.h>

static const struct {
    const char *wire, *column;
    size_t n; /* octets of `wire` */
} fields[IMAPID_N_FIELDS] = {
#define IMAPID_FIELD(symbol, wire, column, label, text) {wire, column, sizeof(wire) - 1},
#include <imapid/fields.def>
#undef IMAPID_FIELD
};

enum imapid_field imapid_field_find(const uint8_t *name, size_t n)
{
    for (int i = 0; i < IMAPID_N_FIELDS; i++)
        if (n == fields[i].n && imapid_octets_same(name, n, (const uint8_t *)fields[i].wire, n))
            return (enum imapid_field)i;
    return IMAPID_FIELD_OTHER;
}

bool imapid_field_forwards_address(const uint8_t *name, size_t n)
{
    return imapid_octets_is(name, n, "x-originating-ip") ||
           imapid_octets_is(name, n, "x-forwarded-for") || imapid_octets_is(name, n, "x-client-ip");
}

/* Does the name contain one of these words? The last one is NULL. */
static bool has_word(const uint8_t *name, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (imapid_octets_contain(name, n, *words))
            return true;
    return false;
}

bool imapid_field_holds_version(const uint8_t *name, size_t n)
{
    static const char *const words[] = {"version", "revision", "build", "release", NULL};

    return has_word(name, n, words) || imapid_octets_is(name, n, "ver") ||
           imapid_octets_is(name, n, "rev");
}

bool imapid_field_is_vendors(const uint8_t *name, size_t n)
{
    static const char *const words[] = {"support", "vendor", NULL};

    return has_word(name, n, words);
}

size_t imapid_field_find_device(const uint8_t *name, size_t n, size_t *at)
{
    static const char *const words[] = {"serial", "token", "imei", "uuid", "guid"};

    *at = 0;
    if (imapid_octets_is(name, n, "device-id") || imapid_octets_is(name, n, "deviceid") ||
        imapid_octets_is(name, n, "mac"))
        return n;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n_word = strlen(words[i]);

        for (*at = 0; *at + n_word <= n; (*at)++)
            if (imapid_octets_is(name + *at, n_word, words[i]))
                return n_word;
    }
    return 0;
}

bool imapid_field_is_proxys(const uint8_t *name, size_t n)
{
    static const char *const prefixes[] = {"x-originating-", "x-connected-", "x-session-",
                                           "x-proxy-",       "x-forward-",   "x-forwarded-"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t n_prefix = strlen(prefixes[i]);

        if (n >= n_prefix && imapid_octets_is(name, n_prefix, prefixes[i]))
            return true;
    }
    return false;
}

const char *imapid_field_column(enum imapid_field field)
{
    return fields[field].column;
}
