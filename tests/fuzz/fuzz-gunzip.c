/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A member of gzip, in portions whose size the first octet says, into room whose size the second one says. The octets, the end
 * and what is wrong are those of zlib. A member whose data begins with the third octet gets a header before it. */

#include "capture/gunzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define N_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint8_t octets[N_MAX];
    size_t n, n_used;
    bool is_over, is_bad;
    const char *error; /* never freed, of zlib too */
};

static void play_zlib(struct outcome *outcome, const uint8_t *data, size_t size)
{
    z_stream z = {.next_in = (Bytef *)data,
                  .avail_in = (uInt)size,
                  .next_out = outcome->octets,
                  .avail_out = N_MAX};
    if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
        abort();
    int status = inflate(&z, Z_NO_FLUSH);
    outcome->n = z.total_out;
    outcome->n_used = z.total_in;
    outcome->is_over = status == Z_STREAM_END;
    outcome->is_bad = status == Z_DATA_ERROR;
    outcome->error = z.msg ? z.msg : "";
    inflateEnd(&z);
}

static void play(struct outcome *outcome, struct imapid_gunzip *gunzip, const uint8_t *data,
                 size_t size, size_t n_portion, size_t n_room)
{
    enum imapid_gunzip_status status;
    size_t n_in, n_used;
    outcome->n = outcome->n_used = 0;
    do {
        size_t n_left = size - outcome->n_used, n_out = N_MAX - outcome->n;
        n_in = n_left < n_portion ? n_left : n_portion;
        n_out = n_out < n_room ? n_out : n_room;
        /* Blocks of their own: AddressSanitizer sees what is read or written beside them. */
        uint8_t *copy = malloc(n_in), *room = malloc(n_out);
        const uint8_t *in = copy;
        memcpy(copy, data + outcome->n_used, n_in);
        status = imapid_gunzip_read(gunzip, &in, copy + n_in, room, &n_out);
        memcpy(outcome->octets + outcome->n, room, n_out);
        n_used = (size_t)(in - copy);
        outcome->n += n_out;
        outcome->n_used += n_used;
        free(copy);
        free(room);
        if (n_in > 0 && n_used == 0 && n_out == 0 && status == IMAPID_GUNZIP_GOING_ON)
            abort();
        n_in = n_out > 0 || n_in > 0;
    } while (status == IMAPID_GUNZIP_GOING_ON && n_in > 0 && outcome->n < N_MAX);
    outcome->is_over = status == IMAPID_GUNZIP_END;
    outcome->is_bad = status == IMAPID_GUNZIP_BAD;
    const char *error = imapid_gunzip_get_error(gunzip);
    outcome->error = error ? error : "";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8};
    static struct outcome expected, found;
    static struct imapid_gunzip *gunzip; /* one for all, as for the members of a file */
    if (size < 3)
        return 0;
    size_t n_portion = 1 + (size_t)data[0] * data[0] * 2,
           n_room = 1 + (size_t)data[1] * data[1] * 3;
    size_t n_head = data[2] == head[0] ? 0 : sizeof head, n = n_head + size - 2;
    uint8_t *member = malloc(n);
    memcpy(member, head, n_head);
    memcpy(member + n_head, data + 2, size - 2);
    play_zlib(&expected, member, n);
    if (!gunzip)
        gunzip = imapid_gunzip_new();
    imapid_gunzip_begin(gunzip);
    play(&found, gunzip, member, n, n_portion, n_room);
    free(member);
    if (found.n != expected.n || memcmp(found.octets, expected.octets, found.n) != 0)
        abort();
    if (found.n == N_MAX) /* one of them may have seen more of what follows */
        return 0;
    if (found.is_over != expected.is_over || found.is_bad != expected.is_bad ||
        strcmp(found.error, expected.error) != 0 ||
        (found.is_over && found.n_used != expected.n_used))
        abort();
    return 0;
}
