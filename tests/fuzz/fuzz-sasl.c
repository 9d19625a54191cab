/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-sasl.c: the messages of a SASL layer give the same text whole and octet by octet, until one
 * is found to be closed. */
#include <imapid/sasl.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t whole[65536], pieces[65536];

static size_t read_all(struct imapid_sasl *sasl, const uint8_t *data, size_t n, size_t n_piece,
                       uint8_t *out)
{
    size_t n_out = 0;

    for (size_t at = 0; at < n; at += n_piece) {
        size_t left = n_piece < n - at ? n_piece : n - at, n_used;
        const uint8_t *octets = data + at;
        struct imapid_slice text;

        while (imapid_sasl_read(sasl, octets, left, &n_used, &text)) {
            if (!text.n || text.offset + text.n > left || n_used > left)
                abort();
            memcpy(out + n_out, octets + text.offset, text.n);
            n_out += text.n;
            octets += n_used;
            left -= n_used;
        }
    }
    return n_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct imapid_sasl a = {.is_closed = false}, b = {.is_closed = false};
    size_t n_a, n_b;

    if (n > sizeof whole)
        return 0;
    n_a = read_all(&a, data, n, n ? n : 1, whole);
    n_b = read_all(&b, data, n, 1, pieces);
    if (a.is_closed != b.is_closed)
        abort();
    if (!a.is_closed && (n_a != n_b || memcmp(whole, pieces, n_a) != 0))
        abort();
    return 0;
}
