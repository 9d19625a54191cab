/* SPDX-License-Identifier: GPL-2.0-or-later */
/* records.h: what the first visit of each frame found, kept for every later one.
 *
 *     call      one call of the dissector: one TCP segment, or one TLS record
 *     section   a run of its octets of one nature: as sent, or inflated
 *     part      a piece of a section: a unit, or what is none
 *     ident     an ID command or response
 *     exchange  a command with its responses and its result
 *
 * Everything here is allocated in file scope, counts to the share of its connection, and lives until the
 * capture is closed or the connection gives way. */
#ifndef IMAPID_DISSECTOR_RECORDS_H
#define IMAPID_DISSECTOR_RECORDS_H

#include <imapid/doubts.h>
#include <imapid/end.h>
#include <imapid/findings.h>
#include <imapid/moment.h>
#include <imapid/session.h>

#include "budget.h"

/* Keys of what is kept for a packet, for the time of its dissection: of show.c; those of connection.c
 * begin behind it. */
#define IMAPID_DATA_NAMES      0
#define IMAPID_DATA_CONNECTION 1 /* of tree.c */
#define IMAPID_DATA_COUNTED    2 /* of stats.c */
#define IMAPID_DATA_NEXT       3

struct imapid_exchange_record;
struct imapid_call;
struct imapid_part;

/* An ID command or response. */
struct imapid_ident {
    enum imapid_side side;
    struct imapid_unit unit;  /* its data is a copy in file scope, good as long as this is */
    struct imapid_call *call; /* in which its last octet came; file scope */
    struct imapid_part *part; /* the one that carries it; NULL: none; file scope */
    struct imapid_exchange_record *exchange; /* file scope */
    bool is_extra;                           /* one more response of an exchange that has one */
    struct imapid_ident *next_extra;         /* of that exchange; NULL: none; file scope */
    wmem_list_frame_t *good; /* in stream->good; NULL: it is not there; file scope */
    bool dropped;            /* what looked like a response was none */

    /* Set by imapid_ident_read(); file scope. */
    const char *name, *version; /* as UTF-8; NULL: not given */
    const char *summary;        /* name and version, or what else there is, as a label */
    struct imapid_end origin;   /* of a command: whom a proxy sent it for */

    unsigned changed_as_of; /* for legs.c: so many reads had been made when it was found changed */
};

struct imapid_exchange_record {
    struct imapid_ident *command;     /* NULL: not seen; file scope, as all these */
    struct imapid_ident *response;    /* NULL: none so far */
    struct imapid_ident *extras;      /* further ones; NULL: none so far */
    struct imapid_call *result_call;  /* of the tagged response; NULL: none so far */
    struct imapid_slice result_place; /* its tag, in its part */
    const char *result_tag;           /* as sent; NULL: none so far; file scope */
    enum imapid_status status;
    enum imapid_status
        untagged_status;               /* as in struct imapid_exchange, as of the last octet read */
    struct imapid_part *untagged;      /* the one with it; NULL: none so far */
    struct imapid_call *untagged_call; /* that one's */
    bool tentative;                    /* as in struct imapid_exchange, as of the last octet read */
    bool response_tentative;
    bool dropped;
    uint32_t codes; /* bits of the findings about the exchange that were told already */
};

enum imapid_part_kind {
    IMAPID_PART_UNIT,    /* a unit with its end */
    IMAPID_PART_HEAD,    /* the first line of a unit, whose rest is shown as it comes */
    IMAPID_PART_REST,    /* literals and further lines of such a unit */
    IMAPID_PART_BEGUN,   /* octets of a unit that ends in a later section, and is shown there */
    IMAPID_PART_NOISE,   /* no unit: begun in the middle, or behind a hole */
    IMAPID_PART_OLD,     /* sent again: was shown before */
    IMAPID_PART_EARLY,   /* wait for others that were sent before them; shown until those come */
    IMAPID_PART_PROXY,   /* the header of a proxy, before everything else */
    IMAPID_PART_PREFACE, /* what is said to a proxy, or by it, before everything else */
    IMAPID_PART_DEFLATE, /* compressed octets; what comes out is the next section, if anything */
};

struct imapid_part {
    struct imapid_part *next; /* file scope; NULL at the end */
    union {
        /* BEGUN: the frame of its end, 0 while unknown; EARLY: the frame where they are read; file scope */
        const unsigned *ends_in;
        /* All others: all its octets where some came before; else NULL; file scope */
        const uint8_t *whole;
    };
    struct imapid_ident *ident;            /* ID command or response; else NULL; file scope */
    struct imapid_exchange_record *result; /* it is the tagged response of this; else NULL */
    unsigned offset, n; /* of the octets in this section; n is 0 where all came before it */
    unsigned n_whole;
    unsigned n_line; /* UNIT, HEAD: octets to give to the built-in dissector */
    uint32_t codes;  /* bits of the findings about the exchange, or the session, settled here */
    unsigned if_ended_at; /* not 0: shown only while the stream has just so many reads */
    enum imapid_part_kind kind : 8;
    bool stands_by_itself; /* not to be given together with its neighbours */
    bool is_hidden;        /* not to be given to the built-in dissector: it would take it for TLS */
};

struct imapid_section {
    struct imapid_section *next; /* file scope; NULL at the end */
    struct imapid_call *call;
    const uint8_t *octets; /* NULL: the octets of the call itself; file scope */
    struct imapid_part *first, *last;
    unsigned offset; /* in those of the call; 0 where it has them not */
    unsigned n;
    enum imapid_side side : 8; /* who sent them */
    bool is_late;              /* octets had to wait for others; else they are inflated */
    bool is_own;               /* with is_late: octets is a copy of those of the call itself */
    bool is_released;          /* it was read in a later call, of whose `released` it is */
    struct imapid_part own;    /* the place of the first part: most sections have no other */
};

/* Sections of an earlier call that had to wait, and were read in a later one. */
struct imapid_released {
    struct imapid_released *next; /* file scope; NULL at the end */
    const struct imapid_section *first, *last;
};

/* What a call shows against an earlier frame of its connection. */
struct imapid_doubted {
    struct imapid_doubted *next;
    enum imapid_doubt doubt;
    unsigned frame;
};

/* There is one for each segment, so it is kept small. */
struct imapid_call {
    struct imapid_share *share; /* of its connection: what belongs to the call counts to it */
    nstime_t time;
    struct imapid_section *first, *last;
    struct imapid_released *released; /* shown here as well in the first pass, in which their own
                                         frame is past; file scope; NULL: none */
    struct imapid_doubted *doubted;   /* file scope; NULL: none */
    unsigned frame;
    uint32_t seq;     /* of its first octet, with has_seq; else as in struct imapid_place */
    unsigned ordinal; /* among the calls of its frame without one, from 0 */
    unsigned n;
    unsigned tls_at; /* octets from here on are TLS that begins in mid-session; n where none are */
    enum imapid_side side : 8;
    bool has_seq;
    struct imapid_section own; /* the place of the first section: most calls have no other */
};

/* When a packet was captured; unset where the capture does not say. */
static inline nstime_t imapid_time_get(const packet_info *pinfo)
{
    nstime_t time = pinfo->abs_ts;

    if (!(pinfo->presence_flags & PINFO_HAS_TS))
        nstime_set_unset(&time);
    return time;
}

/* The same as the library has it. */
static inline int64_t imapid_time_ns(const nstime_t *time)
{
    return nstime_is_unset(time) ? IMAPID_TIME_NONE : imapid_time_of(time->secs, time->nsecs);
}

/* Adds an empty section to a call, and a part to a section. Neither fails. */
struct imapid_section *imapid_records_add_section(struct imapid_call *call, unsigned offset,
                                                  unsigned n);
struct imapid_part *imapid_records_add_part(struct imapid_section *section,
                                            enum imapid_part_kind kind, unsigned offset,
                                            unsigned n);

/* Octets that a place in a list of Wireshark's costs. */
#define IMAPID_RECORDS_N_LIST_NODE 48

/* A copy of n octets of text, with an end. */
const char *imapid_records_copy_text(struct imapid_share *share, const char *text, size_t n);

/* A file-scope copy of a unit that carries an ID list. */
struct imapid_ident *imapid_records_new_ident(struct imapid_call *call, enum imapid_side side,
                                              const struct imapid_unit *unit);

/* Is an exchange to be shown? The library decides, see imapid_exchange_stands(). `settled` says that
 * no octets are to come: before, a side that was not seen may still come and confirm. `seen` are the
 * sides that are in the capture. */
bool imapid_records_is_believed(const struct imapid_exchange_record *record, bool settled,
                                const bool seen[2]);

/* Is this command or response of it? */
bool imapid_records_is_shown(const struct imapid_ident *ident, bool settled, const bool seen[2]);

/* Is an untagged NO, BAD or BYE all that an exchange was answered, as far as the capture goes? Known
 * when it has been read (`settled`). */
bool imapid_records_ends_untagged(const struct imapid_exchange_record *exchange, bool settled);

/* Was its command answered NO or BAD, or, if that is all that came, BYE? As far as is known. */
bool imapid_records_is_refused(const struct imapid_exchange_record *exchange, bool settled);

/* Judges an exchange as far as it goes, and gives the codes about the exchange itself that were not
 * told before, as bits. */
uint32_t imapid_records_settle(struct imapid_exchange_record *record,
                               const struct imapid_exchange *exchange);

#endif
