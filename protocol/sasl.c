/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sasl.c: takes the text out of the messages of DIGEST-MD5 with integrity (RFC 2831 2.3): a length
 * of four octets, the text, and behind it ten octets of a MAC, two of a version and four of a
 * number.
 *
 * Refuses: what does not begin like text, which is encrypted, and lengths that no layer allows. It
 * does not prove the MAC: nobody here has the key.
 *
 * Misuse: octets from behind a hole. Where the next message begins is not known there. */
#include <imapid/sasl.h>

#define N_HEAD 4
#define N_MAC  16

/* The largest message: RFC 4422 has three octets for it. */
#define LENGTH_MAX 0xffffff

/* Octets of a direction's beginning that are judged: encrypted ones are no text for so long. */
#define N_JUDGED 8

static bool is_text(uint8_t c)
{
    return (c >= ' ' && c < 127) || c == '\r' || c == '\n' || c == '\t';
}

static void take_head(struct imapid_sasl *sasl, uint8_t octet)
{
    sasl->length = sasl->n_head++ ? sasl->length << 8 | octet : octet;
    if (sasl->n_head < N_HEAD)
        return;
    sasl->is_closed = sasl->length < N_MAC || sasl->length > LENGTH_MAX;
    if (sasl->is_closed)
        return;
    sasl->n_text = sasl->length - N_MAC;
    sasl->n_mac = N_MAC;
}

static void judge(struct imapid_sasl *sasl, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n && sasl->n_judged < N_JUDGED; i++, sasl->n_judged++)
        sasl->is_closed |= !is_text(octets[i]);
}

bool imapid_sasl_read(struct imapid_sasl *sasl, const uint8_t *octets, size_t n, size_t *n_used,
                      struct imapid_slice *text)
{
    size_t at = 0;

    while (at < n && !sasl->is_closed) {
        size_t left = n - at;

        if (sasl->n_head < N_HEAD) {
            take_head(sasl, octets[at++]);
        } else if (sasl->n_text) {
            size_t take = sasl->n_text < left ? sasl->n_text : left;

            judge(sasl, octets + at, take);
            if (sasl->is_closed)
                break;
            sasl->n_text -= (uint32_t)take;
            *text = (struct imapid_slice){at, take};
            *n_used = at + take;
            return true;
        } else {
            size_t take = sasl->n_mac < left ? sasl->n_mac : left;

            sasl->n_mac -= (uint32_t)take;
            at += take;
            if (!sasl->n_mac)
                sasl->n_head = 0;
        }
    }
    *n_used = n;
    return false;
}
