/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rebuild.c: notes segments and octets as they come, and brings them together when all is known:
 *
 *     segments, octets -> runs (octets of one packet) -> marks (a place of TCP is a place of the session)
 *
 * Places of TCP count from the SYN, or from the first segment of a direction; those of the session from its
 * first octet, with what is missing in it.
 *
 * Refuses nothing: what does not fit is written where it came.
 *
 * Misuse: writing before it was masked. */
#include "scrub/rebuild.h"

#include "number.h"
#include "scrub/sealed.h"

#include <imapid/checksum.h>
#include <imapid/decide.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* Protocols of IP. */
enum { TCP = 6, ICMPV6 = 58 };

#define N_TCP     20u
#define N_IP      40u
#define N_OPTIONS 12u
#define N_QUOTE   1200u  /* octets that an ICMP error quotes: it has no more than 1,280 */
#define N_MOST    60000u /* octets of data in a packet: the length of IP has 16 bits */

/* Octets of memory of a connection that said nothing: most of them are its arrays'. */
#define N_EMPTY 1024u

/* Segments that are looked at for one that waited for others. */
#define N_BACK 64u

struct segment {
    struct imapid_stamp packet;
    int64_t raw, ack;   /* places of TCP: of this direction, and of the other one */
    uint32_t n, n_wire; /* octets of data, captured and sent */
    uint16_t window;
    uint16_t options; /* a place among all of them; 0: none */
    uint8_t dir, ttl, flags;
};

/* Those of a SYN: few segments have any. */
struct options {
    uint8_t n;
    uint8_t octets[N_OPTIONS];
};

enum kind {
    OCTETS,
    GAP,     /* octets are missing */
    SEALED,  /* octets of TLS */
    TORN,    /* such are missing */
    PROXY,   /* octets of a header, before those of the session */
    DEFLATE, /* begins here, in both directions */
    BROKEN,  /* octets that should be DEFLATE */
    CLOSED,  /* octets of a security layer of SASL */
    LEFT,    /* octets that were left out, behind all others of their direction */
};

struct event {
    uint64_t number, n;
    uint8_t dir;
    enum kind kind;
};

/* A session has as many as packets: what one more octet costs is to be seen here. */
G_STATIC_ASSERT(sizeof(struct segment) == 48 && sizeof(struct event) == 24);

struct imapid_rebuild {
    GArray *segments, *events, *options;
    GByteArray *octets[2]; /* those of TLS stand behind the session's */
    bool is_sealed;        /* there are some of TLS, and nothing came out of it */
    bool is_torn[2];       /* some of those of a direction are missing */
    bool is_opened;        /* TLS is gone */
    bool is_deflate;       /* both sides speak it */
    bool is_broken[2];     /* nothing more comes out of that of a direction: it is none */
    bool is_closed[2];     /* nor out of its security layer of SASL */
    bool is_lost;          /* or octets of it are missing */
    bool has_open_end[2];  /* what came last of a direction is a hole that may be of any length */
    bool has_base[2];
    uint32_t base[2];  /* the sequence number of place 0 */
    int64_t latest[2]; /* the place that was met last: numbers wrap */
};

struct imapid_rebuild *imapid_rebuild_new(void)
{
    struct imapid_rebuild *rebuild = g_new0(struct imapid_rebuild, 1);

    rebuild->segments = g_array_new(FALSE, FALSE, sizeof(struct segment));
    rebuild->events = g_array_new(FALSE, FALSE, sizeof(struct event));
    rebuild->options = g_array_new(FALSE, TRUE, sizeof(struct options));
    g_array_set_size(rebuild->options, 1); /* none */
    for (int dir = 0; dir < 2; dir++)
        rebuild->octets[dir] = g_byte_array_sized_new(64); /* one that is empty has a place, too */
    return rebuild;
}

void imapid_rebuild_free(struct imapid_rebuild *rebuild)
{
    if (!rebuild)
        return;
    g_array_free(rebuild->segments, TRUE);
    g_array_free(rebuild->events, TRUE);
    g_array_free(rebuild->options, TRUE);
    for (int dir = 0; dir < 2; dir++)
        g_byte_array_unref(rebuild->octets[dir]);
    g_free(rebuild);
}

bool imapid_rebuild_has_data(const struct imapid_rebuild *rebuild)
{
    for (guint i = 0; i < rebuild->segments->len; i++)
        if (g_array_index(rebuild->segments, struct segment, i).n_wire)
            return true;
    return false;
}

/* An array doubles when it grows. */
size_t imapid_rebuild_count_memory(const struct imapid_rebuild *rebuild)
{
    return N_EMPTY + 2 * (rebuild->segments->len * sizeof(struct segment) +
                          rebuild->events->len * sizeof(struct event) +
                          rebuild->options->len * sizeof(struct options) + rebuild->octets[0]->len +
                          rebuild->octets[1]->len);
}

/* ---- what comes ---- */

/* A number that is farther off is somebody else's: what comes behind it is not nearest to that. */
#define N_NEAR (INT32_C(1) << 30)

static int64_t get_place(struct imapid_rebuild *rebuild, int dir, uint32_t seq)
{
    if (!rebuild->has_base[dir]) {
        rebuild->has_base[dir] = true;
        rebuild->base[dir] = seq;
    }
    /* The number nearest to the latest. */
    int64_t latest = rebuild->latest[dir],
            place = latest + (int32_t)(seq - rebuild->base[dir] - (uint32_t)(uint64_t)latest);
    if (place - latest < N_NEAR && latest - place < N_NEAR)
        rebuild->latest[dir] = place;
    return place;
}

/* MSS, window scale, SACK permitted, and nothing else. */
static void take_options(struct imapid_rebuild *rebuild, struct segment *segment,
                         const uint8_t *octets, size_t n)
{
    struct options options = {.n = 0};

    for (size_t at = 0, n_option; at < n && octets[at]; at += n_option) {
        uint8_t kind = octets[at];

        n_option = kind == 1 ? 1 : at + 1 < n ? octets[at + 1] : 0;
        if (!n_option || at + n_option > n)
            break;
        if ((kind == 2 && n_option == 4) || (kind == 3 && n_option == 3) ||
            (kind == 4 && n_option == 2)) {
            if (options.n + n_option > N_OPTIONS)
                break;
            memcpy(options.octets + options.n, octets + at, n_option);
            options.n = (uint8_t)(options.n + n_option);
        }
    }
    while (options.n % 4)
        options.octets[options.n++] = 1;
    if (!options.n || rebuild->options->len > UINT16_MAX)
        return;
    segment->options = (uint16_t)rebuild->options->len;
    g_array_append_val(rebuild->options, options);
}

void imapid_rebuild_add_segment(struct imapid_rebuild *rebuild, int dir,
                                const struct imapid_stamp *packet, uint8_t ttl,
                                const uint8_t *octets, uint32_t n, uint32_t n_wire)
{
    uint32_t n_header = (octets[12] >> 4) * 4u;
    struct segment segment = {
        .packet = *packet,
        .window = imapid_number_be16(octets + 14),
        .dir = (uint8_t)dir,
        .ttl = ttl,
        .flags = octets[13],
    };

    if (n_header < N_TCP || n_header > n_wire)
        n_header = n_wire; /* its data cannot be told */
    segment.n_wire = n_wire - n_header;
    segment.n = n > n_header ? n - n_header : 0;
    segment.raw = get_place(rebuild, dir, imapid_number_be32(octets + 4));
    if (segment.flags & ACK)
        segment.ack = get_place(rebuild, !dir, imapid_number_be32(octets + 8));
    if (segment.flags & SYN) {
        if (n > N_TCP && n_header > N_TCP)
            take_options(rebuild, &segment, octets + N_TCP, MIN(n, n_header) - N_TCP);
        if (segment.n_wire) /* behind the SYN, which has a place of its own */
            segment.raw++;
    }
    g_array_append_val(rebuild->segments, segment);
}

/* From the first of them on; what is missing stays so. */
static void drop_sealed(struct imapid_rebuild *rebuild)
{
    GArray *events = rebuild->events;
    guint n_kept = 0;

    for (guint i = 0; i < events->len; i++) {
        const struct event *event = &g_array_index(events, struct event, i);

        if (event->kind == SEALED)
            g_byte_array_set_size(rebuild->octets[event->dir],
                                  rebuild->octets[event->dir]->len - (guint)event->n);
        else if (event->kind != TORN)
            g_array_index(events, struct event, n_kept++) = *event;
    }
    g_array_set_size(events, n_kept);
    rebuild->is_sealed = false;
    rebuild->is_opened = true;
}

void imapid_rebuild_add_sealed(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                               const uint8_t *octets, size_t n)
{
    struct event event = {.number = number, .n = n, .dir = (uint8_t)dir, .kind = SEALED};

    if (rebuild->is_opened)
        return;
    rebuild->is_sealed = true;
    if (octets) {
        g_byte_array_append(rebuild->octets[dir], octets, (guint)n);
    } else {
        rebuild->is_torn[dir] = true;
        event.kind = TORN;
        event.n = n ? n : IMAPID_REBUILD_UNKNOWN;
    }
    g_array_append_val(rebuild->events, event);
}

void imapid_rebuild_open(struct imapid_rebuild *rebuild)
{
    if (rebuild->is_sealed)
        drop_sealed(rebuild);
}

/* The octets of TLS of a direction, and of these those that came behind a packet. */
static size_t count_sealed(const struct imapid_rebuild *rebuild, int dir, uint64_t number,
                           size_t *n_behind)
{
    size_t n = 0;

    *n_behind = 0;
    for (guint i = 0; i < rebuild->events->len; i++) {
        const struct event *event = &g_array_index(rebuild->events, struct event, i);

        if (event->kind != SEALED || event->dir != dir)
            continue;
        n += event->n;
        *n_behind += event->number > number ? event->n : 0;
    }
    return n;
}

void imapid_rebuild_reveal_handshake(struct imapid_rebuild *rebuild, int dir, uint16_t version)
{
    GByteArray *octets = rebuild->octets[dir];
    size_t n_behind, n = count_sealed(rebuild, dir, 0, &n_behind);

    if (!rebuild->is_torn[dir])
        (void)imapid_sealed_reveal_handshake(octets->data + octets->len - n, n, version);
}

void imapid_rebuild_reveal_alert(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                                 uint16_t version, uint8_t alert)
{
    GByteArray *octets = rebuild->octets[dir];
    size_t n_behind, n = count_sealed(rebuild, dir, number, &n_behind);

    if (n > n_behind && !rebuild->is_torn[dir])
        imapid_sealed_reveal_alert(octets->data + octets->len - n, n, n_behind, version, alert);
}

bool imapid_rebuild_keep_sealed(struct imapid_rebuild *rebuild)
{
    GArray *events = rebuild->events;
    bool is_behind = false;
    guint n_kept = 0;

    if (!rebuild->is_sealed)
        return false;
    /* What TLS did not give is not missing. */
    for (guint i = 0; i < events->len; i++) {
        struct event event = g_array_index(events, struct event, i);
        bool is_sealed = event.kind == SEALED || event.kind == TORN;

        is_behind |= is_sealed;
        if (!is_behind || is_sealed)
            g_array_index(events, struct event, n_kept++) = event;
    }
    g_array_set_size(events, n_kept);
    return true;
}

void imapid_rebuild_add_octets(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                               const uint8_t *octets, size_t n)
{
    struct event event = {.number = number, .n = n, .dir = (uint8_t)dir};

    if (!n)
        return;
    if (rebuild->is_sealed)
        drop_sealed(rebuild);
    rebuild->has_open_end[dir] = false;
    g_byte_array_append(rebuild->octets[dir], octets, (guint)n);
    g_array_append_val(rebuild->events, event);
}

void imapid_rebuild_add_proxy(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                              const uint8_t *octets, size_t n)
{
    struct event event = {.number = number, .n = n, .dir = (uint8_t)dir, .kind = PROXY};

    g_byte_array_append(rebuild->octets[dir], octets, (guint)n);
    g_array_append_val(rebuild->events, event);
}

void imapid_rebuild_begin_deflate(struct imapid_rebuild *rebuild)
{
    struct event event = {.kind = DEFLATE};

    rebuild->is_deflate = true;
    g_array_append_val(rebuild->events, event);
}

/* A block of the kind that there is not (RFC 1951 3.2.3). */
#define BAD_BLOCK 6

void imapid_rebuild_add_broken(struct imapid_rebuild *rebuild, int dir, uint64_t number, size_t n)
{
    enum kind kind = rebuild->is_deflate ? BROKEN : CLOSED;
    struct event event = {.number = number, .n = n, .dir = (uint8_t)dir, .kind = kind};
    GByteArray *octets = rebuild->octets[dir];
    guint at = octets->len;

    if (!n)
        return;
    if (rebuild->is_sealed) {
        drop_sealed(rebuild);
        at = octets->len;
    }
    g_byte_array_set_size(octets, at + (guint)n);
    memset(octets->data + at, kind == BROKEN ? BAD_BLOCK : 0, n);
    rebuild->is_broken[dir] |= kind == BROKEN;
    rebuild->is_closed[dir] |= kind == CLOSED;
    g_array_append_val(rebuild->events, event);
}

void imapid_rebuild_take_back(struct imapid_rebuild *rebuild, int dir, size_t n)
{
    n = MIN(n, rebuild->octets[dir]->len);
    g_byte_array_set_size(rebuild->octets[dir], rebuild->octets[dir]->len - (guint)n);
    for (guint i = rebuild->events->len; n && i--;) {
        struct event *event = &g_array_index(rebuild->events, struct event, i);
        size_t n_taken =
            event->dir == dir && event->kind != GAP && event->kind != TORN ? MIN(n, event->n) : 0;

        event->n -= n_taken;
        n -= n_taken;
    }
}

void imapid_rebuild_add_gap(struct imapid_rebuild *rebuild, int dir, uint64_t number, uint64_t n)
{
    struct event event = {
        .number = number,
        .n = n ? n : IMAPID_REBUILD_UNKNOWN,
        .dir = (uint8_t)dir,
        .kind = GAP,
    };

    if (rebuild->is_broken[dir] || rebuild->is_closed[dir] || (!n && rebuild->has_open_end[dir]))
        return;
    rebuild->has_open_end[dir] = !n;
    rebuild->is_lost |= rebuild->is_deflate;
    g_array_append_val(rebuild->events, event);
}

/* Octets of the session? */
static bool is_said(const struct event *event, int dir)
{
    return event->kind == OCTETS && event->dir == dir && event->n;
}

/* Is there DEFLATE that could not be read to its end? */
static bool keeps_deflate(const struct imapid_rebuild *rebuild)
{
    return rebuild->is_broken[0] || rebuild->is_broken[1] || rebuild->is_lost;
}

bool imapid_rebuild_leave_end(struct imapid_rebuild *rebuild, int dir)
{
    GArray *events = rebuild->events;
    guint first = events->len;

    while (first && !is_said(&g_array_index(events, struct event, first - 1), dir))
        first--;
    if (!first || keeps_deflate(rebuild) || rebuild->is_closed[0] || rebuild->is_closed[1] ||
        rebuild->is_sealed)
        return false;
    for (guint i = first - 1; i < events->len; i++) {
        struct event *event = &g_array_index(events, struct event, i);

        if (event->kind == OCTETS)
            event->kind = LEFT;
    }
    return true;
}

/* ---- DEFLATE ---- */

/* Blocks that are stored: octets behind a header with their number, and its complement. Returns the octets of all. */
static uint64_t store(GByteArray *to, const uint8_t *octets, uint64_t n)
{
    uint64_t n_before = to->len;

    while (n) {
        uint16_t n_block = (uint16_t)MIN(n, UINT16_MAX);
        uint8_t header[5] = {0, n_block & 0xff, n_block >> 8, ~n_block & 0xff,
                             (~n_block >> 8) & 0xff};

        g_byte_array_append(to, header, sizeof header);
        g_byte_array_append(to, octets, n_block);
        octets += n_block;
        n -= n_block;
    }
    return to->len - n_before;
}

/* What came out of DEFLATE goes into it again. */
static void deflate(struct imapid_rebuild *rebuild)
{
    GByteArray *to[2] = {g_byte_array_sized_new(64), g_byte_array_sized_new(64)};
    size_t at[2] = {0, 0};
    bool is_deflate = false;

    for (guint i = 0; i < rebuild->events->len; i++) {
        struct event *event = &g_array_index(rebuild->events, struct event, i);
        int dir = event->dir;
        uint64_t n = event->n;
        const uint8_t *octets = rebuild->octets[dir]->data + at[dir];

        is_deflate |= event->kind == DEFLATE;
        if (event->kind == GAP || event->kind == TORN)
            continue;
        if (event->kind == OCTETS && is_deflate)
            event->n = store(to[dir], octets, n);
        else
            g_byte_array_append(to[dir], octets, (guint)n);
        at[dir] += n;
    }
    for (int dir = 0; dir < 2; dir++) {
        g_byte_array_unref(rebuild->octets[dir]);
        rebuild->octets[dir] = to[dir];
    }
}

/* ---- masking ---- */

/* The octets of TLS of a direction, from that place on; between two gaps they are one. */
static void mask_sealed(struct imapid_rebuild *rebuild, const struct imapid_mask *mask, int dir,
                        size_t at)
{
    uint8_t *octets = rebuild->octets[dir]->data;
    size_t n = 0, n_rest = 0;
    bool is_behind = false;

    for (guint i = 0; i <= rebuild->events->len; i++) {
        struct event end = {.dir = (uint8_t)dir, .kind = TORN};
        const struct event *event =
            i < rebuild->events->len ? &g_array_index(rebuild->events, struct event, i) : &end;

        if (event->dir != dir || (event->kind != SEALED && event->kind != TORN))
            continue;
        if (event->kind == SEALED) {
            n += event->n;
            continue;
        }
        if (n && is_behind)
            imapid_sealed_mask_behind(mask, octets + at, n, n_rest);
        else if (n)
            imapid_sealed_mask(mask, octets + at, n);
        n_rest =
            n_rest > n ? n_rest - n : imapid_sealed_measure_rest(octets + at + n_rest, n - n_rest);
        n_rest = n_rest > event->n ? n_rest - event->n : 0;
        is_behind = true;
        at += n;
        n = 0;
    }
}

struct imapid_scrub_result imapid_rebuild_scrub(struct imapid_rebuild *rebuild,
                                                const struct imapid_pseudonyms *pseudonyms,
                                                int client, bool from_start,
                                                enum imapid_security security, size_t budget)
{
    struct imapid_scrub_piece *pieces = g_new(struct imapid_scrub_piece, rebuild->events->len + 1);
    struct imapid_scrub_session session = {
        .pieces = pieces,
        .from_start = from_start,
        .security = security,
        .is_tls_kept = !rebuild->is_opened,
        .is_deflate_kept = keeps_deflate(rebuild),
    };
    struct imapid_mask mask = imapid_mask_new(pseudonyms);
    struct imapid_scrub_result result;
    size_t at[2] = {0, 0};

    for (guint i = 0; i < rebuild->events->len; i++) {
        const struct event *event = &g_array_index(rebuild->events, struct event, i);

        if (event->kind == SEALED || event->kind == TORN || event->kind == DEFLATE)
            continue;
        if (event->kind == PROXY) {
            imapid_sealed_mask_proxy(&mask, rebuild->octets[event->dir]->data + at[event->dir],
                                     event->n);
            at[event->dir] += event->n;
            continue;
        }
        pieces[session.n_pieces++] = (struct imapid_scrub_piece){
            .side = event->dir == client ? IMAPID_CLIENT : IMAPID_SERVER,
            .is_gap = event->kind != OCTETS,
            .octets = rebuild->octets[event->dir]->data + at[event->dir],
            .n = event->kind == BROKEN || event->kind == CLOSED ? 0 : event->n,
        };
        at[event->dir] += event->kind == GAP ? 0 : event->n;
    }
    result = imapid_scrub(pseudonyms, &session, budget);
    for (int dir = 0; dir < 2; dir++)
        mask_sealed(rebuild, &mask, dir, at[dir]); /* those that are left are of TLS */
    if (keeps_deflate(rebuild))
        deflate(rebuild);
    g_free(pieces);
    return result;
}

/* ---- runs and marks ---- */

/* Octets that one packet carries. */
struct run {
    guint segment, order;
    int dir;
    bool is_broken;         /* some of them are no DEFLATE */
    bool is_closed;         /* or of a security layer of SASL */
    uint64_t place, n_lost; /* that are missing before it */
    uint64_t n_left;        /* that were left out; then it has none */
    uint32_t n_cut; /* that the capture has cut off behind them, with nothing behind these */
    size_t at, n;   /* in the octets of its direction */
};

/* A place of TCP is this place of the session; and so on for `n` octets. */
struct mark {
    int64_t raw;
    uint64_t place;
    uint32_t n;
    bool
        is_end; /* of a segment: if the next one begins at another place, octets are missing here */
};

/* Octets without a gap between them. */
struct extent {
    uint64_t place, n;
    size_t at;
};

struct plan {
    const struct imapid_rebuild *rebuild;
    GArray *runs;
    GArray *marks[2];
    bool has_segments[2], has_syn[2];
    GArray *extents[2];
    uint64_t end[2]; /* the place behind all octets, and what is missing behind them */
    int64_t fin[2];  /* the place of TCP of the last FIN; INT64_MAX: none */
    const struct segment **latest; /* by direction, while packets are written */
    uint32_t isn[2];
    const struct imapid_endpoint *endpoint;
    const struct imapid_rebuild_out *out;
    const char *comment; /* for the next packet; NULL */
    GByteArray *packet;
    GByteArray *quotes[2]; /* the last packet of each direction, as an ICMP error quotes it */
};

static const struct segment *get_segment(const struct imapid_rebuild *rebuild, guint i)
{
    return &g_array_index(rebuild->segments, struct segment, i);
}

/* The number of segments up to those of this packet, or before. */
static guint find_behind(const struct imapid_rebuild *rebuild, uint64_t number)
{
    guint from = 0, to = rebuild->segments->len;

    while (from < to) {
        guint middle = from + (to - from) / 2;

        if (get_segment(rebuild, middle)->packet.number <= number)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The segment that octets came with: the packet's own; else one that waited for it, and begins where the last one of
 * its direction ended; else the packet's. */
static guint find_segment(const struct imapid_rebuild *rebuild, const bool *is_taken,
                          const struct event *event, int64_t expected)
{
    guint behind = find_behind(rebuild, event->number), own = rebuild->segments->len;

    for (guint i = behind; i-- && get_segment(rebuild, i)->packet.number == event->number;)
        if (get_segment(rebuild, i)->dir == event->dir && get_segment(rebuild, i)->n)
            own = i;
    if (own < rebuild->segments->len && !is_taken[own])
        return own;
    for (guint i = behind; i && behind - i < N_BACK; i--) {
        const struct segment *segment = get_segment(rebuild, i - 1);

        if (segment->dir == event->dir && segment->n && !is_taken[i - 1] &&
            segment->raw == expected)
            return i - 1;
    }
    return own < rebuild->segments->len ? own : behind ? behind - 1 : 0;
}

static gint compare_marks(gconstpointer a, gconstpointer b)
{
    const struct mark *x = a, *y = b;

    return x->raw != y->raw ? (x->raw > y->raw) - (x->raw < y->raw)
                            : (x->place > y->place) - (x->place < y->place);
}

static gint compare_runs(gconstpointer a, gconstpointer b)
{
    const struct run *x = a, *y = b;

    return x->segment != y->segment ? (x->segment > y->segment) - (x->segment < y->segment)
                                    : (x->order > y->order) - (x->order < y->order);
}

static void add_run(struct plan *plan, const struct run *run)
{
    struct run *last =
        plan->runs->len ? &g_array_index(plan->runs, struct run, plan->runs->len - 1) : NULL;

    if (last && last->segment == run->segment && last->dir == run->dir && !run->n_lost &&
        !last->n_left == !run->n_left) {
        last->n += run->n;
        last->n_left += run->n_left;
        last->is_broken |= run->is_broken;
        last->is_closed |= run->is_closed;
    } else {
        g_array_append_vals(plan->runs, run, 1);
    }
}

static void add_extent(GArray *extents, const struct run *run)
{
    struct extent *last =
        extents->len ? &g_array_index(extents, struct extent, extents->len - 1) : NULL;

    if (last && !run->n_lost) {
        last->n += run->n;
    } else {
        struct extent extent = {run->place, run->n, run->at};

        g_array_append_val(extents, extent);
    }
}

/* What is missing at the end of a direction is missing behind all that came out of it: from its next segment on. Where nothing
 * did, only its last one is known not to be of a handshake. Who acknowledges what came before has not seen the hole. */
static void mark_end(struct plan *plan, int dir, uint64_t place)
{
    struct mark mark = {INT64_MIN, place, 0, .is_end = true};
    int64_t end = INT64_MIN;

    for (guint i = 0; i < plan->runs->len; i++) {
        const struct segment *segment =
            get_segment(plan->rebuild, g_array_index(plan->runs, struct run, i).segment);

        if (segment->dir == dir)
            end = MAX(end, segment->raw + segment->n_wire);
    }
    for (guint i = 0; i < plan->rebuild->segments->len; i++) {
        const struct segment *segment = get_segment(plan->rebuild, i);
        bool is_behind = segment->dir == dir && segment->n && segment->raw >= end;

        if (is_behind && (mark.raw == INT64_MIN || (segment->raw > mark.raw) == (end == INT64_MIN)))
            mark.raw = segment->raw;
    }
    if (mark.raw != INT64_MIN)
        g_array_append_val(plan->marks[dir], mark);
}

/* So many octets are missing behind all others of a direction: those that the capture has cut off the last segment are told
 * as such, as nothing else may. Before runs are sorted. */
static void cut_last(struct plan *plan, int dir, uint64_t n)
{
    for (guint i = plan->runs->len; i--;) {
        struct run *run = &g_array_index(plan->runs, struct run, i);
        const struct segment *segment = get_segment(plan->rebuild, run->segment);

        if (run->dir != dir)
            continue;
        if (segment->dir == dir && run->n == segment->n)
            run->n_cut = (uint32_t)MIN(n, segment->n_wire - segment->n);
        return;
    }
}

static void make_runs(struct plan *plan)
{
    const struct imapid_rebuild *rebuild = plan->rebuild;
    bool *is_taken = g_new0(bool, rebuild->segments->len);
    int64_t expected[2] = {INT64_MIN, INT64_MIN};
    uint64_t n_lost[2] = {0, 0};
    size_t at[2] = {0, 0};

    for (guint i = 0; i < rebuild->events->len; i++) {
        const struct event *event = &g_array_index(rebuild->events, struct event, i);
        int dir = event->dir;
        struct run run = {.order = i,
                          .dir = dir,
                          .place = plan->end[dir],
                          .at = at[dir],
                          .n = event->n,
                          .is_broken = event->kind == BROKEN,
                          .is_closed = event->kind == CLOSED};
        const struct segment *segment;

        plan->end[dir] += event->n;
        if (event->kind == GAP || event->kind == TORN) {
            n_lost[dir] += event->n;
            expected[dir] = INT64_MIN;
        } else if (event->n) {
            run.n_lost = n_lost[dir];
            n_lost[dir] = 0;
            at[dir] += event->n;
            if (event->kind == LEFT) {
                run.n_left = run.n;
                run.n = 0;
            }
            run.segment = find_segment(rebuild, is_taken, event, expected[dir]);
            segment = get_segment(rebuild, run.segment);
            if (segment->dir == dir) {
                is_taken[run.segment] = true;
                expected[dir] = segment->raw + segment->n_wire;
            }
            add_run(plan, &run);
            if (run.n)
                add_extent(plan->extents[dir], &run);
        }
    }
    for (int dir = 0; dir < 2; dir++)
        if (n_lost[dir]) {
            cut_last(plan, dir, n_lost[dir]);
            mark_end(plan, dir, plan->end[dir] - n_lost[dir]);
        }
    g_free(is_taken);
    g_array_sort(plan->runs, compare_runs);
}

/* Behind its SYN a direction begins, even if what came then is missing. */
static void add_start(struct plan *plan, int dir)
{
    struct mark start = {1, 0, 0, .is_end = true};

    for (guint i = 0; i < plan->marks[dir]->len; i++)
        if (g_array_index(plan->marks[dir], struct mark, i).raw <= start.raw)
            return;
    if (plan->has_syn[dir])
        g_array_append_val(plan->marks[dir], start);
}

static void make_marks(struct plan *plan)
{
    for (guint i = 0; i < plan->runs->len; i++) {
        const struct run *run = &g_array_index(plan->runs, struct run, i);
        const struct segment *segment = get_segment(plan->rebuild, run->segment);
        struct mark from = {segment->raw, run->place, run->n == segment->n ? segment->n : 0,
                            .is_end = false},
                    to = {segment->raw + segment->n, run->place + run->n + run->n_left, 0,
                          .is_end = true};

        if (segment->dir == run->dir) {
            g_array_append_val(plan->marks[run->dir], from);
            g_array_append_val(plan->marks[run->dir], to);
        }
    }
    for (int dir = 0; dir < 2; dir++) {
        struct mark *last = NULL;

        add_start(plan, dir);
        g_array_sort(plan->marks[dir], compare_marks);
        for (guint i = 0; i < plan->marks[dir]->len; i++) {
            struct mark *mark = &g_array_index(plan->marks[dir], struct mark, i);

            if (last && mark->place < last->place)
                *mark = (struct mark){mark->raw, last->place, 0, .is_end = false};
            last = mark;
        }
    }
}

/* The last mark up to a place of TCP; NULL: none. */
static const struct mark *find_mark(const struct plan *plan, int dir, int64_t raw)
{
    const GArray *marks = plan->marks[dir];
    guint from = 0, to = marks->len;

    while (from < to) {
        guint middle = from + (to - from) / 2;

        if (g_array_index(marks, struct mark, middle).raw <= raw)
            from = middle + 1;
        else
            to = middle;
    }
    return from ? &g_array_index(marks, struct mark, from - 1) : NULL;
}

/* Who is past the end of a mark, and of octets that are missing behind it, is past them. Where TCP and the session count
 * alike, as far as it says. */
static uint64_t cross_gap(const struct mark *mark, uint64_t n)
{
    const struct mark *next = mark + 1;
    uint64_t n_raw = (uint64_t)(next->raw - mark->raw), n_place = next->place - mark->place;

    return mark->place + (n_raw == n_place ? n : n_place);
}

/* The place of the session at a place of TCP: as far as all that came before. Behind the last mark are those
 * octets that are missing at the end, too. */
static uint64_t find_place(const struct plan *plan, int dir, int64_t raw)
{
    const struct mark *mark = find_mark(plan, dir, raw);
    uint64_t n;

    if (!plan->has_segments[dir]) /* what it said is known of acknowledgements alone */
        return raw > 0 ? (uint64_t)raw : 0;
    if (!mark)
        return 0;
    n = (uint64_t)(raw - mark->raw);
    if (n && mark == &g_array_index(plan->marks[dir], struct mark, plan->marks[dir]->len - 1))
        return plan->end[dir];
    return n && mark->is_end ? cross_gap(mark, n) : mark->place + (n < mark->n ? n : 0);
}

static uint32_t get_number(const struct plan *plan, int dir, int64_t raw)
{
    return plan->isn[dir] + 1 + (uint32_t)find_place(plan, dir, raw) + (raw > plan->fin[dir]);
}

/* ---- packets ---- */

/* What a packet has that is no matter of its segment. */
struct payload {
    int dir;
    uint32_t seq;
    uint8_t flags;
    const uint8_t *octets;
    size_t n;
    uint32_t n_cut; /* behind them, not captured */
};

/* Where it is in the clear now, a reader would look for TLS on the port of that. */
static uint16_t get_port(const struct plan *plan, const struct imapid_endpoint *end)
{
    return plan->rebuild->is_opened && end->port == IMAPID_PORT_IMAPS ? IMAPID_PORT_IMAP
                                                                      : end->port;
}

/* `like`: its direction's segment, which has the rest. */
static void put_packet(struct plan *plan, int64_t ts_ns, const struct segment *like,
                       const struct payload *payload)
{
    const struct options *options =
        &g_array_index(plan->rebuild->options, struct options, like->options);
    uint32_t n_options = payload->flags & SYN ? options->n : 0;
    uint32_t n_segment = N_TCP + n_options + (uint32_t)payload->n;
    const struct imapid_endpoint *from = &plan->endpoint[payload->dir],
                                 *to = &plan->endpoint[!payload->dir];
    uint8_t *ip, *tcp;
    uint32_t sum;

    g_byte_array_set_size(plan->packet, N_IP + n_segment);
    ip = plan->packet->data;
    tcp = ip + N_IP;
    memset(ip, 0, N_IP + N_TCP);
    ip[0] = 6 << 4;
    imapid_number_put_be16(ip + 4, (uint16_t)(n_segment + payload->n_cut));
    ip[6] = TCP;
    ip[7] = like->ttl;
    memcpy(ip + 8, from->address, 16);
    memcpy(ip + 24, to->address, 16);
    imapid_number_put_be16(tcp, get_port(plan, from));
    imapid_number_put_be16(tcp + 2, get_port(plan, to));
    imapid_number_put_be32(tcp + 4, payload->seq);
    if (payload->flags & ACK)
        imapid_number_put_be32(tcp + 8, like->flags & ACK
                                            ? get_number(plan, !payload->dir, like->ack)
                                            : plan->isn[!payload->dir] + 1);
    tcp[12] = (uint8_t)((N_TCP + n_options) / 4 << 4);
    tcp[13] = payload->flags;
    imapid_number_put_be16(tcp + 14, like->window);
    memcpy(tcp + N_TCP, options->octets, n_options);
    if (payload->n)
        memcpy(tcp + N_TCP + n_options, payload->octets, payload->n);
    sum = imapid_checksum_add(imapid_checksum_begin(ip + 8, ip + 24, 16), tcp, n_segment);
    imapid_number_put_be16(tcp + 16, (uint16_t)~imapid_checksum_fold((uint64_t)sum + n_segment));
    plan->out->packet(plan->out->ctx, ts_ns, ip, N_IP + n_segment,
                      N_IP + n_segment + payload->n_cut, plan->comment);
    plan->comment = NULL;
    g_byte_array_set_size(plan->quotes[payload->dir], 0);
    g_byte_array_append(plan->quotes[payload->dir], ip, MIN(N_IP + n_segment, N_QUOTE));
}

/* Destination Unreachable or Packet Too Big (RFC 4443 3.1, 3.2): type, code, and the octets behind the checksum. */
static void spell_error(const struct imapid_icmp *says, uint8_t icmp[8])
{
    if (says->error) {
        icmp[0] = 1;
        icmp[1] = !strcmp(says->error, "refused") ? 4 : !strcmp(says->error, "prohibited") ? 1 : 0;
    } else {
        icmp[0] = 2;
        imapid_number_put_be32(icmp + 4, says->mtu);
    }
}

/* To who sent the last packet of that direction. */
static void put_error(struct plan *plan, const struct imapid_rebuild_error *error)
{
    const GByteArray *quote = plan->quotes[error->dir];
    uint32_t n = 8 + quote->len, sum;
    uint8_t *ip, *icmp;

    if (!quote->len)
        return;
    g_byte_array_set_size(plan->packet, N_IP + n);
    ip = plan->packet->data;
    icmp = ip + N_IP;
    memset(ip, 0, N_IP + 8);
    ip[0] = 6 << 4;
    imapid_number_put_be16(ip + 4, (uint16_t)n);
    ip[6] = ICMPV6;
    ip[7] = 64;
    memcpy(ip + 8, error->from.address, 16);
    memcpy(ip + 24, plan->endpoint[error->dir].address, 16);
    spell_error(&error->says, icmp);
    memcpy(icmp + 8, quote->data, quote->len);
    sum = imapid_checksum_add(imapid_checksum_begin(ip + 8, ip + 24, 16), icmp, n);
    sum += ICMPV6 - TCP; /* the pseudo header is of TCP */
    imapid_number_put_be16(icmp + 2, (uint16_t)~imapid_checksum_fold((uint64_t)sum + n));
    plan->out->packet(plan->out->ctx, error->packet.ts_ns, ip, N_IP + n, N_IP + n, NULL);
}

/* Octets in as many packets as they need; what ends the connection stands on the last one. */
static void put_octets(struct plan *plan, int64_t ts_ns, const struct segment *like,
                       struct payload payload)
{
    size_t n = payload.n;
    uint32_t n_cut = payload.n_cut;
    uint8_t flags = payload.flags;

    do {
        payload.n = MIN(n, N_MOST);
        n -= payload.n;
        payload.n_cut = n ? 0 : MIN(n_cut, N_MOST - (uint32_t)payload.n);
        payload.flags = n ? flags & (uint8_t) ~(FIN | PSH) : flags;
        put_packet(plan, ts_ns, like, &payload);
        payload.octets = n ? payload.octets + payload.n : NULL;
        payload.seq += (uint32_t)payload.n;
        flags &= (uint8_t)~SYN;
    } while (n);
}

static void put_run(struct plan *plan, const struct segment *segment, const struct run *run,
                    bool is_first, bool is_last)
{
    /* One of the other direction, which no segment of its own brought. */
    const struct segment *like = run->dir == segment->dir ? segment : plan->latest[run->dir];
    struct segment none = {.packet = segment->packet, .window = UINT16_MAX, .ttl = 64};
    uint8_t flags = run->dir == segment->dir ? segment->flags : PSH | ACK;
    char *comment = NULL;

    if (!is_first)
        flags &= (uint8_t)~SYN;
    if (!is_last)
        flags &= (uint8_t)~FIN;

    if (run->n_left) {
        comment = g_strdup_printf("%" G_GUINT64_FORMAT " octet%s of this segment %s left out, "
                                  "behind some that could not be decrypted",
                                  run->n_left, imapid_number_s(run->n_left),
                                  imapid_number_was(run->n_left));
    } else if (run->n_lost) {
        comment =
            run->n_lost == IMAPID_REBUILD_UNKNOWN
                ? g_strdup_printf("octets are missing before these%s, nobody knows how many",
                                  plan->rebuild->is_opened ? ", or could not be decrypted" : "")
                : g_strdup_printf("%" G_GUINT64_FORMAT " octet%s missing before these", run->n_lost,
                                  run->n_lost == 1 ? " is" : "s are");
    } else if (run->is_broken) {
        comment =
            g_strdup("these octets should have been DEFLATE, could not be read, and were left out");
    } else if (run->is_closed) {
        comment = g_strdup("these octets were encrypted by the SASL mechanism, and were left out");
    }
    if (!plan->comment)
        plan->comment = comment;
    put_octets(plan, segment->packet.ts_ns, like ? like : &none,
               (struct payload){
                   .dir = run->dir,
                   .seq = plan->isn[run->dir] + 1 + (uint32_t)run->place - (flags & SYN ? 1 : 0) +
                          (flags & FIN ? (uint32_t)run->n_left : 0),
                   .flags = flags,
                   .octets = plan->rebuild->octets[run->dir]->data + run->at,
                   .n = run->n,
                   .n_cut = run->n_cut,
               });
    g_free(comment);
}

/* Which octets stood at these places? NULL: none, or not all. */
static const uint8_t *find_octets(const struct plan *plan, int dir, uint64_t from, uint64_t to)
{
    const GArray *extents = plan->extents[dir];
    guint low = 0, high = extents->len;
    const struct extent *extent;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (g_array_index(extents, struct extent, middle).place <= from)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || from >= to)
        return NULL;
    extent = &g_array_index(extents, struct extent, low - 1);
    return to <= extent->place + extent->n
               ? plan->rebuild->octets[dir]->data + extent->at + (from - extent->place)
               : NULL;
}

/* A segment that brought nothing new: a copy, or one without octets of the session. */
static void put_other(struct plan *plan, const struct segment *segment)
{
    int dir = segment->dir;
    const struct mark *mark = find_mark(plan, dir, segment->raw);
    bool is_known = mark && segment->raw - mark->raw < MAX((int64_t)mark->n, 1);
    struct payload payload = {
        .dir = dir,
        .flags = segment->flags,
        .seq = segment->flags & SYN ? plan->isn[dir] : get_number(plan, dir, segment->raw),
    };

    if (segment->n && is_known && !(segment->flags & (SYN | RST))) {
        uint64_t from = find_place(plan, dir, segment->raw),
                 to = find_place(plan, dir, segment->raw + segment->n);

        payload.octets = to - from <= N_MOST ? find_octets(plan, dir, from, to) : NULL;
        payload.n = payload.octets ? (size_t)(to - from) : 0;
    } else if (segment->n == 1 && mark &&
               !is_known) { /* of a record that is one octet shorter: to be kept alive */
        payload.seq = get_number(plan, dir, segment->raw + 1) - 1;
    }
    put_octets(plan, segment->packet.ts_ns, segment, payload);
}

static void put_segment(struct plan *plan, guint i, guint *next_run)
{
    const struct segment *segment = get_segment(plan->rebuild, i);
    guint first = *next_run, n_own = 0, n_put = 0;
    bool is_fin_apart = segment->flags & FIN && segment->n_wire > segment->n;

    plan->latest[segment->dir] = segment;
    while (*next_run < plan->runs->len &&
           g_array_index(plan->runs, struct run, *next_run).segment == i)
        n_own += g_array_index(plan->runs, struct run, (*next_run)++).dir == segment->dir;
    if (!n_own)
        put_other(plan, segment);
    for (guint k = first; k < *next_run; k++) {
        const struct run *run = &g_array_index(plan->runs, struct run, k);

        n_put += run->dir == segment->dir;
        put_run(plan, segment, run, n_put == 1, n_put == n_own && !is_fin_apart);
    }
    if (n_own && is_fin_apart) /* behind what was not captured */
        put_octets(plan, segment->packet.ts_ns, segment,
                   (struct payload){
                       .dir = segment->dir,
                       .seq = get_number(plan, segment->dir, segment->raw + segment->n_wire),
                       .flags = FIN | ACK,
                   });
}

void imapid_rebuild_write(const struct imapid_rebuild *rebuild,
                          const struct imapid_endpoint endpoint[2],
                          const struct imapid_rebuild_error *errors, size_t n_errors,
                          uint32_t number, const char *comment,
                          const struct imapid_rebuild_out *out)
{
    const struct segment *latest[2] = {NULL, NULL};
    struct plan plan = {
        .rebuild = rebuild,
        .runs = g_array_new(FALSE, FALSE, sizeof(struct run)),
        .fin = {INT64_MAX, INT64_MAX},
        .latest = latest,
        .endpoint = endpoint,
        .out = out,
        .comment = comment,
        .packet = g_byte_array_new(),
        .quotes = {g_byte_array_new(), g_byte_array_new()},
    };
    guint next_run = 0;

    for (int dir = 0; dir < 2; dir++) {
        plan.marks[dir] = g_array_new(FALSE, FALSE, sizeof(struct mark));
        plan.extents[dir] = g_array_new(FALSE, FALSE, sizeof(struct extent));
        plan.isn[dir] = (2 * number + (uint32_t)dir + 1) * UINT32_C(0x9e3779b1);
    }
    for (guint i = 0; i < rebuild->segments->len; i++) {
        const struct segment *segment = get_segment(rebuild, i);

        plan.has_segments[segment->dir] = true;
        plan.has_syn[segment->dir] |= (segment->flags & SYN) != 0;
        if (segment->flags & FIN)
            plan.fin[segment->dir] = segment->raw + segment->n_wire;
    }
    if (rebuild->segments->len)
        make_runs(&plan);
    make_marks(&plan);
    for (guint i = 0; i < rebuild->segments->len; i++) {
        for (; n_errors && errors->packet.number < get_segment(rebuild, i)->packet.number;
             errors++, n_errors--)
            put_error(&plan, errors);
        put_segment(&plan, i, &next_run);
    }
    for (; n_errors; errors++, n_errors--)
        put_error(&plan, errors);
    for (int dir = 0; dir < 2; dir++) {
        g_array_free(plan.marks[dir], TRUE);
        g_array_free(plan.extents[dir], TRUE);
        g_byte_array_unref(plan.quotes[dir]);
    }
    g_array_free(plan.runs, TRUE);
    g_byte_array_unref(plan.packet);
}
