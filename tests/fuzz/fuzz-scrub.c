/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A session, written as for fuzz-session: the first octet says how it begins; then, again and again, one
 * that says whose turn it is and whether octets come or a hole, one that says how many, the octets. What is
 * masked must have the same line ends, be the same again from the same octets, and hold no password that a
 * LOGIN has in front of everything else. */

#include "scrub/scrub.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 256

static const char login[] = "a1 LOGIN \"Ulrike.Hohenfels\" {10+}\r\nQx7vbTruhe\r\n";

static size_t read_pieces(struct imapid_scrub_piece pieces[PIECES], const uint8_t *data,
                          size_t size)
{
    size_t n_pieces = 0;

    pieces[n_pieces++] = (struct imapid_scrub_piece){
        .side = IMAPID_CLIENT, .octets = g_memdup2(login, sizeof login - 1), .n = sizeof login - 1};
    while (size >= 2 && n_pieces < PIECES) {
        struct imapid_scrub_piece *piece = &pieces[n_pieces++];
        size_t n = data[1] | (size_t)(data[0] >> 4) << 8;

        *piece = (struct imapid_scrub_piece){
            .side = data[0] & 1 ? IMAPID_SERVER : IMAPID_CLIENT,
            .is_gap = (data[0] & 14) == 14,
            .n = n,
        };
        data += 2;
        size -= 2;
        if (piece->is_gap)
            continue;
        piece->n = n < size ? n : size;
        piece->octets = g_memdup2(data, piece->n);
        data += piece->n;
        size -= piece->n;
    }
    return n_pieces;
}

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static void compare(const struct imapid_scrub_piece *a, const struct imapid_scrub_piece *b,
                    bool all)
{
    for (size_t i = 0; !a->is_gap && i < a->n; i++)
        if (all ? a->octets[i] != b->octets[i]
                : (is_line_end(a->octets[i]) || is_line_end(b->octets[i])) &&
                      a->octets[i] != b->octets[i])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imapid_pseudonyms *pseudonyms;
    struct imapid_scrub_piece runs[3][PIECES];
    size_t n = 0;
    char *message;

    if (!pseudonyms)
        pseudonyms = imapid_pseudonyms_new(NULL, &message);
    if (!pseudonyms || size < 1)
        return 0;
    for (unsigned i = 0; i < 3; i++)
        n = read_pieces(runs[i], data + 1, size - 1);
    for (unsigned i = 0; i < 2; i++) {
        struct imapid_scrub_session session = {
            .pieces = runs[i],
            .n_pieces = n,
            .from_start = !(data[0] & 1),
            .security = data[0] & 2 ? IMAPID_SECURITY_TLS : IMAPID_SECURITY_NONE,
        };

        imapid_scrub(pseudonyms, &session, 8 << 20);
    }
    if (memmem(runs[0][0].octets, runs[0][0].n, "Hohenfels", 9) ||
        memmem(runs[0][0].octets, runs[0][0].n, "Qx7vb", 5))
        abort();
    for (size_t i = 0; i < n; i++) {
        compare(&runs[0][i], &runs[1][i], true);
        compare(&runs[0][i], &runs[2][i], false);
    }
    for (unsigned i = 0; i < 3; i++)
        for (size_t k = 0; k < n; k++)
            g_free(runs[i][k].octets);
    return 0;
}
