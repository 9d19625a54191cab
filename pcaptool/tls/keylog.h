/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_KEYLOG_H
#define IMAPID_TLS_KEYLOG_H

#include "tls/keylog-line.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TLS secrets out of key logs (the NSS key log format, draft-ietf-tls-keylogfile): collected from
 * any number of files and Decryption Secrets Blocks, looked up by client random.
 *
 * Secrets may be added at any time. Any number of threads may use one object at once, but for
 * new and free. Memory is never more than about what the text took that was added, and never more than
 * the limit: then the sessions that came first give way. */
struct imapid_keylog;

/* Secrets of key logs that were named may take one part in so many of all memory; those that one capture
 * brings along one in so many of that capture's share. */
#define IMAPID_KEYLOG_SHARE     2
#define IMAPID_KEYLOG_OWN_SHARE 4

/* No limit is lower. */
#define IMAPID_KEYLOG_LIMIT_MIN (64u << 10)

/* One client random and kind may have several secrets, of which at most one is right (logs put
 * together, some of them garbled): this many different ones are kept, the earliest. Each new one is
 * compared with all of them, so that the number bounds what a line costs. */
#define IMAPID_KEYLOG_CANDIDATES 1024

/* So many are given out at a time. */
#define IMAPID_KEYLOG_BATCH 8

/* Labels of no use that are told apart. */
#define IMAPID_KEYLOG_LABELS 4

struct imapid_keylog_counts {
    uint64_t n_lines;
    uint64_t n_secrets;    /* distinct ones kept */
    uint64_t n_ech;        /* lines that open an encrypted ClientHello: no secret of a session */
    uint64_t n_duplicates; /* said again, with the same value */
    uint64_t n_conflicts;  /* a second, third, … value for what was said before */
    uint64_t n_dropped;    /* of those, beyond IMAPID_KEYLOG_CANDIDATES or the limit */
    uint64_t n_comments;   /* and blank lines */
    uint64_t
        n_ignored; /* lines of a known kind that is of no use here: exporter secrets and the like */
    uint64_t n_garbage; /* everything else: these, */
    uint64_t n_unknown; /* a label that is none */
    uint64_t n_not_hex; /* a known one, and what should be hexadecimal digits is not */
    uint64_t n_lengths; /* a known one, and words too short, too long, too many or too few */
    /* These two begin anew with each imapid_keylog_read(). */
    uint64_t first_garbage; /* what n_lines was at the first of those; 0: there was none */
    const char
        *ignored[IMAPID_KEYLOG_LABELS]; /* labels of n_ignored, as they came; NULL: no more */
};

/* One without a secret; never NULL. */
struct imapid_keylog *imapid_keylog_new(void);

/* One that finds its own secrets and behind them those of `base` (NULL: none), which must outlive
 * it: what one capture brings along is not known to the others. Its counts are of its own. `n_share` is the
 * memory of the capture. */
struct imapid_keylog *imapid_keylog_new_over(struct imapid_keylog *base, size_t n_share);

/* Keeps no more than n octets of secrets from now on. Before anything is added; else there is no limit. */
void imapid_keylog_set_limit(struct imapid_keylog *keylog, size_t n);

/* Octets of a capture's share of the memory that are taken by the secrets: its own, and of those that all have
 * as large a part as they take of the memory of all. No lock is taken. */
size_t imapid_keylog_count_memory(const struct imapid_keylog *keylog, size_t n_share);

/* How many sessions gave way since this was asked last, and the limit. The secrets of `base` are not counted. */
uint64_t imapid_keylog_take_gave_way(struct imapid_keylog *keylog, size_t *limit);

/* Adds the lines of a text that is whole: its last line need not have a line end. */
void imapid_keylog_add(struct imapid_keylog *keylog, const uint8_t *octets, size_t n);

/* Adds the lines of a file, in ASCII, UTF-8 or UTF-16, whatever it is (a pipe is read to its end),
 * and remembers it for imapid_keylog_refresh() if it is a regular file. On failure false, and
 * *message, to be freed with g_free(), says which file and why; lines read before that are kept. */
bool imapid_keylog_read(struct imapid_keylog *keylog, const char *path, char **message);

/* Remembers a file that is not there yet, or a pipe with a name, whose writers come and go, for
 * imapid_keylog_refresh(). Waits for nobody. */
void imapid_keylog_expect(struct imapid_keylog *keylog, const char *path);

/* Reads what was appended meanwhile to the files read before; a file that has shrunk or was replaced, or
 * that is there now, is read from its start. So are those of `base`. Cheap when nothing was (one fstat()
 * a file, four times a second an open()), and of use after privileges and opening files were given up.
 * Returns whether secrets were added. */
bool imapid_keylog_refresh(struct imapid_keylog *keylog);

/* Copies secrets of one kind for a client random to `secrets`, earliest first, without the first
 * n_before, and returns how many; fewer than IMAPID_KEYLOG_BATCH: there are no more. The caller
 * wipes them. */
unsigned imapid_keylog_find(struct imapid_keylog *keylog, const uint8_t random[IMAPID_TLS_RANDOM],
                            enum imapid_secret_kind kind, unsigned n_before,
                            struct imapid_secret secrets[IMAPID_KEYLOG_BATCH]);

/* The long secret number i, from 0, for a client random or, of premaster secrets, for the start of
 * what an RSA key exchange encrypted it to; NULL: there are no more. To be given back with
 * g_bytes_unref(). */
GBytes *imapid_keylog_find_long(struct imapid_keylog *keylog, enum imapid_long_kind kind,
                                const uint8_t key[IMAPID_TLS_RANDOM], unsigned i);

/* How many there are for a key. keylog may be NULL. */
unsigned imapid_keylog_count_long(struct imapid_keylog *keylog, enum imapid_long_kind kind,
                                  const uint8_t key[IMAPID_TLS_RANDOM]);

/* Is there any of the kind? keylog may be NULL. */
bool imapid_keylog_has_long(struct imapid_keylog *keylog, enum imapid_long_kind kind);

/* Keeps the master secret of a session for a later connection that resumes it: some stacks write no
 * line for that one (GnuTLS, Go). `key` is that of its identifier, or the SHA-256 of its ticket. */
void imapid_keylog_remember(struct imapid_keylog *keylog, const uint8_t key[IMAPID_TLS_RANDOM],
                            const struct imapid_secret *master);

/* Is there a secret, or a file to which one may still be written? NULL: none. */
bool imapid_keylog_has_any(struct imapid_keylog *keylog);

/* Grows whenever a secret was added: an unchanged number means that looking again is no use. No
 * lock is taken. */
uint64_t imapid_keylog_get_generation(struct imapid_keylog *keylog);

/* What was read so far. `ignored` points to static texts. */
struct imapid_keylog_counts imapid_keylog_get_counts(struct imapid_keylog *keylog);

/* Wipes every secret. NULL is allowed. */
void imapid_keylog_free(struct imapid_keylog *keylog);

#endif
