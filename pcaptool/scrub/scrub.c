/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scrub.c: reads a session as protocol/ has it, remembers where its units are, and goes through them twice,
 * to learn its values and to mask them; then it reads and searches what came of it.
 *
 * Refuses a session that is over the budget: nothing of it is read then, and all masked.
 *
 * Misuse: writing what was not DONE. */
#include "scrub/scrub.h"

#include "scrub/place.h"
#include "scrub/sealed.h"

#include <imapid/octets.h>
#include <imapid/session.h>
#include <imapid/verdict.h>
#include <string.h>

/* A session of more octets is over any budget: so places in it take four octets. */
#define N_OCTETS_MAX UINT32_MAX

struct slice {
    uint32_t offset, n;
};

/* A run of octets of one side: a unit with all that belongs to it, or what is none. Of a unit there is what masking it
 * needs, in a third of the octets: a session has many. */
struct span {
    uint32_t start, end;
    uint32_t n, n_hidden;
    struct slice tag, name, args;
    uint16_t kind, word;
    bool is_server : 1;
    bool is_unit : 1;
    bool is_damaged : 1; /* beside a gap, or not to its end */
    bool is_behind_gap : 1;
    bool is_cut : 1, is_over_limit : 1, is_refused : 1;
};

struct reading {
    struct imapid_session session;
    uint8_t *octets[2];
    size_t n[2];         /* that were shown */
    size_t used[2];      /* of them */
    size_t after_gap[2]; /* where the last gap was; SIZE_MAX before there is one */
    gssize open[2];      /* the span that goes on, or -1 */
    GArray *spans;
    size_t n_spans_max;
    bool is_over;                      /* there were more */
    bool is_tls_kept, is_deflate_kept; /* as the session has it */
    bool is_switched; /* what follows is read through TLS or DEFLATE, and will be clear */
    uint64_t hash;    /* of all that is told but values */
};

static void mix(struct reading *reading, uint64_t value)
{
    reading->hash = (reading->hash ^ value) * UINT64_C(0x100000001b3);
    reading->hash ^= reading->hash >> 29;
}

static enum imapid_side get_side(const struct span *span)
{
    return span->is_server ? IMAPID_SERVER : IMAPID_CLIENT;
}

static struct slice pack_slice(struct imapid_slice slice)
{
    return (struct slice){(uint32_t)slice.offset, (uint32_t)slice.n};
}

static struct imapid_slice unpack_slice(struct slice slice)
{
    return (struct imapid_slice){slice.offset, slice.n};
}

static void set_unit(struct span *span, const struct imapid_unit *unit)
{
    span->is_unit = true;
    span->kind = (uint16_t)unit->kind;
    span->word = (uint16_t)unit->word;
    span->n = (uint32_t)unit->n;
    span->n_hidden = (uint32_t)unit->n_hidden;
    span->tag = pack_slice(unit->tag);
    span->name = pack_slice(unit->name);
    span->args = pack_slice(unit->args);
    span->is_cut = unit->cut;
    span->is_over_limit = unit->over_limit;
    span->is_refused = unit->refused;
}

static struct imapid_unit get_unit(const struct span *span, const uint8_t *octets)
{
    return (struct imapid_unit){
        .kind = (enum imapid_unit_kind)span->kind,
        .word = (enum imapid_word)span->word,
        .data = octets,
        .n = span->n,
        .n_hidden = span->n_hidden,
        .tag = unpack_slice(span->tag),
        .name = unpack_slice(span->name),
        .args = unpack_slice(span->args),
        .cut = span->is_cut,
        .over_limit = span->is_over_limit,
        .refused = span->is_refused,
    };
}

static void add_span(struct reading *reading, enum imapid_side side, const struct imapid_unit *unit,
                     size_t n)
{
    struct span span = {.is_server = side == IMAPID_SERVER,
                        .start = (uint32_t)reading->used[side],
                        .end = (uint32_t)(reading->used[side] + n)};

    span.is_behind_gap = span.start == reading->after_gap[side];
    if (unit) {
        set_unit(&span, unit);
        /* A whole ID is one, whatever is missing before it. */
        span.is_damaged =
            unit->cut || unit->over_limit || (span.is_behind_gap && !imapid_unit_is_id(unit));
        mix(reading, (uint64_t)unit->kind << 16 | (uint64_t)unit->word << 4 | (uint64_t)side);
        mix(reading, span.start); /* how what is no unit is divided tells nothing */
    }
    reading->is_over |= reading->spans->len == reading->n_spans_max;
    if ((n || unit) && !reading->is_over)
        g_array_append_val(reading->spans, span);
}

/* Octets were used that are no unit by themselves. */
static void pass(struct reading *reading, enum imapid_side side, size_t n)
{
    if (!n)
        return;
    if (reading->open[side] >= 0 && !reading->is_over)
        g_array_index(reading->spans, struct span, reading->open[side]).end += (uint32_t)n;
    else
        add_span(reading, side, NULL, n);
}

static void take_events(struct reading *reading)
{
    struct imapid_event event;

    while (imapid_session_event(&reading->session, &event)) {
        mix(reading, (uint64_t)event.kind << 8 | event.slot);
        if (event.kind == IMAPID_EVENT_TLS || event.kind == IMAPID_EVENT_DEFLATE ||
            event.kind == IMAPID_EVENT_SASL) {
            imapid_session_resume(&reading->session);
            reading->is_switched |=
                (event.kind == IMAPID_EVENT_TLS && !reading->is_tls_kept) ||
                (event.kind == IMAPID_EVENT_DEFLATE && !reading->is_deflate_kept);
            reading->open[0] = reading->open[1] = -1;
        }
    }
}

static void drain(struct reading *reading, enum imapid_side side)
{
    for (;;) {
        struct imapid_unit unit;
        size_t n_used;
        enum imapid_session_status status = imapid_session_read(
            &reading->session, side, reading->octets[side] + reading->used[side],
            reading->n[side] - reading->used[side], &unit, &n_used);

        if (status == IMAPID_SESSION_OTHER_SIDE) {
            drain(reading, IMAPID_CLIENT);
            continue;
        }
        if (status == IMAPID_SESSION_UNIT) {
            add_span(reading, side, &unit, n_used);
            reading->open[side] = reading->is_over ? -1 : (gssize)reading->spans->len - 1;
        } else {
            pass(reading, side, n_used);
        }
        reading->used[side] += n_used;
        if (!reading->session.frame[side].in_unit)
            reading->open[side] = -1;
        if (status == IMAPID_SESSION_MORE)
            return;
        take_events(reading);
    }
}

/* What the window still has belongs to nothing that will be told. */
static void leave(struct reading *reading, enum imapid_side side)
{
    gssize open = reading->open[side];

    if (open >= 0)
        g_array_index(reading->spans, struct span, open).is_damaged = true;
    reading->open[side] = -1;
    pass(reading, side, reading->n[side] - reading->used[side]);
    reading->used[side] = reading->n[side];
    reading->after_gap[side] = reading->n[side];
}

static void meet_gap(struct reading *reading, enum imapid_side side, uint64_t n)
{
    gssize open = reading->open[side];

    /* What the other side said may have made a reader look at the window again, from its start: then it
     * knows only now that a gap is behind it. */
    for (unsigned i = 0; i == 0 || (i < 4 && reading->session.frame[side].n_scanned); i++) {
        imapid_session_gap(&reading->session, side, i ? 0 : n);
        drain(reading, side);
    }
    if (open >= 0)
        g_array_index(reading->spans, struct span, open).is_damaged = true;
    leave(reading, side);
}

/* Reads all pieces from the beginning. The octets are those of the two buffers, one after the other. */
static void read_all(struct reading *reading, const struct imapid_scrub_session *session,
                     enum imapid_security security)
{
    imapid_session_init(&reading->session, session->from_start, security);
    g_array_set_size(reading->spans, 0);
    reading->is_switched = false;
    reading->hash = 0;
    for (unsigned side = 0; side < 2; side++) {
        reading->n[side] = reading->used[side] = 0;
        reading->open[side] = -1;
        reading->after_gap[side] = session->from_start ? SIZE_MAX : 0;
    }
    for (size_t i = 0; i < session->n_pieces; i++) {
        const struct imapid_scrub_piece *piece = &session->pieces[i];

        if (piece->is_gap) {
            meet_gap(reading, piece->side, piece->n);
            continue;
        }
        reading->n[piece->side] += piece->n;
        drain(reading, piece->side);
    }
    meet_gap(reading, IMAPID_CLIENT, 0);
    meet_gap(reading, IMAPID_SERVER, 0);
    imapid_session_end(&reading->session);
    take_events(reading);
}

/* ---- switches ---- */

static GBytes *get_tag(const struct reading *reading, const struct span *span)
{
    return g_bytes_new(reading->octets[get_side(span)] + span->start + span->tag.offset,
                       span->tag.n);
}

/* The commands that switch a reader to TLS or DEFLATE are named otherwise where what follows is clear now:
 * all but those that were refused, and one that was the client's last word and is not answered. */
static void rename_switches(struct reading *reading)
{
    GHashTable *answers =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    bool is_last = true;

    for (guint i = reading->spans->len; i--;) {
        const struct span *span = &g_array_index(reading->spans, struct span, i);
        uint8_t *name = reading->octets[get_side(span)] + span->start + span->name.offset;
        GBytes *tag;
        gpointer answer;

        if (!span->is_unit || !span->tag.n)
            continue;
        tag = get_tag(reading, span);
        if (span->is_server) {
            g_hash_table_replace(answers, g_bytes_ref(tag), GINT_TO_POINTER((int)span->word));
        } else {
            answer = g_hash_table_lookup(answers, tag);
            if (((span->word == IMAPID_WORD_STARTTLS && !reading->is_tls_kept) ||
                 (span->word == IMAPID_WORD_COMPRESS && !reading->is_deflate_kept)) &&
                (answer ? answer == GINT_TO_POINTER(IMAPID_WORD_OK) : !is_last))
                name[0] = g_ascii_islower(name[0]) ? 'x' : 'X';
            g_hash_table_remove(answers, tag); /* what is before it, with this tag, is another */
            is_last = false;
        }
        g_bytes_unref(tag);
    }
    g_hash_table_destroy(answers);
}

/* ---- units ---- */

/* The octets of a first argument that says which command or refusal it is: of the mechanism of AUTHENTICATE,
 * of the command behind UID, of a code without arguments. 0: none that is known. */
static size_t measure_kind(const struct imapid_unit *unit, const uint8_t *args, size_t n)
{
    size_t start = 0, end;

    while (start < n && imapid_is_blank(args[start]))
        start++;
    for (end = start; end < n && args[end] > ' '; end++)
        ;
    if (imapid_unit_is_opaque(unit))
        return end > start + 2 && args[start] == '[' && args[end - 1] == ']' &&
                       imapid_words_has(IMAPID_WORDS_TEXT, args + start + 1, end - start - 2)
                   ? end
                   : 0;
    if (unit->word == IMAPID_WORD_AUTHENTICATE)
        return strcmp(imapid_login_find_mechanism(args + start, end - start), "other") ? end : 0;
    return unit->word == IMAPID_WORD_UID &&
                   imapid_words_has(IMAPID_WORDS_ATOM, args + start, end - start)
               ? end
               : 0;
}

static bool is_headed(const struct imapid_unit *unit)
{
    return unit->kind == IMAPID_UNIT_COMMAND || unit->kind == IMAPID_UNIT_UNTAGGED ||
           unit->kind == IMAPID_UNIT_TAGGED;
}

/* Beside a gap: its tag and name may be what they seem, its other arguments go whole. An ID's are told
 * only if they are whole. */
static void take_damaged(struct imapid_places *places, const struct span *span,
                         const struct imapid_unit *unit, uint8_t *octets)
{
    struct imapid_unit head = *unit;
    size_t n = span->end - span->start, at = head.args.offset < n ? head.args.offset : n;

    if (!is_headed(&head)) {
        imapid_value_take_unreadable(places->hand, octets, n);
        return;
    }
    head.n = at;
    head.args.n = 0;
    imapid_places_take(places, &head, get_side(span), octets, at);
    at += measure_kind(unit, octets + at, n - at);
    imapid_value_take_unreadable(places->hand, octets + at, n - at);
}

/* The octets of a request of HTTP that show that it is one; 0: it is none. */
static size_t measure_request(const struct span *span, const uint8_t *octets)
{
    size_t n = span->end - span->start;
    const uint8_t *blank = memchr(octets, ' ', n);
    size_t n_method = blank ? (size_t)(blank - octets) + 1 : 0;

    if (span->start || span->is_server || imapid_verdict_opening(octets, n) != IMAPID_OPENING_HTTP)
        return 0;
    return n_method + (*octets == 'C' ? 0 : octets[n_method] == 'h' ? strlen("http") : 1);
}

/* No unit, as it has no end: but a reader may take its beginning for one, too. */
static void take_beginning(struct imapid_places *places, const struct span *span, uint8_t *octets)
{
    struct imapid_unit unit;
    size_t n = span->end - span->start;
    const uint8_t *end = memchr(octets, '\n', n);
    bool is_line = !span->start || span->is_behind_gap || octets[-1] == '\n';

    size_t n_head = imapid_sealed_measure_other(octets, n),
           n_request = measure_request(span, octets);

    if (n_request) {
        imapid_value_take_unreadable(places->hand, octets + n_request, n - n_request);
        return;
    }
    if (!span->start && span->is_server && n_head) {
        imapid_value_take_text(places->hand, octets + n_head, n - n_head);
        return;
    }
    if (is_line && n)
        imapid_unit_read(&unit, get_side(span), octets, end ? (size_t)(end - octets) + 1 : n);
    if (is_line && n && is_headed(&unit) && unit.word != IMAPID_WORD_UNKNOWN)
        take_damaged(places, span, &unit, octets);
    else
        imapid_value_take_unreadable(places->hand, octets, n);
}

/* A request of HTTP is read as a command, and told by how it begins. */
static void take_unit(struct imapid_places *places, const struct span *span,
                      const struct imapid_unit *unit, uint8_t *octets)
{
    size_t n_request = measure_request(span, octets);
    uint8_t *request = g_memdup2(octets, n_request);

    imapid_places_take(places, unit, get_side(span), octets, span->end - span->start);
    if (n_request)
        memcpy(octets, request, n_request);
    g_free(request);
}

/* TLS where nobody expected it: line ends, by which it is read, stay. */
static void take_sealed(struct imapid_places *places, uint8_t *octets, size_t n)
{
    uint8_t *original;

    if (places->hand->is_learning)
        return;
    original = g_memdup2(octets, n);
    imapid_sealed_mask(places->hand->mask, octets, n);
    for (size_t i = 0; i < n; i++)
        if (original[i] == '\r' || original[i] == '\n')
            octets[i] = original[i];
    g_free(original);
}

/* Octets of the span that are TLS, which does not end where its lines do. */
static size_t pass_sealed(struct reading *reading, struct imapid_places *places,
                          const struct span *span, size_t sealed_end[2])
{
    enum imapid_side side = get_side(span);
    size_t *end = &sealed_end[side];
    uint8_t *octets = reading->octets[side] + span->start;

    if (span->start >= *end && (!span->is_unit || span->kind == IMAPID_UNIT_JUNK)) {
        size_t n = imapid_sealed_measure(octets, reading->n[side] - span->start);

        take_sealed(places, octets, n);
        *end = span->start + n;
    }
    return *end > span->start ? MIN(*end, span->end) - span->start : 0;
}

static void take_spans(struct reading *reading, struct imapid_places *places)
{
    size_t sealed_end[2] = {0, 0};

    for (guint i = 0; i < reading->spans->len; i++) {
        const struct span *span = &g_array_index(reading->spans, struct span, i);
        uint8_t *octets = reading->octets[get_side(span)] + span->start;
        struct imapid_unit unit = get_unit(span, octets);
        size_t n_sealed = pass_sealed(reading, places, span, sealed_end);

        if (n_sealed)
            imapid_value_take_unreadable(places->hand, octets + n_sealed,
                                         span->end - span->start - n_sealed);
        else if (!span->is_unit)
            take_beginning(places, span, octets);
        else if (span->is_damaged)
            take_damaged(places, span, &unit, octets);
        else
            take_unit(places, span, &unit, octets);
    }
}

/* Is something missing of what the client said? */
static bool has_lost(const struct imapid_scrub_session *session)
{
    for (size_t i = 0; i < session->n_pieces; i++)
        if (session->pieces[i].is_gap && session->pieces[i].side == IMAPID_CLIENT)
            return true;
    return !session->from_start;
}

static void mask_all(struct reading *reading, bool has_lost,
                     const struct imapid_pseudonyms *pseudonyms, struct imapid_search *search,
                     struct imapid_scrub_result *result)
{
    struct imapid_mask mask = imapid_mask_new(pseudonyms);
    struct imapid_hand hand = {.mask = &mask, .search = search, .is_learning = true};
    struct imapid_places places = {
        .hand = &hand,
        .pseudonyms = pseudonyms,
        .has_lost = has_lost,
        .tags =
            g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL),
        .shapes =
            g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL),
        .fields = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref,
                                        (GDestroyNotify)g_bytes_unref),
    };

    uint8_t *original[2];

    /* The first pass works on copies: what re-encodes may write what it read. */
    for (unsigned side = 0; side < 2; side++) {
        original[side] = reading->octets[side];
        reading->octets[side] = g_memdup2(original[side], reading->n[side] + 1);
    }
    take_spans(reading, &places);
    for (unsigned side = 0; side < 2; side++) {
        g_free(reading->octets[side]);
        reading->octets[side] = original[side];
    }
    hand.is_learning = false;
    places.is_in_auth = false;
    take_spans(reading, &places);
    memcpy(result->n_masked, hand.n_masked, sizeof hand.n_masked);
    result->n_searched = imapid_search_count(search);
    result->n_units = reading->spans->len;
    g_hash_table_destroy(places.tags);
    g_hash_table_destroy(places.shapes);
    g_hash_table_destroy(places.fields);
}

/* ---- sessions ---- */

static void gather(const struct imapid_scrub_session *session, uint8_t *octets[2], bool back)
{
    size_t at[2] = {0, 0};

    for (size_t i = 0; i < session->n_pieces; i++) {
        const struct imapid_scrub_piece *piece = &session->pieces[i];

        if (piece->is_gap || !piece->n)
            continue;
        if (back)
            memcpy(piece->octets, octets[piece->side] + at[piece->side], piece->n);
        else
            memcpy(octets[piece->side] + at[piece->side], piece->octets, piece->n);
        at[piece->side] += piece->n;
    }
}

static void mask_whole(const struct imapid_scrub_session *session)
{
    for (size_t i = 0; i < session->n_pieces; i++)
        if (!session->pieces[i].is_gap)
            imapid_mask_whole(session->pieces[i].octets, session->pieces[i].n);
}

/* Three copies are needed at a time. Half of the budget is for values, a quarter for units. */
static bool fits(size_t n, size_t budget)
{
    return n < budget / 12 && n <= N_OCTETS_MAX;
}

static void mix_text(struct reading *reading, const char *text)
{
    mix(reading, text ? g_str_hash(text) : 0);
}

/* What became of it, but for words of the server. */
static void mix_outcome(struct reading *reading)
{
    const struct imapid_session *session = &reading->session;
    const struct imapid_outcome *outcome = &session->outcome;

    mix(reading, session->exchanges.n_exchanges);
    mix(reading, (uint64_t)session->exchanges.now.advertised << 8 | session->exchanges.now.state);
    for (unsigned i = 0; i < session->login.n_auths; i++) {
        mix_text(reading, session->login.auths[i].mechanism);
        mix(reading, session->login.auths[i].status);
    }
    mix(reading, (uint64_t)outcome->cause.stage << 16 | (uint64_t)outcome->cause.by << 8 |
                     outcome->cause.word);
    mix_text(reading, outcome->cause.status);
    mix(reading, outcome->challenge_status[0] != 0); /* one that nobody knows is masked */
    mix(reading, (uint64_t)outcome->n_refused << 8 | (unsigned)outcome->has_logout << 2 |
                     (unsigned)outcome->lists_starttls << 1 | outcome->lists_mask);
    mix(reading, outcome->milestones.n_left_out);
    for (unsigned i = 0; i < outcome->milestones.n; i++) {
        const struct imapid_milestone *milestone = &outcome->milestones.list[i];

        mix(reading, (uint64_t)milestone->word << 8 | milestone->status);
        mix_text(reading, milestone->argument);
    }
}

/* Reads the session as it is, and makes of it one in the clear. False: that is read otherwise, or is over
 * the budget. */
static bool clear(struct reading *reading, const struct imapid_scrub_session *session)
{
    enum imapid_stage stage;
    uint64_t n_exchanges;

    read_all(reading, session, session->security);
    n_exchanges = reading->session.exchanges.n_exchanges;
    stage = reading->session.outcome.cause.stage;
    rename_switches(reading);
    read_all(reading, session, IMAPID_SECURITY_NONE);
    mix_outcome(reading);
    return !reading->is_switched && n_exchanges == reading->session.exchanges.n_exchanges &&
           stage == reading->session.outcome.cause.stage;
}

struct imapid_scrub_result imapid_scrub(const struct imapid_pseudonyms *pseudonyms,
                                        const struct imapid_scrub_session *session, size_t budget)
{
    struct imapid_scrub_result result = {.status = IMAPID_SCRUB_DONE};
    struct reading reading = {
        .spans = g_array_new(FALSE, FALSE, sizeof(struct span)),
        .n_spans_max = budget / 8 / sizeof(struct span), /* an array grows by doubling */
        .is_tls_kept = session->is_tls_kept,
        .is_deflate_kept = session->is_deflate_kept,
    };
    struct imapid_search *search = imapid_search_new(budget / 2);
    size_t n[2] = {1, 1}, at;
    uint64_t hash;

    for (size_t i = 0; i < session->n_pieces; i++)
        if (!session->pieces[i].is_gap)
            n[session->pieces[i].side] += session->pieces[i].n;
    if (!fits(n[0] + n[1], budget)) {
        mask_whole(session);
        result.status = IMAPID_SCRUB_OVER;
        goto end;
    }
    reading.octets[0] = g_malloc0(n[0]);
    reading.octets[1] = g_malloc0(n[1]);
    gather(session, reading.octets, false);
    if (!clear(&reading, session))
        result.status = IMAPID_SCRUB_CHANGED;
    if (reading.is_over) {
        mask_whole(session);
        result.status = IMAPID_SCRUB_OVER;
        goto end;
    }
    hash = reading.hash;
    mask_all(&reading, has_lost(session), pseudonyms, search, &result);
    gather(session, reading.octets, true);
    read_all(&reading, session, IMAPID_SECURITY_NONE);
    mix_outcome(&reading);
    if (reading.hash != hash)
        result.status = IMAPID_SCRUB_CHANGED;
    for (unsigned side = 0; side < 2; side++)
        if (!imapid_search_is_clean(search, reading.octets[side], reading.n[side], &at))
            result.status = IMAPID_SCRUB_LEAKED;
    if (imapid_search_is_over(search)) {
        mask_whole(session);
        result.status = IMAPID_SCRUB_OVER;
    }
end:
    g_free(reading.octets[0]);
    g_free(reading.octets[1]);
    g_array_free(reading.spans, TRUE);
    imapid_search_free(search);
    return result;
}
