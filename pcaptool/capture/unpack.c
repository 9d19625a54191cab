/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unpack.c: five decompressors (gzip, xz, zstd, lz4, bzip2) behind one read(). Members that follow
 * one another, padding and skippable frames are handled here for all of them. What a decoder made
 * before it met damage is given first, to the last octet (of gzip but for one copy). One decoder
 * serves all members of a file: a new one for each of a million empty members would take long.
 *
 * Refuses a member that needs more memory than MEMORY_MAX, and octets after the last member that
 * are no member.
 *
 * Misuse: using the packed window meanwhile. */

#include "capture/unpack.h"

#include "number.h"

#include <bzlib.h>
#include <errno.h>
#include <glib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <string.h>
#include <zstd.h>

#ifdef IMAPID_HAS_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

/* What a stream may make its decoder keep. The highest level of each tool needs 128 MiB or less;
 * more is asked for by hand, or by an enemy. */
#define MEMORY_MAX      ((uint64_t)160 << 20)
#define ZSTD_WINDOW_LOG 27

/* A frame that zstd and lz4 skip: its type, its length, and no more of meaning. */
#define SKIPPABLE      0x184d2a50u
#define SKIPPABLE_MASK 0xfffffff0u

/* Of a member's first octets, so many are within its header. */
#define N_MEMBER_WANTED 4u

enum step { GOING_ON, MEMBER_ENDS, BAD };

/* One call of a decoder: from where to where, then how much was used and made. */
struct portion {
    const uint8_t *in;
    uint8_t *out;
    size_t n_in, n_out;
    size_t n_used, n_made;
    const char *why; /* of BAD */
};

struct packing {
    const char *name;
    uint8_t magic[IMAPID_UNPACK_PEEK];
    uint8_t n_magic;
    bool (*begin)(struct imapid_unpack *unpack);
    enum step (*decode)(struct imapid_unpack *unpack, struct portion *portion);
    bool wants;                                /* decode() sets n_wanted */
    void (*end)(struct imapid_unpack *unpack); /* behind each member; or NULL */
    void (*free)(
        struct imapid_unpack *unpack); /* at the end, whether one was begun or not; or NULL */
};

#ifdef IMAPID_HAS_ISAL
struct gzip {
    struct inflate_state state;
    struct isal_gzip_header header;
    bool in_header;
    const char *why; /* of damage, when it was met */
};
#endif

struct imapid_unpack {
    struct imapid_window *packed;
    const struct packing *packing; /* of the member under way; NULL: between members */
    bool begun;                    /* a member was met */
    bool at_end;
    char *error;
    uint64_t place; /* of the error */
    /* Octets that a decoder wants next which tells all that it made, or, at damage, nothing: given no more, it has
     * told of a block before it is given the next one. */
    size_t n_wanted;
    bool is_full; /* it may have made more than there was room for */
#ifdef IMAPID_HAS_ISAL
    struct gzip *gzip;
#else
    z_stream gzip;
#endif
    bz_stream bzip2;
    lzma_stream xz;
    ZSTD_DStream *zstd;
    LZ4F_dctx *lz4;
};

/* ---- gzip ---- */

#ifdef IMAPID_HAS_ISAL

/* The longest copy of DEFLATE (RFC 1951, section 3.2.5). Where a code or a distance is wrong, ISA-L may have
 * counted as many octets that it never wrote. */
#define GZIP_COPY_MAX 258u

/* RFC 1952, section 2.3.1.2: a decoder must refuse them. */
#define GZIP_FLAGS_RESERVED 0xe0u

static bool gzip_begin(struct imapid_unpack *unpack)
{
    if (!unpack->gzip)
        unpack->gzip = g_new0(struct gzip, 1);
    isal_inflate_init(&unpack->gzip->state);
    isal_gzip_header_init(&unpack->gzip->header);
    unpack->gzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
    unpack->gzip->in_header = true;
    unpack->gzip->why = NULL;
    return true;
}

static const char *gzip_spell(int status)
{
    switch (status) {
    case ISAL_INVALID_WRAPPER:
        return "incorrect header";
    case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
        return "incorrect checksum";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    default:
        return "invalid block";
    }
}

/* What was made and not given yet. It is given after damage, too. */
static size_t gzip_left(const struct gzip *gzip)
{
    return gzip->state.tmp_out_valid - gzip->state.tmp_out_processed;
}

static enum step gzip_give_left(struct gzip *gzip, struct portion *portion)
{
    portion->n_made = MIN(gzip_left(gzip), portion->n_out);
    memcpy(portion->out, gzip->state.tmp_out_buffer + gzip->state.tmp_out_processed,
           portion->n_made);
    gzip->state.tmp_out_processed += (int32_t)portion->n_made;
    portion->why = gzip->why;
    return gzip_left(gzip) > 0 ? GOING_ON : BAD;
}

static enum step gzip_fail(struct gzip *gzip, struct portion *portion, int status)
{
    if (status == ISAL_INVALID_LOOKBACK || status == ISAL_INVALID_SYMBOL) {
        size_t n_left = MIN(gzip_left(gzip), GZIP_COPY_MAX);
        gzip->state.tmp_out_valid -= (int32_t)n_left;
        portion->n_made -= MIN(portion->n_made, GZIP_COPY_MAX - n_left);
    }
    portion->why = gzip->why = gzip_spell(status);
    return gzip_left(gzip) > 0 ? GOING_ON : BAD;
}

static enum step gzip_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    struct gzip *gzip = unpack->gzip;
    struct inflate_state *state = &gzip->state;
    int status = ISAL_DECOMP_OK;
    if (gzip->why)
        return gzip_give_left(gzip, portion);
    state->next_in = (uint8_t *)portion->in;
    state->avail_in = (uint32_t)portion->n_in;
    state->next_out = portion->out;
    state->avail_out = (uint32_t)portion->n_out;
    if (gzip->in_header) {
        status = isal_read_gzip_header(state, &gzip->header);
        gzip->in_header = status != ISAL_DECOMP_OK;
        if (!gzip->in_header && gzip->header.flags & GZIP_FLAGS_RESERVED)
            status = ISAL_INVALID_WRAPPER;
    }
    if (status == ISAL_DECOMP_OK)
        status = isal_inflate(state);
    /* By the places: at damage what is left of both is wrong. */
    portion->n_used = (size_t)(state->next_in - portion->in);
    portion->n_made = (size_t)(state->next_out - portion->out);
    if (status < ISAL_DECOMP_OK)
        return gzip_fail(gzip, portion, status);
    return state->block_state == ISAL_BLOCK_FINISH ? MEMBER_ENDS : GOING_ON;
}

static void gzip_free(struct imapid_unpack *unpack)
{
    g_free(unpack->gzip);
}

#else

static bool gzip_begin(struct imapid_unpack *unpack)
{
    if (unpack->gzip.state)
        return inflateReset(&unpack->gzip) == Z_OK;
    return inflateInit2(&unpack->gzip, MAX_WBITS + 16) == Z_OK;
}

static enum step gzip_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    z_stream *z = &unpack->gzip;
    z->next_in = (Bytef *)portion->in;
    z->avail_in = (uInt)portion->n_in;
    z->next_out = portion->out;
    z->avail_out = (uInt)portion->n_out;
    int status = inflate(z, Z_NO_FLUSH);
    portion->n_used = portion->n_in - z->avail_in;
    portion->n_made = portion->n_out - z->avail_out;
    portion->why = z->msg;
    if (status == Z_STREAM_END)
        return MEMBER_ENDS;
    return status == Z_OK || status == Z_BUF_ERROR ? GOING_ON : BAD;
}

static void gzip_free(struct imapid_unpack *unpack)
{
    inflateEnd(&unpack->gzip);
}

#endif

/* ---- bzip2 ---- */

static bool bzip2_begin(struct imapid_unpack *unpack)
{
    memset(&unpack->bzip2, 0, sizeof unpack->bzip2);
    return BZ2_bzDecompressInit(&unpack->bzip2, 0, 0) == BZ_OK;
}

static enum step bzip2_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    bz_stream *bz = &unpack->bzip2;
    bz->next_in = (char *)portion->in;
    bz->avail_in = (unsigned)portion->n_in;
    bz->next_out = (char *)portion->out;
    bz->avail_out = (unsigned)portion->n_out;
    int status = BZ2_bzDecompress(bz);
    portion->n_used = portion->n_in - bz->avail_in;
    portion->n_made = portion->n_out - bz->avail_out;
    if (status == BZ_STREAM_END)
        return MEMBER_ENDS;
    return status == BZ_OK ? GOING_ON : BAD;
}

static void bzip2_end(struct imapid_unpack *unpack)
{
    BZ2_bzDecompressEnd(&unpack->bzip2);
}

/* ---- xz ---- */

static bool xz_begin(struct imapid_unpack *unpack)
{
    /* A stream that is begun again keeps what memory it has. */
    return lzma_stream_decoder(&unpack->xz, MEMORY_MAX, 0) == LZMA_OK;
}

static enum step xz_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    lzma_stream *xz = &unpack->xz;
    xz->next_in = portion->in;
    xz->avail_in = portion->n_in;
    xz->next_out = portion->out;
    xz->avail_out = portion->n_out;
    lzma_ret status = lzma_code(xz, LZMA_RUN);
    portion->n_used = portion->n_in - xz->avail_in;
    portion->n_made = portion->n_out - xz->avail_out;
    if (status == LZMA_STREAM_END)
        return MEMBER_ENDS;
    if (status == LZMA_MEMLIMIT_ERROR)
        portion->why = "it needs more memory than is allowed";
    return status == LZMA_OK || status == LZMA_BUF_ERROR ? GOING_ON : BAD;
}

static void xz_free(struct imapid_unpack *unpack)
{
    lzma_end(&unpack->xz);
}

/* ---- zstd ---- */

static bool zstd_begin(struct imapid_unpack *unpack)
{
    if (!unpack->zstd)
        unpack->zstd = ZSTD_createDStream();
    else
        ZSTD_DCtx_reset(unpack->zstd, ZSTD_reset_session_only);
    return unpack->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax,
                                                                ZSTD_WINDOW_LOG));
}

static enum step zstd_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    ZSTD_inBuffer in = {portion->in, portion->n_in, 0};
    ZSTD_outBuffer out = {portion->out, portion->n_out, 0};
    size_t left = ZSTD_decompressStream(unpack->zstd, &out, &in);
    unpack->n_wanted = left;
    portion->n_used = in.pos;
    portion->n_made = out.pos;
    if (ZSTD_isError(left)) {
        portion->why = ZSTD_getErrorName(left);
        return BAD;
    }
    return left == 0 ? MEMBER_ENDS : GOING_ON;
}

static void zstd_free(struct imapid_unpack *unpack)
{
    ZSTD_freeDStream(unpack->zstd);
}

/* ---- lz4 ---- */

static bool lz4_begin(struct imapid_unpack *unpack)
{
    if (unpack->lz4) {
        LZ4F_resetDecompressionContext(unpack->lz4);
        return true;
    }
    return !LZ4F_isError(LZ4F_createDecompressionContext(&unpack->lz4, LZ4F_VERSION));
}

static enum step lz4_decode(struct imapid_unpack *unpack, struct portion *portion)
{
    portion->n_used = portion->n_in;
    portion->n_made = portion->n_out;
    size_t left = LZ4F_decompress(unpack->lz4, portion->out, &portion->n_made, portion->in,
                                  &portion->n_used, NULL);
    unpack->n_wanted = left;
    if (LZ4F_isError(left)) {
        portion->n_used = portion->n_made = 0; /* they mean nothing then */
        portion->why = LZ4F_getErrorName(left);
        return BAD;
    }
    return left == 0 ? MEMBER_ENDS : GOING_ON;
}

static void lz4_free(struct imapid_unpack *unpack)
{
    LZ4F_freeDecompressionContext(unpack->lz4);
}

static const struct packing packings[] = {
    {"gzip", {0x1f, 0x8b, 8}, 3, gzip_begin, gzip_decode, false, NULL, gzip_free},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_begin, zstd_decode, true, NULL, zstd_free},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, xz_begin, xz_decode, false, NULL, xz_free},
    {"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, lz4_begin, lz4_decode, true, NULL, lz4_free},
    {"bzip2", {'B', 'Z', 'h'}, 3, bzip2_begin, bzip2_decode, false, bzip2_end, NULL},
};

/* ---- members ---- */

static const struct packing *find_packing(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(packings); i++)
        if (n >= packings[i].n_magic && !memcmp(octets, packings[i].magic, packings[i].n_magic))
            return &packings[i];
    return NULL;
}

static bool is_skippable(const uint8_t *octets, size_t n)
{
    return n >= 4 && (imapid_number_le32(octets) & SKIPPABLE_MASK) == SKIPPABLE;
}

bool imapid_unpack_is_packed(const uint8_t *octets, size_t n)
{
    return find_packing(octets, n) || is_skippable(octets, n);
}

struct imapid_unpack *imapid_unpack_new(struct imapid_window *packed)
{
    struct imapid_unpack *unpack = g_new0(struct imapid_unpack, 1);
    unpack->packed = packed;
    return unpack;
}

static void end_member(struct imapid_unpack *unpack)
{
    if (unpack->packing && unpack->packing->end)
        unpack->packing->end(unpack);
    unpack->packing = NULL;
}

/* Sets the error, or errno of what is below; nothing comes after it. Returns false. */
static bool fail(struct imapid_unpack *unpack, const char *what, const char *why)
{
    const char *name = unpack->packing ? unpack->packing->name : "compressed";
    unpack->at_end = true;
    if (unpack->packed->error || unpack->packed->stop)
        return false;
    unpack->place = imapid_window_place(unpack->packed);
    unpack->error = why ? g_strdup_printf("%s stream: %s: %s", name, what, why)
                        : g_strdup_printf("%s stream: %s", name, what);
    return false;
}

static bool skip_frame(struct imapid_unpack *unpack)
{
    struct imapid_window *packed = unpack->packed;
    uint64_t n = 8;
    bool is_whole = imapid_window_need(packed, n);
    if (is_whole)
        n += imapid_number_le32(packed->at + 4);
    return (is_whole && imapid_window_skip(packed, &n)) ||
           fail(unpack, "the file ends inside it", NULL);
}

/* Between members: begins the next one. False at the end, or when there is none. */
static bool begin_member(struct imapid_unpack *unpack)
{
    struct imapid_window *packed = unpack->packed;
    while (imapid_window_need(packed, 1)) {
        imapid_window_need(packed, IMAPID_UNPACK_PEEK);
        size_t n = imapid_window_left(packed);
        if (is_skippable(packed->at, n)) {
            if (!skip_frame(unpack))
                return false;
            continue;
        }
        unpack->packing = find_packing(packed->at, n);
        if (unpack->packing) {
            unpack->begun = true;
            unpack->n_wanted = N_MEMBER_WANTED;
            unpack->is_full = false;
            return unpack->packing->begin(unpack) || fail(unpack, "no memory", NULL);
        }
        if (*packed->at != 0) /* padding, of tapes and of xz */
            return fail(unpack, "something else follows it", NULL);
        packed->at++;
    }
    unpack->at_end = true;
    return false;
}

/* One call of the decoder. */
static size_t decode(struct imapid_unpack *unpack, uint8_t *octets, size_t n)
{
    struct imapid_window *packed = unpack->packed;
    size_t n_in = imapid_window_left(packed);
    if (unpack->packing->wants)
        n_in = unpack->is_full ? 0 : MIN(n_in, unpack->n_wanted);
    struct portion portion = {
        .in = packed->at, .n_in = n_in, .out = octets, .n_out = MIN(n, (size_t)1 << 30)};
    enum step step = unpack->packing->decode(unpack, &portion);
    unpack->is_full = portion.n_made == portion.n_out;
    packed->at += portion.n_used;
    if (step == BAD) {
        fail(unpack, "damaged", portion.why);
    } else if (step == MEMBER_ENDS) {
        end_member(unpack);
    } else if (portion.n_used == 0 && portion.n_made == 0 &&
               (portion.n_in > 0 || !imapid_window_need(packed, 1))) {
        fail(unpack, portion.n_in > 0 ? "damaged" : "the file ends inside it", NULL);
    }
    return portion.n_made;
}

ptrdiff_t imapid_unpack_read(void *ctx, uint8_t *octets, size_t n)
{
    struct imapid_unpack *unpack = ctx;
    while (!unpack->at_end) {
        if (!unpack->packing && !begin_member(unpack))
            break;
        size_t n_made = decode(unpack, octets, n);
        if (n_made > 0)
            return (ptrdiff_t)n_made;
    }
    if (!unpack->error && !unpack->packed->error)
        return 0;
    errno = unpack->error ? EBADMSG : unpack->packed->error;
    return -1;
}

const char *imapid_unpack_get_error(const struct imapid_unpack *unpack, uint64_t *place)
{
    *place = unpack->place;
    return unpack->error;
}

void imapid_unpack_free(struct imapid_unpack *unpack)
{
    if (!unpack)
        return;
    end_member(unpack);
    for (size_t i = 0; i < G_N_ELEMENTS(packings); i++)
        if (packings[i].free)
            packings[i].free(unpack);
    g_free(unpack->error);
    g_free(unpack);
}
