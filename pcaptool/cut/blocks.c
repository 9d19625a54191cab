/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blocks.c: writes blocks of pcapng. Of what an interface and a packet had in their capture, options with a
 * known meaning are kept, in the byte order of this machine; times keep their digits.
 *
 * Refuses options that are malformed, and those it does not know: they go.
 *
 * Misuse: the packet of an interface that was not added before. */
#include "cut/blocks.h"

#include "number.h"

#include <string.h>

/* Numbers of the format. */
enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6, SECRETS = 10 };
enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, TLS_KEY_LOG = 0x544c534b };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_APPLICATION = 4 };
enum { OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };

/* Octets of a section before its options. */
#define SECTION_HEAD 24u

/* Octets an option may have. */
#define N_OPTION_MAX UINT16_MAX

static void add(GByteArray *out, const void *octets, size_t n)
{
    g_byte_array_append(out, octets, (guint)n);
}

static void add16(GByteArray *out, uint16_t number)
{
    add(out, &number, sizeof number);
}

static void add32(GByteArray *out, uint32_t number)
{
    add(out, &number, sizeof number);
}

static void fill_up(GByteArray *out)
{
    static const uint8_t zeros[3];

    add(out, zeros, -out->len & 3);
}

/* Blocks are multiples of four octets, so that places in `out` are, too. Returns where it begins. */
static guint begin(GByteArray *out, uint32_t type)
{
    guint at = out->len;

    add32(out, type);
    add32(out, 0);
    return at;
}

static void end(GByteArray *out, guint at)
{
    uint32_t n = out->len + 4 - at;

    memcpy(out->data + at + 4, &n, sizeof n);
    add32(out, n);
}

/* ---- options ---- */

static void add_option(GByteArray *out, uint16_t code, const void *octets, size_t n)
{
    n = MIN(n, N_OPTION_MAX);
    add16(out, code);
    add16(out, (uint16_t)n);
    add(out, octets, n);
    fill_up(out);
}

static void add_text(GByteArray *out, uint16_t code, const char *text)
{
    add_option(out, code, text, strlen(text));
}

/* An option that is kept, and how many octets its number has, if it is one; else 0. */
struct known {
    uint16_t code;
    uint8_t n_number;
};

/* if_name, _description, _IPv4addr, _IPv6addr, _MACaddr, _EUIaddr, _speed, _tzone, _filter, _os, _fcslen, _hardware,
 * _txspeed, _rxspeed */
static const struct known of_interface[] = {{OPTION_COMMENT, 0},
                                            {2, 0},
                                            {3, 0},
                                            {4, 0},
                                            {5, 0},
                                            {6, 0},
                                            {7, 0},
                                            {8, 8},
                                            {10, 4},
                                            {11, 0},
                                            {12, 0},
                                            {13, 0},
                                            {15, 0},
                                            {16, 8},
                                            {17, 8},
                                            {0, 0}};

/* epb_flags, _hash, _dropcount, _packetid, _queue, _verdict */
static const struct known of_packet[] = {
    {OPTION_COMMENT, 0}, {2, 4}, {3, 0}, {4, 8}, {5, 8}, {6, 4}, {7, 0}, {0, 0}};

static const struct known *find(const struct known *known, unsigned code)
{
    while (known->code && known->code != code)
        known++;
    return known->code ? known : NULL;
}

static void copy_option(GByteArray *out, const struct known *known, const uint8_t *octets, size_t n,
                        bool swapped)
{
    uint8_t number[8];

    if (known->n_number && known->n_number != n)
        return;
    if (!known->n_number || !swapped) {
        add_option(out, known->code, octets, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        number[i] = octets[n - 1 - i];
    add_option(out, known->code, number, n);
}

static void copy_options(GByteArray *out, const struct imapid_capture_options *options,
                         const struct known *known)
{
    const uint8_t *octets = options->octets;
    uint32_t left = options->n;

    while (left >= 4) {
        unsigned code = imapid_number_host16(octets, options->swapped);
        uint32_t n = imapid_number_host16(octets + 2, options->swapped);
        uint32_t n_all = 4 + ((n + 3) & ~3u);
        const struct known *kept = code == OPTION_END ? NULL : find(known, code);

        if (code == OPTION_END || n_all > left)
            return;
        if (kept)
            copy_option(out, kept, octets + 4, n, options->swapped);
        octets += n_all;
        left -= n_all;
    }
}

static void end_options(GByteArray *out)
{
    add32(out, OPTION_END);
}

/* ---- blocks ---- */

void imapid_blocks_add_section(GByteArray *out, const char *application, const char *comment)
{
    static const int64_t unknown = -1; /* the length of the section */
    guint at = begin(out, SECTION);

    add32(out, BYTE_ORDER_MAGIC);
    add16(out, 1);
    add16(out, 0);
    add(out, &unknown, sizeof unknown);
    add_text(out, OPTION_APPLICATION, application);
    add_text(out, OPTION_COMMENT, comment);
    end_options(out);
    end(out, at);
}

bool imapid_blocks_is_section_of(const uint8_t *octets, size_t n, const char *application)
{
    size_t n_application = strlen(application), at = SECTION_HEAD + 4;

    return n >= at + n_application && imapid_number_host32(octets, false) == SECTION &&
           imapid_number_host32(octets + 8, false) == BYTE_ORDER_MAGIC &&
           imapid_number_host16(octets + SECTION_HEAD, false) == OPTION_APPLICATION &&
           imapid_number_host16(octets + SECTION_HEAD + 2, false) >= n_application &&
           memcmp(octets + at, application, n_application) == 0;
}

void imapid_blocks_add_interface(GByteArray *out, const struct imapid_capture_interface *interface)
{
    guint at = begin(out, INTERFACE);

    add16(out, interface->link_type);
    add16(out, 0);
    add32(out, interface->n_snap);
    copy_options(out, &interface->options, of_interface);
    add_option(out, OPTION_TSRESOL, &interface->n_digits, 1);
    if (interface->offset_s)
        add_option(out, OPTION_TSOFFSET, &interface->offset_s, sizeof interface->offset_s);
    end_options(out);
    end(out, at);
}

/* In the unit of the interface. A time before its offset cannot be told. The blocks written have room for a time:
 * where there is none it is one that cannot be. */
static uint64_t count_ticks(const struct imapid_capture_interface *interface, int64_t ts_ns)
{
    int64_t ns, factor = 1;

    if (!imapid_time_is_known(ts_ns))
        return UINT64_MAX;
    for (unsigned i = interface->n_digits; i < 9; i++)
        factor *= 10;
    if (__builtin_sub_overflow(ts_ns, interface->offset_s * 1000000000, &ns) || ns < 0)
        return 0;
    return (uint64_t)(ns / factor);
}

void imapid_blocks_add_packet(GByteArray *out, uint32_t number,
                              const struct imapid_capture_interface *interface,
                              const struct imapid_packet *packet,
                              const struct imapid_capture_options *options, const char *comment)
{
    uint64_t ticks = count_ticks(interface, packet->ts_ns);
    guint at = begin(out, PACKET);

    add32(out, number);
    add32(out, (uint32_t)(ticks >> 32));
    add32(out, (uint32_t)ticks);
    add32(out, packet->n);
    add32(out, packet->n_wire);
    add(out, packet->data, packet->n);
    fill_up(out);
    copy_options(out, options, of_packet);
    if (comment)
        add_text(out, OPTION_COMMENT, comment);
    end_options(out);
    end(out, at);
}

void imapid_blocks_add_secrets(GByteArray *out, const uint8_t *lines, size_t n)
{
    guint at = begin(out, SECRETS);

    add32(out, TLS_KEY_LOG);
    add32(out, (uint32_t)n);
    add(out, lines, n);
    fill_up(out);
    end(out, at);
}
