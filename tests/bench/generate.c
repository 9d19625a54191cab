/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writes a pcap of a given size to standard output: interleaved TCP connections, of which 5 % (or
 * another share) are IMAP sessions in plain text on port 143, the others like HTTP, TLS and a
 * terminal. Handshakes, segments of 1448 octets, an acknowledgement for every second one, FIN both
 * ways; every tenth connection is IPv6. The same arguments give the same file. So many connections
 * are open at a time, and up to so many packets of one come in a row: with many and one, as at a
 * busy place, each packet is of another connection than the last.
 *
 *     imapid-bench-generate [SIZE [SEED [PER-CENT [OPEN [IN-A-ROW]]]]] > FILE
 *
 * SIZE is in MiB, or in KiB with a K behind it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MSS     1448
#define N_FILLER  (1u << 20)
#define IP6_SHARE 10

enum kind { HTTP, TLS, TERMINAL, IMAP };
enum stage { OPENING_1, OPENING_2, OPENING_3, TALKING, CLOSING_1, CLOSING_2, CLOSING_3, DONE };

struct conn {
    enum kind kind;
    enum stage stage;
    bool is_ip6;
    uint32_t address[2];
    uint16_t port[2];
    uint32_t seq[2];
    int n_rounds; /* requests still to come */
    int round;
    /* the message being sent */
    int dir;
    const char *head; /* what it begins with; the rest is filler */
    char text[96];
    size_t n_head, n_body, n_tail;
    const char *tail;
    size_t n_sent, n_unacked;
    bool ack_due;
};

static uint64_t seed = 1, first_seed = 1;
static uint64_t now_us = 1767323045000000;
static uint64_t n_written;
static uint32_t n_conns;
static uint32_t imap_share = 5; /* per cent */
static char *filler;

static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % n);
}

/* Mostly some KiB, sometimes some hundred. */
static size_t draw_size(void)
{
    size_t n = 500 + draw(6000);
    for (int i = 0; i < 5 && draw(3) == 0; i++)
        n *= 3;
    return n;
}

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

/* To the sum of RFC 1071; and the checksum of one. */
static uint32_t add_up(uint32_t sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? octets[i] : (uint32_t)octets[i] << 8;
    return sum;
}

static unsigned fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static uint8_t *put_ip(uint8_t *at, const struct conn *c, int dir, size_t n_tcp)
{
    if (c->is_ip6) {
        put32(at, 0x60000000);
        put16(at + 4, (unsigned)n_tcp);
        at[6] = 6;
        at[7] = 64;
        for (int i = 0; i < 2; i++) {
            uint8_t *address = at + 8 + 16 * i;
            memset(address, 0, 16);
            put32(address, 0x20010db8);
            put32(address + 12, c->address[i ? !dir : dir]);
        }
        return at + 40;
    }
    memset(at, 0, 20);
    at[0] = 0x45;
    put16(at + 2, (unsigned)(20 + n_tcp));
    put16(at + 4, draw(65536));
    at[6] = 0x40;
    at[8] = 64;
    at[9] = 6;
    put32(at + 12, c->address[dir]);
    put32(at + 16, c->address[!dir]);
    put16(at + 10, fold(add_up(0, at, 20)));
    return at + 20;
}

static void put_packet(struct conn *c, int dir, unsigned flags, const void *data, size_t n)
{
    uint8_t packet[16 + 14 + 40 + 32 + N_MSS], *at = packet + 16;
    uint32_t record[4];
    memcpy(at, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0", 14);
    if (c->is_ip6)
        put16(at + 12, 0x86dd);
    at = put_ip(at + 14, c, dir, 32 + n);
    put16(at, c->port[dir]);
    put16(at + 2, c->port[!dir]);
    put32(at + 4, c->seq[dir]);
    put32(at + 8, flags & 0x10 ? c->seq[!dir] : 0);
    at[12] = 0x80;
    at[13] = (uint8_t)flags;
    put16(at + 14, 502);
    put32(at + 16, 0);
    put32(at + 20, 0x0101080a);
    put32(at + 24, (uint32_t)(now_us / 1000));
    put32(at + 28, (uint32_t)(now_us / 1000));
    if (n > 0)
        memcpy(at + 32, data, n);
    put16(at + 16,
          fold(add_up(add_up((uint32_t)(6 + 32 + n), at - (c->is_ip6 ? 32 : 8), c->is_ip6 ? 32 : 8),
                      at, 32 + n)));
    size_t n_packet = (size_t)(at + 32 - packet) - 16 + n;
    now_us += 1 + draw(16);
    record[0] = (uint32_t)(now_us / 1000000);
    record[1] = (uint32_t)(now_us % 1000000);
    record[2] = record[3] = (uint32_t)n_packet;
    memcpy(packet, record, 16);
    fwrite(packet, 1, 16 + n_packet, stdout);
    n_written += 16 + n_packet;
    c->seq[dir] += (uint32_t)n + ((flags & 3) != 0);
}

static void begin_conn(struct conn *c)
{
    static const uint16_t ports[] = {[HTTP] = 80, [TLS] = 443, [TERMINAL] = 22, [IMAP] = 143};
    uint32_t lot = draw(100);
    *c = (struct conn){.kind = (7 * first_seed + n_conns++) % 100 < imap_share ? IMAP
                               : lot < 30                                      ? HTTP
                               : lot < 85                                      ? TLS
                                                                               : TERMINAL};
    c->is_ip6 = draw(100) < IP6_SHARE;
    c->address[0] = 0x0a000000 + draw(4000);
    c->address[1] = 0xc0000200 + draw(200);
    c->port[0] = (uint16_t)(32768 + n_conns % 28000);
    c->port[1] = ports[c->kind];
    c->seq[0] = draw(UINT32_MAX);
    c->seq[1] = draw(UINT32_MAX);
    c->n_rounds = c->kind == TERMINAL ? 20 + (int)draw(80)
                  : c->kind == IMAP   ? 7 + (int)draw(5)
                                      : 1 + (int)draw(6);
    c->round = -1;
    c->dir = 1;
}

static void say(struct conn *c, int dir, const char *head, size_t n_body, const char *tail)
{
    c->dir = dir;
    c->head = head;
    c->n_head = strlen(head);
    c->n_body = n_body;
    c->tail = tail;
    c->n_tail = strlen(tail);
    c->n_sent = 0;
}

static void say_imap(struct conn *c)
{
    static const char *const commands[] = {
        "a1 CAPABILITY\r\n", "a2 LOGIN user secret\r\n",
        "a3 ID (\"name\" \"Thunderbird\" \"version\" \"128.5.0\")\r\n", "a4 SELECT INBOX\r\n"};
    static const char *const answers[] = {
        "* CAPABILITY IMAP4rev1 ID IDLE LITERAL+\r\na1 OK done.\r\n", "a2 OK Logged in.\r\n",
        "* ID (\"name\" \"Dovecot\")\r\na3 OK ID completed.\r\n",
        ("* FLAGS (\\Seen \\Deleted)\r\n* 120 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"
         "a4 OK [READ-WRITE] Select completed.\r\n")};
    bool is_last = c->round + 1 >= c->n_rounds;
    if (c->round < 0) {
        say(c, 1, "* OK [CAPABILITY IMAP4rev1 ID] Dovecot ready.\r\n", 0, "");
    } else if (c->round < 4) {
        say(c, c->dir == 1 ? 0 : 1, c->dir == 1 ? commands[c->round] : answers[c->round], 0, "");
    } else if (c->dir == 1) {
        snprintf(c->text, sizeof c->text,
                 is_last ? "a%d LOGOUT\r\n" : "a%d UID FETCH %d (UID BODY.PEEK[])\r\n",
                 c->round + 1, c->round);
        say(c, 0, c->text, 0, "");
    } else if (is_last) {
        say(c, 1, "* BYE Logging out\r\na9 OK Logout completed.\r\n", 0, "");
    } else {
        size_t n = 2000 + draw(30000);
        snprintf(c->text, sizeof c->text, "* %d FETCH (UID %d BODY[] {%zu}\r\n", c->round, c->round,
                 n);
        say(c, 1, c->text, n, ")\r\na5 OK Fetch completed.\r\n");
    }
}

/* The next message. A round is a request and its answer. */
static void say_next(struct conn *c)
{
    if (c->dir == 1)
        c->round++;
    if (c->kind == IMAP) {
        if (c->round == 0 && !c->head) /* the greeting comes first */
            c->round = -1;
        say_imap(c);
    } else if (c->kind == TERMINAL) {
        say(c, !c->dir, "", 36 + draw(c->dir ? 40 : 400), "");
    } else if (c->dir == 1) {
        say(c, 0, c->kind == HTTP ? "GET /some/path/of/a/page HTTP/1.1\r\nHost: " : "\x17\3\3\4",
            200 + draw(600), "\r\n\r\n");
    } else {
        say(c, 1, c->kind == HTTP ? "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n" : "\x17\3\3\x40",
            draw_size(), "");
    }
}

static void copy_part(const struct conn *c, char *to, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t place = c->n_sent + i, n_part;
        const char *from;
        if (place < c->n_head) {
            from = c->head + place;
            n_part = c->n_head - place;
        } else if (place < c->n_head + c->n_body) {
            place -= c->n_head;
            from = filler + place % N_FILLER;
            n_part = c->n_body - place;
            if (n_part > N_FILLER - place % N_FILLER)
                n_part = N_FILLER - place % N_FILLER;
        } else {
            from = c->tail + (place - c->n_head - c->n_body);
            n_part = c->n_tail;
        }
        if (n_part > n - i)
            n_part = n - i;
        memcpy(to + i, from, n_part);
        i += n_part;
    }
}

static void talk(struct conn *c)
{
    char data[N_MSS];
    size_t n_all = c->n_head + c->n_body + c->n_tail;
    if (c->ack_due) {
        put_packet(c, !c->dir, 0x10, NULL, 0);
        c->ack_due = false;
        c->n_unacked = 0;
    } else if (c->n_sent < n_all) {
        size_t n = n_all - c->n_sent < N_MSS ? n_all - c->n_sent : N_MSS;
        copy_part(c, data, n);
        c->n_sent += n;
        put_packet(c, c->dir, c->n_sent == n_all ? 0x18 : 0x10, data, n);
        c->ack_due = ++c->n_unacked >= 2;
    } else if (c->round + 1 >= c->n_rounds && c->dir == 1 && c->head) {
        c->stage = CLOSING_1;
    } else {
        say_next(c);
        c->n_unacked = 0;
    }
}

static void step(struct conn *c)
{
    switch (c->stage) {
    case OPENING_1:
        put_packet(c, 0, 0x02, NULL, 0);
        break;
    case OPENING_2:
        put_packet(c, 1, 0x12, NULL, 0);
        break;
    case OPENING_3:
        put_packet(c, 0, 0x10, NULL, 0);
        break;
    case TALKING:
        talk(c);
        return;
    case CLOSING_1:
        put_packet(c, 0, 0x11, NULL, 0);
        break;
    case CLOSING_2:
        put_packet(c, 1, 0x11, NULL, 0);
        break;
    case CLOSING_3:
        put_packet(c, 0, 0x10, NULL, 0);
        break;
    case DONE:
        begin_conn(c);
        return;
    }
    c->stage++;
}

static uint64_t get_size(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);

    return n << (*end == 'K' ? 10 : 20);
}

static uint64_t get_argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
    uint64_t n_bytes = get_size(argc > 1 ? argv[1] : "1024");
    uint32_t n_open = (uint32_t)get_argument(argc, argv, 4, 600);
    uint32_t n_in_a_row = (uint32_t)get_argument(argc, argv, 5, 6);
    struct conn *conns = calloc(n_open, sizeof *conns);
    seed = first_seed = get_argument(argc, argv, 2, 1);
    imap_share = (uint32_t)get_argument(argc, argv, 3, 5);
    filler = malloc(N_FILLER);
    if (!conns || !filler) {
        free(conns);
        return 1;
    }
    for (size_t i = 0; i < N_FILLER; i++)
        filler[i] = (char)(i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : ' ' + (int)draw(94));
    fwrite(header, 1, sizeof header, stdout);
    n_written = sizeof header;
    for (size_t i = 0; i < n_open; i++)
        begin_conn(&conns[i]);
    while (n_written < n_bytes) {
        struct conn *c = &conns[draw(n_open)];
        /* Packets of a connection come in bursts. */
        for (uint32_t n = 1 + draw(n_in_a_row); n > 0; n--)
            step(c);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imapid-bench-generate");
        return 1;
    }
    fprintf(stderr, "%llu octets, %u connections\n", (unsigned long long)n_written, n_conns);
    free(conns);
    free(filler);
    return 0;
}
