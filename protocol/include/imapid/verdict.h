/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.h: where a connection stopped, who stopped it and how, from what its session says
 * (outcome.h) and from what only the front end knows: TCP, TLS, the end of the capture. What the
 * capture cannot tell is said so, never guessed. */
#ifndef IMAPID_VERDICT_H
#define IMAPID_VERDICT_H

#include <imapid/certificate.h>
#include <imapid/outcome.h>

/* What the first octets of a side are, where nothing is missing before them. */
enum imapid_opening {
    IMAPID_OPENING_OTHER, /* nothing that is known, or they are missing */
    IMAPID_OPENING_TEXT,
    IMAPID_OPENING_TLS,   /* a ClientHello */
    IMAPID_OPENING_SSL2,  /* one in the form that SSL 2.0 has (RFC 5246 E.2) */
    IMAPID_OPENING_PROXY, /* a header of the PROXY protocol */
    IMAPID_OPENING_HTTP,  /* a request */
};

enum imapid_opening imapid_verdict_opening(const uint8_t *octets, size_t n);

/* Is it the method of such a request of HTTP (RFC 9110 9)? */
bool imapid_verdict_is_method(const uint8_t *word, size_t n);

static inline bool imapid_opening_is_text(enum imapid_opening opening)
{
    return opening == IMAPID_OPENING_TEXT || opening == IMAPID_OPENING_HTTP;
}

static inline bool imapid_opening_is_hello(enum imapid_opening opening)
{
    return opening == IMAPID_OPENING_TLS || opening == IMAPID_OPENING_SSL2;
}

/* What the front end knows when a connection is over. Begins as all 0, but for `alert` and `warning`. */
struct imapid_verdict_facts {
    bool from_start;      /* the capture has its first octets */
    bool is_connected;    /* the server answered the SYN */
    bool is_lossless;     /* and all that follow */
    bool is_both;         /* packets of both sides came */
    bool is_tail_lost[2]; /* the last octets of the side are missing */
    bool is_tls_port;     /* 993: TLS from the first octet */
    bool is_readable;     /* the session was read: not one of another protocol, nor hidden */
    bool has_octets[2];   /* came of the side */
    enum imapid_opening opening[2];    /* by side */
    struct imapid_moment first;        /* the connection's first packet */
    struct imapid_moment client_first; /* with the client's first octets */
    struct imapid_moment last;         /* the connection's last packet */
    /* Who closed first, or nobody in this capture, and in which packet. */
    enum imapid_party closer;
    bool is_reset;   /* else FIN */
    bool is_foreign; /* the reset came another way than what `closer` sends */
    struct imapid_moment closed;
    struct imapid_moment farewell; /* the client's close_notify, before `closed` */
    struct imapid_stall stall[2];  /* by side */
    uint32_t mtu;                  /* see struct imapid_icmp; 0: none */
    struct imapid_moment mtu_place;
    const char *error; /* of ICMP, about the client's packets: see struct imapid_icmp; NULL: none */
    struct imapid_moment error_place;
    bool is_error_of_server;
    const char *error_from; /* the address it came from; NULL */
    uint8_t ttl[2];         /* by side, of what is no reset; 0: none came */
    uint8_t reset_ttl;
    const char *greets_as;         /* see imapid_verdict_greeting(); NULL */
    struct imapid_moment greeting; /* those words */
    /* TLS. */
    bool is_tls;                   /* agreed on, or begun */
    bool is_starttls;              /* by STARTTLS */
    struct imapid_moment plain[2]; /* by side: words, right behind the STARTTLS that was accepted */
    uint16_t tls_offered;          /* the newest version of the ClientHello; 0: not known */
    uint16_t tls_chosen;           /* by the server; 0: not known */
    unsigned n_suites;             /* offered; 0: not known */
    struct imapid_moment hello;    /* the ClientHello; none: not seen */
    bool is_ssl2;                  /* in the form that SSL 2.0 has */
    bool is_answered;              /* by a ServerHello */
    const struct imapid_certificate *certificate; /* the server's; NULL: it could not be read */
    struct imapid_moment certificate_at;
    const uint8_t *asked_for; /* n_asked_for octets, where the certificate is for another */
    size_t n_asked_for;
    bool is_tls_done; /* the handshake is over: both sides sent what is protected */
    int alert;        /* the first fatal one, -1: none */
    enum imapid_side alert_side;
    struct imapid_moment alert_place;
    int warning; /* the first alert that is none, close_notify among them; -1: none */
    enum imapid_side warning_side;
    struct imapid_moment warning_place;
    const char *not_decrypted;       /* why: "no-key" and the like; NULL */
    struct imapid_moment unreadable; /* octets that should have been DEFLATE */
    enum imapid_side unreadable_side;
};

/* Did somebody close it in this capture? */
static inline bool imapid_verdict_has_closed(const struct imapid_verdict_facts *facts)
{
    return facts->closer != IMAPID_PARTY_UNKNOWN;
}

/* The oldest command that is believed and waits for its answer: one that nothing has confirmed is, where nothing of the
 * server came that could have. NULL: none. */
static inline const struct imapid_outcome_waiting *
imapid_verdict_find_waiting(const struct imapid_outcome *outcome,
                            const struct imapid_verdict_facts *facts)
{
    for (unsigned i = 0; i < outcome->n_waiting; i++)
        if (!outcome->waiting[i].is_tentative || !facts->has_octets[IMAPID_SERVER])
            return &outcome->waiting[i];
    return NULL;
}

struct imapid_verdict {
    enum imapid_stage stage;
    enum imapid_party by;
    /* "NO", "BAD", "BYE", "OK": the server said so. The name of an alert. "RST", "FIN": closed
     * without a word. "timeout": the other side gave up waiting. "refused", "prohibited", "unreachable": no connection.
     * "retransmissions", "zero-window": nothing got through any more. "not-offered": STARTTLS.
     * "not-imap:PROTOCOL", "tls-on-plain-port", "plain-on-tls-port", "bad-deflate", "no-key",
     * "lost", "server-side-missing", "client-side-missing", "capture-ends". Good as long as the facts. */
    const char *status;
    const struct imapid_outcome_text *text; /* the server's words; NULL: none. Of the outcome */
    const struct imapid_outcome_cause
        *cause;    /* what the server said; NULL: nothing. Of the outcome */
    bool is_alert; /* behind the handshake */
    /* The client gave up, or left; then the answer to outcome->served, or the greeting, came. */
    bool is_late;
    struct imapid_moment place; /* the decisive packet */
    enum imapid_known healthy;
};

/* The time without an answer, in nanoseconds, behind which a client that closes has given up. */
#define IMAPID_VERDICT_PATIENCE_NS INT64_C(1000000000)

/* Judges a connection that is over. The verdict points into all three. */
void imapid_verdict_make(const struct imapid_outcome *outcome,
                         const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict);

/* Which protocol greets with these octets of a server: "not-imap:pop3", or smtp, http, ssh, ftp, nntp, sieve;
 * NULL: none that is known. Static. */
const char *imapid_verdict_protocol(const uint8_t *octets, size_t n);

/* The status of a server that begins with these octets: as above, or "not-imap:unknown"; NULL: it may be IMAP,
 * or TLS. Static. */
const char *imapid_verdict_greeting(const uint8_t *octets, size_t n);

/* Is it the name of an alert of TLS? */
bool imapid_verdict_is_alert(const char *status);

/* Does a status say that the peer did not like the certificate it was shown (alerts of RFC 8446 6.2 and RFC
 * 6066)? Not where there was none to be shown. */
bool imapid_verdict_refuses_certificate(const char *status);

#endif
