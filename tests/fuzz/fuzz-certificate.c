/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-certificate.c: a Certificate message, of TLS 1.3 where the first octet is odd. Names are text that a terminal
 * may have, and a message that is cut tells of no name that it is not for. */
#include <imapid/certificate.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_name(const char *name)
{
    size_t n = strnlen(name, IMAPID_CERTIFICATE_NAME);

    if (n == IMAPID_CERTIFICATE_NAME)
        abort();
    for (size_t i = 0; i < n; i++)
        if (name[i] < 0x20 || name[i] > 0x7e)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t wanted[] = "mail.example.org";
    struct imapid_certificate certificate;
    uint8_t *block;

    if (!n)
        return 0;
    block = malloc(n);
    if (!block)
        return 0;
    memcpy(block, data + 1, n - 1);
    if (imapid_certificate_read(block, n - 1, data[0] & 1, wanted, sizeof wanted - 1,
                                &certificate)) {
        check_name(certificate.name);
        check_name(certificate.issuer);
        if (certificate.is_for_another && !*certificate.name)
            abort();
    }
    free(block);
    return 0;
}
