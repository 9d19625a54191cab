/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_SURVEY_H
#define IMAPID_ANSWER_SURVEY_H

#include "answer/fold.h"
#include "answer/store.h"
#include "record/pool.h"
#include "record/result.h"

/* Every connection as one row, and how many there are of each kind: what the report is made of. A
 * connection is counted once, by the exchange that tells who a side is (record/gist.h), so that numbers of
 * programs, servers and kinds of protection add up to the number of rows. */

/* How the octets of a connection were protected, as far as a reader can tell. */
enum imapid_shade {
    IMAPID_SHADE_TLS,
    IMAPID_SHADE_STARTTLS,
    IMAPID_SHADE_CLEAR,
    IMAPID_SHADE_UNREAD, /* something in it could not be read */
    IMAPID_N_SHADES
};

/* What a person has to do something about, or to look at: survey.c says which connections are. */
enum imapid_concern {
    IMAPID_CONCERN_MAILBOX,   /* refused for want of an ID */
    IMAPID_CONCERN_PASSWORD,  /* in clear text */
    IMAPID_CONCERN_BROKEN,    /* a list breaks the standard */
    IMAPID_CONCERN_INJECTED,  /* octets between STARTTLS and TLS */
    IMAPID_CONCERN_LOGINS,    /* refused, IMAPID_SURVEY_LOGINS times or more from one address */
    IMAPID_CONCERN_NO_TLS,    /* TLS failed, or there was none */
    IMAPID_CONCERN_REFUSED,   /* something else */
    IMAPID_CONCERN_NO_SERVER, /* no server of IMAP answered */
    IMAPID_CONCERN_CLOSED,    /* by the server */
    IMAPID_CONCERN_DEVICE,    /* an identifier of one was told */
    IMAPID_CONCERN_LOGIN,     /* refused, less often than LOGINS; from here on: to look at */
    IMAPID_CONCERN_BROKE_OFF,
    IMAPID_CONCERN_OLD_TLS,
    IMAPID_N_CONCERNS
};

#define IMAPID_CONCERNS_TO_ACT ((1u << IMAPID_CONCERN_LOGIN) - 1)
#define IMAPID_SURVEY_LOGINS   5u

/* Texts are numbers of `texts` + 1; 0: it was not said. */
struct imapid_survey_row {
    int64_t ts_ns; /* when it began */
    uint64_t codes;
    uint32_t program; /* place + 1 in `programs` */
    uint32_t version, os;
    uint32_t says;           /* the server: name and version */
    uint32_t server;         /* place in `servers` */
    uint32_t login;          /* the mechanism */
    uint32_t reason, phrase; /* why it could not be read; the phrase may be missing */
    uint16_t concerns;       /* 1 << each */
    uint8_t shade, result, n_warnings;
    bool has_id, is_silent, is_late; /* silent: seen whole, and no ID was sent */
};

struct imapid_survey_program {
    const char *name; /* the spelling met most often */
    unsigned n_conns, n_addresses;
};

struct imapid_survey_server {
    struct imapid_endpoint end;  /* its address; the port means nothing */
    unsigned n_conns, n_clients; /* addresses of clients */
    unsigned n_shades[IMAPID_N_SHADES];
    uint32_t says, os; /* what it said most often */
};

struct imapid_survey {
    const struct imapid_store_view *view;
    struct imapid_survey_row *rows; /* by place in the view */
    unsigned n_rows;
    GArray *programs, *servers; /* struct imapid_survey_…, most connections first */
    struct imapid_pool *texts;
    unsigned n_shades[IMAPID_N_SHADES], n_concerns[IMAPID_N_CONCERNS], n_results[IMAPID_N_RESULTS];
    unsigned n_named, n_silent, n_to_act; /* connections */
    int64_t first_ns, last_ns;            /* of what began; IMAPID_TIME_NONE: of none it is known */
};

/* Looks at every connection once. To be freed with imapid_survey_free(); the view must stay until then. */
struct imapid_survey *imapid_survey_make(const struct imapid_store_view *view,
                                         const struct imapid_fold *fold);
void imapid_survey_free(struct imapid_survey *survey);

/* A text by its number + 1; NULL of 0. Good while the survey is. */
const char *imapid_survey_get_text(const struct imapid_survey *survey, uint32_t number);

/* Two numbers, and how many rows have both. */
struct imapid_survey_count {
    uint32_t a, b, n;
    int64_t last_ns; /* of the newest of them */
};

/* Counts rows by two numbers that `get` finds in each; rows of which it says false are not counted. An array of
 * struct imapid_survey_count, by `a`, then the most frequent first; to be freed with g_array_unref(). */
GArray *imapid_survey_count(const struct imapid_survey *survey,
                            bool (*get)(const struct imapid_survey_row *row, uint32_t *a,
                                        uint32_t *b));

/* How long answers to an ID took, a server each: int64_t nanoseconds in order, by place in `servers`. An array of `n`
 * GArray, for the first n servers; to be freed with g_array_unref() each, and g_free(). */
GArray **imapid_survey_gather_times(const struct imapid_survey *survey, unsigned n);

#endif
