/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/hpke.c: the base mode vectors of RFC 9180 A.1.1 (X25519, HKDF-SHA256,
 * AES-128-GCM), and what is refused. */
#include "tls/hpke.h"
#include "tls/kdf.h"
#include "tls/keylog-line.h"

#include <glib.h>
#include <string.h>

#define TEXT "Beauty is truth, truth beauty"

static const struct imapid_hpke_suite suite = {0x20, 1, 1};
static uint8_t shared[32], info[20], sealed[2][45];

static void unhex(const char *digits, uint8_t *out, size_t n)
{
    g_assert_cmpuint(strlen(digits), ==, 2 * n);
    g_assert_true(imapid_keylog_unhex((const uint8_t *)digits, n, out));
}

static bool open_message(const struct imapid_hpke_suite *with, unsigned i, const char *aad,
                         const uint8_t *octets, size_t n)
{
    uint8_t out[sizeof sealed[0]];
    size_t n_out = 0;
    bool ok = imapid_hpke_open(with, shared, sizeof shared, info, sizeof info, i,
                               (const uint8_t *)aad, strlen(aad), octets, n, out, &n_out);

    if (ok)
        g_assert_cmpmem(out, n_out, TEXT, sizeof TEXT - 1);
    return ok;
}

static void test_vectors(void)
{
    g_assert_true(open_message(&suite, 0, "Count-0", sealed[0], sizeof sealed[0]));
    g_assert_true(open_message(&suite, 1, "Count-1", sealed[1], sizeof sealed[1]));
}

static void test_refused(void)
{
    static const struct imapid_hpke_suite others[] = {{0x10, 1, 1}, {0x20, 2, 1}, {0x20, 3, 1},
                                                      {0x20, 1, 2}, {0x20, 1, 3}, {0x20, 0, 1},
                                                      {0x20, 4, 1}, {0x20, 1, 4}, {0x20, 1, 0}};
    uint8_t spoilt[sizeof sealed[0]], out[sizeof spoilt];
    size_t n_out;

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(open_message(&others[i], 0, "Count-0", sealed[0], sizeof sealed[0]));
    g_assert_false(open_message(&suite, 1, "Count-0", sealed[0], sizeof sealed[0]));
    g_assert_false(open_message(&suite, 0, "Count-1", sealed[0], sizeof sealed[0]));
    for (size_t n = 0; n < sizeof sealed[0]; n++)
        g_assert_false(open_message(&suite, 0, "Count-0", sealed[0], n));
    for (size_t i = 0; i < sizeof spoilt; i++) {
        memcpy(spoilt, sealed[0], sizeof spoilt);
        spoilt[i] ^= 1;
        g_assert_false(open_message(&suite, 0, "Count-0", spoilt, sizeof spoilt));
    }
    g_assert_false(imapid_hpke_open(&suite, shared, sizeof shared, info, IMAPID_HPKE_INFO_MAX + 1,
                                    0, NULL, 0, sealed[0], sizeof sealed[0], out, &n_out));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    imapid_kdf_init();
    unhex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc", shared,
          sizeof shared);
    unhex("4f6465206f6e2061204772656369616e2055726e", info, sizeof info);
    unhex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c51"
          "2a",
          sealed[0], sizeof sealed[0]);
    unhex("af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b"
          "84",
          sealed[1], sizeof sealed[1]);
    g_test_add_func("/hpke/vectors", test_vectors);
    g_test_add_func("/hpke/refused", test_refused);
    return g_test_run();
}
