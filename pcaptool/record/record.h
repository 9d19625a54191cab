/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_RECORD_H
#define IMAPID_RECORD_RECORD_H

#include <imapid/doubts.h>
#include <imapid/fields.h>
#include <imapid/findings.h>
#include <imapid/session.h>
#include <imapid/verdict.h>

#include "endpoint.h"
#include "path.h"

#include <glib.h>
#include <stdbool.h>

/* Messages for one input, on standard error. A file of another kind would else give one a line, and
 * a damaged one as many as it has blocks. */
#define IMAPID_COMPLAINTS_MAX 20u

/* The records: what imapid knows, as data. Every answer is computed from them, and writers only
 * spell them. */

#define IMAPID_RECORD_SCHEMA 1

/* Octets as the sender meant them (escapes undone), not always UTF-8; not NUL-terminated. */
struct imapid_record_string {
    bool is_nil; /* NIL, or not there */
    const uint8_t *octets;
    size_t n;
};

struct imapid_record_pair {
    struct imapid_record_string field, value;
};

/* One half of an exchange: the ID command or the untagged response. */
struct imapid_record_half {
    bool seen;
    struct imapid_stamp packet; /* the one that brought its last octet */
    const char *file;           /* where that packet is, if not in conn.file; else NULL */
    bool has_list;              /* false: NIL, or no list could be read */
    unsigned n_pairs;
    struct imapid_record_pair *pairs; /* n_pairs of them */
    bool is_malformed;                /* then `raw` belongs beside the pairs */
    const uint8_t *raw;               /* the command or response as sent, without its line end */
    size_t n_raw;
};

struct imapid_record_finding {
    enum imapid_finding_code code;
    enum imapid_side side;
    struct imapid_record_string field; /* is_nil: about no field */
    enum imapid_lack lack;             /* of required-by-server, else NOTHING */
};

/* The connection a record is about. */
struct imapid_record_conn {
    const char *site; /* where it was captured, as the user calls that; NULL: not said */
    /* As it was given; lives as long as the collector. Of several that are pieces of one capture,
     * the one in which the connection begins. */
    const char *file;
    uint32_t stream; /* counts connections in `file`, by their first packets there */
    uint32_t
        stream_of_run; /* while captures are read, and of no meaning later: counts in all pieces */
    struct imapid_endpoint client, server;
    /* Whom the client speaks for, as it says in the PROXY protocol; family 0: it does not. */
    struct imapid_endpoint proxied_client;
    uint64_t first_frame; /* of the connection, in `file`; 0: unknown */
    struct imapid_path path;
    struct imapid_doubts doubts; /* so far; of frames in other files than `file` the number is 0 */
};

/* How a connection ended in the capture: what came first. */
enum imapid_record_ended {
    IMAPID_ENDED_NOT, /* its end is not in the capture */
    IMAPID_ENDED_FIN, /* a side said FIN */
    IMAPID_ENDED_RST, /* a side reset it */
};

/* Who keeps records notes here under which number it keeps what an exchange says, all but connection,
 * tag, text, frames and times. Begins as all 0. */
struct imapid_record_note {
    const void *keeper;
    uint32_t number;
};

struct imapid_record_exchange {
    struct imapid_record_conn conn;
    char *tag; /* NULL: none was seen */
    struct imapid_record_half command, response;
    enum imapid_status status; /* NONE: no result was seen, the next three mean nothing */
    bool is_untagged;          /* an untagged NO, BAD or BYE was all that came */
    struct imapid_stamp result;
    const char *result_file; /* as `file` of a half */
    struct imapid_record_string text;
    enum imapid_security security;
    bool compressed;
    enum imapid_state state;
    bool complete;
    unsigned n_findings;
    struct imapid_record_finding *findings;
    struct imapid_record_note
        *note;           /* one for all that say the same; NULL: nobody knows which do */
    GStringChunk *store; /* holds what the strings point to */
};

/* What the handshake says of a session's TLS, with a key or without. Texts may be anything where
 * they were read back from JSON Lines; NULL: not known, or not there. */
struct imapid_record_tls {
    bool seen;           /* a hello was read; else the others mean nothing */
    const char *version; /* "TLS 1.2", the one the server chose */
    const char *suite;   /* its name, or number ("0x1301") where this program does not know it */
    const char *server_name; /* whom the client wanted to speak to */
    /* The protocol the server chose. In TLS 1.3 that is encrypted: without a key it is what the
     * client offered, where that is one. */
    const char *alpn;
};

/* What became of a connection: see imapid/verdict.h. Read back from JSON Lines, status and text may
 * be anything. Frames count in `file`, or in the connection's file where that is NULL. */
struct imapid_record_outcome {
    const char *status; /* NULL: there is nothing to tell, and the others mean nothing */
    enum imapid_stage stopped_at;
    enum imapid_party by;
    struct imapid_record_string text; /* the server's words; nil: none */
    uint64_t frame;                   /* the decisive one */
    const char *file;
    enum imapid_party ended_by;      /* who said FIN, or reset the connection, first */
    uint64_t ended_frame;            /* 0: nobody did */
    const char *ended_file;          /* as `file` */
    struct imapid_record_string say; /* all of it, in a sentence; nil where nothing has made one */
    int64_t ns, ended_ns;            /* times of the two; 0: not known, as in records read back */
};

/* Findings a session may have. */
#define IMAPID_RECORD_SESSION_FINDINGS 6

struct imapid_record_session {
    struct imapid_record_conn conn;
    int64_t first_ns, last_ns;
    enum imapid_security security;
    bool compressed;
    enum imapid_known id_advertised;
    uint64_t n_exchanges;
    bool from_start;
    enum imapid_record_ended ended;
    struct imapid_record_outcome outcome;
    enum imapid_known healthy;
    bool not_imap; /* to a port of IMAP, and never became IMAP */
    bool gave_way; /* its octets were given up: memory, or places for connections, were used up */
    uint64_t n_lost;
    uint64_t n_resyncs;          /* times the reader had to find a line start again */
    enum imapid_known decrypted; /* UNKNOWN: nothing was encrypted or compressed */
    /* Why it is NO, as a word for machines and a phrase for people, else NULL. Read back from JSON
     * Lines they may be anything. */
    const char *not_decrypted, *not_decrypted_phrase;
    struct imapid_record_tls tls;
    unsigned n_auths;
    struct imapid_auth auths[IMAPID_AUTHS_MAX];
    unsigned n_findings;
    struct imapid_record_finding findings[IMAPID_RECORD_SESSION_FINDINGS];
    /* How it went; NULL where that is not known, as in records read back. A frame that is in another
     * file than the connection's is 0, with a time. */
    const struct imapid_milestones *milestones;
    struct imapid_moment tls_hello; /* the ClientHello, likewise; 0: not known */
};

/* Packets of one kind whose layers were not read. Read back from JSON Lines, layer and name may be
 * anything. */
struct imapid_record_unread {
    const char *layer; /* "link-type", "ethertype" */
    uint64_t number;
    const char *name; /* never NULL */
    uint64_t n_packets;
};

/* Kinds that a capture's record has at most: those that are told apart, and the further ones. */
#define IMAPID_RECORD_UNREAD_MAX 65u

/* What was counted of a capture until a moment while it is read. */
struct imapid_record_interval {
    const char *site; /* as of a connection */
    const char *file;
    int64_t ts_ns;   /* the moment, by the clock of this machine */
    int64_t took_ns; /* since the capture began */
    uint64_t n_packets, n_octets;
    uint64_t n_conns, n_sessions, n_exchanges, n_not_decrypted;
    uint64_t n_lost, n_drops;
    uint64_t n_kept; /* octets of memory that connections take */
    uint64_t n_peak; /* octets of memory that the program took at most */
};

struct imapid_record_capture {
    const char *site; /* as of a connection */
    const char *file;
    const char *format;        /* NULL: unknown */
    bool has_times;            /* some packet has one; else the next two are 0 */
    int64_t first_ns, last_ns; /* the earliest and the latest time of a packet */
    uint64_t n_packets, n_octets;
    uint64_t n_conns, n_sessions, n_exchanges, n_not_decrypted;
    uint64_t n_lost, n_cut;
    uint64_t n_drops; /* packets that whoever captured did not fetch in time */
    uint64_t n_unknown_link;
    uint64_t
        n_forgotten; /* connections that gave way to others: if they went on, they count again */
    unsigned n_unread;
    const struct imapid_record_unread *unread;
    char *error; /* NULL: none */
};

/* Where a chain of captures is read in sections: connections that begin before a section, of which one before it tells
 * all. The section meets each of them first with one of these packets of the file, and what it tells of them is dropped. */
struct imapid_record_continued {
    const char *site; /* as of a connection */
    const char *file;
    const uint64_t *frames; /* n, each more than the one before */
    unsigned n;
};

/* Frames that a record has at most; there may be several of a file. */
#define IMAPID_RECORD_CONTINUED_MAX 1000u

/* Who takes the records, in the order in which they are complete. They are good during the call. */
struct imapid_record_sink {
    void (*exchange)(void *ctx, const struct imapid_record_exchange *exchange);
    void (*session)(void *ctx, const struct imapid_record_session *session);
    void (*capture)(void *ctx, const struct imapid_record_capture *capture);
    void *ctx;
    void (*continued)(void *ctx,
                      const struct imapid_record_continued *continued); /* NULL: no interest */
};

/* Names as the records spell them: "none", "not-authenticated", "OK". Static; of the status NONE "". */
const char *imapid_record_security(enum imapid_security security);
const char *imapid_record_state(enum imapid_state state);
const char *imapid_record_status(enum imapid_status status);

/* "TLS 1.2" of 0x0303; what has no name is a number. Freed with g_free(). */
char *imapid_record_tls_version(uint16_t version);

/* Is it a version as this program spells one ("TLS 1.2"); or a number as it spells that of a version or
 * suite without a name ("0x1301")? */
bool imapid_record_is_tls_version(const char *text);
bool imapid_record_is_tls_number(const char *text);

/* For qsort(), of struct imapid_record_unread: the largest first, then by number, layer and name. */
int imapid_record_compare_unread(const void *a, const void *b);

/* "fin", "rst"; NULL where the end was not seen. */
const char *imapid_record_ended(enum imapid_record_ended ended);

/* Was the connection read from its first octet to its end, with nothing missing, encrypted or in
 * doubt? What was not seen in such a session was not sent. */
bool imapid_record_is_whole(const struct imapid_record_session *session);

/* The same, but for its end. */
bool imapid_record_is_whole_so_far(const struct imapid_record_session *session);

/* What a person is told of a finding: a sentence, static. */
const char *imapid_record_message(const struct imapid_record_finding *finding);

/* When an exchange happened: at its command, or else its response. */
struct imapid_stamp imapid_record_when(const struct imapid_record_exchange *exchange);

/* Nanoseconds from the command to its response, or to its result where none came. False where one
 * of them was not seen, or the answer has an earlier time than the command: then the clock of the capture was set. */
bool imapid_record_rtt_ns(const struct imapid_record_exchange *exchange, int64_t *rtt_ns);

/* The value of a defined field in a half, or NULL where it was not sent or is NIL. */
const struct imapid_record_string *imapid_record_find(const struct imapid_record_half *half,
                                                      enum imapid_field field);

/* An exchange without anything; never NULL. The caller sets the plain members, then adds halves, text
 * and findings. `tag` is freed with it; file names are not. */
struct imapid_record_exchange *imapid_record_exchange_new(void);

/* Reads a unit's list into a half. The octets are copied. */
void imapid_record_add_half(struct imapid_record_exchange *exchange,
                            struct imapid_record_half *half, const struct imapid_unit *unit,
                            const struct imapid_stamp *packet);

/* Adds findings of the exchange made of `command` and `response`, NULL where there was none. The fields
 * they are about are copied. To be called once. */
void imapid_record_add_findings(struct imapid_record_exchange *exchange,
                                const struct imapid_findings *findings,
                                const struct imapid_unit *command,
                                const struct imapid_unit *response);

/* Copies octets into the exchange's store. Good until it is freed. */
struct imapid_record_string imapid_record_copy(struct imapid_record_exchange *exchange,
                                               const uint8_t *octets, size_t n);

/* With all its strings. NULL is allowed. */
void imapid_record_exchange_free(struct imapid_record_exchange *exchange);

#endif
