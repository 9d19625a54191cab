/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_RUN_H
#define IMAPID_ANSWER_RUN_H

#include "answer/keep.h"

/* Kept records of one kind, one behind the other, each as what it differs by from the one before: an
 * exchange takes some 25 octets where its neighbours are alike. Only the store includes it. */
struct imapid_run;

enum imapid_run_kind { IMAPID_RUN_EXCHANGES, IMAPID_RUN_SESSIONS, IMAPID_N_RUN_KINDS };

/* A record of a run, which knows of what kind it is. */
union imapid_run_record {
    struct imapid_kept_exchange exchange;
    struct imapid_kept_session session;
};

/* An empty one; never NULL. */
struct imapid_run *imapid_run_new(enum imapid_run_kind kind);

/* NULL is allowed. */
void imapid_run_free(struct imapid_run *run);

/* Adds a copy of a record at the end. */
void imapid_run_append(struct imapid_run *run, const void *kept);

uint32_t imapid_run_count(const struct imapid_run *run);

/* The record at the end, good until the next one is added; NULL where there is none. */
const void *imapid_run_get_last(const struct imapid_run *run);

/* The record at a place below the count; never NULL, good until this thread asks for another one of the
 * same kind. One near behind the one before costs least. Nothing may be added any more. */
const void *imapid_run_get(const struct imapid_run *run, uint32_t place);

/* Records that were added have numbers of another keep: they are told with those of maps[map], and so are their
 * blocks wherever they go. maps[0] is for those that need none. All runs that are put together have the same maps,
 * which are good as long as they are. */
void imapid_run_set_map(struct imapid_run *run, const struct imapid_keep_map *const *maps,
                        uint8_t map);

/* Puts the records of `other`, which is freed, behind those of `run`. Both have the same kind. */
void imapid_run_join(struct imapid_run *run, struct imapid_run *other);

/* Whoever reads records of a run, one behind the other. Set what stands before `block`, zero the rest. */
struct imapid_run_reader {
    struct imapid_run *run;
    /* Gives memory back as it goes: what it has begun to read nobody else may read, then or later. Others may
     * read what stands before and behind, each from its first record on before any of them goes further. */
    bool drops;
    uint32_t place;         /* of the next one */
    uint32_t n_behind;      /* records at the end of the run that are not read */
    uint32_t block, n_left; /* records of the block that are to come */
    uint32_t chunk;         /* in which the block is */
    bool is_own;            /* the chunk: nobody else reads in it */
    const struct imapid_keep_map *map;
    const uint8_t *at;
    uint64_t values[17];
    union imapid_run_record record, ahead; /* with a map: the record behind this one, without it */
};

/* The next record, which is the reader's own to change; NULL at the end. */
void *imapid_run_next(struct imapid_run_reader *reader);

/* Appends whole blocks, which costs little: from the reader's record on, where that begins a block, as long as the
 * record behind a block is there and is_next() says so. The reader goes on to that one, which is not appended and has
 * to be the next that is. */
void imapid_run_append_blocks(struct imapid_run *run, struct imapid_run_reader *reader,
                              bool (*is_next)(const void *ctx, const void *record),
                              const void *ctx);

#endif
