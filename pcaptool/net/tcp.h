/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_H
#define IMAPID_NET_TCP_H

#include "capture/ahead.h"
#include "net/conn.h"

/* TCP segments in the order they were captured -> the octets of each connection, in order.
 *
 * What comes out: the octets of either direction in sequence, each once, the first copy seen of it
 * winning; where octets never came, a gap. Between the directions causes come before effects: what
 * acknowledges octets of the peer comes after them, also where the capture has it the other way
 * round. A wrong checksum is a doubt at most. */
struct imapid_tcp;

/* A segment that reaches as far as the flags is read. Wireshark, too, has a stream from there on. */
#define IMAPID_TCP_N_SHORTEST 16u

/* One segment; what imapid_ip hands over. */
struct imapid_segment {
    /* addresses in network order: 4 octets at source and at destination, or 16 */
    const uint8_t *source, *destination;
    uint8_t family;        /* 4 or 6 */
    uint8_t ttl;           /* or hop limit */
    bool has_checksum;     /* it was judged already: */
    uint8_t checksum;      /* enum imapid_checksum */
    const uint8_t *octets; /* from the TCP header on */
    /* Which VLANs and tunnels it came through, 0 if none: part of a connection's identity, as two
     * networks may use the same addresses. But one connection can be seen on several paths: in the
     * clear and tagged or in its tunnel, where a port is mirrored or `-i any` sees both ends of a
     * tunnel; with a tag or tunnel for each direction; over another tunnel from some moment on, as
     * telephones do. The sequence numbers tell, being random. So a segment on a path that is new
     * belongs to a connection with the same addresses
     *  - that has shown no segment of this direction yet;
     *  - if it is a SYN: whose initial sequence number it repeats, while that is not over: routed
     *    between two VLANs with both captured, a connection is one;
     *  - if it is none: where it is within a MiB of both directions.
     * Octets of one path never fill a hole of another: what comes on another path than those before
     * it in its direction is read if more comes there while nothing comes where it was.
     * Of connections that differ by the path alone the 16 newest are asked.
     * A SYN with a number of its own begins another connection beside one on another path.
     * Wireshark 4.0 knows no paths: it has one stream where two connections differ by them alone.
     */
    uint32_t path;
    unsigned n_hops;               /* of what the path is made */
    const struct imapid_hop *hops; /* good during the call */
    uint32_t n;                    /* octets captured */
    uint32_t n_wire;               /* octets there were by the lengths of the lower layers; >= n */
    struct imapid_stamp packet;
};

/* limits NULL: the default. The handler is copied. */
struct imapid_tcp *imapid_tcp_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits);

/* Who is told of each segment of a connection, wanted or not, and of ICMP errors about it, before anything that comes of
 * it: the packet, and the number of the stream. A SYN behind which another connection goes on is told of that one as well,
 * once it does. */
struct imapid_tcp_tap {
    void (*packet)(void *ctx, const struct imapid_stamp *packet, uint32_t stream);
    /* A segment alone, and its direction there. NULL: of no interest, each. */
    void (*segment)(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir);
    void *ctx;
};

/* The tap is copied. Before the first segment. */
void imapid_tcp_set_tap(struct imapid_tcp *tcp, const struct imapid_tcp_tap *tap);

/* Takes one segment; its octets are not needed afterwards, those that wait are copied. Callbacks come
 * from within. False: its header was cut, or cannot be one of TCP (RFC 9293 3.1). */
bool imapid_tcp_segment(struct imapid_tcp *tcp, const struct imapid_segment *segment);

/* Takes what an ICMP error says (see imapid_icmp_read()), from the address `from`. `quoted` is the segment that it is
 * about: the first eight octets of it are enough. It counts where it is near what its connection sent, so that whoever
 * sends one has to have seen that. */
void imapid_tcp_icmp(struct imapid_tcp *tcp, const struct imapid_icmp *says,
                     const struct imapid_segment *quoted, const uint8_t *from);

/* A number that the segments of a connection have in common, and no others, up to imapid_tcp_finish().
 * Any thread may ask for it, at any time. The segment has IMAPID_TCP_N_SHORTEST octets at least. */
uint64_t imapid_tcp_digest(const struct imapid_tcp *tcp, const struct imapid_segment *segment);

/* The same of IPv4 without a path, from the addresses, that of the source first, and the segment. */
uint64_t imapid_tcp_digest_ip4(const struct imapid_tcp *tcp, const uint8_t *addresses,
                               const uint8_t *octets);

/* Octets of the header of a segment, as it says. */
static inline uint32_t imapid_tcp_get_n_header(const uint8_t *octets)
{
    return (uint32_t)(octets[12] >> 4) * 4;
}

/* Whether a segment of so many octets can have its header. */
static inline bool imapid_tcp_has_header(const uint8_t *octets, uint32_t n_wire)
{
    uint32_t n_header = imapid_tcp_get_n_header(octets);
    return n_header >= 20 && n_header <= n_wire;
}

/* Whether a segment, of which n_wire octets there were and IMAPID_TCP_N_SHORTEST are here, may be passed by its
 * digest: it begins no connection, and its header is one. */
static inline bool imapid_tcp_is_passable(const uint8_t *octets, uint32_t n_wire)
{
    return imapid_tcp_has_header(octets, n_wire) && !(octets[13] & IMAPID_TCP_FLAG_SYN);
}

/* The next n segments, passable, by their digests, which are the marks' keys; 0: it has none. Their packets' numbers are
 * those of the marks and n_before more. Returns of how many of the first nothing can come, and they are counted;
 * the next one has to be taken. Callbacks of other connections come from within. */
size_t imapid_tcp_pass(struct imapid_tcp *tcp, const struct imapid_ahead_mark *marks, size_t n,
                       uint64_t n_before);

/* How many of the first imapid_tcp_pass() would pass now, if no other connection ended meanwhile. */
size_t imapid_tcp_may_pass(const struct imapid_tcp *tcp, const struct imapid_ahead_mark *marks,
                           size_t n);

/* The segment that begins at these octets will come with this packet number, some after the one that is due:
 * what is known of its connection is brought near. What is delivered does not depend on it. */
void imapid_tcp_foresee(struct imapid_tcp *tcp, uint64_t number, const uint8_t *octets,
                        uint64_t digest);

/* What follows is another capture, written behind this one: a connection that is over does not go on
 * there, even if one begins with the same sequence number. */
void imapid_tcp_begin_capture(struct imapid_tcp *tcp);

/* What follows is the next of the files that are pieces of one capture: imapid_conn.stream_in_file counts anew. */
void imapid_tcp_begin_piece(struct imapid_tcp *tcp);

/* From here on no connection begins: segments of those that are not known are passed over. One that begins behind a
 * known one, on the same addresses and ports, is followed, as the end of that one depends on it; its stream number is none of those before. */
void imapid_tcp_end_new(struct imapid_tcp *tcp);

/* Has any connection from before that not ended at this time, and may more come of it? Not where nothing came for longer than
 * keep-alives are apart, or than handshakes are tried. Looks at all that is open. */
bool imapid_tcp_has_open(const struct imapid_tcp *tcp, int64_t ts_ns);

/* Gives a connection up that the handler was told of and that has not ended: what waits is delivered
 * behind gaps, then it ends with IMAPID_TCP_LIMIT. Not from a callback. */
void imapid_tcp_give_up(struct imapid_tcp *tcp, const struct imapid_conn *conn);

/* The handler, which has freed what `user` held, wants no more of a connection that it was told of and that has not ended: as if it
 * had said so of its last octets. Not from a callback. */
void imapid_tcp_ignore(struct imapid_tcp *tcp, const struct imapid_conn *conn);

/* Octets that a connection takes here which the handler was told of and that has not ended, but for
 * what waits. */
size_t imapid_tcp_count_memory(void);

/* Nothing has come for long: connections that were closed end now. Not from a callback. */
void imapid_tcp_close(struct imapid_tcp *tcp);

/* The capture is over: what waits is delivered behind gaps, every wanted connection ends, in the
 * order of stream numbers. The object is then as new, but for its counts and stream numbers. */
void imapid_tcp_finish(struct imapid_tcp *tcp);

/* The counts so far. They go on; the pointer is good while the object is. */
const struct imapid_tcp_counts *imapid_tcp_get_counts(const struct imapid_tcp *tcp);

/* Without imapid_tcp_finish() before it nothing more is delivered and no end() comes. Its room is
 * kept for the next one of this thread. */
void imapid_tcp_free(struct imapid_tcp *tcp);

/* Gives back what this thread kept. The end of a thread does it too, but the end of the program
 * does not, and LeakSanitizer then searches all that room. */
void imapid_tcp_forget_room(void);

#endif
