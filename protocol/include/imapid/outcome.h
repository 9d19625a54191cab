/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outcome.h: what the units of a session tell of what became of it beside its ID exchanges: the first
 * cause for which it went wrong that nothing behind it has overcome. A refused login counts until one
 * is accepted; any other refusal until another command is answered OK. verdict.h weighs it against
 * TCP and TLS. No password is kept in the words. */
#ifndef IMAPID_OUTCOME_H
#define IMAPID_OUTCOME_H

#include <imapid/known.h>
#include <imapid/milestones.h>
#include <imapid/stall.h>
#include <imapid/unit.h>

/* How far a connection came. */
enum imapid_stage {
    IMAPID_STAGE_UNKNOWN,
    IMAPID_STAGE_CONNECT,
    IMAPID_STAGE_TLS,
    IMAPID_STAGE_GREETING,
    IMAPID_STAGE_STARTTLS,
    IMAPID_STAGE_LOGIN,
    IMAPID_STAGE_ID,
    IMAPID_STAGE_SELECT,
    IMAPID_STAGE_COMMAND,
    IMAPID_STAGE_IDLE,
    IMAPID_STAGE_END,
    IMAPID_N_STAGES
};

/* Who stopped it. */
enum imapid_party {
    IMAPID_PARTY_UNKNOWN,
    IMAPID_PARTY_CLIENT,
    IMAPID_PARTY_SERVER,
    IMAPID_PARTY_NETWORK, /* something between the two */
    IMAPID_PARTY_CAPTURE, /* nobody: the capture does not show more */
    IMAPID_N_PARTIES
};

/* Octets of what a router writes over STARTTLS, with the NUL. */
#define IMAPID_OUTCOME_MASK_MAX 10

/* Octets that are kept of what a challenge says the status is, with the NUL. */
#define IMAPID_OUTCOME_STATUS_MAX 24

/* Octets of a peer's words that are kept. */
#define IMAPID_OUTCOME_TEXT_MAX 240

struct imapid_outcome_text {
    uint8_t n;
    bool cut; /* there was more of it, or what may be a password */
    uint8_t octets[IMAPID_OUTCOME_TEXT_MAX];
};

struct imapid_outcome_cause {
    const char *status; /* static: see verdict.h */
    struct imapid_moment place;
    const char *argument; /* of the command that is refused, as in milestones.h; NULL */
    /* Of a command whose literal was announced shorter than what came: what it announced, where, and
     * where the rest came; frame 0: it was not. */
    uint64_t announced;
    struct imapid_moment asked, overrun;
    enum imapid_stage stage : 8; /* UNKNOWN: there is none */
    enum imapid_party by : 8;
    enum imapid_word word : 8; /* of that command; UNKNOWN: none, or one that is in no table */
    bool is_proxy_header;      /* the server took the header of a proxy for a command */
    struct imapid_outcome_text text;
};

/* Commands that wait for their answer here; past this many the oldest is forgotten. */
#define IMAPID_OUTCOME_WAITING_MAX 8

struct imapid_outcome_waiting {
    struct imapid_tag tag;
    enum imapid_word word : 8;
    bool is_tentative;    /* nothing has confirmed it yet */
    bool is_begun;        /* IDLE: the server has said "+" */
    bool is_done;         /* IDLE: the client has said DONE */
    const char *argument; /* see milestones.h */
    struct imapid_moment asked;
    uint64_t announced; /* octets of the literal at the end of its first line; 0: none */
    struct imapid_moment
        partial; /* the last that came of its answer, which has no end yet; frame 0: nothing */
    struct imapid_moment overrun; /* behind that, what is no command; frame 0: nothing */
};

/* Octets of passwords that are kept while the session lasts, and bits for the words of what else a
 * client sends where a password may be. */
#define IMAPID_OUTCOME_SECRETS_MAX 160
#define IMAPID_OUTCOME_SENT_BITS   4096

/* Octets of a LOGIN behind its first line, where its literals are, that are kept until it is answered. */
#define IMAPID_OUTCOME_REST_MAX 128

/* Begins as all 0. */
struct imapid_outcome {
    struct imapid_moment now;   /* set by the front end before it shows octets */
    struct imapid_moment asked; /* what the client sent last: command, or line of one */
    bool greeted, authenticated;
    struct imapid_moment greeting; /* the server's first words; frame 0: none */
    /* The command that was answered last, when it began to wait, and its answer; frame 0: none was answered.
     * Of commands that wait at the same time it is the oldest. */
    struct imapid_outcome_waiting served;
    struct imapid_moment served_since, served_at;
    bool has_spoken;   /* the server has, since TLS began */
    bool has_commands; /* the client has sent one */
    bool only_listed;  /* the client has asked for capabilities, and for nothing else */
    bool has_logout;   /* LOGOUT was sent */
    /* Behind STARTTLS, before it was answered: the client's next command; frame 0: it waited. */
    struct imapid_moment hasty;
    struct imapid_moment end; /* LOGOUT was answered */
    /* The first capability list, while STARTTLS could be in it. */
    struct imapid_moment listed;
    bool lists_starttls, lists_mask;    /* the name; something written over it */
    char mask[IMAPID_OUTCOME_MASK_MAX]; /* that; empty: none */
    struct imapid_outcome_cause cause;
    /* An untagged NO or BAD while a command waits; or a BAD before a login, while none does. */
    struct imapid_outcome_cause remark;
    /* The last refusal, or BYE, of a server whose clients' commands the capture does not have. It counts where nothing
     * else is known. */
    struct imapid_outcome_cause heard;
    struct imapid_moment misread; /* a BAD that answers no command, before a login; frame 0: none */
    unsigned n_refused;           /* logins, since the last that was accepted */
    /* The last unit, and the silence before it. */
    struct imapid_moment latest;
    int64_t pause_ns;
    /* Of the challenge that came last in the login that was refused last: its "status" where the
     * challenge is JSON (RFC 7628 3.2.2). Printable; empty: there was none. */
    char challenge_status[IMAPID_OUTCOME_STATUS_MAX];
    struct imapid_milestones milestones;
    unsigned n_waiting;
    struct imapid_outcome_waiting waiting[IMAPID_OUTCOME_WAITING_MAX];
    /* Octets that the client has not sent of a literal that it has begun; 0: none is open. Of the newest command. */
    uint64_t n_literal_left;
    /* What may be a password, so that no text that repeats it is kept. `is_unsure`: there may be more. */
    bool is_unsure;
    bool said_sasl; /* a line of SASL, and the server has not asked for another since */
    /* The newest command is a LOGIN that goes on behind its first line: with the password, or with the user
     * name. */
    bool has_rest, is_rest_password;
    uint8_t n_rest;
    uint8_t rest[IMAPID_OUTCOME_REST_MAX];
    uint8_t n_secrets;
    uint8_t secrets[IMAPID_OUTCOME_SECRETS_MAX];
    uint16_t n_sent; /* bits set of */
    uint8_t sent[IMAPID_OUTCOME_SENT_BITS / 8];
};

/* Takes a unit of the session, in the order in which they are read. `is_tentative`: nothing has
 * confirmed it yet; such a response counts where a command waits for its tag. `is_whole`: nothing of
 * the client was missed, so that every password it sent was seen. */
void imapid_outcome_take(struct imapid_outcome *outcome, const struct imapid_unit *unit,
                         bool is_tentative, bool is_whole);

/* Takes octets of the client's newest command behind its first line, as they come: n > 0. */
void imapid_outcome_take_rest(struct imapid_outcome *outcome, const uint8_t *octets, size_t n);

/* Octets of that are missing. */
void imapid_outcome_lose_rest(struct imapid_outcome *outcome);

/* More came of a response of which the first line was taken. */
void imapid_outcome_go_on(struct imapid_outcome *outcome);

/* What was taken of a side as tentative was no line of it. */
static inline void imapid_outcome_distrust(struct imapid_outcome *outcome)
{
    outcome->heard.stage = IMAPID_STAGE_UNKNOWN;
}

/* The moment since which a command has waited: the client's last words, or what last came of its answer.
 * Part of the outcome. */
const struct imapid_moment *imapid_outcome_since(const struct imapid_outcome *outcome,
                                                 const struct imapid_outcome_waiting *waiting);

/* Both sides speak through TLS from here on: what was listed before no longer counts. */
void imapid_outcome_begin_tls(struct imapid_outcome *outcome);

/* The stage a session is in while this command waits for its answer. */
enum imapid_stage imapid_outcome_stage(enum imapid_word command);

/* "login", "server" and so on; static. NULL for an unknown party. */
const char *imapid_stage_name(enum imapid_stage stage);
const char *imapid_party_name(enum imapid_party party);

#endif
