/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A connection as packets again. The first octet says how it is read; then, again and again, one that says what comes
 * and from which side, one that says how many octets, and for a segment its flags and how far it is from where it should
 * be. Every packet is whole, with a right checksum; what was said in TLS has nothing of a name in it, wherever it is
 * cut into records. */

#include "number.h"
#include "scrub/rebuild.h"
#include "scrub/sealed.h"

#include <imapid/checksum.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A ClientHello that asks for "hohenfels.example". */
static const uint8_t hello[] =
    "\x16\x03\x01\x00\x49\x01\x00\x00\x45\x03\x03Qx7vbTruheQx7vbTruheQx7vbTruhe99"
    "\x00\x00\x02\x13\x01\x01\x00\x00\x1a\x00\x00\x00\x16\x00\x14\x00\x00\x11hohenfels.example";

struct input {
    const uint8_t *at;
    size_t n;
};

static uint8_t take(struct input *input)
{
    if (!input->n)
        return 0;
    input->n--;
    return *input->at++;
}

static void on_packet(void *ctx, int64_t ts_ns, const uint8_t *ip, uint32_t n, uint32_t n_wire,
                      const char *comment)
{
    (void)ctx;
    (void)ts_ns;
    (void)comment;
    if (n < 48 || ip[0] != 0x60 || n > n_wire || imapid_number_be16(ip + 4) != n_wire - 40)
        abort();
    if (ip[6] == 6 && n == n_wire && n - 40 <= IMAPID_CHECKSUM_MAX &&
        imapid_checksum_judge(ip + 8, ip + 24, 16, ip + 40, n - 40) != IMAPID_CHECKSUM_RIGHT)
        abort();
}

static void add_segment(struct imapid_rebuild *rebuild, struct input *input, int dir, uint8_t n,
                        const struct imapid_stamp *packet, uint32_t place[2])
{
    uint8_t header[20 + 255] = {0}, flags = take(input);
    uint32_t seq = place[dir] + take(input) - 128;

    imapid_number_put_be32(header + 4, seq);
    imapid_number_put_be32(header + 8, place[!dir]);
    header[12] = (uint8_t)(0x50 | (flags & 0x80));
    header[13] = flags & 0x1f;
    imapid_rebuild_add_segment(rebuild, dir, packet, 64, header, 20u + n, 20u + n + (flags >> 5));
    place[dir] = seq + n;
}

static void take_one(struct imapid_rebuild *rebuild, struct input *input, uint64_t *number,
                     uint32_t place[2])
{
    uint8_t what = take(input), n = take(input);
    struct imapid_stamp packet = {*number, (int64_t)*number};
    int dir = what >> 3 & 1;

    switch (what & 7) {
    case 0:
    case 1:
        packet.number = ++*number;
        add_segment(rebuild, input, dir, n, &packet, place);
        return;
    case 2:
        if (what & 16)
            imapid_rebuild_add_broken(rebuild, dir, *number, n);
        else
            imapid_rebuild_add_gap(rebuild, dir, *number, n);
        return;
    case 3:
        if (what & 16)
            imapid_rebuild_begin_deflate(rebuild);
        else
            imapid_rebuild_take_back(rebuild, dir, n);
        return;
    default:
        n = (uint8_t)MIN(n, input->n);
        if (what & 1)
            imapid_rebuild_add_sealed(rebuild, dir, *number, n ? input->at : NULL, n);
        else
            imapid_rebuild_add_octets(rebuild, dir, *number, input->at, n);
        input->at += n;
        input->n -= n;
    }
}

static void check_sealed(const struct imapid_pseudonyms *pseudonyms, const uint8_t *data,
                         size_t size)
{
    struct imapid_mask mask = imapid_mask_new(pseudonyms);
    size_t n = sizeof hello - 1;
    uint8_t *octets = g_malloc(n + size);

    memcpy(octets, hello, n);
    if (size)
        memcpy(octets + n, data, size);
    imapid_sealed_mask(&mask, octets, n + size);
    if (memmem(octets, n, "hohenfels", 9) || memmem(octets, n, "Qx7vb", 5) ||
        memcmp(octets, hello, 11) != 0)
        abort();
    g_free(octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imapid_pseudonyms *pseudonyms;
    static const struct imapid_rebuild_out out = {on_packet, NULL};
    static const struct imapid_endpoint ends[2] = {
        {.address = {0xfd, 4, [15] = 1}, .port = 40000, .family = 6},
        {.address = {0xfd, 4, [15] = 2}, .port = 993, .family = 6}};
    struct imapid_rebuild_error errors[] = {
        {.says.error = "refused", .packet = {3, 3}, .from = ends[1]},
        {.says.mtu = 1400, .packet = {5, 5}, .from = ends[1]},
    };
    struct imapid_rebuild *rebuild;
    struct input input = {data, size};
    uint32_t place[2] = {1000, 4294967000};
    uint64_t number = 0;
    uint8_t how;
    char *message;

    if (!pseudonyms)
        pseudonyms = imapid_pseudonyms_new(NULL, &message);
    if (!pseudonyms)
        return 0;
    rebuild = imapid_rebuild_new();
    how = take(&input);
    errors[0].dir = how >> 3 & 1;
    errors[1].dir = how >> 6 & 1;
    if (how & 128 && size > 20)
        imapid_rebuild_add_proxy(rebuild, how & 1, 1, data, 20);
    while (input.n)
        take_one(rebuild, &input, &number, place);
    if (how & 4)
        imapid_rebuild_reveal_alert(rebuild, how >> 3 & 1, number, how & 64 ? 0x303 : 0x304, 40);
    imapid_rebuild_keep_sealed(rebuild);
    imapid_rebuild_scrub(rebuild, pseudonyms, how & 1, how & 2,
                         how & 16 ? IMAPID_SECURITY_TLS : IMAPID_SECURITY_NONE, 8 << 20);
    imapid_rebuild_write(rebuild, ends, errors, how & 32 ? 2 : 0, 1, "masked", &out);
    if (imapid_rebuild_leave_end(rebuild, how & 1))
        imapid_rebuild_write(rebuild, ends, errors, how & 32 ? 2 : 0, 1, "masked", &out);
    imapid_rebuild_free(rebuild);
    check_sealed(pseudonyms, data, size);
    return 0;
}
