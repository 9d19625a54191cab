/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pseudonym.c: makes pseudonyms with a key (HMAC-SHA-256).
 *
 * Refuses a key file that is too short to be a secret, or too long to be a key.
 *
 * Misuse: the pseudonym of a pseudonym. It is another one. */
#include "record/pseudonym.h"

#include "record/spell.h"

#include <gcrypt.h>
#include <imapid/end.h>
#include <string.h>

#define KEY_MIN 16
#define KEY_MAX 65536

enum { DIGEST = 32 };

struct imapid_pseudonyms {
    guint8 *key;
    gsize n_key;
};

static void digest(const struct imapid_pseudonyms *pseudonyms, const char *kind, const void *octets,
                   size_t n, uint8_t out[DIGEST])
{
    gcry_buffer_t parts[3] = {
        {.data = pseudonyms->key, .len = pseudonyms->n_key},
        {.data = (void *)kind, .len = strlen(kind) + 1}, /* with its NUL: nothing runs together */
        {.data = (void *)octets, .len = n},
    };

    if (gcry_md_hash_buffers(GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC, out, parts, 3))
        g_error("HMAC-SHA-256 is not to be had"); /* never a value without its pseudonym */
}

void imapid_pseudonyms_add_hex(const struct imapid_pseudonyms *pseudonyms, GString *out,
                               const char *kind, const void *octets, size_t n)
{
    uint8_t bits[DIGEST];

    digest(pseudonyms, kind, octets, n, bits);
    imapid_spell_hex(out, bits, 8);
}

void imapid_pseudonyms_add_token(const struct imapid_pseudonyms *pseudonyms, GString *out,
                                 const void *octets, size_t n)
{
    if (!n)
        return;
    g_string_append(out, "redacted-");
    imapid_pseudonyms_add_hex(pseudonyms, out, "token", octets, n);
}

void imapid_pseudonyms_replace_endpoint(const struct imapid_pseudonyms *pseudonyms,
                                        struct imapid_endpoint *endpoint)
{
    bool is_ip4 = endpoint->family == 4;
    uint8_t bits[DIGEST];

    digest(pseudonyms, is_ip4 ? "ip4" : "ip6", endpoint->address, is_ip4 ? 4 : 16, bits);
    memcpy(endpoint->address, bits, sizeof endpoint->address);
    /* RFC 4193: addresses that nobody has from elsewhere. 112 bits are left for either family. */
    endpoint->address[0] = 0xfd;
    endpoint->address[1] = is_ip4 ? 4 : 6;
    endpoint->family = 6;
}

bool imapid_pseudonyms_add_address(const struct imapid_pseudonyms *pseudonyms, GString *out,
                                   const void *text, size_t n)
{
    struct imapid_endpoint endpoint = {.port = 0};
    struct imapid_end end;

    if (!imapid_end_read_address(&end, text, n))
        return false;
    memcpy(endpoint.address, end.address, sizeof endpoint.address);
    endpoint.family = (uint8_t)end.family;
    imapid_pseudonyms_replace_endpoint(pseudonyms, &endpoint);
    imapid_spell_address(out, &endpoint);
    return true;
}

static bool read_key(struct imapid_pseudonyms *pseudonyms, const char *key_file, char **message)
{
    GError *error = NULL;
    char *text;

    if (!key_file) {
        pseudonyms->n_key = DIGEST;
        pseudonyms->key = g_malloc(DIGEST);
        gcry_randomize(pseudonyms->key, DIGEST, GCRY_STRONG_RANDOM);
        return true;
    }
    if (!g_file_get_contents(key_file, &text, &pseudonyms->n_key, &error)) {
        *message = g_strdup(error->message);
        g_error_free(error);
        return false;
    }
    pseudonyms->key = (guint8 *)text;
    if (pseudonyms->n_key < KEY_MIN || pseudonyms->n_key > KEY_MAX) {
        *message = g_strdup_printf("%s: a key has %d to %d octets", key_file, KEY_MIN, KEY_MAX);
        return false;
    }
    return true;
}

struct imapid_pseudonyms *imapid_pseudonyms_new(const char *key_file, char **message)
{
    struct imapid_pseudonyms *pseudonyms = g_new0(struct imapid_pseudonyms, 1);

    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        /* It asks for locked memory, for which the sandbox has no call. */
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    if (!read_key(pseudonyms, key_file, message)) {
        imapid_pseudonyms_free(pseudonyms);
        return NULL;
    }
    return pseudonyms;
}

void imapid_pseudonyms_free(struct imapid_pseudonyms *pseudonyms)
{
    if (!pseudonyms)
        return;
    g_free(pseudonyms->key);
    g_free(pseudonyms);
}
