/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.h: shows octets to the protocol library in every segmentation and writes down what it says.
 *
 * A transcript is text, one entry a line, in the order in which the octets arrived:
 *
 *     C: a1 ID ("name" "x")      the client's line, CRLF is added
 *     S. * ID NIL                the server's octets, nothing is added
 *     C{ a2 LOGIN joe            the line and a literal's announcement, "{n}" CRLF, for all octets
 *                                of that side's next entry; C+ announces with "{n+}"
 *     C! 12                      12 octets of the client are missing (0: nobody knows how many)
 *     C?                         commands may be missing, nobody knows where
 *     #                          a comment
 *
 * In an entry \r \n \t \\ and \xHH stand for one octet (so C source writes "\\r").
 *
 * Every window is shown as a heap block of exactly its size, so that a sanitizer guards its end. */
#ifndef FEED_H
#define FEED_H

#include <glib.h>
#include <imapid/findings.h>
#include <imapid/session.h>

/* A run of octets, a hole, or a doubt, of one side. */
struct feed_entry {
    enum imapid_side side;
    bool is_hole, is_doubt;
    gsize n; /* octets; of a hole: missing ones, 0 where unknown */
    guint8 *octets;
};

struct feed_transcript {
    GPtrArray *entries;
    gsize n_octets;
};

struct feed_transcript *feed_parse(const char *text);
void feed_transcript_free(struct feed_transcript *transcript);

/* Undoes the escapes of an entry. */
guint8 *feed_unescape(const char *text, gsize *n);

/* How a session is run. */
struct feed_options {
    bool mid_session; /* the capture begins in the middle */
    enum imapid_security security;
    bool resume;   /* behind a switch what follows is shown as the octets inside; else nothing is */
    bool findings; /* findings are written behind each exchange */
    bool session;  /* what the session says of itself is written at the end */
    bool cut_end;  /* the capture ends in mid-connection: both sides get a hole at the end */
};

/* Runs a transcript once, every run of octets in pieces that end at the given offsets (ascending,
 * of all octets of the transcript; also where the side changes). Returns a line for each exchange:
 *
 *     TAG COMMAND -> RESPONSE STATUS STATE ADVERTISED SECURITY FLAGS ...
 */
char *feed_run(const struct feed_transcript *transcript, const struct feed_options *options,
               const gsize *ends, gsize n_ends);

/* Runs it whole, octet by octet, with every single split and with random ones; all must say the
 * same. Returns what they say. */
char *feed_all(const struct feed_transcript *transcript, const struct feed_options *options);

/* The same, compared with what is expected. */
void feed_check(const char *text, const struct feed_options *options, const char *expected);

/* One direction through frame.h alone; entries of the other side are passed over. A line for each
 * unit:   KIND WORD tag|args[FLAGS]   with FLAGS among cut over refused bare tentative lost. */
char *feed_frame_run(const struct feed_transcript *transcript, enum imapid_side side, bool at_start,
                     const gsize *ends, gsize n_ends);
void feed_frame_check(const char *text, enum imapid_side side, bool at_start, const char *expected);

/* A list as text: "(name=x version=NIL)", "NIL", "-" (missing); a name or value that is no string
 * is marked: 'atom', NIL; a missing value is "name=?". Octets outside ASCII graphics are \xHH. */
char *feed_list_text(const struct imapid_unit *unit, unsigned *faults);

/* Faults as words, by blanks: "spacing not-a-string". */
char *feed_faults_text(unsigned faults);

#endif
