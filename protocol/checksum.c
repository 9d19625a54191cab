/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checksum.c: is a segment's checksum right, and does it tell anything.
 *
 * Refuses segments longer than those on a wire. Misuse: a segment that is cut. */
#include <imapid/checksum.h>

enum imapid_checksum imapid_checksum_judge(const uint8_t *source, const uint8_t *destination,
                                           uint32_t n_address, const uint8_t *segment, uint32_t n)
{
    uint32_t pseudo = imapid_checksum_begin(source, destination, n_address), field;

    if (n > IMAPID_CHECKSUM_MAX)
        return IMAPID_CHECKSUM_OPEN;
    if (imapid_checksum_fold(imapid_checksum_add(pseudo + n, segment, n)) == 0xffff)
        return IMAPID_CHECKSUM_RIGHT;
    /* A card that is still to do it is given the sum of the pseudo header, with the length or without. */
    field = segment[16] * 256u + segment[17];
    return field == imapid_checksum_fold(pseudo + n) || field == imapid_checksum_fold(pseudo)
               ? IMAPID_CHECKSUM_OPEN
               : IMAPID_CHECKSUM_WRONG;
}

bool imapid_checksums_take(struct imapid_checksums *checksums, enum imapid_checksum is,
                           uint64_t frame)
{
    if (is == IMAPID_CHECKSUM_WRONG) {
        if (checksums->has_right)
            checksums->n_wrong = 0;
        if (checksums->n_wrong < IMAPID_DOUBT_FRAMES)
            checksums->wrong[checksums->n_wrong] = frame;
        checksums->n_wrong++;
        return checksums->has_right;
    }
    if (is == IMAPID_CHECKSUM_OPEN || checksums->has_right)
        return false;
    checksums->has_right = true;
    return checksums->n_wrong > 0;
}
