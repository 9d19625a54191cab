/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exchanges.h: the ID exchanges of one connection: which response belongs to which command, and what
 * of it is believed where octets are missing (RFC 2971 3.1, 3.2).
 *
 * The session (session.h) reads the units of both directions, keeps the facts here up to date (`now`,
 * `seen`, `sync`), and gives each unit that matters to one of the functions below, in the order in
 * which they arrived. What comes of it is told by events. All is plain state: no pointer but to
 * static texts, no allocation. */
#ifndef IMAPID_EXCHANGES_H
#define IMAPID_EXCHANGES_H

#include <imapid/frame.h>
#include <imapid/known.h>
#include <imapid/pending.h>

enum imapid_state {
    IMAPID_STATE_UNKNOWN,
    IMAPID_STATE_NOT_AUTHENTICATED,
    IMAPID_STATE_AUTHENTICATED,
};

enum imapid_security {
    IMAPID_SECURITY_NONE,
    IMAPID_SECURITY_STARTTLS,
    IMAPID_SECURITY_TLS,
};

enum imapid_status {
    IMAPID_STATUS_NONE, /* no tagged response was seen */
    IMAPID_STATUS_OK,
    IMAPID_STATUS_NO,
    IMAPID_STATUS_BAD,
    IMAPID_STATUS_BYE, /* of an untagged response alone */
};

/* One ID exchange. Read only; good until the event that ends it was followed by the next call of
 * imapid_session_read. */
struct imapid_exchange {
    uint64_t response_run; /* server_run when its last response came */
    uint64_t order;        /* rises from exchange to exchange */
    unsigned n_responses;
    bool open;
    bool tentative;  /* its command stands behind a hole and nothing has confirmed it yet */
    bool may_be_old; /* the command may have been sent again, and its answer be in the hole that was
                        found when it came */
    bool has_command;
    bool has_extra;     /* two responses with nothing missing between them */
    bool answer_missed; /* its result, or another's, may have come behind its last response */
    bool response_tentative;
    bool response_dropped; /* one that was given as its response was none, or another's */
    enum imapid_status status : 8;
    enum imapid_status
        untagged_status : 8; /* of an untagged NO, BAD or BYE behind the command: what
                                           became of it, where no tagged response ever comes */
    bool lost;               /* octets of it, or of what may have been part of it, are missing */
    bool unsolicited;        /* a response, and no command for it can have been missed */
    bool is_late; /* a command alone: its answer ended the exchange that was in this slot */
    enum imapid_known advertised : 8; /* did the last capability list before the command name ID? */
    enum imapid_state state : 8;      /* these three: at the command, or else the response */
    enum imapid_security security : 8;
    bool compressed;
};

enum imapid_event_kind {
    IMAPID_EVENT_COMMAND,  /* the unit is the ID command of a new exchange; or of one whose response
                              came before the command's line end; or, with `is_late`, that of the
                              one whose RESULT was the last event of this slot; END follows */
    IMAPID_EVENT_RESPONSE, /* the unit is its first untagged ID; of a new exchange where no command
                              is open */
    IMAPID_EVENT_EXTRA,    /* the unit is one more untagged ID of it */
    IMAPID_EVENT_RESULT,   /* the unit is its tagged response: the exchange has ended, unless it is
                              still open (unconfirmed): then END or DROP follows */
    IMAPID_EVENT_UNTAGGED, /* the unit is the untagged response of `untagged_status` */
    IMAPID_EVENT_END,      /* the exchange has ended without one */
    IMAPID_EVENT_DROP_RESPONSE, /* what was given as its response was none: forget it */
    IMAPID_EVENT_MOVE_RESPONSE, /* what was given as the response of `from` is that of `slot` */
    IMAPID_EVENT_DROP,          /* what was given as an exchange was none: forget it */
    IMAPID_EVENT_TLS,           /* switch: behind the unit both sides speak TLS */
    IMAPID_EVENT_DEFLATE,       /* switch: behind the unit both sides speak DEFLATE */
    IMAPID_EVENT_SASL,          /* switch: both sides speak through a SASL layer, see sasl.h */
};

struct imapid_event {
    enum imapid_event_kind kind : 8;
    uint8_t slot; /* of the exchange; not for switches */
    uint8_t from; /* MOVE_RESPONSE: of the exchange that had the response */
};

#define IMAPID_EVENTS_MAX (2 * IMAPID_SLOTS + 5)

/* Tags by which a client that uses them again is known: as many as can be open at a time. */
#define IMAPID_TAGS_KEPT IMAPID_PENDING_MAX

/* What is known of the connection. */
struct imapid_standing {
    enum imapid_known advertised; /* does the last capability list name ID? */
    enum imapid_state state;
    enum imapid_security security;
    bool compressed;
};

/* Read what stands before `client_gap`. */
struct imapid_exchanges {
    struct imapid_standing now; /* kept by the session; a new exchange takes it along */
    bool from_start;            /* the connection was seen from its first octet */
    bool seen[2];               /* octets of that side came */
    bool client_silent;         /* since the layer began: nobody knows whether it can be read */
    enum imapid_sync sync[2]; /* of both frames; set before a call, and taken from here behind it */
    uint64_t n_exchanges;
    uint64_t n_id_commands;
    struct imapid_exchange slots[IMAPID_SLOTS];
    struct imapid_pending pending;

    bool reuses_tags;                    /* the client was seen to use a tag again */
    uint64_t answered[IMAPID_TAGS_KEPT]; /* hashes of the last tags that were answered, in a ring */
    unsigned n_answered;
    bool client_gap; /* commands may have been missed: responses without one prove nothing */
    uint64_t client_gap_order; /* those with a higher order were read after that */
    bool misses_line;    /* the head of a line was missed, and no answer came that can be its own */
    uint64_t line_order; /* the same of that line */
    struct {             /* as when the client's last octets came */
        enum imapid_state state;
        enum imapid_known advertised;
        uint64_t order;
        bool answer_missed; /* to the command in hand, which some servers answer early */
    } in_hand;
    uint64_t order;
    bool server_gap;        /* octets of the server are missing */
    bool is_behind_hole;    /* and nothing was read of it since */
    bool tag_left;          /* where a command waited: its tag may be open though it was answered */
    uint64_t server_run;    /* changes where the server's lines may not follow of one another */
    unsigned last_response; /* slot of the response that was the server's last unit; or SLOTS */
    struct imapid_tag orphan_tag; /* of the last result that ended an exchange without a command */
    unsigned orphan_slot;
    uint64_t orphan_order; /* of that exchange; 0: there was none */
    unsigned n_events, next_event;
    struct imapid_event events[IMAPID_EVENTS_MAX];
};

/* Begins a connection: at its first octets (`from_start`), or anywhere in it. All state of before is
 * lost. */
void imapid_exchanges_init(struct imapid_exchanges *x, bool from_start,
                           enum imapid_security security);

/* Takes the next event. True: *event is set. False: there is none more, and *event stays as it was. */
bool imapid_exchanges_event(struct imapid_exchanges *x, struct imapid_event *event);

/* Adds the event TLS, DEFLATE or SASL, behind those that wait. */
void imapid_exchanges_switch(struct imapid_exchanges *x, enum imapid_event_kind kind);

/* May an exchange that nothing more comes of be believed? What nothing has confirmed is not, unless
 * the side that would confirm it is not in the capture at all: the text of a message can look like
 * any command or response. `seen` says of which sides octets came. The response of an exchange may
 * fall where the exchange stands: then a tagged line has to come behind it, which a server that was
 * asked would send. */
bool imapid_exchange_stands(const struct imapid_exchange *exchange, const bool seen[2]);
bool imapid_exchange_response_stands(const struct imapid_exchange *exchange, const bool seen[2]);

/* Was every command up to now seen, so that a response without one is the server's own idea? */
bool imapid_exchanges_know_commands(const struct imapid_exchanges *x);

/* Does an ID command wait for its untagged response? */
bool imapid_exchanges_waits(const struct imapid_exchanges *x);

/* The status that a status response's word means; BAD for all that is not OK, NO or BYE. Never NONE. */
enum imapid_status imapid_status_read(const struct imapid_unit *unit);

/* ---- the client's units ---- */

/* The client speaks for the first time: what was answered before was not asked. Before this nobody
 * knew whether the client is in the capture. True if there was such a response. */
bool imapid_exchanges_end_unsolicited(struct imapid_exchanges *x);

/* Octets of the client came and no command is complete: what is true now is true of that command. */
void imapid_exchanges_hold(struct imapid_exchanges *x);

/* An ID command; `tentative`: it stands behind a hole. True: the event COMMAND tells of it. False, for
 * a tentative one only: no client sends such a line, so it is no command, and neither is what was read
 * since the hole. */
bool imapid_exchanges_command(struct imapid_exchanges *x, const struct imapid_unit *unit,
                              bool tentative);

/* An ID command that was answered before its line end: it stands where its last octets came, not
 * where the answer to others has led since. */
void imapid_exchanges_answered_command(struct imapid_exchanges *x, const struct imapid_unit *unit);

/* Any other command. */
void imapid_exchanges_other_command(struct imapid_exchanges *x, const struct imapid_unit *unit,
                                    bool tentative);

/* ---- the server's units ---- */

/* The greeting told in which state the connection began (`now`): so did the commands of a client that
 * does not wait for it. */
void imapid_exchanges_greet(struct imapid_exchanges *x);

/* An untagged ID; else as imapid_exchanges_command. */
bool imapid_exchanges_response(struct imapid_exchanges *x, const struct imapid_unit *unit,
                               bool tentative);

/* An untagged NO, BAD or BYE while an ID waits for its answer: a server that could not read the
 * command, or will not, says so without its tag (RFC 9051 7.1.3). It is the ID's where nothing else
 * waits; BYE is everybody's, unless LOGOUT asked for it. NO is a warning more often than not: what
 * comes later counts. */
void imapid_exchanges_untagged(struct imapid_exchanges *x, const struct imapid_unit *unit);

/* The pending command that a tagged response answers, or -1: none has that tag, or nobody knows which
 * of several it is. Servers answer commands of one tag in order (they answer all in order), so it is
 * the oldest, unless the answer to that may be missing already. Then an untagged ID right before the
 * response tells, where one alone of them is an ID. A client that uses tags again may have used this
 * one in a hole as well. */
int imapid_exchanges_find_answered(const struct imapid_exchanges *x, const struct imapid_tag *tag);

/* The tagged response to pending command `i`, which is removed. `sync` says afterwards what it
 * confirmed of both sides. */
void imapid_exchanges_answer(struct imapid_exchanges *x, unsigned i, enum imapid_status status);

/* A tagged response for which imapid_exchanges_find_answered() finds no command. Where commands may
 * have been missed, those still open cannot have been answered, unless they came earlier and their
 * answer is missing; and it is the result of a response whose command is not in the capture. Where
 * nothing proves yet that the server's lines are lines, that exchange stays open behind it. Of
 * several commands with that tag the oldest has been answered by now, in a hole if not here: it
 * ends, and what may have been said to any of them is told beside none. */
void imapid_exchanges_strange_answer(struct imapid_exchanges *x, const struct imapid_tag *tag,
                                     enum imapid_status status);

/* ---- holes and ends ---- */

/* Commands may have been missed, from here on or since the last ones: that of an open response may
 * be among them. */
void imapid_exchanges_miss_commands(struct imapid_exchanges *x);

/* The end of a client's line was read whose beginning is in a hole. Servers answer in order: the next answer is
 * that line's. If it has the tag of a later command, the client uses tags again. */
void imapid_exchanges_miss_line(struct imapid_exchanges *x);

/* Answers may have been missed. `is_in_hand`: of a command, too, whose line has not ended. */
void imapid_exchanges_miss_answers(struct imapid_exchanges *x, bool is_in_hand);

/* May a "+" in the server's hole have asked for data in the name of AUTHENTICATE, or of a command
 * nobody here knows? Then what was read behind that command may be data, and is tentative. */
bool imapid_exchanges_may_be_asked(struct imapid_exchanges *x);

/* A line was read that no such sender would send: what was thought to be its lines since the hole was
 * none. */
void imapid_exchanges_distrust(struct imapid_exchanges *x, enum imapid_side side);

/* The ID just read ended at a literal that never came: its refusal is in the hole. */
void imapid_exchanges_end_newest(struct imapid_exchanges *x);

/* The connection, or the capture, has ended: every open exchange ends. */
void imapid_exchanges_end(struct imapid_exchanges *x);

#endif
