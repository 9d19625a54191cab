/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A connection, with a key log. The input: an octet of options; two octets with the length of a
 * key log, and the key log; then, again and again, an octet that says what comes (bit 0: the
 * direction, bit 1: a hole, bit 2: a record is made of the octets, so that mutation need not get
 * lengths right, bit 3: a record is sealed), two octets that say how much, and the octets.
 *
 * With a key log of no octets there is one in which every secret of a client random of zeros is of
 * zeros, under which the records are sealed (TLS 1.3): nothing else may come out than what was, so
 * that every octet has to be a letter 'x', unless a suite was chosen that encrypts nothing. A second
 * run shows the same octet by octet, and must tell the same. */

#include "tls/kdf.h"
#include "tls/suites.h"
#include "tls/tls.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct imapid_tls *tls;
    uint64_t n[2], hash, number;
    bool sealed;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void on_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                    const struct imapid_stamp *stamp)
{
    struct run *run = ctx;

    const struct imapid_suite *suite = imapid_suites_find(imapid_tls_get_info(run->tls)->suite);

    check(n > 0 && n <= 16384 && stamp->number <= run->number);
    for (size_t i = 0; i < n; i++)
        check(!run->sealed || octets[i] == 'x' || (suite && imapid_suites_is_clear(suite)));
    run->n[dir] += n;
}

static void on_gap(void *ctx, int dir, const struct imapid_stamp *stamp)
{
    struct run *run = ctx;

    (void)stamp;
    run->hash = (run->hash ^ run->n[dir] ^ (unsigned)dir) * 0x100000001b3;
}

static void on_event(void *ctx, enum imapid_tls_event event, int dir,
                     const struct imapid_stamp *stamp)
{
    struct run *run = ctx;
    const struct imapid_tls_info *info = run->tls ? imapid_tls_get_info(run->tls) : NULL;

    (void)stamp;
    if (info && event == IMAPID_TLS_STOPPED)
        check(info->stopped[dir] != IMAPID_TLS_OK);
    run->hash = (run->hash ^ (unsigned)event ^ (unsigned)dir << 8) * 0x100000001b3;
}

/* Makes a record of letters and an inner type. */
static size_t seal(uint8_t *record, size_t n, uint8_t type, uint64_t sequence)
{
    static const uint8_t secret[32];
    gcry_cipher_hd_t handle;
    uint8_t key[16], nonce[12], text[300];

    memset(text, 'x', n);
    text[n++] = type;
    imapid_kdf_expand_label(GCRY_MD_SHA256, secret, "key", NULL, 0, key, sizeof key);
    imapid_kdf_expand_label(GCRY_MD_SHA256, secret, "iv", NULL, 0, nonce, sizeof nonce);
    for (int i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(sequence >> 8 * i);
    memcpy(record, "\x17\x03\x03\x00\x00", 5);
    record[3] = (uint8_t)((n + 16) >> 8);
    record[4] = (uint8_t)(n + 16);
    check(!gcry_cipher_open(&handle, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0));
    gcry_cipher_setkey(handle, key, 16);
    gcry_cipher_setiv(handle, nonce, 12);
    gcry_cipher_authenticate(handle, record, 5);
    gcry_cipher_encrypt(handle, record + 5, n, text, n);
    gcry_cipher_gettag(handle, record + 5 + n, 16);
    gcry_cipher_close(handle);
    return 5 + n + 16;
}

static void show(struct run *run, int dir, const uint8_t *octets, size_t n, size_t n_step)
{
    struct imapid_stamp stamp = {run->number, 0};

    for (size_t at = 0; at < n; at += n_step) {
        size_t n_piece = n - at < n_step ? n - at : n_step;
        uint8_t *copy = malloc(n_piece);

        if (!copy)
            abort();
        memcpy(copy, octets + at, n_piece);
        imapid_tls_data(run->tls, dir, copy, n_piece, &stamp);
        free(copy);
    }
}

static void play(struct run *run, const uint8_t *data, size_t size, size_t n_step)
{
    uint64_t sequence[2] = {0, 0};

    while (size >= 3) {
        uint8_t what = data[0], record[400];
        int dir = what & 1;
        size_t n = (size_t)data[1] << 8 | data[2];
        struct imapid_stamp stamp = {++run->number, 0};

        data += 3;
        size -= 3;
        if (what & 2) {
            imapid_tls_gap(run->tls, dir, n, &stamp);
            continue;
        }
        if (what & 8) {
            uint8_t type = (what & 0x70) == 0 ? 23 : what >> 4;

            sequence[dir] += what & 4 ? (n >> 8) & 3 : 0;
            show(run, dir, record, seal(record, n & 0xff, type, sequence[dir]++), n_step);
            continue;
        }
        n = n < size ? n : size;
        if (what & 4) {
            uint8_t header[5] = {(uint8_t)(20 + (what >> 4) % 5), 3, 3, (uint8_t)(n >> 8),
                                 (uint8_t)n};

            show(run, dir, header, 5, n_step);
        }
        show(run, dir, data, n, n_step);
        data += n;
        size -= n;
    }
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void add_keys(struct imapid_keylog *keylog, const uint8_t *keys, size_t n)
{
    static const char zeros[] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET " ZEROS " " ZEROS "\n"
                                "SERVER_HANDSHAKE_TRAFFIC_SECRET " ZEROS " " ZEROS "\n"
                                "CLIENT_TRAFFIC_SECRET_0 " ZEROS " " ZEROS "\n"
                                "SERVER_TRAFFIC_SECRET_0 " ZEROS " " ZEROS "\n";

    if (n)
        imapid_keylog_add(keylog, keys, n);
    else
        imapid_keylog_add(keylog, (const uint8_t *)zeros, sizeof zeros - 1);
}

static void run_once(struct run *run, const uint8_t *data, size_t size, size_t n_step)
{
    struct imapid_tls_handler handler = {on_data, on_gap, on_event, run};
    struct imapid_keylog *keylog = imapid_keylog_new();
    uint8_t options = data[0];
    size_t n_keys = (size_t)data[1] << 8 | data[2];

    data += 3;
    size -= 3;
    n_keys = n_keys < size ? n_keys : size;
    if (!(options & 1))
        add_keys(keylog, data, n_keys);
    run->sealed = n_keys == 0;
    run->tls = imapid_tls_new(&handler, keylog, options & 2 ? 4096 : 0);
    play(run, data + n_keys, size - n_keys, n_step);
    if (options & 1)
        add_keys(keylog, data, n_keys);
    imapid_tls_retry(run->tls);
    imapid_tls_finish(run->tls);
    for (int dir = 0; dir < 2; dir++) {
        const struct imapid_tls_info *info = imapid_tls_get_info(run->tls);

        check(info->n_octets[dir] == run->n[dir]);
        run->hash = (run->hash ^ info->stopped[dir] ^ run->n[dir]) * 0x100000001b3;
    }
    imapid_tls_reason_text(imapid_tls_get_reason(run->tls, 0));
    imapid_tls_free(run->tls);
    imapid_keylog_free(keylog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run pieces = {0}, octets = {0};

    imapid_kdf_init();
    imapid_tls_recognise(data, size);
    if (size < 3)
        return 0;
    run_once(&pieces, data, size, 65536);
    if (size > 1024)
        return 0;
    run_once(&octets, data, size, 1);
    check(pieces.hash == octets.hash && pieces.n[0] == octets.n[0] && pieces.n[1] == octets.n[1]);
    return 0;
}
