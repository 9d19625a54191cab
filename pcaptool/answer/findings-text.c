/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings-text.c: findings for a person who is to mend them: by kind, the worst first, then the most
 * frequent. Of each: who does it and how often, what was seen, what would be right, for whom it is to
 * act, and how to open it in Wireshark.
 *
 * Refuses kinds below report->show: they are counted in a line of their own.
 *
 * Misuse: expecting every place without `verbose`. */
#include "answer/remedy.h"
#include "answer/unreadable.h"
#include "answer/writer.h"

#include "record/shell.h"
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/width.h"

#include <string.h>

/* Programs shown of one kind, unless --verbose. */
#define PROGRAMS 3
/* Columns: on a narrower screen the terminal wraps. */
#define COLUMNS_MIN 80u
/* Columns before what was seen. */
#define INDENT 11u
/* Columns for what stands behind a program's name: its address, side, and how often. */
#define BEHIND_NAME 40u
/* Columns before the title of a kind. */
#define HEAD 9u

static const char *const colours[] = {"2", "33", "31"}; /* by severity */
static const char *const heads[] = {"  NOTE  ", "! WARN  ", "x ERROR "};
static const char *const kinds_of[] = {"of note", "of warning", "of error"};

struct writing {
    GString *out;
    const struct imapid_findings_report *report;
    struct imapid_item_reading reading;
    unsigned columns;
};

/* Items of one kind and program. */
struct program {
    guint first, end;
    unsigned n_conns;
};

static void begin_colour(const struct writing *writing, const char *colour)
{
    if (writing->report->terminal.color)
        g_string_append_printf(writing->out, "\033[%sm", colour);
}

static void end_colour(const struct writing *writing)
{
    if (writing->report->terminal.color)
        g_string_append(writing->out, "\033[0m");
}

/* Words of our own, in lines of the screen's width; the line has `at` columns already, and what does
 * not fit goes `indent` columns in. The columns of the last line. */
static unsigned add_wrapped(const struct writing *writing, const char *text, unsigned at,
                            unsigned indent)
{
    bool is_begun = false;

    while (*text) {
        unsigned n = (unsigned)strcspn(text, " ");

        if (is_begun && at + 1 + n > writing->columns) {
            g_string_append_printf(writing->out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (is_begun) {
            g_string_append_c(writing->out, ' ');
            at++;
        }
        g_string_append_len(writing->out, text, n);
        at += n;
        text += n + strspn(text + n, " ");
        is_begun = true;
    }
    return at;
}

/* "1 connection", "1,316 connections" */
static void add_count(GString *out, uint64_t n, const char *what, const char *plural)
{
    imapid_spell_grouped(out, n);
    g_string_append_printf(out, " %s%s", what, n == 1 ? "" : plural);
}

/* ---- kinds ---- */

static unsigned count_conns(const GArray *sorted, guint first, guint end)
{
    unsigned n = 0;

    for (guint i = first; i < end; i++)
        n += i == first || imapid_items_at(sorted, i)->conn != imapid_items_at(sorted, i - 1)->conn;
    return n;
}

static int compare_programs(const void *a, const void *b)
{
    const struct program *one = a, *other = b;
    int order = (one->n_conns < other->n_conns) - (one->n_conns > other->n_conns);

    return order ? order : (one->first > other->first) - (one->first < other->first);
}

static GArray *find_programs(const GArray *sorted, const struct imapid_item_kind *kind)
{
    GArray *programs = g_array_new(FALSE, FALSE, sizeof(struct program));
    guint end;

    for (guint i = kind->first; i < kind->end; i = end) {
        for (end = i + 1; end < kind->end; end++)
            if (imapid_items_at(sorted, end)->software != imapid_items_at(sorted, i)->software)
                break;
        g_array_append_val(programs, ((struct program){i, end, count_conns(sorted, i, end)}));
    }
    g_array_sort(programs, compare_programs);
    return programs;
}

/* ---- what was seen ---- */

/* A part of a line, as a terminal may have it. A space is no value that is blank. */
static void add_part(const struct writing *writing, const char *octets, gsize n)
{
    if (strspn(octets, " ") >= n)
        g_string_append_len(writing->out, octets, (gssize)n);
    else
        imapid_spell_value(writing->out, (const uint8_t *)octets, n,
                           writing->report->terminal.utf8);
}

static gsize measure(const struct writing *writing, gsize start)
{
    return imapid_width_measure(writing->out->str + start, writing->out->len - start);
}

/* The marked octets, and what belongs to the same characters. */
static void widen_to_characters(const struct imapid_remedy *remedy, gsize *start, gsize *end)
{
    const GString *seen = remedy->seen;

    *start = MIN(remedy->mark, seen->len);
    *end = MIN(*start + remedy->n_mark, seen->len);
    while (*start && (seen->str[*start] & 0xc0) == 0x80)
        (*start)--;
    while (*end < seen->len && (seen->str[*end] & 0xc0) == 0x80)
        (*end)++;
}

/* The line in one row, its middle and its end cut so that the marked part stays; and a row of carets. */
static void add_seen(const struct writing *writing, const struct imapid_remedy *remedy)
{
    GString *out = writing->out;
    bool utf8 = writing->report->terminal.utf8;
    unsigned room = writing->report->verbose ? G_MAXUINT : writing->columns - INDENT;
    gsize from, to, start, n_before, n_mark;

    widen_to_characters(remedy, &from, &to);
    g_string_append_printf(out, "    %-*s", (int)INDENT - 4, "seen");
    start = out->len;
    add_part(writing, remedy->seen->str, from);
    imapid_width_cut_middle(out, start, from < to ? room / 2 : room, utf8);
    n_before = measure(writing, start);
    start = out->len;
    add_part(writing, remedy->seen->str + from, to - from);
    imapid_width_cut(out, start, MAX(room - (unsigned)n_before, 1), utf8);
    n_mark = measure(writing, start);
    start = out->len;
    if (n_before + n_mark < room) {
        add_part(writing, remedy->seen->str + to, remedy->seen->len - to);
        imapid_width_cut(out, start, room - (unsigned)(n_before + n_mark), utf8);
    }
    g_string_append_c(out, '\n');
    if (!n_mark)
        return;
    g_string_append_printf(out, "%*s", (int)(INDENT + n_before), "");
    begin_colour(writing, "31");
    for (gsize i = 0; i < n_mark; i++)
        g_string_append_c(out, '^');
    end_colour(writing);
    g_string_append_c(out, '\n');
}

static void add_right(const struct writing *writing, const struct imapid_remedy *remedy)
{
    gsize start;

    g_string_append_printf(writing->out, "    %-*s", (int)INDENT - 4, "right");
    start = writing->out->len;
    add_part(writing, remedy->right->str, remedy->right->len);
    if (!writing->report->verbose)
        imapid_width_cut(writing->out, start, writing->columns - INDENT,
                         writing->report->terminal.utf8);
    g_string_append_c(writing->out, '\n');
}

static void add_evidence(const struct writing *writing, const struct imapid_item *item)
{
    struct imapid_remedy remedy;

    imapid_remedy_find(&remedy, item);
    if (remedy.seen->len)
        add_seen(writing, &remedy);
    if (remedy.right->len)
        add_right(writing, &remedy);
    imapid_remedy_deinit(&remedy);
}

/* ---- where ---- */

static void add_command(const struct writing *writing, const struct imapid_item *item)
{
    const struct imapid_record_conn *conn = &item->conn->conn;
    const struct imapid_record_session *session = &item->conn->session;
    bool is_there = item->frame && !g_strcmp0(item->file, conn->file);
    bool is_decrypted = session->security != IMAPID_SECURITY_NONE && !session->not_decrypted;
    gsize start = writing->out->len;

    g_string_append(writing->out, "    ");
    if (imapid_shell_spell_wireshark(writing->out, conn->file,
                                     is_decrypted ? writing->report->keylog : NULL, conn->stream,
                                     is_there ? item->frame : 0))
        g_string_append_c(writing->out, '\n');
    else
        g_string_truncate(writing->out, start);
}

static void add_file(const struct writing *writing, const char *file)
{
    imapid_spell_value(writing->out, (const uint8_t *)file, strlen(file),
                       writing->report->terminal.utf8);
}

static void add_place(const struct writing *writing, const struct imapid_item *item)
{
    GString *out = writing->out, *name = g_string_new(NULL);

    imapid_spell_session_name(name, &item->conn->conn);
    g_string_append(out, "    ");
    add_file(writing, name->str);
    g_string_free(name, TRUE);
    if (g_strcmp0(item->file, item->conn->conn.file)) { /* another piece of the chain */
        g_string_append(out, ", ");
        add_file(writing, item->file);
    }
    if (item->frame)
        g_string_append_printf(out, " frame %" G_GUINT64_FORMAT, item->frame);
    g_string_append(out, ", ");
    imapid_spell_endpoint(out, &item->conn->conn.client);
    g_string_append(out, " to ");
    imapid_spell_endpoint(out, &item->conn->conn.server);
    if (item->related) {
        g_string_append(out, "; the client's leg: ");
        add_file(writing, imapid_items_first_file(item->related));
        g_string_append_printf(out, " frame %" G_GUINT64_FORMAT,
                               imapid_record_when(item->related).number);
    }
    g_string_append_c(out, '\n');
}

/* ---- who ---- */

/* The addresses of one side of connections. */
static guint count_addresses(struct writing *writing, const GArray *sorted,
                             const struct program *program, enum imapid_side side)
{
    GHashTable *addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint n;

    for (guint i = program->first; i < program->end; i++) {
        GString *address;
        const struct imapid_record_conn *conn;

        if (i > program->first &&
            imapid_items_at(sorted, i)->conn == imapid_items_at(sorted, i - 1)->conn)
            continue;
        imapid_store_read_conn(writing->report->view, imapid_items_at(sorted, i)->conn,
                               &writing->reading.conn);
        conn = &writing->reading.conn.conn;
        address = g_string_new(NULL);
        imapid_spell_address(address,
                             side == IMAPID_CLIENT ? imapid_store_get_client(conn) : &conn->server);
        g_hash_table_add(addresses, g_string_free(address, FALSE));
    }
    n = g_hash_table_size(addresses);
    g_hash_table_unref(addresses);
    return n;
}

/* "Mutt 2.2 (client): 5 connections, 3 addresses" */
static void add_program(struct writing *writing, const GArray *sorted,
                        const struct program *program)
{
    const struct imapid_item *item = imapid_items_read(
        writing->report->items, imapid_items_at(sorted, program->first), &writing->reading);
    enum imapid_side side = item->side;
    GString *out = writing->out;
    gsize start;
    guint n;

    g_string_append(out, "  ");
    begin_colour(writing, "1");
    start = out->len;
    if (item->software)
        imapid_spell_value(out, (const uint8_t *)item->software, strlen(item->software),
                           writing->report->terminal.utf8);
    else
        g_string_append(out, "(no name)");
    if (!writing->report->verbose)
        imapid_width_cut(out, start, writing->columns - BEHIND_NAME,
                         writing->report->terminal.utf8);
    end_colour(writing);
    n = count_addresses(writing, sorted, program, side);
    if (side == IMAPID_SERVER && n == 1) {
        g_string_append(out, " at ");
        imapid_spell_address(out, &writing->reading.conn.conn.server);
    }
    g_string_append(out, side == IMAPID_CLIENT ? " (client): " : " (server): ");
    add_count(out, program->n_conns, "connection", "s");
    if (side == IMAPID_CLIENT || n > 1) {
        g_string_append(out, ", ");
        add_count(out, n, "address", "es");
    }
    g_string_append_c(out, '\n');
}

/* Is it about the list that the item before it is about? */
static bool is_same_list(const GArray *sorted, const struct program *program, guint i)
{
    return i > program->first && imapid_items_at(sorted, i)->exchange != IMAPID_STORE_NONE &&
           imapid_items_at(sorted, i)->exchange == imapid_items_at(sorted, i - 1)->exchange;
}

/* One example; with --verbose every item. */
static void add_items(struct writing *writing, const GArray *sorted, const struct program *program,
                      bool is_first)
{
    guint end = writing->report->verbose ? program->end : program->first + 1;

    for (guint i = program->first; i < end; i++) {
        const struct imapid_item *item = imapid_items_read(
            writing->report->items, imapid_items_at(sorted, i), &writing->reading);

        if (is_same_list(sorted, program, i) && item->text)
            continue;
        if (writing->report->verbose)
            add_place(writing, item);
        add_evidence(writing, item);
        if (i == program->first && is_first) {
            GString *todo = g_string_new(NULL);

            imapid_remedy_spell(todo, item->code, item->side);
            g_string_append(writing->out, "  ");
            add_wrapped(writing, todo->str, 2, 4);
            g_string_append_c(writing->out, '\n');
            g_string_free(todo, TRUE);
        }
        if (!writing->report->verbose)
            add_command(writing, item);
        imapid_findings_pass_on(writing->out, writing->report);
    }
}

static void add_rest(const struct writing *writing, const GArray *sorted, const GArray *programs,
                     guint n_shown)
{
    unsigned n_conns = 0;
    uint32_t *seen;

    if (n_shown == programs->len)
        return;
    seen = g_new0(uint32_t, writing->report->view->n_conns + (gsize)1);
    for (guint i = n_shown; i < programs->len; i++) {
        const struct program *program = &g_array_index(programs, struct program, i);

        n_conns += imapid_items_mark_conns(sorted, program->first, program->end, seen, 1);
    }
    g_free(seen);
    g_string_append(writing->out, "  and ");
    add_count(writing->out, programs->len - n_shown, "other program", "s");
    g_string_append(writing->out, ": ");
    add_count(writing->out, n_conns, "connection", "s");
    g_string_append(writing->out, " (-v shows all)\n");
}

/* ---- the whole ---- */

/* "x ERROR  missing-value: a field has no value                      RFC 2971, 4" */
static void add_title(const struct writing *writing, const struct imapid_item_kind *kind)
{
    enum imapid_finding_code code = (enum imapid_finding_code)kind->code;
    const struct imapid_item item = {.code = code, .lack = (enum imapid_lack)kind->lack};
    const char *section = imapid_finding_section(code), *number = strrchr(section, ' ');
    char *text = g_strdup_printf("%s: %s", imapid_finding_code(code), imapid_items_message(&item));
    char *source = g_strdup_printf("%.*s,%s", (int)(number - section), section, number);
    unsigned n = (unsigned)strlen(source), at;
    GString *out = writing->out;

    begin_colour(writing, colours[imapid_item_kind_severity(kind)]);
    g_string_append_printf(out, "%s ", heads[imapid_item_kind_severity(kind)]);
    at = add_wrapped(writing, text, HEAD, HEAD);
    if (at + 2 + n <= COLUMNS_MIN)
        g_string_append_printf(out, "%*s%s", (int)(COLUMNS_MIN - at - n), "", source);
    else if (at + 2 + n <= writing->columns)
        g_string_append_printf(out, "  %s", source);
    else
        g_string_append_printf(out, "\n%*s%s", (int)HEAD, "", source);
    end_colour(writing);
    g_string_append_c(out, '\n');
    g_free(source);
    g_free(text);
}

static void add_kind(struct writing *writing, const GArray *sorted,
                     const struct imapid_item_kind *kind)
{
    GArray *programs = find_programs(sorted, kind);
    guint n_shown = writing->report->verbose ? programs->len : MIN(programs->len, PROGRAMS);

    g_string_append_c(writing->out, '\n');
    add_title(writing, kind);
    for (guint i = 0; i < n_shown; i++) {
        const struct program *program = &g_array_index(programs, struct program, i);

        add_program(writing, sorted, program);
        add_items(writing, sorted, program, i == 0);
    }
    add_rest(writing, sorted, programs, n_shown);
    g_array_unref(programs);
}

/* Kinds of one code about clients and servers, or with several reasons, count once. */
static bool is_counted(const GArray *kinds, guint first, guint i)
{
    for (guint k = first; k < i; k++)
        if (g_array_index(kinds, struct imapid_item_kind, k).code ==
            g_array_index(kinds, struct imapid_item_kind, i).code)
            return true;
    return false;
}

/* "1 kind of error, 4 of warning in 338 connections. To do:" */
static void add_head(const struct writing *writing, const GArray *kinds, guint n_shown)
{
    const struct imapid_store_view *view = writing->report->view;
    unsigned n[IMAPID_SEVERITY_ERROR + 1] = {0}, n_named = 0;
    GString *out = writing->out;

    for (guint i = 0; i < n_shown; i++)
        n[imapid_item_kind_severity(&g_array_index(kinds, struct imapid_item_kind, i))] +=
            !is_counted(kinds, 0, i);
    begin_colour(writing, "1");
    for (int i = IMAPID_SEVERITY_ERROR; i >= IMAPID_SEVERITY_NOTE; i--) {
        if (!n[i])
            continue;
        g_string_append_printf(out,
                               n_named     ? ", %u %s"
                               : n[i] == 1 ? "%u kind %s"
                                           : "%u kinds %s",
                               n[i], kinds_of[i]);
        n_named++;
    }
    g_string_append(out, n_shown                          ? " in "
                         : imapid_unreadable_is_all(view) ? "Nothing could be judged in "
                         : imapid_unreadable_count_failed(view)
                             ? "Nothing was found in what was read of "
                             : "Nothing to do in ");
    add_count(out, view->n_conns, "connection", "s");
    g_string_append(out, n_shown ? ". To do:" : ".");
    end_colour(writing);
    g_string_append_c(out, '\n');
}

/* The connections with a finding of this code, whichever side and reason. */
static unsigned count_conns_of(const struct writing *writing, uint8_t code)
{
    const struct imapid_items *items = writing->report->items;
    uint32_t last = IMAPID_STORE_NONE;
    unsigned n = 0;

    for (guint i = 0; i < items->list->len; i++) { /* in the order of connections */
        const struct imapid_item_ref *ref = imapid_items_at(items->list, i);

        n += ref->code == code && ref->conn != last;
        if (ref->code == code)
            last = ref->conn;
    }
    return n;
}

/* "2 kinds of note, not shown (--show note): cleartext 25, no-response 6.", in connections. */
static void add_hidden(const struct writing *writing, const GArray *kinds, guint n_shown)
{
    GString *codes, *text;
    enum imapid_severity worst, least;
    unsigned n = 0;

    if (n_shown == kinds->len)
        return;
    codes = g_string_new(NULL);
    text = g_string_new(NULL);
    worst = imapid_item_kind_severity(&g_array_index(kinds, struct imapid_item_kind, n_shown));
    least =
        imapid_item_kind_severity(&g_array_index(kinds, struct imapid_item_kind, kinds->len - 1));
    for (guint i = n_shown; i < kinds->len; i++) {
        uint8_t code = g_array_index(kinds, struct imapid_item_kind, i).code;

        if (is_counted(kinds, n_shown, i))
            continue;
        g_string_append_printf(codes, "%s%s ", n++ ? ", " : "",
                               imapid_finding_code((enum imapid_finding_code)code));
        imapid_spell_grouped(codes, count_conns_of(writing, code));
    }
    add_count(text, n, "kind", "s");
    if (worst == least)
        g_string_append_printf(text, " %s", kinds_of[worst]);
    g_string_append_printf(text, ", not shown (--show %s): %s.", imapid_severity_name(least),
                           codes->str);
    add_wrapped(writing, text->str, 0, 0);
    g_string_append_c(writing->out, '\n');
    g_string_free(codes, TRUE);
    g_string_free(text, TRUE);
}

static void add_end(const struct writing *writing, const GArray *kinds, guint n_shown)
{
    const struct imapid_findings_report *report = writing->report;
    GString *unread = g_string_new(NULL), *out = writing->out;
    gsize start;

    g_string_append_c(out, '\n');
    start = out->len;
    add_hidden(writing, kinds, n_shown);
    if (report->items->n_ignored) {
        add_count(out, report->items->n_ignored, "finding", "s");
        g_string_append(out, " left out (--ignore).\n");
    }
    imapid_unreadable_spell(unread, report->view);
    if (unread->len) {
        add_wrapped(writing, unread->str, 0, 0);
        g_string_append_c(out, '\n');
    }
    if (out->len == start)
        g_string_truncate(out, start - 1);
    g_string_free(unread, TRUE);
}

static void write_text(GString *out, const struct imapid_findings_report *report)
{
    struct writing writing = {.out = out,
                              .report = report,
                              .reading = {.change = NULL},
                              .columns = MAX(report->terminal.columns, COLUMNS_MIN)};
    GArray *sorted = imapid_items_sort(report->items, NULL, imapid_items_compare_by_kind);
    GArray *kinds = imapid_items_list_kinds(sorted, report->view->n_conns);
    guint n_shown = 0;

    while (n_shown < kinds->len && imapid_item_kind_severity(&g_array_index(
                                       kinds, struct imapid_item_kind, n_shown)) >= report->show)
        n_shown++;
    add_head(&writing, kinds, n_shown);
    for (guint i = 0; i < n_shown; i++)
        add_kind(&writing, sorted, &g_array_index(kinds, struct imapid_item_kind, i));
    add_end(&writing, kinds, n_shown);
    imapid_items_reading_deinit(&writing.reading);
    g_array_unref(kinds);
    g_array_unref(sorted);
}

const struct imapid_findings_writer imapid_findings_text_writer = {"text", write_text};
