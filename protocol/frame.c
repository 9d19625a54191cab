/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c: finds where units begin and end in one direction of a stream.
 *
 * A line is searched for its LF once. Only when what stands before the line end reads like a
 * literal's announcement is the line looked at a second time, for quotes: inside a quoted string
 * "{5}" is text. A quoted string cannot hold a line end, so quotes never reach over a line.
 *
 * Misuse: adding octets from behind a hole to the window before imapid_frame_gap() was followed by
 * MORE glues octets together that were never neighbours.
 *
 * Refuses nothing: what is no line is passed over. */
#include <imapid/frame.h>
#include <imapid/list.h>

#include <string.h>

/* The first octet of a TLS record that holds a handshake message (RFC 8446 5.1). */
#define TLS_HANDSHAKE 0x16

struct literal {
    bool found;
    bool synchronising;
    uint64_t n;
};

void imapid_frame_init(struct imapid_frame *frame, enum imapid_side side, bool at_start)
{
    memset(frame, 0, sizeof *frame);
    frame->side = side;
    frame->sync = at_start ? IMAPID_SYNC_SURE : IMAPID_SYNC_LOST;
    frame->is_headless = !at_start;
}

/* ---- literals ---- */

/* Moves quote state over octets of one line. */
static void track_quotes(bool *in_quotes, bool *escaped, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!*in_quotes) {
            const uint8_t *quote = memchr(data + i, '"', n - i);

            if (!quote)
                return;
            i = (size_t)(quote - data);
            *in_quotes = true;
        } else if (*escaped) {
            *escaped = false;
        } else if (data[i] == '\\') {
            *escaped = true;
        } else if (data[i] == '"') {
            *in_quotes = false;
        }
    }
}

/* Reads "{n}", "{n+}" or "~{n}" at the end of a line, its line end included in the `n` octets. A
 * number over 2^63 is held at 2^63: nobody sends that many octets either way; one of more digits
 * than IMAPID_DIGITS_MAX is none. On success *start is the offset of the brace. */
static struct literal read_announcement(const uint8_t *line, size_t n, size_t *start)
{
    struct literal literal = {false, true, 0};
    size_t end, at;

    if (n && line[n - 1] == '\n')
        n--;
    if (n && line[n - 1] == '\r')
        n--;
    if (!n || line[n - 1] != '}')
        return literal;
    end = n - 1;
    if (end && line[end - 1] == '+') {
        literal.synchronising = false;
        end--;
    }
    for (at = end; at && end - at < IMAPID_DIGITS_MAX && imapid_is_digit(line[at - 1]);)
        at--;
    if (at == end || !at || line[at - 1] != '{')
        return literal;
    for (size_t i = at; i < end; i++)
        literal.n = literal.n > UINT64_MAX / 2 / 10 ? UINT64_MAX / 2
                                                    : literal.n * 10 + (line[i] - (uint8_t)'0');
    literal.found = true;
    *start = at - 1;
    return literal;
}

/* Does this whole line, `n` octets with its end, announce a literal? */
static struct literal find_literal(const uint8_t *line, size_t n)
{
    bool in_quotes = false, escaped = false;
    size_t start = 0;
    struct literal literal = read_announcement(line, n, &start);

    if (literal.found) {
        track_quotes(&in_quotes, &escaped, line, start);
        literal.found = !in_quotes;
    }
    return literal;
}

/* The line in hand ends in this announcement. */
static void announce(struct imapid_frame *frame, const struct literal *literal)
{
    frame->literal_left = literal->n;
    frame->awaits = frame->asks = literal->synchronising;
    frame->pushes = !literal->synchronising;
}

/* The next octets of a literal, `n` there are, were seen: how many belong to it. */
static size_t take_literal(struct imapid_frame *frame, size_t n)
{
    size_t take = frame->literal_left < n ? (size_t)frame->literal_left : n;

    if (frame->asks || frame->pushes) {
        frame->pushed = true;
        frame->pushed_tag = frame->tag;
    }
    frame->literal_left -= take;
    return take;
}

/* ---- lines that are passed over ---- */

static void begin_line(struct imapid_frame *frame)
{
    frame->in_quotes = frame->escaped = false;
    frame->n_tail = 0;
}

static void end_unit(struct imapid_frame *frame)
{
    begin_line(frame);
    frame->in_unit = frame->is_id = frame->opaque = frame->awaits = false;
    frame->cut = frame->refused = frame->unsure = frame->bare_newline = false;
    frame->n_scanned = frame->line_start = 0;
    frame->literal_left = 0;
    if (frame->lines == IMAPID_LINES_ONE)
        frame->lines = IMAPID_LINES_UNITS;
}

/* Remembers the end of a part of a line, so that an announcement is seen across a border. */
static void keep_tail(struct imapid_frame *frame, const uint8_t *data, size_t n)
{
    size_t max = sizeof frame->tail;

    if (n >= max) {
        memcpy(frame->tail, data + n - max, max);
        frame->n_tail = (uint8_t)max;
        return;
    }
    if (frame->n_tail + n > max) {
        size_t drop = frame->n_tail + n - max;

        memmove(frame->tail, frame->tail + drop, frame->n_tail - drop);
        frame->n_tail = (uint8_t)(frame->n_tail - drop);
    }
    memcpy(frame->tail + frame->n_tail, data, n);
    frame->n_tail = (uint8_t)(frame->n_tail + n);
}

/* A part of a line without its end is used. Quotes are followed over all but the octets that may
 * belong to an announcement: those are digits and braces, which do not change them. */
static void pass_part(struct imapid_frame *frame, const uint8_t *data, size_t n)
{
    if (frame->opaque)
        return;
    track_quotes(&frame->in_quotes, &frame->escaped, data, n);
    keep_tail(frame, data, n);
}

/* The rest of a line, with its end, is used: does it announce a literal? */
static struct literal pass_line_end(struct imapid_frame *frame, const uint8_t *data, size_t n)
{
    struct literal literal = {false, false, 0};
    size_t start;

    if (frame->opaque)
        return literal;
    if (!frame->n_tail && !frame->in_quotes)
        return find_literal(data, n);
    track_quotes(&frame->in_quotes, &frame->escaped, data, n);
    keep_tail(frame, data, n);
    if (!frame->in_quotes)
        literal = read_announcement(frame->tail, frame->n_tail, &start);
    return literal;
}

/* Passes over the literals and lines behind a unit's first line. */
static enum imapid_frame_status pass_rest(struct imapid_frame *frame, const uint8_t *window,
                                          size_t n, size_t *n_used)
{
    size_t at = 0;

    while (at < n) {
        const uint8_t *newline;
        struct literal literal;
        size_t end;

        if (frame->literal_left) {
            frame->awaits = false;
            at += take_literal(frame, n - at);
            continue;
        }
        newline = memchr(window + at, '\n', n - at);
        if (!newline) {
            frame->awaits = false;
            pass_part(frame, window + at, n - at);
            at = n;
            break;
        }
        end = (size_t)(newline - window) + 1;
        literal = pass_line_end(frame, window + at, end - at);
        at = end;
        begin_line(frame);
        if (!literal.found) {
            end_unit(frame);
            *n_used = at;
            return IMAPID_FRAME_SKIPPED;
        }
        announce(frame, &literal);
    }
    *n_used = at;
    return IMAPID_FRAME_MORE;
}

/* ---- finding a line start again ---- */

static void lose_sync(struct imapid_frame *frame, bool mid_line)
{
    end_unit(frame);
    frame->asks = false;
    frame->lines = IMAPID_LINES_UNITS;
    frame->sync = IMAPID_SYNC_LOST;
    frame->mid_line = mid_line;
}

static enum imapid_frame_status find_line_start(struct imapid_frame *frame, const uint8_t *window,
                                                size_t n, size_t *n_used)
{
    size_t at = 0;

    while (at < n) {
        const uint8_t *newline;

        if (!frame->mid_line) {
            enum imapid_plausible plausible =
                imapid_unit_plausible(frame->side, window + at, n - at);

            if (at && frame->lines == IMAPID_LINES_HELD && window[at] == TLS_HANDSHAKE) {
                *n_used = at; /* a window begins there, wherever the octets were divided */
                return IMAPID_FRAME_SKIPPED;
            }
            if (plausible == IMAPID_PLAUSIBLE_MORE)
                break;
            if (plausible == IMAPID_PLAUSIBLE_YES) {
                frame->sync = IMAPID_SYNC_TENTATIVE;
                frame->n_resyncs++;
                frame->is_headless = false;
                *n_used = at;
                return IMAPID_FRAME_SKIPPED;
            }
            /* Not where it is a line of the other side, as in the middle of something else. */
            if (frame->is_headless) {
                plausible =
                    imapid_unit_plausible(imapid_side_other(frame->side), window + at, n - at);
                if (plausible == IMAPID_PLAUSIBLE_MORE)
                    break;
                frame->is_headless = plausible != IMAPID_PLAUSIBLE_YES;
            }
            frame->mid_line = true;
        }
        newline = memchr(window + at, '\n', n - at);
        if (!newline) {
            at = n;
            break;
        }
        at = (size_t)(newline - window) + 1;
        frame->mid_line = false;
        frame->n_headless += frame->is_headless;
        frame->is_headless = false;
    }
    *n_used = at;
    return IMAPID_FRAME_MORE;
}

/* ---- units ---- */

/* Is a line, or its beginning, one of a SASL exchange? */
static bool is_sasl(const uint8_t *line, size_t n)
{
    if (n && line[n - 1] == '\n')
        n--;
    if (n && line[n - 1] == '\r')
        n--;
    if (n == 1 && line[0] == '*')
        return true;
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_base64(line[i]))
            return false;
    return true;
}

/* Is the line in hand data that belongs to a command before it? */
static bool is_data(const struct imapid_frame *frame, const uint8_t *line, size_t n)
{
    return frame->in_hand == IMAPID_LINES_DATA || frame->in_hand == IMAPID_LINES_ONE ||
           (frame->in_hand == IMAPID_LINES_SASL && is_sasl(line, n));
}

static void read_head(const struct imapid_frame *frame, struct imapid_unit *unit,
                      const uint8_t *window, size_t n)
{
    imapid_unit_read(unit, frame->side, window, n);
    if (is_data(frame, window, n)) {
        size_t n_text = n && window[n - 1] == '\n' ? n - 1 : n;

        if (n_text < n && n_text && window[n_text - 1] == '\r')
            n_text--;
        memset(unit, 0, sizeof *unit);
        unit->kind = IMAPID_UNIT_CONTINUED;
        unit->data = window;
        unit->n = n;
        unit->args = (struct imapid_slice){0, n_text};
    }
}

/* Hands out the unit in hand, the first `n` octets of the window. */
static enum imapid_frame_status give_unit(struct imapid_frame *frame, struct imapid_unit *unit,
                                          const uint8_t *window, size_t n, size_t *n_used)
{
    const uint8_t *newline = memchr(window, '\n', n);

    read_head(frame, unit, window, newline ? (size_t)(newline - window) + 1 : n);
    unit->n = n;
    if (imapid_unit_is_id(unit)) {
        /* The list may reach over several lines: its arguments end with the last one's text. A CR
         * by itself, outside of literals, is a line end of which the LF has not come. */
        size_t end = n;
        bool in_literal = frame->literal_left || frame->line_start == n;

        if (end && window[end - 1] == '\n' && !frame->cut)
            end--;
        if (end && window[end - 1] == '\r' && (end < n || !in_literal))
            end--;
        if (end < unit->args.offset)
            end = unit->args.offset;
        unit->args.n = end - unit->args.offset;
    }
    unit->cut = frame->cut;
    unit->refused = frame->refused;
    unit->bare_newline = frame->bare_newline;
    *n_used = n;
    return IMAPID_FRAME_UNIT;
}

/* Is this first line one that is not believed, because nothing has confirmed yet that the reader
 * stands at line starts? */
static bool is_doubtful(const struct imapid_frame *frame, const uint8_t *line, size_t n)
{
    return frame->sync == IMAPID_SYNC_TENTATIVE && !is_data(frame, line, n) &&
           imapid_unit_plausible(frame->side, line, n) != IMAPID_PLAUSIBLE_YES;
}

/* The unit is over its limit: hands out its first `n` octets and passes over the rest. */
static enum imapid_frame_status give_over_limit(struct imapid_frame *frame,
                                                struct imapid_unit *unit, const uint8_t *window,
                                                size_t n, size_t *n_used)
{
    size_t line_start = frame->line_start;

    if (is_doubtful(frame, window, n)) {
        lose_sync(frame, true);
        *n_used = n;
        return IMAPID_FRAME_SKIPPED;
    }
    give_unit(frame, unit, window, n, n_used);
    unit->over_limit = true;
    frame->n_over_limit++;
    frame->tag = imapid_unit_tag(unit);
    frame->opaque = imapid_unit_is_opaque(unit);
    frame->in_unit = true;
    frame->is_id = false;
    begin_line(frame);
    if (!frame->literal_left)
        pass_part(frame, window + line_start, n - line_start);
    frame->n_scanned = frame->line_start = 0;
    return IMAPID_FRAME_UNIT;
}

/* The line [line_start, end) of the window is whole. Returns MORE where the unit goes on. */
static enum imapid_frame_status end_line(struct imapid_frame *frame, struct imapid_unit *unit,
                                         const uint8_t *window, size_t end, size_t *n_used)
{
    struct literal literal = {false, false, 0};

    if (end - frame->line_start < 2 || window[end - 2] != '\r')
        frame->bare_newline = true;
    if (!frame->line_start) {
        read_head(frame, unit, window, end);
        frame->is_id = imapid_unit_is_id(unit);
        frame->opaque = imapid_unit_is_opaque(unit);
        frame->tag = imapid_unit_tag(unit);
        if (is_doubtful(frame, window, end)) {
            lose_sync(frame, false);
            *n_used = end;
            return IMAPID_FRAME_SKIPPED;
        }
    }
    if (!frame->opaque)
        literal = find_literal(window + frame->line_start, end - frame->line_start);
    if (!literal.found) {
        give_unit(frame, unit, window, end, n_used);
        end_unit(frame);
        return IMAPID_FRAME_UNIT;
    }
    announce(frame, &literal);
    frame->line_start = end;
    if (!frame->is_id) {
        give_unit(frame, unit, window, end, n_used);
        frame->in_unit = true;
        frame->n_scanned = frame->line_start = 0;
        return IMAPID_FRAME_UNIT;
    }
    return IMAPID_FRAME_MORE;
}

/* Is the unit in hand at its limit after `at` octets? An ID is known by its head before that: then
 * it has the larger limit from here on. */
static bool is_at_limit(struct imapid_frame *frame, const uint8_t *window, size_t at)
{
    struct imapid_unit head;

    if (at < IMAPID_HEAD_MAX)
        return false;
    if (!frame->is_id && !frame->line_start) {
        read_head(frame, &head, window, IMAPID_HEAD_MAX);
        frame->is_id = imapid_unit_is_id(&head);
    }
    return !frame->is_id || at >= IMAPID_UNIT_MAX;
}

/* The octets behind those looked at are missing: what they hold of an ID is handed out. */
static enum imapid_frame_status end_cut(struct imapid_frame *frame, const uint8_t *window,
                                        struct imapid_unit *unit, size_t *n_used)
{
    uint64_t literal_left = frame->literal_left;
    bool in_literal = literal_left != 0;
    enum imapid_frame_status status = IMAPID_FRAME_SKIPPED;

    give_unit(frame, unit, window, frame->n_scanned, n_used);
    if (imapid_unit_is_id(unit))
        status = IMAPID_FRAME_UNIT;
    if (frame->gap_in_literal && in_literal) {
        end_unit(frame);
        frame->literal_left = literal_left - frame->gap_in_literal;
        frame->in_unit = true;
    } else {
        lose_sync(frame, false);
    }
    frame->gap_in_literal = 0;
    return status;
}

/* Is a literal what comes behind its announcement, or was it refused and a command comes? Nobody
 * knows before enough octets have come. */
static enum imapid_plausible settle_literal(struct imapid_frame *frame, const uint8_t *window,
                                            size_t n)
{
    enum imapid_plausible command =
        imapid_unit_plausible(frame->side, window + frame->n_scanned, n - frame->n_scanned);

    if (command == IMAPID_PLAUSIBLE_YES) {
        frame->cut = true;
    } else if (command == IMAPID_PLAUSIBLE_NO) {
        frame->unsure = frame->asks = false;
        frame->sync = IMAPID_SYNC_TENTATIVE;
    }
    return command;
}

static enum imapid_frame_status read_unit(struct imapid_frame *frame, const uint8_t *window,
                                          size_t n, struct imapid_unit *unit, size_t *n_used)
{
    size_t at = frame->n_scanned;

    if (frame->unsure && at < n) {
        enum imapid_plausible command = settle_literal(frame, window, n);

        if (command == IMAPID_PLAUSIBLE_MORE)
            return IMAPID_FRAME_MORE;
        if (command == IMAPID_PLAUSIBLE_YES)
            return end_cut(frame, window, unit, n_used);
    }

    if (!at) {
        frame->in_hand = frame->lines;
        frame->n_tries = 0;
        frame->n_tried = 0;
    }
    while (at < n) {
        enum imapid_frame_status status;
        const uint8_t *newline;
        size_t end;

        frame->awaits = false;
        if (frame->literal_left) {
            if (at + frame->literal_left > IMAPID_UNIT_MAX)
                return give_over_limit(frame, unit, window, at, n_used);
            at += take_literal(frame, n - at);
            frame->line_start = at;
            continue;
        }
        if (is_at_limit(frame, window, at))
            return give_over_limit(frame, unit, window, at, n_used);
        end = frame->is_id ? IMAPID_UNIT_MAX : IMAPID_HEAD_MAX;
        if (end > n)
            end = n;
        newline = memchr(window + at, '\n', end - at);
        if (!newline) {
            at = end;
            continue;
        }
        at = (size_t)(newline - window) + 1;
        status = end_line(frame, unit, window, at, n_used);
        if (status != IMAPID_FRAME_MORE)
            return status;
    }
    frame->n_scanned = at;
    return IMAPID_FRAME_MORE;
}

/* Is this an ID whose list, or NIL, is complete? */
static bool is_closed_id(const struct imapid_unit *unit)
{
    struct imapid_list list;
    struct imapid_pair pair;

    if (!imapid_unit_is_id(unit))
        return false;
    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair))
        ;
    return list.kind != IMAPID_LIST_MISSING && !(list.faults & IMAPID_FAULT_UNBALANCED);
}

/* Times that a command in hand is read for the end of its list, because something came that may be
 * its answer. A server answers once; whoever sends answers by the thousand would have the whole of
 * the list read at each. */
#define TRIES_MAX 16

/* The command in hand was answered without its line end. */
static bool end_answered(struct imapid_frame *frame, const uint8_t *window,
                         struct imapid_unit *unit, size_t *n_used)
{
    size_t n = frame->n_scanned;
    struct imapid_tag tag;

    frame->answered = false;
    *n_used = 0;
    if (n == frame->n_tried || frame->n_tries == TRIES_MAX)
        return false;
    imapid_unit_read(unit, frame->side, window, n < IMAPID_HEAD_MAX ? n : IMAPID_HEAD_MAX);
    tag = imapid_unit_tag(unit);
    if (frame->tag.hash && !imapid_tag_same(&tag, &frame->tag))
        return false;
    frame->n_tried = n;
    frame->n_tries++;
    give_unit(frame, unit, window, n, n_used);
    if (!is_closed_id(unit)) {
        *n_used = 0;
        return false;
    }
    end_unit(frame);
    frame->in_unit = frame->opaque = true; /* the rest of the line */
    return true;
}

static enum imapid_frame_status read_on(struct imapid_frame *frame, const uint8_t *window, size_t n,
                                        struct imapid_unit *unit, size_t *n_used)
{
    if (frame->gone) {
        frame->gone = false;
        *n_used = n;
        return IMAPID_FRAME_MORE;
    }
    if (frame->cut)
        return end_cut(frame, window, unit, n_used);
    if (frame->refused) {
        give_unit(frame, unit, window, frame->n_scanned, n_used);
        end_unit(frame);
        return IMAPID_FRAME_UNIT;
    }
    if (frame->ended) {
        frame->ended = false;
        give_unit(frame, unit, window, frame->n_scanned, n_used);
        unit->refused = true;
        end_unit(frame);
        return imapid_unit_is_id(unit) ? IMAPID_FRAME_UNIT : IMAPID_FRAME_SKIPPED;
    }
    if (frame->answered && end_answered(frame, window, unit, n_used))
        return IMAPID_FRAME_UNIT;
    if (frame->in_unit)
        return pass_rest(frame, window, n, n_used);
    if (frame->sync == IMAPID_SYNC_LOST) {
        if (frame->lines == IMAPID_LINES_HELD && !frame->mid_line && n == 1 &&
            window[0] == TLS_HANDSHAKE)
            return IMAPID_FRAME_MORE; /* the next octet tells whether TLS begins */
        return find_line_start(frame, window, n, n_used);
    }
    if (frame->lines == IMAPID_LINES_HELD && n && window[0] == TLS_HANDSHAKE) {
        if (n <= IMAPID_UNIT_MAX)
            return IMAPID_FRAME_MORE;
        frame->lines = IMAPID_LINES_UNITS;
    }
    return read_unit(frame, window, n, unit, n_used);
}

enum imapid_frame_status imapid_frame_read(struct imapid_frame *frame, const uint8_t *window,
                                           size_t n, struct imapid_unit *unit, size_t *n_used)
{
    enum imapid_frame_status status;

    *n_used = 0;
    if (n < frame->n_scanned) /* not the window whose octets were looked at: that one was dropped */
        lose_sync(frame, false);
    status = read_on(frame, window, n, unit, n_used);
    frame->n_left = n - *n_used;
    return status;
}

void imapid_frame_gap(struct imapid_frame *frame, uint64_t n)
{
    bool in_literal = n && frame->literal_left >= n;

    frame->awaits = false;
    if (frame->in_unit && in_literal) {
        frame->literal_left -= n;
    } else if (frame->in_unit || frame->sync == IMAPID_SYNC_LOST || !frame->n_scanned) {
        frame->is_headless |= !frame->in_unit && frame->sync != IMAPID_SYNC_LOST;
        lose_sync(frame, false);
        frame->gone = frame->n_left > 0;
    } else {
        frame->cut = true;
        frame->gap_in_literal = in_literal ? n : 0;
    }
}

void imapid_frame_answer(struct imapid_frame *frame, const struct imapid_tag *tag)
{
    frame->answered = !frame->in_unit && frame->n_scanned && !frame->literal_left &&
                      frame->sync == IMAPID_SYNC_SURE &&
                      (frame->lines == IMAPID_LINES_UNITS || frame->lines == IMAPID_LINES_SASL);
    if (tag)
        frame->tag = *tag;
    else
        frame->tag.hash = 0;
}

void imapid_frame_unsure(struct imapid_frame *frame)
{
    frame->unsure = frame->awaits && frame->asks && frame->is_id && !frame->in_unit;
}

void imapid_frame_end(struct imapid_frame *frame)
{
    frame->ended = !frame->in_unit && frame->n_scanned && frame->sync == IMAPID_SYNC_SURE;
}

void imapid_frame_refuse(struct imapid_frame *frame)
{
    if (!frame->awaits)
        return;
    frame->asks = false;
    if (frame->in_unit)
        end_unit(frame);
    else
        frame->refused = true;
}

void imapid_frame_doubt(struct imapid_frame *frame)
{
    lose_sync(frame, frame->in_unit && !frame->awaits);
}
