/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets made of scrubbed octets: they are read back as the same octets, with numbers and checksums that fit. */
#include "scrub/rebuild.h"

#include "number.h"

#include <imapid/checksum.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A connection under way: what each side sent, by its own numbers. */
struct wire {
    struct imapid_rebuild *rebuild;
    uint64_t number;
    GPtrArray *lines; /* of text: what was written */
    GString *all;     /* octets of it */
};

static struct wire begin(void)
{
    return (struct wire){.rebuild = imapid_rebuild_new(),
                         .lines = g_ptr_array_new_with_free_func(g_free),
                         .all = g_string_new(NULL)};
}

/* A segment of so many octets. */
static void send_cut(struct wire *wire, int dir, uint32_t seq, uint32_t ack, uint8_t flags,
                     uint32_t n, uint32_t n_cut)
{
    uint8_t header[2048] = {0};
    bool is_syn = flags & SYN;
    struct imapid_stamp packet = {++wire->number, (int64_t)wire->number * 1000};

    imapid_number_put_be16(header + 4, (uint16_t)(seq >> 16));
    imapid_number_put_be16(header + 6, (uint16_t)seq);
    imapid_number_put_be16(header + 8, (uint16_t)(ack >> 16));
    imapid_number_put_be16(header + 10, (uint16_t)ack);
    header[12] = is_syn ? 0x80 : 0x50;
    header[13] = flags;
    imapid_number_put_be16(header + 14, (uint16_t)(1000 + wire->number));
    if (is_syn) /* MSS, no operation, window scale, time stamps (cut) */
        memcpy(header + 20, "\2\4\5\xb4\1\3\3\7\10\12ab", 12);
    imapid_rebuild_add_segment(wire->rebuild, dir, &packet, dir ? 57 : 64, header,
                               (is_syn ? 32 : 20) + n, (is_syn ? 32 : 20) + n + n_cut);
}

static void send_segment(struct wire *wire, int dir, uint32_t seq, uint32_t ack, uint8_t flags,
                         uint32_t n)
{
    send_cut(wire, dir, seq, ack, flags, n, 0);
}

static void say(struct wire *wire, int dir, const char *octets)
{
    imapid_rebuild_add_octets(wire->rebuild, dir, wire->number, (const uint8_t *)octets,
                              strlen(octets));
}

static void on_packet(void *ctx, int64_t ts_ns, const uint8_t *ip, uint32_t n, uint32_t n_wire,
                      const char *comment)
{
    struct wire *wire = ctx;
    const uint8_t *tcp = ip + 40;
    uint32_t n_header = (tcp[12] >> 4) * 4u, n_tcp = n - 40;
    static uint32_t isn[2];
    int dir = ip[23] == 2;
    uint32_t seq = imapid_number_be32(tcp + 4), ack = imapid_number_be32(tcp + 8);

    g_assert_cmpint(ip[0], ==, 0x60);
    g_assert_cmpint(imapid_number_be16(ip + 4), ==, n_wire - 40);
    if (n_tcp <= IMAPID_CHECKSUM_MAX && n == n_wire)
        g_assert_cmpint(imapid_checksum_judge(ip + 8, ip + 24, 16, tcp, n_tcp), ==,
                        IMAPID_CHECKSUM_RIGHT);
    if (tcp[13] & SYN)
        isn[dir] = seq;
    g_ptr_array_add(
        wire->lines,
        g_strdup_printf(
            "%d %d%s%s%s%s seq %u ack %u win %d ttl %u opt %u n %u%s%s", (int)(ts_ns / 1000), dir,
            tcp[13] & SYN ? " SYN" : "", tcp[13] & FIN ? " FIN" : "", tcp[13] & RST ? " RST" : "",
            tcp[13] & PSH ? " PSH" : "", seq - isn[dir], tcp[13] & ACK ? ack - isn[!dir] : 0,
            imapid_number_be16(tcp + 14) - 1000, ip[7], n_header - 20, n_tcp - n_header,
            comment ? " # " : "", comment ? comment : ""));
    g_string_append_len(wire->all, (const char *)tcp + n_header, n_tcp - n_header);
}

static void write_all(struct wire *wire)
{
    static const struct imapid_endpoint ends[2] = {
        {.address = {0xfd, 4, [15] = 1}, .port = 40000, .family = 6},
        {.address = {0xfd, 4, [15] = 2}, .port = 143, .family = 6}};
    const struct imapid_rebuild_out out = {on_packet, wire};

    imapid_rebuild_write(wire->rebuild, ends, NULL, 0, 7, "masked", &out);
}

static void expect(struct wire *wire, const char *const *lines)
{
    guint i = 0;

    write_all(wire);
    for (; lines[i]; i++) {
        g_assert_cmpuint(i, <, wire->lines->len);
        g_assert_cmpstr(g_ptr_array_index(wire->lines, i), ==, lines[i]);
    }
    g_assert_cmpuint(i, ==, wire->lines->len);
}

static void end(struct wire *wire)
{
    imapid_rebuild_free(wire->rebuild);
    g_ptr_array_unref(wire->lines);
    g_string_free(wire->all, TRUE);
}

#define C0 0xfffffff0u /* numbers wrap */
#define S0 5000u

static void shake_hands(struct wire *wire)
{
    send_segment(wire, 0, C0, 0, SYN, 0);
    send_segment(wire, 1, S0, C0 + 1, SYN | ACK, 0);
    send_segment(wire, 0, C0 + 1, S0 + 1, ACK, 0);
}

static void log_in(struct wire *wire)
{
    shake_hands(wire);
    send_segment(wire, 1, S0 + 1, C0 + 1, PSH | ACK, 12);
    say(wire, 1, "* OK ready\r\n");
    send_segment(wire, 0, C0 + 1, S0 + 13, PSH | ACK, 18);
    say(wire, 0, "a LOGIN anna geh\r\n");
}

/* In the clear: each segment as it was, copies, a probe that keeps alive, the end. */
static void test_clear(void)
{
    struct wire wire = begin();

    log_in(&wire);
    send_segment(&wire, 0, C0 + 1, S0 + 13, PSH | ACK, 18); /* again */
    send_segment(&wire, 0, C0 + 5, S0 + 13, PSH | ACK, 4);  /* a part of it */
    send_segment(&wire, 1, S0 + 12, C0 + 11, ACK, 1);       /* keeps alive; acknowledges a half */
    send_segment(&wire, 1, S0 + 13, C0 + 19, FIN | ACK, 0);
    send_segment(&wire, 0, C0 + 19, S0 + 14, ACK, 0);
    send_segment(&wire, 0, C0 + 19, S0 + 14, RST, 0);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 1 PSH seq 1 ack 1 win 4 ttl 57 opt 0 n 12",
                      "5 0 PSH seq 1 ack 13 win 5 ttl 64 opt 0 n 18",
                      "6 0 PSH seq 1 ack 13 win 6 ttl 64 opt 0 n 18",
                      "7 0 PSH seq 5 ack 13 win 7 ttl 64 opt 0 n 4",
                      "8 1 seq 12 ack 11 win 8 ttl 57 opt 0 n 1",
                      "9 1 FIN seq 13 ack 19 win 9 ttl 57 opt 0 n 0",
                      "10 0 seq 19 ack 14 win 10 ttl 64 opt 0 n 0",
                      "11 0 RST seq 19 ack 0 win 11 ttl 64 opt 0 n 0",
                      NULL,
                  });
    end(&wire);
}

/* A stranger's number half a round away moves nothing of what is said behind it. */
static void test_far(void)
{
    struct wire wire = begin();

    log_in(&wire);
    send_segment(&wire, 1, S0 + 13 + 0x80000000u, 0, RST, 0);
    send_segment(&wire, 1, S0 + 13, C0 + 19, PSH | ACK, 6);
    say(&wire, 1, "a OK\r\n");
    write_all(&wire);
    g_assert_cmpuint(wire.lines->len, ==, 7);
    g_assert_cmpstr(g_ptr_array_index(wire.lines, 4), ==,
                    "5 0 PSH seq 1 ack 13 win 5 ttl 64 opt 0 n 18");
    g_assert_cmpstr(g_ptr_array_index(wire.lines, 6), ==,
                    "7 1 PSH seq 13 ack 19 win 7 ttl 57 opt 0 n 6");
    end(&wire);
}

/* Inside TLS: a handshake that leaves nothing, records over segments, a record taken for clear at first. */
static void test_inside_tls(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_segment(&wire, 0, C0 + 1, S0 + 1, PSH | ACK, 200);
    say(&wire, 0, "\x16\3\1\2\3");
    imapid_rebuild_take_back(wire.rebuild, 0, 5);
    send_segment(&wire, 1, S0 + 1, C0 + 201, ACK, 1400);
    send_segment(&wire, 1, S0 + 1401, C0 + 201, PSH | ACK, 100);
    say(&wire, 1, "* OK ready\r\n");
    send_segment(&wire, 0, C0 + 201, S0 + 1501, ACK, 0);
    send_segment(&wire, 1, S0 + 1401, C0 + 201, PSH | ACK, 100); /* again */
    send_segment(&wire, 1, S0 + 1500, C0 + 201, ACK, 1);         /* keeps alive */
    send_segment(&wire, 1, S0 + 1501, C0 + 201, PSH | FIN | ACK, 31);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 0 PSH seq 1 ack 1 win 4 ttl 64 opt 0 n 0",
                      "5 1 seq 1 ack 1 win 5 ttl 57 opt 0 n 0",
                      "6 1 PSH seq 1 ack 1 win 6 ttl 57 opt 0 n 12",
                      "7 0 seq 1 ack 13 win 7 ttl 64 opt 0 n 0",
                      "8 1 PSH seq 1 ack 1 win 8 ttl 57 opt 0 n 12",
                      "9 1 seq 12 ack 1 win 9 ttl 57 opt 0 n 0",
                      "10 1 FIN PSH seq 13 ack 1 win 10 ttl 57 opt 0 n 0",
                      NULL,
                  });
    end(&wire);
}

/* Out of order: what waited stands where it came. What never came leaves a hole, with a comment; one at the end,
 * too. */
static void test_holes(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_segment(&wire, 1, S0 + 7, C0 + 1, PSH | ACK, 6);
    send_segment(&wire, 1, S0 + 1, C0 + 1, ACK, 6);
    say(&wire, 1, "* OK r");
    say(&wire, 1, "eady\r\n");
    send_segment(&wire, 0, C0 + 31, S0 + 13, PSH | ACK, 8);
    imapid_rebuild_add_gap(wire.rebuild, 0, wire.number, 30);
    say(&wire, 0, "b NOOP\r\n");
    imapid_rebuild_add_gap(wire.rebuild, 1, wire.number, 0);
    send_segment(&wire, 1, S0 + 99, C0 + 39, FIN | ACK, 0);
    send_segment(&wire, 0, C0 + 39, S0 + 100, ACK, 0);
    expect(&wire,
           (const char *const[]){
               "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
               "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
               "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
               "4 1 PSH seq 7 ack 1 win 4 ttl 57 opt 0 n 6",
               "5 1 seq 1 ack 1 win 5 ttl 57 opt 0 n 6",
               "6 0 PSH seq 31 ack 13 win 6 ttl 64 opt 0 n 8 # 30 octets are missing before these",
               "7 1 FIN seq 65549 ack 39 win 7 ttl 57 opt 0 n 0",
               "8 0 seq 39 ack 65550 win 8 ttl 64 opt 0 n 0",
               NULL,
           });
    g_assert_cmpstr(wire.all->str, ==, "eady\r\n* OK rb NOOP\r\n");
    end(&wire);
}

/* In TLS, whoever acknowledges what is missing has seen all of it. */
static void test_past_a_hole(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_segment(&wire, 0, C0 + 1, S0 + 1, PSH | ACK, 40);
    say(&wire, 0, "a NOOP\r\n");
    /* A segment of 40 octets was lost: nobody knows how many of the session. */
    send_segment(&wire, 1, S0 + 1, C0 + 81, PSH | ACK, 50);
    imapid_rebuild_add_gap(wire.rebuild, 0, wire.number, 0);
    say(&wire, 1, "a OK done\r\n");
    send_segment(&wire, 0, C0 + 81, S0 + 51, PSH | ACK, 40);
    say(&wire, 0, "c NOOP\r\n");
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 0 PSH seq 1 ack 1 win 4 ttl 64 opt 0 n 8",
                      "5 1 PSH seq 1 ack 65545 win 5 ttl 57 opt 0 n 11",
                      "6 0 PSH seq 65545 ack 12 win 6 ttl 64 opt 0 n 8 # octets are missing before "
                      "these, nobody "
                      "knows how many",
                      NULL,
                  });
    end(&wire);
}

/* In TLS nothing of a side was read: it is missing from its last segment on, not from its handshake on. */
static void test_lost_end(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_segment(&wire, 0, C0 + 1, S0 + 1, PSH | ACK, 40);
    send_segment(&wire, 1, S0 + 1, C0 + 41, PSH | ACK, 50);
    say(&wire, 1, "* OK ready\r\n");
    send_segment(&wire, 0, C0 + 41, S0 + 51, PSH | ACK, 30);
    imapid_rebuild_add_gap(wire.rebuild, 0, wire.number, 0);
    imapid_rebuild_add_gap(wire.rebuild, 0, wire.number, 0); /* the same one */
    send_segment(&wire, 1, S0 + 51, C0 + 71, ACK, 0);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 0 PSH seq 1 ack 1 win 4 ttl 64 opt 0 n 0",
                      "5 1 PSH seq 1 ack 1 win 5 ttl 57 opt 0 n 12",
                      "6 0 PSH seq 1 ack 13 win 6 ttl 64 opt 0 n 0",
                      "7 1 seq 13 ack 65537 win 7 ttl 57 opt 0 n 0",
                      NULL,
                  });
    end(&wire);
}

/* So it is where the first octets of a side are missing. */
static void test_past_a_hole_at_the_start(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_segment(&wire, 1, S0 + 1, C0 + 14, ACK, 0);
    imapid_rebuild_add_gap(wire.rebuild, 0, wire.number, 13);
    send_segment(&wire, 1, S0 + 1, C0 + 14, PSH | ACK, 11);
    say(&wire, 1, "a OK done\r\n");
    send_segment(&wire, 0, C0 + 14, S0 + 12, PSH | ACK, 8);
    say(&wire, 0, "c NOOP\r\n");
    expect(&wire,
           (const char *const[]){
               "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
               "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
               "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
               "4 1 seq 1 ack 14 win 4 ttl 57 opt 0 n 0",
               "5 1 PSH seq 1 ack 14 win 5 ttl 57 opt 0 n 11",
               "6 0 PSH seq 14 ack 12 win 6 ttl 64 opt 0 n 8 # 13 octets are missing before these",
               NULL,
           });
    end(&wire);
}

/* The last octets of a packet were not captured: the end stands where it stood. */
static void test_cut(void)
{
    struct wire wire = begin();

    shake_hands(&wire);
    send_cut(&wire, 1, S0 + 1, C0 + 1, FIN | PSH | ACK, 7, 5);
    say(&wire, 1, "* OK re");
    imapid_rebuild_add_gap(wire.rebuild, 1, wire.number, 5);
    send_segment(&wire, 0, C0 + 1, S0 + 14, ACK, 0);
    send_segment(&wire, 1, S0 + 14, C0 + 1, RST, 0);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 1 PSH seq 1 ack 1 win 4 ttl 57 opt 0 n 7",
                      "4 1 FIN seq 13 ack 1 win 4 ttl 57 opt 0 n 0",
                      "5 0 seq 1 ack 14 win 5 ttl 64 opt 0 n 0",
                      "6 1 RST seq 14 ack 0 win 6 ttl 57 opt 0 n 0",
                      NULL,
                  });
    end(&wire);
}

/* Octets that no segment of theirs brought, and more than a packet holds. */
static void test_odd(void)
{
    struct wire wire = begin();
    char *message = g_strnfill(70000, 'x');

    shake_hands(&wire);
    say(&wire, 1, "* OK\r\n");
    send_segment(&wire, 0, C0 + 1, S0 + 1, FIN | PSH | ACK, 9);
    say(&wire, 0, message);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "3 1 PSH seq 1 ack 1 win 2 ttl 57 opt 0 n 6",
                      "4 0 seq 1 ack 1 win 4 ttl 64 opt 0 n 60000",
                      "4 0 FIN PSH seq 60001 ack 1 win 4 ttl 64 opt 0 n 10000",
                      NULL,
                  });
    g_free(message);
    end(&wire);
    wire = begin(); /* nothing at all, and octets without a segment */
    write_all(&wire);
    say(&wire, 0, "a");
    write_all(&wire);
    g_assert_cmpuint(wire.lines->len, ==, 0);
    end(&wire);
}

/* What the client said last is left out, and what came behind that: it is missing, and acknowledged as such. */
static void test_left_end(void)
{
    struct wire wire = begin();

    g_assert_false(imapid_rebuild_leave_end(wire.rebuild, 0));
    shake_hands(&wire);
    send_segment(&wire, 1, S0 + 1, C0 + 1, PSH | ACK, 12);
    say(&wire, 1, "* OK ready\r\n");
    send_segment(&wire, 0, C0 + 1, S0 + 13, PSH | ACK, 10);
    say(&wire, 0, "a LOGOUT\r\n");
    send_segment(&wire, 1, S0 + 13, C0 + 11, PSH | ACK, 5);
    say(&wire, 1, "* BYE");
    send_segment(&wire, 1, S0 + 18, C0 + 11, PSH | FIN | ACK, 2);
    say(&wire, 1, "\r\n");
    send_segment(&wire, 0, C0 + 11, S0 + 21, FIN | ACK, 0);
    g_assert_true(imapid_rebuild_leave_end(wire.rebuild, 0));
#define LEFT " octets of this segment were left out, behind some that could not be decrypted"
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 1 PSH seq 1 ack 1 win 4 ttl 57 opt 0 n 12",
                      "5 0 PSH seq 1 ack 13 win 5 ttl 64 opt 0 n 0 # 10" LEFT,
                      "6 1 PSH seq 13 ack 11 win 6 ttl 57 opt 0 n 0 # 5" LEFT,
                      "7 1 FIN PSH seq 20 ack 11 win 7 ttl 57 opt 0 n 0 # 2" LEFT,
                      "8 0 FIN seq 11 ack 21 win 8 ttl 64 opt 0 n 0",
                      NULL,
                  });
#undef LEFT
    g_assert_cmpstr(wire.all->str, ==, "* OK ready\r\n");
    end(&wire);
}

static void test_scrub(void)
{
    struct imapid_pseudonyms *pseudonyms = imapid_pseudonyms_new(NULL, &(char *){NULL});
    struct wire wire = begin();
    struct imapid_scrub_result result;

    shake_hands(&wire);
    send_segment(&wire, 1, S0 + 1, C0 + 1, PSH | ACK, 12);
    say(&wire, 1, "* OK ready\r\n");
    send_segment(&wire, 0, C0 + 1, S0 + 13, PSH | ACK, 32);
    say(&wire, 0, "a LOGIN Hohenfels Qx7vbTruhe99\r\n");
    result = imapid_rebuild_scrub(wire.rebuild, pseudonyms, 0, true, IMAPID_SECURITY_NONE, 1 << 20);
    g_assert_cmpint(result.status, ==, IMAPID_SCRUB_DONE);
    write_all(&wire);
    g_assert_nonnull(strstr(wire.all->str, "* OK ready\r\na LOGIN "));
    g_assert_null(strstr(wire.all->str, "Hohenfels"));
    g_assert_null(strstr(wire.all->str, "Truhe"));
    end(&wire);
    imapid_pseudonyms_free(pseudonyms);
}

/* DEFLATE that breaks is DEFLATE again as far as it was read; the rest is none, and as long as it was. */
static void test_deflate(void)
{
    struct wire wire = begin();
    char *message = NULL;
    struct imapid_pseudonyms *pseudonyms = imapid_pseudonyms_new(NULL, &message);
    static const char plain[] = "a COMPRESS DEFLATE\r\na OK go\r\n";
    static const uint8_t stored[] = {0, 8, 0, 0xf7, 0xff}, broken[] = {6, 6, 6, 6, 6};

    g_assert_nonnull(pseudonyms);
    shake_hands(&wire);
    send_segment(&wire, 1, S0 + 1, C0 + 1, PSH | ACK, 12);
    say(&wire, 1, "* OK ready\r\n");
    send_segment(&wire, 0, C0 + 1, S0 + 13, PSH | ACK, 20);
    say(&wire, 0, "a COMPRESS DEFLATE\r\n");
    send_segment(&wire, 1, S0 + 13, C0 + 21, PSH | ACK, 9);
    say(&wire, 1, "a OK go\r\n");
    imapid_rebuild_begin_deflate(wire.rebuild);
    send_segment(&wire, 0, C0 + 21, S0 + 22, PSH | ACK, 7);
    say(&wire, 0, "b NOOP\r\n");
    send_segment(&wire, 1, S0 + 22, C0 + 28, PSH | ACK, 5);
    imapid_rebuild_add_broken(wire.rebuild, 1, wire.number, 5);
    imapid_rebuild_add_gap(wire.rebuild, 1, wire.number, 0); /* no other one than that */
    send_segment(&wire, 0, C0 + 28, S0 + 27, FIN | ACK, 0);
    g_assert_cmpint(
        imapid_rebuild_scrub(wire.rebuild, pseudonyms, 0, true, IMAPID_SECURITY_NONE, 1 << 20)
            .status,
        ==, IMAPID_SCRUB_DONE);
    expect(&wire, (const char *const[]){
                      "1 0 SYN seq 0 ack 0 win 1 ttl 64 opt 8 n 0 # masked",
                      "2 1 SYN seq 0 ack 1 win 2 ttl 57 opt 8 n 0",
                      "3 0 seq 1 ack 1 win 3 ttl 64 opt 0 n 0",
                      "4 1 PSH seq 1 ack 1 win 4 ttl 57 opt 0 n 12",
                      "5 0 PSH seq 1 ack 13 win 5 ttl 64 opt 0 n 20",
                      "6 1 PSH seq 13 ack 21 win 6 ttl 57 opt 0 n 9",
                      "7 0 PSH seq 21 ack 22 win 7 ttl 64 opt 0 n 13",
                      "8 1 PSH seq 22 ack 34 win 8 ttl 57 opt 0 n 5 # these octets should have "
                      "been DEFLATE, could not be "
                      "read, and were left out",
                      "9 0 FIN seq 34 ack 27 win 9 ttl 64 opt 0 n 0",
                      NULL,
                  });
    g_assert_cmpmem(wire.all->str + 12, sizeof plain - 1, plain, sizeof plain - 1);
    g_assert_cmpmem(wire.all->str + 41, sizeof stored, stored, sizeof stored);
    g_assert_cmpmem(wire.all->str + wire.all->len - 5, 5, broken, sizeof broken);
    end(&wire);
    imapid_pseudonyms_free(pseudonyms);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rebuild/clear", test_clear);
    g_test_add_func("/rebuild/far", test_far);
    g_test_add_func("/rebuild/inside-tls", test_inside_tls);
    g_test_add_func("/rebuild/holes", test_holes);
    g_test_add_func("/rebuild/past-a-hole", test_past_a_hole);
    g_test_add_func("/rebuild/lost-end", test_lost_end);
    g_test_add_func("/rebuild/past-a-hole-at-the-start", test_past_a_hole_at_the_start);
    g_test_add_func("/rebuild/cut", test_cut);
    g_test_add_func("/rebuild/odd", test_odd);
    g_test_add_func("/rebuild/left-end", test_left_end);
    g_test_add_func("/rebuild/scrub", test_scrub);
    g_test_add_func("/rebuild/deflate", test_deflate);
    return g_test_run();
}
