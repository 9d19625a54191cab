/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c: see feed.h. It is also the plainest caller of session.h there is. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

/* ---- transcripts ---- */

guint8 *feed_unescape(const char *text, gsize *n)
{
    guint8 *octets = g_malloc(strlen(text) + 1);

    for (*n = 0; *text; text++) {
        guint8 c = (guint8)*text;

        if (c == '\\' && text[1]) {
            c = (guint8) * ++text;
            if (c == 'x' && g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2])) {
                c = (guint8)(g_ascii_xdigit_value(text[1]) << 4 | g_ascii_xdigit_value(text[2]));
                text += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
            }
        }
        octets[(*n)++] = c;
    }
    return octets;
}

/* The last line of each side that announces what its next entry holds. */
struct announcer {
    struct feed_entry *entry;
    char *text;
    bool synchronising;
};

static void set_octets(struct feed_transcript *transcript, struct feed_entry *entry,
                       const char *text, const char *end)
{
    char *whole = g_strconcat(text, end, NULL);

    entry->octets = feed_unescape(whole, &entry->n);
    transcript->n_octets += entry->n;
    g_free(whole);
}

/* Now that the next entry is known its length is announced. */
static void finish_announcer(struct feed_transcript *transcript, struct announcer *announcer,
                             gsize n)
{
    char *end;

    if (!announcer->entry)
        return;
    end = g_strdup_printf("{%zu%s}\r\n", n, announcer->synchronising ? "" : "+");
    set_octets(transcript, announcer->entry, announcer->text, end);
    announcer->entry = NULL;
    g_free(announcer->text);
    g_free(end);
}

static void add_entry(struct feed_transcript *transcript, struct announcer announcers[2],
                      const char *line)
{
    struct feed_entry *entry = g_new0(struct feed_entry, 1);
    struct announcer *announcer;

    g_assert_true(line[0] == 'C' || line[0] == 'S');
    g_assert_nonnull(strchr(":.!?{+", line[1]));
    g_assert_true(line[2] == ' ' || line[1] == '?');
    entry->side = line[0] == 'C' ? IMAPID_CLIENT : IMAPID_SERVER;
    announcer = &announcers[entry->side];
    g_ptr_array_add(transcript->entries, entry);
    if (line[1] == '?') {
        entry->is_doubt = true;
        return;
    }
    if (line[1] == '!') {
        entry->is_hole = true;
        entry->n = (gsize)strtoull(line + 3, NULL, 10);
        return;
    }
    if (line[1] == '{' || line[1] == '+') {
        g_assert_null(announcer->entry);
        *announcer = (struct announcer){entry, g_strdup(line + 3), line[1] == '{'};
        return;
    }
    set_octets(transcript, entry, line + 3, line[1] == ':' ? "\\r\\n" : "");
    finish_announcer(transcript, announcer, entry->n);
}

static void free_entry(gpointer data)
{
    struct feed_entry *entry = data;

    g_free(entry->octets);
    g_free(entry);
}

struct feed_transcript *feed_parse(const char *text)
{
    struct feed_transcript *transcript = g_new0(struct feed_transcript, 1);
    struct announcer announcers[2] = {{0}};
    char **lines = g_strsplit(text, "\n", -1);

    transcript->entries = g_ptr_array_new_with_free_func(free_entry);
    for (char **line = lines; *line; line++)
        if (**line && **line != '#')
            add_entry(transcript, announcers, *line);
    g_assert_true(!announcers[0].entry && !announcers[1].entry);
    g_strfreev(lines);
    return transcript;
}

void feed_transcript_free(struct feed_transcript *transcript)
{
    g_ptr_array_free(transcript->entries, TRUE);
    g_free(transcript);
}

/* Calls `show` with every piece, `hole` with every hole and `doubt` with every doubt. Neighbouring
 * entries of one side are one run. */
struct pieces {
    void (*show)(gpointer self, enum imapid_side side, const guint8 *octets, gsize n);
    void (*hole)(gpointer self, enum imapid_side side, gsize n);
    void (*doubt)(gpointer self, enum imapid_side side);
    gpointer self;
};

static void cut_in_pieces(const struct feed_transcript *transcript, const struct pieces *pieces,
                          const gsize *ends, gsize n_ends)
{
    GByteArray *piece = g_byte_array_new();
    enum imapid_side side = IMAPID_CLIENT;
    gsize at = 0, next = 0;

    for (guint i = 0; i < transcript->entries->len; i++) {
        const struct feed_entry *entry = g_ptr_array_index(transcript->entries, i);

        if (piece->len && (entry->side != side || entry->is_hole || entry->is_doubt)) {
            pieces->show(pieces->self, side, piece->data, piece->len);
            g_byte_array_set_size(piece, 0);
        }
        side = entry->side;
        if (entry->is_doubt) {
            pieces->doubt(pieces->self, side);
            continue;
        }
        if (entry->is_hole) {
            pieces->hole(pieces->self, side, entry->n);
            continue;
        }
        for (gsize k = 0; k < entry->n; k++) {
            g_byte_array_append(piece, entry->octets + k, 1);
            at++;
            if (next < n_ends && ends[next] == at) {
                next++;
                pieces->show(pieces->self, side, piece->data, piece->len);
                g_byte_array_set_size(piece, 0);
            }
        }
    }
    if (piece->len)
        pieces->show(pieces->self, side, piece->data, piece->len);
    g_byte_array_free(piece, TRUE);
}

/* ---- lists as text ---- */

static void add_octets(GString *text, const guint8 *octets, gsize n)
{
    for (gsize i = 0; i < n; i++)
        if (octets[i] >= ' ' && octets[i] < 127)
            g_string_append_c(text, (char)octets[i]);
        else
            g_string_append_printf(text, "\\x%02x", octets[i]);
}

static void check_slice(struct imapid_slice slice, const struct imapid_unit *unit)
{
    g_assert(unit); /* g_assert_nonnull() may return */
    g_assert_cmpuint(slice.offset, <=, unit->n);
    g_assert_cmpuint(slice.n, <=, unit->n - slice.offset);
}

static void add_string(GString *text, const struct imapid_unit *unit,
                       const struct imapid_string *string)
{
    guint8 *octets = g_malloc(string->content.n);
    gsize n;

    g_assert(unit);
    check_slice(string->token, unit);
    check_slice(string->content, unit);
    n = imapid_string_decode(unit->data, string, octets, string->content.n);
    g_assert_cmpuint(n, <=, string->content.n);
    switch (string->kind) {
    case IMAPID_STRING_NONE:
        g_string_append_c(text, '?');
        break;
    case IMAPID_STRING_NIL:
        g_string_append(text, "NIL");
        break;
    case IMAPID_STRING_ATOM:
        g_string_append_c(text, '\'');
        add_octets(text, octets, n);
        g_string_append_c(text, '\'');
        break;
    default:
        add_octets(text, octets, n);
    }
    if (string->cut)
        g_string_append(text, "...");
    g_free(octets);
}

char *feed_list_text(const struct imapid_unit *unit, unsigned *faults)
{
    GString *text = g_string_new(NULL);
    struct imapid_list list;
    struct imapid_pair pair;
    unsigned n = 0;

    imapid_list_begin(&list, unit);
    if (list.kind == IMAPID_LIST_PAIRS)
        g_string_append_c(text, '(');
    while (imapid_list_next(&list, &pair)) {
        g_assert_cmpuint(++n, ==, list.n_pairs);
        check_slice(pair.span, unit);
        if (n > 1)
            g_string_append_c(text, ' ');
        add_string(text, unit, &pair.field);
        g_string_append_c(text, '=');
        add_string(text, unit, &pair.value);
    }
    g_assert_false(imapid_list_next(&list, &pair));
    check_slice(list.span, unit);
    if (list.kind == IMAPID_LIST_PAIRS)
        g_string_append_c(text, ')');
    else
        g_string_append(text, list.kind == IMAPID_LIST_NIL ? "NIL" : "-");
    if (faults)
        *faults = list.faults;
    return g_string_free(text, FALSE);
}

char *feed_faults_text(unsigned faults)
{
    static const char *const names[] = {
        "missing-value", "nil-field",  "not-a-string", "unbalanced", "missing-arguments",
        "trailing-data", "bad-string", "not-ascii",    "spacing",
    };
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (faults & 1u << i)
            g_string_append_printf(text, "%s%s", text->len ? " " : "", names[i]);
    return g_string_free(text, FALSE);
}

/* ---- sessions ---- */

/* What a caller keeps of an exchange: copies of its two units. */
struct record {
    bool open;
    char *tag, *command, *response;
    struct imapid_unit command_unit, response_unit;
    guint8 *command_octets, *response_octets;
};

struct run {
    const struct feed_options *options;
    struct imapid_session session;
    GByteArray *window[2];
    struct record records[IMAPID_SLOTS];
    guint64 n_records;
    bool closed; /* a switch came and nothing is shown any more */
    GString *log;
};

static void forget_response(struct record *record)
{
    g_clear_pointer(&record->response, g_free);
    g_clear_pointer(&record->response_octets, g_free);
}

static void forget(struct record *record)
{
    forget_response(record);
    g_clear_pointer(&record->tag, g_free);
    g_clear_pointer(&record->command, g_free);
    g_clear_pointer(&record->command_octets, g_free);
    record->open = false;
}

static void keep(const struct imapid_unit *unit, struct imapid_unit *copy, guint8 **octets)
{
    g_assert(unit);
    g_assert_null(*octets);
    *octets = g_malloc(unit->n);
    memcpy(*octets, unit->data, unit->n);
    *copy = *unit;
    copy->data = *octets;
}

static void add_findings(struct run *run, const struct imapid_exchange *exchange,
                         const struct record *record)
{
    struct imapid_findings findings;

    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, exchange,
                                 record->command ? &record->command_unit : NULL,
                                 record->response ? &record->response_unit : NULL);
    for (unsigned i = 0; i < findings.n; i++)
        g_string_append_printf(run->log, " %c:%s",
                               findings.list[i].side == IMAPID_CLIENT ? 'c' : 's',
                               imapid_finding_code(findings.list[i].code));
}

static void write_exchange(struct run *run, unsigned slot)
{
    static const char *const statuses[] = {"none", "OK", "NO", "BAD", "BYE"};
    static const char *const states[] = {"state=?", "state=no", "state=yes"};
    static const char *const known[] = {"id=?", "id=no", "id=yes"};
    static const char *const securities[] = {"", " starttls", " tls"};
    const struct imapid_exchange *exchange = &run->session.exchanges.slots[slot];
    const struct record *record = &run->records[slot];

    g_assert_false(exchange->open);
    g_assert_true(exchange->has_command == (record->command != NULL));
    g_assert_true((exchange->n_responses > 0) == (record->response != NULL));
    g_string_append_printf(
        run->log, "%s %s -> %s %s%s %s %s%s%s", record->tag ? record->tag : "-",
        record->command ? record->command : "-", record->response ? record->response : "-",
        exchange->status || !exchange->untagged_status ? "" : "*",
        statuses[exchange->status ? exchange->status : exchange->untagged_status],
        states[exchange->state], known[exchange->advertised], securities[exchange->security],
        exchange->compressed ? " compressed" : "");
    if (exchange->lost)
        g_string_append(run->log, " lost");
    if (exchange->tentative || exchange->response_tentative)
        g_string_append(run->log, " tentative");
    if (exchange->unsolicited)
        g_string_append(run->log, " unsolicited");
    if (exchange->n_responses > 1)
        g_string_append_printf(run->log, " responses=%u", exchange->n_responses);
    if (run->options->findings)
        add_findings(run, exchange, record);
    g_string_append_c(run->log, '\n');
}

static void take_switch(struct run *run, const char *name)
{
    g_string_append_printf(run->log, "switch %s\n", name);
    if (run->options->resume)
        imapid_session_resume(&run->session);
    else
        run->closed = true;
}

static void move_response(struct record *to, struct record *from)
{
    g_assert_true(to->open && from->open);
    g_assert_null(to->response);
    g_assert_nonnull(from->response);
    to->response = g_steal_pointer(&from->response);
    to->response_octets = g_steal_pointer(&from->response_octets);
    to->response_unit = from->response_unit;
}

static void take_event(struct run *run, const struct imapid_unit *unit,
                       const struct imapid_event *event)
{
    struct record *record = &run->records[event->slot];

    g_assert_cmpuint(event->slot, <, IMAPID_SLOTS);
    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        g_assert(unit);
        g_assert_null(record->command);
        if (!record->open)
            run->n_records++;
        record->open = true;
        record->tag = g_strndup((const char *)unit->data + unit->tag.offset, unit->tag.n);
        record->command = feed_list_text(unit, NULL);
        keep(unit, &record->command_unit, &record->command_octets);
        break;
    case IMAPID_EVENT_RESPONSE:
        if (!record->open)
            run->n_records++;
        record->open = true;
        g_assert_null(record->response);
        record->response = feed_list_text(unit, NULL);
        keep(unit, &record->response_unit, &record->response_octets);
        break;
    case IMAPID_EVENT_EXTRA:
        g_assert_nonnull(record->response);
        break;
    case IMAPID_EVENT_UNTAGGED:
        g_assert_nonnull(record->command);
        break;
    case IMAPID_EVENT_RESULT:
    case IMAPID_EVENT_END:
        g_assert_true(record->open);
        if (run->session.exchanges.slots[event->slot].open)
            break; /* a result that nothing has confirmed yet */
        write_exchange(run, event->slot);
        forget(record);
        break;
    case IMAPID_EVENT_DROP_RESPONSE:
        g_assert_nonnull(record->response);
        forget_response(record);
        break;
    case IMAPID_EVENT_MOVE_RESPONSE:
        move_response(record, &run->records[event->from]);
        break;
    case IMAPID_EVENT_DROP:
        g_assert_true(record->open);
        run->n_records--;
        forget(record);
        break;
    case IMAPID_EVENT_TLS:
        take_switch(run, "tls");
        break;
    case IMAPID_EVENT_DEFLATE:
        take_switch(run, "deflate");
        break;
    case IMAPID_EVENT_SASL:
        take_switch(run, "sasl");
        break;
    }
}

static void take_events(struct run *run, const struct imapid_unit *unit)
{
    struct imapid_event event;

    while (imapid_session_event(&run->session, &event))
        take_event(run, unit, &event);
}

/* Reads on in a window until there is nothing more to tell. */
static void drain(struct run *run, enum imapid_side side)
{
    GByteArray *window = run->window[side];
    unsigned n_still = 0;

    while (!run->closed) {
        guint8 *block = g_malloc(window->len);
        struct imapid_unit unit;
        enum imapid_session_status status;
        gsize n_used = (gsize)-1;

        if (window->len)
            memcpy(block, window->data, window->len);
        status = imapid_session_read(&run->session, side, block, window->len, &unit, &n_used);
        g_assert_cmpuint(n_used, <=, window->len);
        n_still = n_used ? 0 : n_still + 1;
        g_assert_cmpuint(n_still, <, 8);
        if (status == IMAPID_SESSION_UNIT) {
            g_assert_true(unit.data == block);
            check_slice(unit.tag, &unit);
            check_slice(unit.name, &unit);
            check_slice(unit.args, &unit);
            g_assert_cmpuint(unit.n, <=, n_used);
        }
        take_events(run, &unit);
        if (n_used)
            g_byte_array_remove_range(window, 0, (guint)n_used);
        g_free(block);
        if (status == IMAPID_SESSION_MORE)
            break;
        if (status == IMAPID_SESSION_OTHER_SIDE) {
            g_assert_cmpint(side, ==, IMAPID_SERVER);
            drain(run, IMAPID_CLIENT);
        }
    }
    if (!run->closed)
        g_assert_cmpuint(run->session.exchanges.n_exchanges, ==, run->n_records);
}

static void show(gpointer self, enum imapid_side side, const guint8 *octets, gsize n)
{
    struct run *run = self;

    if (run->closed)
        return;
    g_byte_array_append(run->window[side], octets, (guint)n);
    drain(run, side);
    g_assert_cmpuint(run->window[side]->len, <=, IMAPID_UNIT_MAX + n);
    /* A switch may have left octets of the other side, which are now to be read. */
    if (run->options->resume && run->window[!side]->len)
        drain(run, (enum imapid_side) !side);
}

static void hole(gpointer self, enum imapid_side side, gsize n)
{
    struct run *run = self;

    if (run->closed)
        return;
    imapid_session_gap(&run->session, side, n);
    drain(run, side);
    g_byte_array_set_size(run->window[side], 0);
}

static void doubt(gpointer self, enum imapid_side side)
{
    struct run *run = self;

    g_assert_cmpint(side, ==, IMAPID_CLIENT);
    imapid_exchanges_miss_commands(&run->session.exchanges);
}

static void write_session(struct run *run)
{
    static const char *const states[] = {"state=?", "state=no", "state=yes"};
    static const char *const known[] = {"id=?", "id=no", "id=yes"};
    static const char *const lacks[] = {"", " required", " required: NIL", " required: early",
                                        " required: rejected"};
    const struct imapid_session *session = &run->session;

    g_string_append_printf(run->log, "session %s %s%s%s\n", states[session->exchanges.now.state],
                           known[session->exchanges.now.advertised],
                           session->exchanges.now.compressed ? " compressed" : "",
                           lacks[session->required_by_server]);
}

char *feed_run(const struct feed_transcript *transcript, const struct feed_options *options,
               const gsize *ends, gsize n_ends)
{
    static const struct feed_options none;
    struct run run = {.options = options ? options : &none, .log = g_string_new(NULL)};
    struct pieces pieces = {show, hole, doubt, &run};

    imapid_session_init(&run.session, !run.options->mid_session, run.options->security);
    run.window[IMAPID_CLIENT] = g_byte_array_new();
    run.window[IMAPID_SERVER] = g_byte_array_new();
    cut_in_pieces(transcript, &pieces, ends, n_ends);
    if (run.options->cut_end) {
        hole(&run, IMAPID_CLIENT, 0);
        hole(&run, IMAPID_SERVER, 0);
    }
    imapid_session_end(&run.session);
    take_events(&run, NULL);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        g_assert_false(run.records[i].open);
    g_assert_cmpuint(run.session.exchanges.n_exchanges, ==, run.n_records);
    if (run.options->session)
        write_session(&run);
    g_byte_array_free(run.window[IMAPID_CLIENT], TRUE);
    g_byte_array_free(run.window[IMAPID_SERVER], TRUE);
    return g_string_free(run.log, FALSE);
}

/* ---- every segmentation ---- */

typedef char *run_function(gconstpointer self, const gsize *ends, gsize n_ends);

static gsize *make_random_ends(gsize n, gsize *n_ends)
{
    gsize *ends = g_new(gsize, n + 1);

    *n_ends = 0;
    for (gsize at = (gsize)g_test_rand_int_range(1, 40); at < n;
         at += (gsize)g_test_rand_int_range(1, 40))
        ends[(*n_ends)++] = at;
    return ends;
}

static void run_again(run_function *run, gconstpointer self, const gsize *ends, gsize n_ends,
                      const char *expected)
{
    char *text = run(self, ends, n_ends);

    if (g_strcmp0(text, expected) && n_ends == 1)
        g_test_message("split at %zu", ends[0]);
    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

static char *run_all(run_function *run, gconstpointer self, gsize n)
{
    char *expected = run(self, NULL, 0);
    gsize *ends = g_new(gsize, n + 1);

    for (gsize i = 0; i < n; i++)
        ends[i] = i + 1;
    run_again(run, self, ends, n, expected);
    for (gsize i = 1; i < n; i++)
        run_again(run, self, &i, 1, expected);
    g_free(ends);
    for (int i = 0; i < 50; i++) {
        gsize n_ends;

        ends = make_random_ends(n, &n_ends);
        run_again(run, self, ends, n_ends, expected);
        g_free(ends);
    }
    return expected;
}

struct session_runs {
    const struct feed_transcript *transcript;
    const struct feed_options *options;
};

static char *run_session(gconstpointer self, const gsize *ends, gsize n_ends)
{
    const struct session_runs *runs = self;

    return feed_run(runs->transcript, runs->options, ends, n_ends);
}

char *feed_all(const struct feed_transcript *transcript, const struct feed_options *options)
{
    struct session_runs runs = {transcript, options};

    /* cppcheck-suppress returnDanglingLifetime ; what is returned was made by run_session() */
    return run_all(run_session, &runs, transcript->n_octets);
}

void feed_check(const char *text, const struct feed_options *options, const char *expected)
{
    struct feed_transcript *transcript = feed_parse(text);
    char *said = feed_all(transcript, options);

    g_assert_cmpstr(said, ==, expected);
    g_free(said);
    feed_transcript_free(transcript);
}

/* ---- one direction ---- */

struct frame_run {
    struct imapid_frame frame;
    enum imapid_side side;
    GByteArray *window;
    GString *log;
};

static void write_unit(struct frame_run *run, const struct imapid_unit *unit, enum imapid_sync sync)
{
    static const char *const kinds[] = {"junk",     "command", "continued",
                                        "untagged", "tagged",  "continuation"};

    g_string_append_printf(run->log, "%s %.*s|%.*s|", kinds[unit->kind], (int)unit->tag.n,
                           (const char *)unit->data + unit->tag.offset, (int)unit->name.n,
                           (const char *)unit->data + unit->name.offset);
    if (unit->args.n > 300)
        g_string_append_printf(run->log, "%zu octets", unit->args.n);
    else
        add_octets(run->log, unit->data + unit->args.offset, unit->args.n);
    g_string_append_printf(run->log, "|%s%s%s%s%s\n", unit->cut ? " cut" : "",
                           unit->over_limit ? " over" : "", unit->refused ? " refused" : "",
                           unit->bare_newline ? " bare" : "",
                           sync == IMAPID_SYNC_SURE ? "" : " tentative");
}

static void write_sync(struct frame_run *run, enum imapid_sync before)
{
    if (before != run->frame.sync)
        g_string_append(run->log, run->frame.sync == IMAPID_SYNC_LOST ? "lost\n" : "found\n");
}

static void frame_drain(struct frame_run *run)
{
    enum imapid_frame_status status;

    do {
        guint8 *block = g_malloc(run->window->len);
        enum imapid_sync sync = run->frame.sync;
        struct imapid_unit unit;
        gsize n_used = (gsize)-1;

        if (run->window->len)
            memcpy(block, run->window->data, run->window->len);
        status = imapid_frame_read(&run->frame, block, run->window->len, &unit, &n_used);
        g_assert_cmpuint(n_used, <=, run->window->len);
        if (status == IMAPID_FRAME_UNIT)
            write_unit(run, &unit, sync);
        write_sync(run, sync);
        if (n_used)
            g_byte_array_remove_range(run->window, 0, (guint)n_used);
        g_free(block);
    } while (status != IMAPID_FRAME_MORE);
}

static void frame_show(gpointer self, enum imapid_side side, const guint8 *octets, gsize n)
{
    struct frame_run *run = self;

    if (side != run->side)
        return;
    g_byte_array_append(run->window, octets, (guint)n);
    frame_drain(run);
    g_assert_cmpuint(run->window->len, <=, IMAPID_UNIT_MAX + n);
}

static void frame_hole(gpointer self, enum imapid_side side, gsize n)
{
    struct frame_run *run = self;
    enum imapid_sync sync = run->frame.sync;

    if (side != run->side)
        return;
    imapid_frame_gap(&run->frame, n);
    write_sync(run, sync);
    frame_drain(run);
    g_byte_array_set_size(run->window, 0);
}

static void frame_doubt(gpointer self, enum imapid_side side)
{
    (void)self;
    (void)side;
}

char *feed_frame_run(const struct feed_transcript *transcript, enum imapid_side side, bool at_start,
                     const gsize *ends, gsize n_ends)
{
    struct frame_run run = {.side = side, .window = g_byte_array_new(), .log = g_string_new(NULL)};
    struct pieces pieces = {frame_show, frame_hole, frame_doubt, &run};

    imapid_frame_init(&run.frame, side, at_start);
    cut_in_pieces(transcript, &pieces, ends, n_ends);
    if (run.frame.in_unit)
        g_string_append(run.log, "in unit\n");
    if (run.frame.n_over_limit)
        g_string_append_printf(run.log, "over limit: %" G_GUINT64_FORMAT "\n",
                               run.frame.n_over_limit);
    g_byte_array_free(run.window, TRUE);
    return g_string_free(run.log, FALSE);
}

struct frame_runs {
    const struct feed_transcript *transcript;
    enum imapid_side side;
    bool at_start;
};

static char *run_frame(gconstpointer self, const gsize *ends, gsize n_ends)
{
    const struct frame_runs *runs = self;

    return feed_frame_run(runs->transcript, runs->side, runs->at_start, ends, n_ends);
}

void feed_frame_check(const char *text, enum imapid_side side, bool at_start, const char *expected)
{
    struct feed_transcript *transcript = feed_parse(text);
    struct frame_runs runs = {transcript, side, at_start};
    char *said = run_all(run_frame, &runs, transcript->n_octets);

    g_assert_cmpstr(said, ==, expected);
    g_free(said);
    feed_transcript_free(transcript);
}
