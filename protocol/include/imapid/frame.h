/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h: cuts the octets of one direction into units (RFC 9051 2.2, 4.3; RFC 7888; RFC 3516).
 *
 * The caller keeps a window: the octets of the stream that were not used yet, without a hole. Each
 * call looks at the window and says how many octets of its front are used; the rest is shown again,
 * with more behind it. What was looked at before is not looked at again, whatever the segmentation.
 *
 * Kept whole in the window: an ID, up to IMAPID_UNIT_MAX. Of everything else the first line is
 * enough (up to IMAPID_HEAD_MAX); literals and further lines are used as they come, so a window
 * never grows past these limits plus what the caller adds in one go. */
#ifndef IMAPID_FRAME_H
#define IMAPID_FRAME_H

#include <imapid/unit.h>

/* The longest ID that is kept: the limits of RFC 2971 3.3 allow 30 pairs of 30 + 1024 octets, which
 * is 64 KiB when every octet is escaped. A longer one is read up to here and said to be over. */
#define IMAPID_UNIT_MAX 65536

/* The longest first line looked at of any other unit: RFC 7162 4 asks for 8192 octets. */
#define IMAPID_HEAD_MAX 8192

/* How sure the reader is to stand at the start of a line when it does. */
enum imapid_sync {
    IMAPID_SYNC_LOST,      /* begun in the middle, or behind a hole: looking for a likely line */
    IMAPID_SYNC_TENTATIVE, /* found one; no answer of the other side has confirmed it yet */
    IMAPID_SYNC_SURE,      /* from the first octet on, or confirmed */
};

enum imapid_frame_status {
    IMAPID_FRAME_MORE,    /* nothing more to tell from this window: add octets behind it */
    IMAPID_FRAME_UNIT,    /* *unit is one; it ends with *n_used unless `in_unit` is set now */
    IMAPID_FRAME_SKIPPED, /* *n_used octets were passed over; a unit or a search ended there */
};

/* What the lines of a client are, where they are not commands. */
enum imapid_frame_lines {
    IMAPID_LINES_UNITS, /* commands or responses */
    IMAPID_LINES_ONE,   /* the next line is data a server asked for with "+" */
    IMAPID_LINES_DATA,  /* all lines are, until told otherwise */
    IMAPID_LINES_SASL,  /* those are that a SASL exchange can have: BASE64, "*" or nothing (RFC 9051
                           6.2.2); a command, which has a space, may be pipelined behind it */
    IMAPID_LINES_HELD,  /* STARTTLS was sent: a TLS record in place of a line is left alone */
};

/* All state of one direction. Read `sync` and `in_unit`; the rest belongs to frame.c. */
struct imapid_frame {
    enum imapid_side side;
    enum imapid_sync sync;
    enum imapid_frame_lines lines;
    enum imapid_frame_lines in_hand; /* what `lines` was when the line in hand began */
    bool in_unit; /* a unit's beginning was told and its end has not been reached */

    struct imapid_tag tag; /* of the command whose literal is awaited, with `awaits`; of the answer,
                              with `answered`, of 0 octets where it has none */
    bool is_id;            /* the unit at the window's start is an ID, to be kept */
    bool opaque;           /* the line in hand cannot announce a literal */
    bool awaits;           /* a synchronising literal was announced and none of it has come */
    bool asks;             /* the last one announced has not been granted by "+" yet */
    bool unsure;           /* the answer to that may be missing: the literal came, or never will */
    bool pushes;           /* the last one announced needs no leave: "{n+}" */
    bool pushed; /* octets of one came before the server gave leave, for the command of: */
    struct imapid_tag pushed_tag;
    bool cut;      /* the unit in hand ends here: octets are missing */
    bool gone;     /* LOST: the window, which stands before a hole, is used up */
    bool refused;  /* the unit in hand ends here: the server refused its literal */
    bool ended;    /* the same: the sender ended the connection */
    bool answered; /* an ID in hand was answered: it is whole if its list is */
    bool bare_newline;
    bool mid_line; /* LOST: in a line whose start was no likely one */
    bool
        is_headless; /* LOST: since a hole, and no line end was found. No unit in hand was cut by it */
    bool in_quotes; /* state of the part of a line that was used already */
    bool escaped;
    uint8_t n_tail; /* its last octets, for a literal announced across a border */
    uint8_t tail[32];
    size_t n_left;     /* octets of the window that were shown and not used */
    size_t n_scanned;  /* octets of the window that were looked at */
    size_t n_tried;    /* n_scanned when the ID in hand was last read for its end; see n_tries */
    unsigned n_tries;  /* times that was done, because its answer seemed to be there */
    size_t line_start; /* in the window: the line in hand of an ID */
    uint64_t literal_left;
    uint64_t gap_in_literal; /* with `cut`: that many octets of the literal in hand are missing */
    uint64_t n_over_limit;   /* units that were over a limit */
    uint64_t n_resyncs;      /* times a line start was found again */
    uint64_t n_headless;     /* lines of which the end alone was seen, behind a hole */
};

/* Begins a direction: at its first octet (`at_start`), or anywhere in it. */
void imapid_frame_init(struct imapid_frame *frame, enum imapid_side side, bool at_start);

/* Reads on. Returns MORE with *n_used octets of the front used (they may be dropped; the rest is
 * shown again), UNIT or SKIPPED, after which the call is made again with the window moved on by
 * *n_used. Time is linear in the octets added. A window shorter than what was looked at is another
 * one, whose caller has dropped the one before: it is read as one behind a hole. */
enum imapid_frame_status imapid_frame_read(struct imapid_frame *frame, const uint8_t *window,
                                           size_t n, struct imapid_unit *unit, size_t *n_used);

/* `n` octets (0: nobody knows how many) are missing behind the window, all of which was shown
 * before. Then read on with the window as it is until MORE: an ID that was cut comes out as far as
 * it goes. Behind the hole a new window begins; what MORE leaves of the old one is dropped. A hole
 * inside a literal that is passed over costs nothing. */
void imapid_frame_gap(struct imapid_frame *frame, uint64_t n);

/* The sender ended the connection and nothing is missing: an ID in hand comes out as far as it goes,
 * `refused`. Read on with the window as it is. */
void imapid_frame_end(struct imapid_frame *frame);

/* The server answered the command in hand while its literal was awaited: the literal never comes.
 * Read on with the window as it is. */
void imapid_frame_refuse(struct imapid_frame *frame);

/* The answer to the literal that the ID in hand announced may be missing: "+", or a refusal. The
 * octets to come tell. If they begin like a command, the ID ends where it is, cut; if not, they are
 * the literal's, and the reader is no longer sure. */
void imapid_frame_unsure(struct imapid_frame *frame);

/* The server answered before the line end of the command in hand came: some servers take an ID for
 * complete with its last parenthesis. `tag` is that of the answer, or NULL where it has none, and
 * must be the ID's. Read on with the window as it is: if it holds an ID whose list is closed, that
 * comes out, and its line end is passed over when it comes. */
void imapid_frame_answer(struct imapid_frame *frame, const struct imapid_tag *tag);

/* Nothing is missing, but nobody knows any more what the octets to come are: data or commands. The
 * window stays as it is and is looked at from its start: for a likely line, as behind a hole. */
void imapid_frame_doubt(struct imapid_frame *frame);

#endif
