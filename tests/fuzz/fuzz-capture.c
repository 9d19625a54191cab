/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A capture of any octets, read in portions whose size is the first octet. Every octet of every
 * packet is read. */

#include "capture/capture.h"
#include "portions.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum;

static void touch(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += octets[i];
}

static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    (void)ctx;
    (void)type;
    touch(octets, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct portions portions = {data + 1, size - 1, data[0] ? data[0] : size};
    struct imapid_window_source source = {portions_read, NULL, &portions};
    struct imapid_capture *capture = imapid_capture_open_source("fuzz", &source);
    struct imapid_packet packet;
    enum imapid_capture_result result;
    uint64_t number = 0;
    imapid_capture_on_secrets(capture, on_secrets, NULL);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_ERROR) {
            if (!imapid_capture_get_error(capture))
                abort();
            continue;
        }
        if (packet.number <= number || packet.n > packet.n_wire ||
            packet.n > IMAPID_CAPTURE_PACKET_MAX)
            abort();
        number = packet.number;
        touch(packet.data, packet.n);
    }
    imapid_capture_close(capture);
    return 0;
}
