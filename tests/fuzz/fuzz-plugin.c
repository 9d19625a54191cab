/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The plugin inside epan, without a program around it: a connection as strangers send it, dissected as
 * tshark -2 does it and then once more from its end, as a user scrolls. The first octet chooses the
 * port; then each piece has an octet that says what is sent, and one that says how many follow. Each
 * connection has its own address in a file of many, as a new file costs a tenth of a second. A bug of
 * a dissector aborts, and all memory is the allocator's own, so that the sanitizers see it. */

#include "../../dissector/ws-compat.h"

#include <epan/epan.h>
#include <epan/epan_dissect.h>
#include <epan/frame_data.h>
#include <wiretap/wtap.h>
#include <wsutil/privileges.h>
#include <wsutil/wslog.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);
void plugin_register(void); /* of plugin.c */

#define N_FRAMES  64
#define N_A_FILE  200 /* connections */
#define N_HEADERS 40
#define N_DATA    255

struct packet_provider_data {
    unsigned n, n_before; /* of this connection, and of those before */
    frame_data fd[N_FRAMES];
    uint8_t octets[N_FRAMES][N_HEADERS + N_DATA];
    uint32_t length[N_FRAMES];
};

static struct packet_provider_data file;

/* epan keeps what it registers until the end. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static const nstime_t *get_time(struct packet_provider_data *provider, uint32_t number)
{
    number -= provider->n_before + 1;
    return number < provider->n ? &provider->fd[number].abs_ts : &provider->fd[0].abs_ts;
}

/* Dissectors of Wireshark 4.0 that fail an assertion of their own, also without the plugin. */
static const char *const buggy[] = {"ceph", "jxta"};

static void begin(void)
{
    static bool is_begun;

    if (is_begun)
        return;
    is_begun = true;
    setenv("WIRESHARK_DEBUG_WMEM_OVERRIDE", "simple", 1);
    setenv("WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1", 1);
    setenv("WIRESHARK_CONFIG_DIR", "/nonexistent", 1);
    ws_log_init("fuzz-plugin", NULL);
    init_process_policies();
    wtap_init(FALSE);
    plugin_register();
    if (!epan_init(NULL, NULL, FALSE))
        abort();
    epan_load_settings();
    for (size_t i = 0; i < sizeof buggy / sizeof *buggy; i++)
        proto_set_decoding(proto_get_id_by_filter_name(buggy[i]), FALSE);
}

/* ---- the connection ---- */

struct talk {
    uint16_t port;
    uint32_t client;
    uint32_t next[2];
};

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static void add_frame(const struct talk *talk, int side, uint8_t flags, uint32_t seq,
                      const uint8_t *octets, uint32_t n)
{
    uint8_t *at;

    if (file.n == N_FRAMES)
        return;
    at = file.octets[file.n];
    memset(at, 0, N_HEADERS);
    at[0] = 0x45;
    put16(at + 2, N_HEADERS + n);
    at[8] = 64;
    at[9] = 6;
    put32(at + 12, side ? 0x0b000001 : talk->client);
    put32(at + 16, side ? talk->client : 0x0b000001);
    put16(at + 20, side ? talk->port : 50000);
    put16(at + 22, side ? 50000 : talk->port);
    put32(at + 24, seq);
    put32(at + 28, talk->next[!side]);
    at[32] = 5 << 4;
    at[33] = flags;
    put16(at + 34, 65535);
    if (n)
        memcpy(at + N_HEADERS, octets, n);
    file.length[file.n++] = N_HEADERS + n;
}

static void swap_last(void)
{
    uint8_t copy[sizeof file.octets[0]];
    uint32_t length;

    if (file.n < 2)
        return;
    memcpy(copy, file.octets[file.n - 1], sizeof copy);
    memcpy(file.octets[file.n - 1], file.octets[file.n - 2], sizeof copy);
    memcpy(file.octets[file.n - 2], copy, sizeof copy);
    length = file.length[file.n - 1];
    file.length[file.n - 1] = file.length[file.n - 2];
    file.length[file.n - 2] = length;
}

static void act(struct talk *talk, uint8_t what, const uint8_t *octets, uint32_t n)
{
    int side = what & 1;

    switch (what >> 1 & 15) {
    case 1: /* lost */
        talk->next[side] += n;
        break;
    case 2: /* again, or a copy that differs */
        add_frame(talk, side, TH_ACK, talk->next[side] - n, octets, n);
        break;
    case 3:
        add_frame(talk, side, TH_ACK | TH_FIN, talk->next[side], NULL, 0);
        break;
    case 4:
        add_frame(talk, side, TH_RST, talk->next[side] + n, NULL, 0);
        break;
    case 5:
        add_frame(talk, side, TH_SYN, talk->next[side] + n * 70000, NULL, 0);
        break;
    case 6:
        swap_last();
        break;
    case 7: /* far off */
        add_frame(talk, side, TH_ACK, talk->next[side] + (1u << 30) + n, octets, n);
        break;
    default:
        add_frame(talk, side, TH_ACK | TH_PUSH, talk->next[side], octets, n);
        talk->next[side] += n;
    }
}

/* ---- dissecting ---- */

static void dissect(epan_dissect_t *edt, unsigned i, bool is_first)
{
    static uint32_t cumulative;
    frame_data *fd = &file.fd[i];
    wtap_rec rec;
    nstime_t elapsed = NSTIME_INIT_ZERO;
    const frame_data *reference = NULL, *previous = NULL;

    memset(&rec, 0, sizeof rec);
    rec.rec_type = REC_TYPE_PACKET;
    rec.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    rec.ts.secs = 1700000000 + (time_t)i;
    rec.rec_header.packet_header.caplen = rec.rec_header.packet_header.len = file.length[i];
    rec.rec_header.packet_header.pkt_encap = WTAP_ENCAP_RAW_IP;
    if (is_first) {
        frame_data_init(fd, file.n_before + i + 1, &rec, 0, cumulative);
        frame_data_set_before_dissect(fd, &elapsed, &reference, previous);
    }
    epan_dissect_run(edt, WTAP_FILE_TYPE_SUBTYPE_UNKNOWN, &rec,
                     tvb_new_real_data(file.octets[i], file.length[i], (int)file.length[i]), fd,
                     NULL);
    if (is_first)
        frame_data_set_after_dissect(fd, &cumulative);
    epan_dissect_reset(edt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct packet_provider_funcs functions = {get_time, NULL, NULL, NULL};
    struct talk talk = {.port = 143, .next = {1000, 9000}};
    static epan_t *session;
    static uint32_t n_connections;
    epan_dissect_t *edt;

    if (size < 1)
        return 0;
    begin();
    if (session && n_connections % N_A_FILE == 0) {
        epan_free(session);
        session = NULL;
    }
    if (!session) {
        file.n_before = 0;
        session = epan_new(&file, &functions);
    }
    file.n = 0;
    talk.client = 0x0a000000 | n_connections++ % 0x1000000;
    talk.port = data[0] & 1 ? 4711 : 143;
    if (!(data[0] & 2)) {
        add_frame(&talk, 0, TH_SYN, talk.next[0]++, NULL, 0);
        add_frame(&talk, 1, TH_SYN | TH_ACK, talk.next[1]++, NULL, 0);
    }
    for (size_t at = 1; at + 2 <= size;) {
        uint32_t n = MIN(data[at + 1], (uint32_t)(size - at - 2));

        act(&talk, data[at], data + at + 2, n);
        at += 2 + n;
    }
    edt = epan_dissect_new(session, FALSE, FALSE);
    for (unsigned i = 0; i < file.n; i++)
        dissect(edt, i, true);
    epan_dissect_free(edt);
    edt = epan_dissect_new(session, TRUE, TRUE);
    for (unsigned i = 0; i < file.n; i++)
        dissect(edt, i, false);
    for (unsigned i = file.n; i > 0; i--)
        dissect(edt, i - 1, false);
    epan_dissect_free(edt);
    for (unsigned i = 0; i < file.n; i++)
        frame_data_destroy(&file.fd[i]);
    file.n_before += file.n;
    return 0;
}
