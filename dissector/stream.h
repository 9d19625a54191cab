/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.h: one IMAP connection: who is who, what was read, what is missing. The first pass (pass.h)
 * writes it, later visits look it up. */
#ifndef IMAPID_DISSECTOR_STREAM_H
#define IMAPID_DISSECTOR_STREAM_H

#include <imapid/checksum.h>
#include <imapid/decide.h>
#include <imapid/order.h>
#include <imapid/past.h>
#include <imapid/preface.h>
#include <imapid/sasl.h>

#include "budget.h"
#include "deflate.h"
#include "given.h"
#include "records.h"
#include "sessions.h"

/* The most that is held of one response until its end has come, so that the built-in dissector gets
 * it whole: a message with attachments. A longer one is shown as it comes. */
#define IMAPID_STREAM_HOLD_MAX (32 * 1024 * 1024)

/* What may wait for earlier octets, in one direction. */
#define IMAPID_STREAM_WAITING_MAX   (1024 * 1024)
#define IMAPID_STREAM_N_WAITING_MAX 1024

/* Octets that wait for others that were sent before them. File scope. */
struct imapid_waiting {
    struct imapid_waiting *next;
    const uint8_t *octets;
    struct imapid_order_piece piece;
    unsigned n, n_cut;
    struct imapid_call *call; /* in which they came, or the one that filled the hole before them;
                                 NULL: none did, octets are missing here */
    bool is_elsewhere;        /* it is the latter */
    unsigned *read_in;        /* to be set to the frame in which they are read */
};

/* One direction. */
struct imapid_direction {
    struct imapid_waiting *waiting; /* by sequence number, none twice; inside TLS as they came;
                                       NULL: none */
    unsigned n_waiting;
    size_t n_waiting_octets;
    uint8_t *held; /* the unit in hand, as far as it came in earlier sections; of no scope: it grows
                      and goes so often that it would leave holes in the file's */
    size_t n_held, held_size;
    size_t n_used;               /* of the held octets: used by the session */
    struct imapid_section *last; /* in which the last held octet came; file scope */
    unsigned *ends_in;           /* shared by the parts of the unit in hand; file scope */
    bool in_rest;                /* the unit's head was shown; the rest is shown as it comes */
    bool in_whole; /* the unit's head was read; it is held until its end, literals included */
    struct imapid_sasl sasl;
    struct imapid_deflate *inflate; /* NULL before COMPRESS; file scope */
    bool is_lost;                   /* compressed octets are missing: nothing more can be read */
    bool had_gap;                   /* octets are missing somewhere */
    struct imapid_hole hole;        /* the last that was given up for lost */
    struct imapid_past past;        /* in imapid_stream_pasts */
    struct imapid_checksums checksums;
};

/* What the octets behind the current ones are. */
enum imapid_switch {
    IMAPID_SWITCH_NONE,
    IMAPID_SWITCH_TLS_BEHIND, /* TLS from the next frame on */
    IMAPID_SWITCH_TLS_HERE,   /* TLS from tls_at of the call */
};

struct imapid_stream {
    struct imapid_kept_session *session; /* imapid_stream_get_session(); file scope */
    struct imapid_share *share;          /* what is kept of it; file scope */
    bool gave_way;        /* it kept too much: nothing more is read, and nothing shown */
    bool is_settling;     /* what waits is being read, on a later visit */
    unsigned gave_way_in; /* the first frame that says so; 0: none has */
    unsigned first_frame;
    struct imapid_exchange_record *slots[IMAPID_SLOTS];    /* of the open exchanges; file scope */
    struct imapid_exchange_record *ended[IMAPID_SLOTS];    /* by their results, last; file scope */
    struct imapid_order order;                             /* by side; what is read next */
    struct imapid_order_doubt doubts[IMAPID_ORDER_DOUBTS]; /* of the order */
    struct imapid_direction directions[2];                 /* by side */
    struct imapid_call *reset_call;    /* a reset ahead of its side; NULL: none; file scope */
    const struct imapid_ident *who[2]; /* by side; NULL: not known; file scope */
    wmem_list_t *good[2]; /* by side: those that are well formed and not refused; file scope */
    bool is_compressed, is_wrapped; /* by COMPRESS; by a SASL mechanism */
    bool was_required;              /* session.required_by_server, as last told */
    bool was_cleartext;             /* a password in the clear, the same */
    enum imapid_switch to;
    unsigned n_reads;     /* calls read so far */
    unsigned as_ended_at; /* not 0: this is a copy that ends here, of a stream with so many reads */

    struct imapid_preface preface; /* what proxies say before the first octet of IMAP */
    struct imapid_end origin;      /* whom that header names */
    const struct imapid_ident
        *forwarded; /* the last ID that names a client behind a proxy; NULL: none */

    wmem_list_t *commands; /* the ID commands, those included that are not believed; file scope */
    nstime_t first, last;  /* of its calls */
    unsigned now;          /* the frame of the last call read */
    unsigned n_ids;        /* that it carries for claims.c */
    bool has_claim; /* an ID command, or a proxy's header, may tie it to another connection */
    bool has_lost;  /* an exchange ended of which octets may be missing */
    bool lacks_id;  /* or one would if the capture ended here: imapid_pass_tell_end() */
    unsigned judged_as_of; /* for legs.c: so many reads had been made then; 0: not yet */

    const struct tcp_analysis *tcp; /* what TCP knows of it; NULL: no TCP; file scope */
    struct imapid_given *given;     /* what TLS is given; NULL: no TLS, or not known; file scope */
    int given_client;               /* the client's direction there */
    struct imapid_end ends[2];      /* by side; family 0: no address of IP */
    address server;                 /* its address is in file scope */
    unsigned server_port;

    struct imapid_call **calls; /* n_calls of them, by frame, and as they came in it; file scope */
    unsigned n_calls, n_calls_max;

    /* For ending.c: what became of the session, as far as its units tell, and how it logged in; NULL: nobody has
     * asked yet; file scope. And where, of which side, octets are no DEFLATE, though that was agreed. */
    struct imapid_outcome *outcome;
    struct imapid_login *login;
    struct imapid_moment unreadable;
    enum imapid_side unreadable_side;
    struct imapid_moment
        plain[2]; /* by side: words that came before the answer to STARTTLS was read, behind it */

    unsigned n_told_end; /* n_reads when its end was told last */
    unsigned n_judged;   /* n_reads when it was last asked whether this is IMAP, all being read */
    unsigned n_examined; /* for show.c: calls of the built-in dissector, as far as it counts them */

    /* For turn.c. */
    struct imapid_decide decide; /* its direction 0 is that of the first call */
    enum imapid_side first_side; /* of that call */
    bool is_undecided;           /* the other side has yet to speak */
    wmem_list_t
        *early; /* segments since the first one, while it is undecided; file scope; or NULL */

    /* For connection.c. */
    bool is_claimed;     /* known to be IMAP, and ours */
    unsigned claimed_in; /* by what was said in this frame; 0: from the beginning */
    bool is_foreign;     /* known to be something else */
    int carrier;         /* the protocol whose payload it began with */
    struct imapid_stream
        *below; /* foreign, of the carrier below that one; NULL: none; file scope */
    unsigned foreign_from;
    bool may_be_text;        /* foreign by octets in the middle of a connection that are no text */
    bool is_behind_starttls; /* foreign octets in the middle of a connection on our port */
    size_t n_unproven;       /* octets read without a proof that it is IMAP */
    dissector_handle_t fallback; /* who gets what is none of ours; NULL: nobody; for ever */
};

/* Where the octets of a call are in the connection. */
struct imapid_place {
    unsigned frame;
    nstime_t time;
    enum imapid_side side;
    bool has_seq;      /* over TCP */
    uint32_t seq, ack; /* without has_seq the end of what TLS was given of it, and with which ack */
    uint8_t flags;     /* TH_ACK: ack is set */
    enum imapid_checksum checksum;
    unsigned ordinal;
    bool is_shown; /* on its first visit: there may be no second one */
};

/* A new stream in file scope. The sides have to be set. */
struct imapid_stream *imapid_stream_new(bool from_start, enum imapid_security security);

/* What the library knows of it, to be read; or to be changed. Good until that of another stream is asked for. */
static inline const struct imapid_session *
imapid_stream_get_session(const struct imapid_stream *stream)
{
    return imapid_sessions_get(stream->session);
}

static inline struct imapid_session *imapid_stream_change_session(struct imapid_stream *stream)
{
    return imapid_sessions_change(stream->session);
}

/* The record of a call that was seen before; NULL if it was not. */
struct imapid_call *imapid_stream_find(const struct imapid_stream *stream,
                                       const struct imapid_place *place, size_t n);

/* The same of a segment, where there may be none to see. */
struct imapid_call *imapid_stream_find_segment(const struct imapid_stream *stream,
                                               const struct imapid_place *place);

/* Adds the record of a call that was never seen before. */
struct imapid_call *imapid_stream_add_call(struct imapid_stream *stream,
                                           const struct imapid_place *place, size_t n);

/* Frees the segments of a direction that wait. */
void imapid_stream_drop_waiting(struct imapid_stream *stream, struct imapid_direction *direction);

/* Frees what a direction holds. */
void imapid_stream_drop_held(struct imapid_stream *stream, struct imapid_direction *direction);

/* What all directions keep of octets that were read. It has a bound of its own, and counts to no share. */
extern struct imapid_pasts imapid_stream_pasts;

/* Frees all that is kept of a stream, which is read no further. Not while it is being read. */
void imapid_stream_give_way(struct imapid_stream *stream);

/* Something was read or given up: what was told of the end of a stream holds no more. */
void imapid_stream_note_read(struct imapid_stream *stream);

/* Calls read so far of all streams together: what was found out is good as long as it stays. */
unsigned imapid_stream_count_reads(void);

/* The layers in which the octets of the calls are: 0 where they are IMAP. */
unsigned imapid_stream_count_layers(const struct imapid_stream *stream);

/* Has something proven that this is IMAP? */
bool imapid_stream_is_proven(const struct imapid_stream *stream);

#endif
