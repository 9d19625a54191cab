/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.h: which two connections are the legs of one proxied session, and whether both show the
 * same lists.
 *
 * The outer leg is the client's connection to the proxy; the inner leg is the proxy's connection to
 * the server. Only what the proxy itself says ties them:
 *
 *     by end         x-originating-ip and -port, or a header of the PROXY protocol, name the
 *                    client's end of the outer leg; x-connected-ip and -port, where sent, its
 *                    other end
 *     by session id  exactly two connections, to two servers, carry one x-session-id; the one
 *                    that began first is the outer leg
 *
 * Where more than one connection fits, none is tied. The caller keeps connections and lists in
 * containers of its own, and may use them to look up fewer candidates; the decision is made here.
 * Octets are as the sender meant them (escapes undone), and stay the caller's. */
#ifndef IMAPID_LEGS_H
#define IMAPID_LEGS_H

#include <imapid/end.h>
#include <imapid/findings.h>

/* ---- facts ---- */

struct imapid_leg_text {
    const uint8_t *octets;
    size_t n;
    bool is_nil; /* NIL, or not there: the other two mean nothing */
};

struct imapid_leg_pair {
    struct imapid_leg_text field, value;
};

/* One connection. */
struct imapid_leg_facts {
    const void *owner;                /* the caller's: equal for facts of the same connection */
    struct imapid_end client, server; /* as the packets have them */
    struct imapid_end proxied_client; /* as a header of the PROXY protocol names it; family 0: no */
    int64_t first_ns, last_ns;        /* times of its first and last packet */
};

/* ---- ties ---- */

/* What a proxy says about the outer leg. */
struct imapid_leg_claim {
    struct imapid_end origin, connected; /* family 0, port 0: not told */
    struct imapid_leg_text session_id;
};

/* Reads the claim of an ID command's pairs. Of a field that is sent twice the first value that is
 * not NIL counts. The session id points into the pairs. */
void imapid_leg_read_claim(struct imapid_leg_claim *claim, const struct imapid_leg_pair *pairs,
                           unsigned n_pairs);

/* The claim of a header of the PROXY protocol that named this client. */
struct imapid_leg_claim imapid_leg_claim_of_header(const struct imapid_end *proxied_client);

/* Does the claim name an end to look for? If not, no outer leg will be found for it by end. */
bool imapid_leg_names_end(const struct imapid_leg_claim *claim);

/* The outer leg of a claim, chosen from candidates that are shown one by one. Begins as all 0. */
struct imapid_leg_choice {
    const void *outer; /* the owner of the one that fits; NULL: none does, or more than one */
    const void *first; /* the rest is for legs.c */
    bool is_ambiguous; /* more than one fits: no further candidate changes that */
};

/* Shows one candidate for the outer leg of `claim`, which was made on `inner`. The same connection
 * may be shown again. */
void imapid_leg_consider(struct imapid_leg_choice *choice, const struct imapid_leg_claim *claim,
                         const struct imapid_leg_facts *inner,
                         const struct imapid_leg_facts *candidate);

/* Orders session ids, which are equal only if all octets are. */
int imapid_leg_compare_session_ids(const struct imapid_leg_text *a,
                                   const struct imapid_leg_text *b);

/* The connections that carry one session id. Begins as all 0. */
struct imapid_leg_chain {
    struct imapid_leg_facts legs[2];
    unsigned n_legs; /* 3 stands for more than two: no further connection changes that */
};

/* Adds a connection that carries the id. The same connection may be added again. */
void imapid_leg_add_carrier(struct imapid_leg_chain *chain, const struct imapid_leg_facts *facts);

/* Are they two legs? True: *outer and *inner are their owners. Of two that began at the same time
 * the one that was added first is the outer one. False: fewer or more than two connections, both
 * to one server (the proxy tried again, or clients made the id up), or not at the same time. */
bool imapid_leg_tie_chain(const struct imapid_leg_chain *chain, const void **outer,
                          const void **inner);

/* ---- which lists may be compared ---- */

/* What the findings of an ID command leave of its list. Begins as all 0. */
struct imapid_leg_clarity {
    unsigned n_findings;
    bool is_unclear;
};

/* Adds one finding about the list of the command. */
void imapid_leg_add_finding(struct imapid_leg_clarity *clarity, enum imapid_finding_code code);

/* Is there one reading of the list? A fault that is only a warning (octets over 127, spaces, line
 * ends) leaves none in doubt. False as well where there may be findings that were not kept. */
bool imapid_leg_is_clear(const struct imapid_leg_clarity *clarity);

/* How much of a connection was read. */
struct imapid_leg_reading {
    bool from_start;    /* from its first octet */
    bool has_gap;       /* octets are missing, or the reader lost its place for another reason */
    bool is_unreadable; /* part of it is encrypted, or compressed, and was not read */
    bool is_id_missing; /* an ID command or response is cut, or is not among those that are shown */
    bool is_unclear;    /* the list of an ID command is */
};

/* Was it read from end to end, so that its lists may be compared? Nothing is found in what the
 * capture lost. */
bool imapid_leg_is_whole(const struct imapid_leg_reading *reading);

/* ---- comparing ---- */

/* Is this pair the client's own, and not one that a proxy adds? */
bool imapid_leg_is_own(const struct imapid_leg_pair *pair);

/* Moves the client's own pairs to the front; returns how many there are. */
unsigned imapid_leg_keep_own(struct imapid_leg_pair *pairs, unsigned n_pairs);

/* Orders pairs: 0 for those that say the same. The case of names has no meaning, that of values
 * has. For qsort(): `a` and `b` are struct imapid_leg_pair. */
int imapid_leg_compare_pairs(const void *a, const void *b);

/* The client's own pairs of one ID command, sorted: their order has no meaning. */
struct imapid_leg_list {
    const struct imapid_leg_pair *pairs;
    unsigned n_pairs;
    const void *owner; /* the caller's */
};

/* Orders lists: 0 for those that say the same. For qsort(): `a` and `b` are struct
 * imapid_leg_list. */
int imapid_leg_compare_lists(const void *a, const void *b);

enum imapid_leg_change {
    IMAPID_LEG_SAME,
    IMAPID_LEG_OTHER_LIST,      /* the server was told a list that the client did not send */
    IMAPID_LEG_NOTHING_ARRIVED, /* the client sent lists, and the server was told none */
};

/* Compares the lists of two legs. Those of the outer one are sorted by imapid_leg_compare_lists();
 * those of the inner one are in the order in which they were sent. Lists of no pairs are passed
 * over. With OTHER_LIST *changed is set to the index of the first such list of the inner leg. */
enum imapid_leg_change imapid_leg_compare(const struct imapid_leg_list *outer, unsigned n_outer,
                                          const struct imapid_leg_list *inner, unsigned n_inner,
                                          unsigned *changed);

#endif
