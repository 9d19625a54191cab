/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h: what both directions of one IMAP connection say together: which response answers which
 * ID command, in which state, under which protection (RFC 2971, RFC 9051, RFC 2177, RFC 4978).
 *
 * The caller keeps a window for each side (see frame.h) and, for each exchange slot, a copy of its
 * command and response for as long as the exchange is open. It shows octets in the order in which
 * they arrived, and after every call that returns UNIT or PASSED it takes the events:
 *
 *     for (;;) {
 *         switch (imapid_session_read(s, side, window, n, &unit, &n_used)) {
 *         case IMAPID_SESSION_MORE:        drop n_used octets, keep the rest, wait for more
 *         case IMAPID_SESSION_OTHER_SIDE:  read the other side's window, as it is, then this again
 *         case IMAPID_SESSION_PASSED:      n_used octets are no unit (the rest of one whose
 *                                          beginning was told, or noise): take the events, go on
 *         case IMAPID_SESSION_UNIT:        while (imapid_session_event(s, &event)) ...; go on
 *         }
 *     }
 *
 * After the event SWITCH the caller takes the octets behind n_used, and all of the other side's
 * window, through TLS or DEFLATE and shows what comes out of it as new windows; or, if it cannot,
 * shows nothing more. */
#ifndef IMAPID_SESSION_H
#define IMAPID_SESSION_H

#include <imapid/frame.h>
#include <imapid/login.h>

/* ID commands that wait for their answer at the same time, and one slot that stays free. Clients
 * pipeline one or two. */
#define IMAPID_SLOTS 8

/* Other commands that wait for theirs. Clients pipeline a handful; past this the oldest is
 * forgotten, which costs no more than the means to recognise its answer. */
#define IMAPID_PENDING_MAX 16

enum imapid_known {
    IMAPID_UNKNOWN,
    IMAPID_NO,
    IMAPID_YES,
};

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
    bool open;
    bool tentative; /* its command stands behind a hole and nothing has confirmed it yet */
    bool has_command;
    unsigned n_responses;
    bool has_extra;     /* two responses with nothing missing between them */
    bool answer_missed; /* its result, or another's, may have come behind its last response */
    bool response_tentative;
    uint64_t response_run; /* server_run when its last response came */
    bool response_dropped; /* one that was given as its response was none, or another's */
    enum imapid_status status;
    enum imapid_status untagged_status; /* of an untagged NO, BAD or BYE behind the command: what
                                           became of it, where no tagged response ever comes */
    bool lost;        /* octets of it, or of what may have been part of it, are missing */
    bool unsolicited; /* a response, and no command for it can have been missed */
    bool is_late;     /* a command alone: its answer ended the exchange that was in this slot */
    enum imapid_known advertised; /* did the last capability list before the command name ID? */
    enum imapid_state state;      /* these three: at the command, or else the response */
    enum imapid_security security;
    bool compressed;
    uint64_t order; /* rises from exchange to exchange */
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
    enum imapid_event_kind kind;
    unsigned slot; /* of the exchange; not for switches */
    unsigned from; /* MOVE_RESPONSE: of the exchange that had the response */
};

enum imapid_session_status {
    IMAPID_SESSION_MORE,
    IMAPID_SESSION_UNIT,
    IMAPID_SESSION_PASSED,
    IMAPID_SESSION_OTHER_SIDE,
};

struct imapid_pending {
    struct imapid_tag tag;
    enum imapid_word word;
    bool tentative;
    bool sends_data; /* the client's lines belong to it until it is answered */
    uint64_t order;
    uint8_t slot; /* IMAPID_SLOTS where it is no ID */
};

#define IMAPID_EVENTS_MAX (2 * IMAPID_SLOTS + 5)

/* All state of one connection: about 2.5 KiB, no pointers but to static texts. Read what stands before `frame`. */
struct imapid_session {
    bool from_start;              /* the connection was seen from its first octet */
    enum imapid_known advertised; /* does the last capability list name ID? */
    enum imapid_state state;
    enum imapid_security security;
    bool compressed;
    enum imapid_lack required_by_server; /* a refusal spoke of a missing ID: what it lacked */
    struct imapid_login login;
    bool seen[2]; /* octets of that side came */
    uint64_t n_exchanges;
    uint64_t n_id_commands;
    struct imapid_exchange exchanges[IMAPID_SLOTS];
    struct imapid_frame frame[2];

    bool greeted;    /* the server's first response was seen or missed */
    bool client_gap; /* commands may have been missed: responses without one prove nothing */
    uint64_t client_gap_order;       /* those with a higher order were read after that */
    enum imapid_state state_in_hand; /* these three: as when the client's last octets came */
    enum imapid_known advertised_in_hand;
    uint64_t order_in_hand;
    bool answer_missed;   /* to the client's command in hand, which some servers answer early */
    bool was_other_side;  /* for the server's unit in hand the client's window was asked for */
    bool asked;           /* "+" came and no literal, AUTHENTICATE or IDLE explains it */
    bool client_silent;   /* since the layer began: nobody knows whether it can be read */
    bool may_begin_layer; /* AUTHENTICATE is under way, or was the last that succeeded */
    int n_sasl_asked;     /* "+" of the server in AUTHENTICATE, less the client's lines in it */
    uint64_t order;
    bool server_gap;     /* octets of the server are missing */
    uint64_t server_run; /* changes where the server's lines may not follow of one another */
    unsigned n_pending;
    struct imapid_pending pending[IMAPID_PENDING_MAX];
    unsigned last_response; /* slot of the response that was the server's last unit; or SLOTS */
    struct imapid_tag orphan_tag; /* of the last result that ended an exchange without a command */
    unsigned orphan_slot;
    uint64_t orphan_order; /* of that exchange; 0: there was none */
    unsigned n_events, next_event;
    struct imapid_event events[IMAPID_EVENTS_MAX];
};

/* Begins a connection: at its first octets (`from_start`), or anywhere in it. `security` is TLS
 * where the octets come out of TLS from the start, else NONE. */
void imapid_session_init(struct imapid_session *session, bool from_start,
                         enum imapid_security security);

/* Reads on in the window of `side`. UNIT: *unit was read. OTHER_SIDE is returned by the server's
 * side alone, and at most once for a unit. */
enum imapid_session_status imapid_session_read(struct imapid_session *session,
                                               enum imapid_side side, const uint8_t *window,
                                               size_t n, struct imapid_unit *unit, size_t *n_used);

/* Takes the next event; false when there is none. */
bool imapid_session_event(struct imapid_session *session, struct imapid_event *event);

/* `n` octets of `side` (0: unknown how many) are missing behind its window. Then read on with the
 * window as it is until MORE, and begin a new one. The sooner a hole is told the better: a response
 * that is shown before the hole that swallowed its command passes for an unsolicited one. */
void imapid_session_gap(struct imapid_session *session, enum imapid_side side, uint64_t n);

/* `side` ended the connection, and nothing of it is missing: an ID begun is told as far as it goes, as
 * one that is whole. Then read on with the window as it is until MORE. */
void imapid_session_close(struct imapid_session *session, enum imapid_side side);

/* Octets of `side` were acknowledged by the other and have not come: commands may be missing, or an
 * answer for which the client waited. They may still come, so this is no gap; a later one tells the
 * place. */
void imapid_session_doubt(struct imapid_session *session, enum imapid_side side);

/* The connection, or the capture, has ended: every open exchange ends. Take the events. Call
 * imapid_session_gap for both sides before where the capture ends in mid-connection and a unit
 * begun shall still be told as a cut one. */
void imapid_session_end(struct imapid_session *session);

/* After a switch: the octets to come are those inside TLS or DEFLATE. Drops what was begun. */
void imapid_session_resume(struct imapid_session *session);

/* The client's next octets look like the start of TLS, and no STARTTLS was answered. Where octets are
 * missing it may be among them: true, `security` is STARTTLS now, and the caller goes on as after
 * the event TLS. False: it cannot be; nothing was changed. */
bool imapid_session_miss_starttls(struct imapid_session *session);

#endif
