/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A member of gzip whose octets of DEFLATE are the input, read by the tool in portions, against what
 * zlib makes of the same octets. Where zlib comes to the end, the member gets its right trailer, and
 * everything must be the same. At damage one may see it before the other, but what both made must be
 * the same, and no octet is given that was never made. The first three octets of the input say
 * how long the portions are, and which fields the header has. */

#include "capture/unpack.h"
#include "portions.h"

#include <stdlib.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MADE_MAX ((size_t)1 << 20)

/* Flags of a header, of which the reserved ones must not be set. */
#define SUM     2u
#define EXTRA   4u
#define NAME    8u
#define COMMENT 16u
#define FLAGS   31u

/* A copy of DEFLATE at most: what a decoder may leave off at damage. */
#define COPY_MAX 258u

struct made {
    uint8_t *octets;
    size_t n, n_used;
    bool at_end; /* of the member */
    bool damaged;
    bool too_far; /* a copy from before the beginning */
};

static struct made inflate_by_zlib(const uint8_t *octets, size_t n)
{
    struct made made = {.octets = g_malloc(MADE_MAX)};
    z_stream z = {.next_in = (Bytef *)octets,
                  .avail_in = (uInt)n,
                  .next_out = made.octets,
                  .avail_out = (uInt)MADE_MAX};
    int status;

    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        abort();
    status = inflate(&z, Z_NO_FLUSH);
    made.n = MADE_MAX - z.avail_out;
    made.n_used = n - z.avail_in;
    made.at_end = status == Z_STREAM_END;
    made.damaged = status == Z_DATA_ERROR;
    made.too_far = z.msg && !strcmp(z.msg, "invalid distance too far back");
    inflateEnd(&z);
    return made;
}

/* RFC 1952, section 2.3: the fields that the flags ask for. */
static GByteArray *make_header(uint8_t flags)
{
    const uint8_t fixed[] = {0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3};
    static const uint8_t extra[] = {6, 0, 'I', 'D', 2, 0, 0, 0};
    GByteArray *header = g_byte_array_append(g_byte_array_new(), fixed, sizeof fixed);
    guint16 sum;

    if (flags & EXTRA)
        g_byte_array_append(header, extra, sizeof extra);
    if (flags & NAME)
        g_byte_array_append(header, (const guint8 *)"a.pcap", sizeof "a.pcap");
    if (flags & COMMENT)
        g_byte_array_append(header, (const guint8 *)"", sizeof "");
    if (!(flags & SUM))
        return header;
    sum = GUINT16_TO_LE((guint16)crc32(0, header->data, header->len));
    return g_byte_array_append(header, (const guint8 *)&sum, sizeof sum);
}

static GByteArray *make_member(uint8_t flags, const uint8_t *octets, const struct made *expected,
                               size_t n)
{
    GByteArray *member = make_header(flags);
    guint32 trailer[2];

    g_byte_array_append(member, octets, (guint)(expected->at_end ? expected->n_used : n));
    if (!expected->at_end)
        return member;
    trailer[0] = GUINT32_TO_LE((guint32)crc32(0, expected->octets, (uInt)expected->n));
    trailer[1] = GUINT32_TO_LE((guint32)expected->n);
    return g_byte_array_append(member, (const guint8 *)trailer, sizeof trailer);
}

/* Octets behind the room that was given must stay. */
#define GUARD      64u
#define GUARD_BYTE 0xa5

static struct made unpack(const GByteArray *member, size_t n_in, size_t n_out)
{
    struct portions portions = {.octets = member->data, .n = member->len, .n_portion = n_in};
    struct imapid_window window;
    struct imapid_unpack *unpack;
    struct made made = {.octets = g_malloc(MADE_MAX + GUARD)};
    uint64_t place;
    ptrdiff_t n = 1;

    imapid_window_init_source(
        &window, &(struct imapid_window_source){.read = portions_read, .ctx = &portions});
    unpack = imapid_unpack_new(&window);
    while (n > 0 && made.n < MADE_MAX) {
        size_t room = MIN(n_out, MADE_MAX - made.n);

        memset(made.octets + made.n + room, GUARD_BYTE, GUARD);
        n = imapid_unpack_read(unpack, made.octets + made.n, room);
        for (size_t i = 0; i < GUARD; i++)
            if (made.octets[made.n + room + i] != GUARD_BYTE)
                abort();
        made.n += n > 0 ? (size_t)n : 0;
    }
    made.at_end = n == 0;
    made.damaged = n < 0;
    if (made.damaged != (imapid_unpack_get_error(unpack, &place) != NULL) ||
        (made.damaged && place > member->len))
        abort();
    imapid_unpack_free(unpack);
    imapid_window_deinit(&window);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct made expected, made;
    GByteArray *member;

    if (size < 3)
        return 0;
    expected = inflate_by_zlib(data + 3, size - 3);
    member = make_member(data[2] & FLAGS, data + 3, &expected, size - 3);
    made = unpack(member, (size_t)data[0] * 16 + 1, (size_t)data[1] * 1024 + 1);
    if (memcmp(made.octets, expected.octets, MIN(made.n, expected.n)) != 0)
        abort();
    if (expected.too_far && made.n > expected.n)
        abort();
    if (expected.at_end && expected.n < MADE_MAX && (!made.at_end || made.n != expected.n))
        abort();
    if (!expected.at_end && !expected.damaged && expected.n < MADE_MAX && made.n != expected.n &&
        !made.damaged)
        abort();
    if (made.n + COPY_MAX < expected.n && !expected.damaged)
        abort();
    g_byte_array_unref(member);
    g_free(expected.octets);
    g_free(made.octets);
    return 0;
}
