/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables.c: counts for a person. Widths depend on the screen alone; names are cut, numbers never.
 *
 * Bars are eighths of a block, on one scale for a table, and at least one eighth: what is there is seen.
 * Where the screen shows no UTF-8 they are '#'.
 *
 * Refuses nothing. Misuse: adding up the rows of a table. One connection can be in several. */
#include "answer/tables.h"

#include "number.h"

#include "answer/overview.h"
#include "answer/together.h"
#include "answer/unreadable.h"

#include "net/unread.h"
#include "record/row.h"
#include "record/spell.h"
#include "record/width.h"

#include <string.h>

#define BAR         19u
#define BAR_SERVERS 11u
#define COLUMNS_MIN 80u
/* From here on with exchanges, unread ones and when a group was seen first. */
#define COLUMNS_MORE 120u
#define NAME_COLUMNS 60u
#define NAME_MOST    200u
/* Rows of a table, and of the versions of a program, where nobody asks for more. */
#define ROWS     12u
#define VERSIONS 3u

#define N G_GUINT64_FORMAT

/* What tables are made of. */
struct shown {
    struct imapid_tables asked;
    struct imapid_overview overview;
};

static unsigned get_columns(const struct shown *tables)
{
    return MAX(tables->asked.terminal->columns, COLUMNS_MIN);
}

/* ---- cells ---- */

static void add_bar(GString *out, const struct shown *tables, unsigned columns, uint64_t n,
                    uint64_t n_max)
{
    static const char *const eighths[] = {"",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    bool utf8 = tables->asked.terminal->utf8;
    unsigned steps = utf8 ? 8 : 1;
    unsigned width = n_max ? (unsigned)((double)n * columns * steps / (double)n_max + 0.5) : 0;
    gsize start = out->len;

    width = MAX(width, n ? 1u : 0u);
    for (unsigned i = 0; i < width / steps; i++)
        g_string_append(out, utf8 ? "\xe2\x96\x88" : "#");
    g_string_append(out, utf8 ? eighths[width % steps] : "");
    imapid_width_pad(out, start, columns);
}

/* "22%"; "<1%" and ">99%" where it is not none, or not all. */
static void add_share(GString *out, uint64_t n, uint64_t n_all)
{
    char text[8] = "";

    if (n_all && n && n * 100 < n_all)
        g_strlcpy(text, "<1%", sizeof text);
    else if (n_all && n < n_all && (double)n / (double)n_all > 0.99)
        g_strlcpy(text, ">99%", sizeof text);
    else if (n_all)
        g_snprintf(text, sizeof text, "%.0f%%", MIN(100.0 * (double)n / (double)n_all, 100.0));
    g_string_append_printf(out, "%5s", text);
}

/* "26 Nov 2026" */
static void add_day(GString *out, const struct shown *tables, int64_t ts_ns)
{
    struct imapid_terminal terminal = *tables->asked.terminal;
    GString *text = g_string_new(NULL);
    const char *begin;
    gsize start = out->len;

    if (terminal.clock != IMAPID_CLOCK_LOCAL)
        terminal.clock = IMAPID_CLOCK_UTC;
    imapid_row_spell_date(text, &terminal, ts_ns); /* "Fri 6 Nov 2026, UTC+01:00" */
    begin = strchr(text->str, ' ');
    if (begin)
        g_string_append_len(out, begin + 1, (gssize)strcspn(begin + 1, ","));
    imapid_width_pad_before(out, start, 11);
    g_string_free(text, TRUE);
}

/* Ends a line without the blanks at its end. */
static void end_line(GString *out)
{
    while (out->len && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

static void begin_head(GString *out, const struct shown *tables)
{
    g_string_append(out, tables->asked.terminal->color ? "\n\033[1m" : "\n");
}

static void end_head(GString *out, const struct shown *tables)
{
    g_string_append(out, tables->asked.terminal->color ? "\033[0m" : "");
    end_line(out);
}

/* ---- what all is about, and what is not there ---- */

/* "1 to 26 Nov 2026": of the first day what the last does not have, too. */
static void add_days(GString *out, const struct shown *tables)
{
    GString *texts[2] = {g_string_new(NULL), g_string_new(NULL)};
    char **first, **last;
    bool is_of_year, is_of_month;

    add_day(texts[0], tables, tables->overview.first_ns);
    add_day(texts[1], tables, tables->overview.last_ns);
    first = g_strsplit(g_strstrip(texts[0]->str), " ", 3); /* day, month, year */
    last = g_strsplit(g_strstrip(texts[1]->str), " ", 3);
    is_of_year =
        g_strv_length(first) == 3 && g_strv_length(last) == 3 && !strcmp(first[2], last[2]);
    is_of_month = is_of_year && !strcmp(first[1], last[1]);
    if (!is_of_month || strcmp(first[0], last[0]) != 0) {
        g_string_append(out, is_of_month ? first[0] : "");
        if (is_of_year && !is_of_month)
            g_string_append_printf(out, "%s %s", first[0], first[1]);
        g_string_append(out, is_of_year ? "" : texts[0]->str);
        g_string_append(out, " to ");
    }
    g_string_append(out, texts[1]->str);
    g_strfreev(first);
    g_strfreev(last);
    g_string_free(texts[0], TRUE);
    g_string_free(texts[1], TRUE);
}

/* "1 capture", "2,000 captures", behind a dot. */
static void add_number(GString *out, const struct shown *tables, uint64_t n, const char *what,
                       const char *plural)
{
    g_string_append(out, tables->asked.terminal->utf8 ? " \xc2\xb7 " : " - ");
    imapid_spell_grouped(out, n);
    g_string_append_printf(out, " %s%s", what, n == 1 ? "" : plural);
}

static void spell_head(GString *out, const struct shown *tables)
{
    const struct imapid_overview *overview = &tables->overview;

    g_string_append(out, tables->asked.terminal->color ? "\033[1mWho speaks IMAP\033[0m"
                                                       : "Who speaks IMAP");
    if (imapid_time_is_known(overview->first_ns)) {
        g_string_append(out, tables->asked.terminal->utf8 ? " \xc2\xb7 " : " - ");
        add_days(out, tables);
    }
    add_number(out, tables, overview->n_conns, "connection", "s");
    add_number(out, tables, overview->n_addresses, "client address", "es");
    add_number(out, tables, overview->n_captures, "capture", "s");
    g_string_append_c(out, '\n');
}

/* `what` begins with a noun in the plural; `heading` stands over the first of its lines. */
static void add_line(GString *out, const struct shown *tables, const char **heading, uint64_t n,
                     const char *what)
{
    size_t n_noun = strcspn(what, " ");
    gsize start;

    if (!n)
        return;
    if (*heading) {
        begin_head(out, tables);
        g_string_append(out, *heading);
        end_head(out, tables);
        *heading = NULL;
    }
    start = out->len;
    imapid_spell_grouped(out, n);
    imapid_width_pad_before(out, start, 5);
    g_string_append_printf(out, "  %.*s%s\n", (int)(n_noun - (n == 1)), what, what + n_noun);
}

/* The packets that were not read, and of which kinds they are. */
static void add_layers(GString *out, const struct shown *tables, const char **heading)
{
    GArray *kinds = imapid_unreadable_list_kinds(tables->asked.view);

    add_line(out, tables, heading, tables->overview.n_unread_packets,
             "packets of layers that were not read");
    for (guint i = 0; i < kinds->len; i++) {
        const struct imapid_record_unread *kind =
            &g_array_index(kinds, struct imapid_record_unread, i);
        char *phrase = imapid_unread_make_phrase(kind->layer, kind->number, kind->name);

        g_string_append_printf(out, "%9s", "");
        imapid_spell_grouped(out, kind->n_packets);
        g_string_append(out, ": ");
        imapid_spell_terminal(out, (const uint8_t *)phrase, strlen(phrase), 64);
        g_string_append_c(out, '\n');
        g_free(phrase);
    }
    g_array_unref(kinds);
}

/* Connections that could not be read, by why. */
static void add_reasons(GString *out, const struct shown *tables, const char **heading)
{
    GArray *reasons = imapid_unreadable_count_reasons(tables->asked.view);
    uint64_t n_no_key = 0;

    for (guint i = 0; i < reasons->len; i++)
        if (!strcmp(g_array_index(reasons, struct imapid_unreadable_reason, i).word, "no-key"))
            n_no_key = g_array_index(reasons, struct imapid_unreadable_reason, i).n;
    add_line(out, tables, heading, n_no_key, "connections in TLS: no key (give a key log with -l)");
    add_line(out, tables, heading, tables->overview.n_unreadable - n_no_key,
             "connections that could not be read, for other reasons (imapid stats -v)");
    for (guint i = 0; i < reasons->len; i++) {
        const struct imapid_unreadable_reason *reason =
            &g_array_index(reasons, struct imapid_unreadable_reason, i);

        if (!strcmp(reason->word, "no-key"))
            continue;
        g_string_append_printf(out, "%9s", "");
        imapid_spell_grouped(out, reason->n);
        g_string_append(out, ": ");
        imapid_spell_terminal(out, (const uint8_t *)reason->word, strlen(reason->word), 64);
        g_string_append_c(out, '\n');
    }
    g_array_unref(reasons);
}

static void spell_missing(GString *out, const struct shown *tables)
{
    const struct imapid_overview *overview = &tables->overview;
    const char *heading = "SEEN";

    add_line(out, tables, &heading, overview->n_with_id, "connections with an ID of the client");
    add_line(out, tables, &heading, overview->n_refused,
             "connections where an ID was answered NO or BAD");
    add_line(out, tables, &heading, overview->n_required,
             "connections refused service until an ID came");
    add_line(out, tables, &heading, overview->n_doubted,
             "connections of which somebody else may have sent part");
    heading = "NOT SEEN";
    add_reasons(out, tables, &heading);
    add_line(out, tables, &heading, overview->n_late, "connections that began before the capture");
    add_line(out, tables, &heading, overview->n_silent, "connections seen whole that sent no ID");
    add_line(out, tables, &heading, overview->n_open,
             "connections that had not ended, and no ID was seen yet");
    add_line(out, tables, &heading, overview->n_maybe_silent,
             "connections not seen whole, and no ID was seen");
    add_line(out, tables, &heading, overview->n_lost, "octets missing");
    add_line(out, tables, &heading, overview->n_cut, "packets cut");
    add_layers(out, tables, &heading);
    add_line(out, tables, &heading, overview->n_failed, "captures that could not be read whole");
}

/* ---- a table of groups ---- */

struct table {
    const struct shown *tables;
    unsigned name;  /* columns of what is counted */
    uint64_t n_max; /* the longest bar */
    uint64_t n_all; /* what shares are of */
    bool has_more;
};

/* `name`: columns that the names take at least; more than the screen has are not cut. */
static struct table begin_table(GString *out, const struct shown *tables, const char *head,
                                unsigned name, uint64_t n_max, uint64_t n_all)
{
    bool has_more = get_columns(tables) >= COLUMNS_MORE;
    struct table table = {.tables = tables,
                          .name = MIN(get_columns(tables) - (has_more ? 92u : 60u), NAME_COLUMNS),
                          .n_max = n_max,
                          .n_all = n_all,
                          .has_more = has_more};
    gsize start;

    table.name = MAX(table.name, name);
    begin_head(out, tables);
    start = out->len;
    g_string_append(out, head);
    imapid_width_fit(out, start, table.name, tables->asked.terminal->utf8);
    g_string_append_printf(out, "  %-*s  SHARE  ADDRESSES%s", (int)BAR + 8, "CONNECTIONS",
                           has_more ? "  EXCHANGES  UNREAD   FIRST SEEN" : "");
    g_string_append(out, "    LAST SEEN");
    end_head(out, tables);
    return table;
}

/* `is_part`: of the row above it. */
static void add_row(GString *out, const struct table *table, const char *name, bool is_part,
                    const struct imapid_group *group)
{
    gsize start = out->len;

    g_string_append(out, name);
    imapid_width_fit(out, start, table->name, table->tables->asked.terminal->utf8);
    g_string_append_printf(out, "  %6" N "  ", group->n_conns);
    add_bar(out, table->tables, BAR, group->n_conns, table->n_max);
    g_string_append(out, "  ");
    add_share(out, group->n_conns, table->n_all);
    if (!is_part) {
        g_string_append_printf(out, "  %9" N, group->n_addresses);
        if (table->has_more) {
            g_string_append_printf(out, "  %9" N "  %6" N "  ", group->n_exchanges,
                                   group->n_unread);
            add_day(out, table->tables, group->first_ns);
        }
        g_string_append(out, "  ");
        add_day(out, table->tables, group->last_ns);
    }
    end_line(out);
}

static uint64_t count_from(const GArray *groups, guint first)
{
    uint64_t n = 0;

    for (guint i = first; i < groups->len; i++)
        n += g_array_index(groups, struct imapid_group, i).n_conns;
    return n;
}

/* The longest bar: of the first row, or of all behind the last one. */
static uint64_t find_max(const GArray *groups, guint n_shown)
{
    uint64_t n_first = groups->len ? g_array_index(groups, struct imapid_group, 0).n_conns : 0;

    return MAX(n_first, count_from(groups, n_shown));
}

/* What the rows from `first` on come to; their addresses nobody knows together. */
static void add_others(GString *out, const struct table *table, const GArray *groups, guint first,
                       const char *what)
{
    uint64_t n = count_from(groups, first);
    gsize start = out->len;

    g_string_append_printf(out, what, groups->len - first, imapid_number_s(groups->len - first));
    imapid_width_fit(out, start, table->name, table->tables->asked.terminal->utf8);
    g_string_append_printf(out, "  %6" N "  ", n);
    add_bar(out, table->tables, BAR, n, table->n_max);
    g_string_append(out, "  ");
    add_share(out, n, table->n_all);
    end_line(out);
}

/* Nobody misses a version behind a name; the lack of anything else is said, so that no value is taken
 * for that of another key. */
static char *spell_values(const struct shown *tables, const struct imapid_group *group,
                          const struct imapid_grouping *grouping)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < grouping->n_keys; i++) {
        const char *value = group->values[i];

        if (!value && i && g_str_has_suffix(grouping->names[i], "_version"))
            continue;
        g_string_append(text, i ? " " : "");
        if (value)
            imapid_spell_value(text, (const uint8_t *)value, strlen(value),
                               tables->asked.terminal->utf8);
        else
            g_string_append(text, "(not said)");
    }
    return g_string_free(text, FALSE);
}

/* What shares of a grouping are of: what a client says is counted where one said something. */
static uint64_t count_whole(const struct shown *tables, const struct imapid_grouping *grouping)
{
    bool is_of_client = true;

    for (unsigned i = 0; i < grouping->n_keys; i++)
        is_of_client &=
            grouping->keys[i].kind == IMAPID_KEY_FIELD && grouping->keys[i].side == IMAPID_CLIENT;
    return is_of_client ? tables->overview.n_with_id : tables->asked.view->n_conns;
}

static guint limit(const struct shown *tables, const GArray *groups)
{
    return tables->asked.top ? MIN(groups->len, tables->asked.top) : groups->len;
}

/* Names of several values stay whole: who asked for them wants to see them. */
static void spell_groups(GString *out, const struct shown *tables, const char *head,
                         const struct imapid_grouping *grouping, const GArray *groups)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    guint n_shown = limit(tables, groups);
    gsize widest = strlen(head);

    for (guint i = 0; i < n_shown; i++) {
        char *name = spell_values(tables, &g_array_index(groups, struct imapid_group, i), grouping);

        widest = MAX(widest, imapid_width_measure(name, strlen(name)));
        g_ptr_array_add(names, name);
    }
    if (groups->len) {
        struct table table = begin_table(out, tables, head, (unsigned)MIN(widest, NAME_MOST),
                                         find_max(groups, n_shown), count_whole(tables, grouping));

        for (guint i = 0; i < n_shown; i++)
            add_row(out, &table, names->pdata[i], false,
                    &g_array_index(groups, struct imapid_group, i));
        if (n_shown < groups->len)
            add_others(out, &table, groups, n_shown, "%u other%s");
    }
    g_ptr_array_unref(names);
}

/* ---- the usual tables ---- */

enum { BY_PROGRAM, BY_VERSION, BY_SYSTEM, BY_SERVER, BY_SOFTWARE, BY_SECURITY, N_USUAL };

static const char *const usual_keys[] = {[BY_PROGRAM] = "client_name",
                                         [BY_VERSION] = "client_name,client_version",
                                         [BY_SYSTEM] = "client_os",
                                         [BY_SERVER] = "server_ip",
                                         [BY_SOFTWARE] = "server_ip,server_name,server_version",
                                         [BY_SECURITY] = "security"};

/* What they are made of. */
struct usual {
    const struct shown *tables;
    const struct imapid_grouping *grouping; /* NULL: the usual ones */
    struct imapid_overseer *overseer;
    struct imapid_grouping groupings[N_USUAL];
    GArray *groups[N_USUAL];
    GHashTable *of_share[IMAPID_GROUPS_SHARES_MAX]; /* of struct times */
    GHashTable *times;                              /* of all shares, by the server's address */
};

/* ---- programs ---- */

static void free_array(gpointer array)
{
    g_array_unref(array);
}

static void free_all(gpointer arrays)
{
    g_ptr_array_unref(arrays);
}

/* Groups by the first of their values, without regard to case; "" where that was not said. */
static GHashTable *sort_by_first(const GArray *groups)
{
    GHashTable *sorted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_array);

    for (guint i = 0; i < groups->len; i++) {
        const struct imapid_group *group = &g_array_index(groups, struct imapid_group, i);
        char *key = group->values[0] ? imapid_fold_key(group->values[0]) : g_strdup("");
        GArray *of_it = g_hash_table_lookup(sorted, key);

        if (!of_it) {
            of_it = g_array_new(FALSE, FALSE, sizeof(struct imapid_group));
            g_hash_table_insert(sorted, g_strdup(key), of_it);
        }
        g_array_append_vals(of_it, group, 1);
        g_free(key);
    }
    return sorted;
}

static const GArray *find_by_first(GHashTable *sorted, const char *value)
{
    char *key = value ? imapid_fold_key(value) : g_strdup("");
    const GArray *found = g_hash_table_lookup(sorted, key);

    g_free(key);
    return found;
}

/* The versions of a program, if it has more than one. */
static void add_versions(GString *out, const struct table *table, const GArray *versions)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; versions && versions->len > 1 && i < versions->len; i++) {
        const struct imapid_group *group = &g_array_index(versions, struct imapid_group, i);

        if (i == VERSIONS && i + 1 < versions->len) {
            add_others(out, table, versions, i, "  %u other%s");
            break;
        }
        g_string_assign(text, "  ");
        if (group->values[1])
            imapid_spell_value(text, (const uint8_t *)group->values[1], strlen(group->values[1]),
                               table->tables->asked.terminal->utf8);
        else
            g_string_append(text, "(no version)");
        add_row(out, table, text->str, true, group);
    }
    g_string_free(text, TRUE);
}

static void spell_programs(GString *out, const struct usual *usual)
{
    const struct shown *tables = usual->tables;
    const struct imapid_grouping *by_name = &usual->groupings[BY_PROGRAM];
    const GArray *names = usual->groups[BY_PROGRAM];
    GHashTable *sorted = sort_by_first(usual->groups[BY_VERSION]);
    guint n_shown = limit(tables, names);
    struct table table;

    if (names->len) {
        table = begin_table(out, tables, "CLIENT PROGRAM", 0, find_max(names, n_shown),
                            count_whole(tables, by_name));
        for (guint i = 0; i < n_shown; i++) {
            const struct imapid_group *group = &g_array_index(names, struct imapid_group, i);
            char *name = spell_values(tables, group, by_name);

            add_row(out, &table, group->values[0] ? name : "(no name)", false, group);
            add_versions(out, &table, find_by_first(sorted, group->values[0]));
            g_free(name);
        }
        if (n_shown < names->len)
            add_others(out, &table, names, n_shown, "%u other program%s");
    }
    g_hash_table_unref(sorted);
}

/* ---- servers ---- */

/* How long one server took to answer IDs, in nanoseconds, as one share of the connections says. */
struct times {
    unsigned conn; /* one of its connections */
    GArray *all;
};

static void free_times(void *times)
{
    g_array_unref(((struct times *)times)->all);
    g_free(times);
}

/* By the number of the server's address + 1. */
static void gather_times(struct usual *usual, unsigned share, unsigned conn)
{
    const struct imapid_store_view *view = usual->tables->asked.view;
    struct imapid_store_span span = imapid_store_get_span(view, conn);
    void *number = GUINT_TO_POINTER(imapid_store_get_server(view, conn) + 1);

    if (!usual->of_share[share])
        usual->of_share[share] = g_hash_table_new_full(NULL, NULL, NULL, free_times);
    for (unsigned k = span.first; k < span.first + span.n; k++) {
        struct times *times;
        int64_t rtt_ns;

        if (!imapid_store_get_rtt_ns(view, k, &rtt_ns) || rtt_ns < 0)
            continue;
        times = g_hash_table_lookup(usual->of_share[share], number);
        if (!times) {
            times = g_new(struct times, 1);
            *times = (struct times){conn, g_array_new(FALSE, FALSE, sizeof(int64_t))};
            g_hash_table_insert(usual->of_share[share], number, times);
        }
        g_array_append_val(times->all, rtt_ns);
    }
}

/* What the shares have, by the address as text: arrays of those arrays. */
static GHashTable *join_times(struct usual *usual)
{
    GHashTable *joint = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_all);
    GString *address = g_string_new(NULL);

    for (unsigned i = 0; i < IMAPID_GROUPS_SHARES_MAX; i++) {
        GHashTableIter iter;
        void *value;

        if (!usual->of_share[i])
            continue;
        g_hash_table_iter_init(&iter, usual->of_share[i]);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            const struct times *times = value;
            struct imapid_store_conn conn;
            GPtrArray *all;

            imapid_store_read_conn(usual->tables->asked.view, times->conn, &conn);
            g_string_truncate(address, 0);
            imapid_spell_address(address, &conn.conn.server);
            all = g_hash_table_lookup(joint, address->str);
            if (!all) {
                all = g_ptr_array_new_with_free_func(free_array);
                g_hash_table_insert(joint, g_strdup(address->str), all);
            }
            g_ptr_array_add(all, g_array_ref(times->all));
        }
        g_hash_table_unref(usual->of_share[i]);
    }
    g_string_free(address, TRUE);
    return joint;
}

/* Bits that are looked at together. */
#define DIGIT   11
#define N_DIGIT (1u << DIGIT)

/* Those that have a digit come first. Returns how many. */
static guint move_to_front(int64_t *times, guint n, int shift, uint64_t digit)
{
    guint n_front = 0;

    for (guint i = 0; i < n; i++) {
        int64_t time = times[i];

        times[i] = times[n_front];
        times[n_front] = time;
        n_front += ((uint64_t)time >> shift) % N_DIGIT == digit;
    }
    return n_front;
}

/* The one that would be at a place if they were in order; none is below 0. A digit at a time, from the
 * highest on, and always only among those that have the digits before: in time proportional to how many there are,
 * whatever they are. Changes their order. */
static int64_t find_at(const GPtrArray *arrays, guint64 place)
{
    uint64_t bits = 0, found = 0;
    GArray *left = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < arrays->len; i++) {
        const GArray *times = g_ptr_array_index(arrays, i);

        g_array_append_val(left, times->len);
        for (guint k = 0; k < times->len; k++)
            bits |= (uint64_t)g_array_index(times, int64_t, k);
    }
    for (int shift = bits ? (63 - __builtin_clzll(bits)) / DIGIT * DIGIT : -1; shift >= 0;
         shift -= DIGIT) {
        guint64 counts[N_DIGIT] = {0};
        uint64_t digit = 0;

        for (guint i = 0; i < arrays->len; i++) {
            const int64_t *times = (void *)((GArray *)g_ptr_array_index(arrays, i))->data;

            for (guint k = 0; k < g_array_index(left, guint, i); k++)
                counts[((uint64_t)times[k] >> shift) % N_DIGIT]++;
        }
        while (place >= counts[digit])
            place -= counts[digit++];
        found |= digit << shift;
        for (guint i = 0; i < arrays->len; i++) {
            guint *n = &g_array_index(left, guint, i);

            *n = move_to_front((void *)((GArray *)g_ptr_array_index(arrays, i))->data, *n, shift,
                               digit);
        }
    }
    g_array_unref(left);
    return (int64_t)found;
}

/* What the rows of servers have of the times of answers. */
struct quantiles {
    const struct usual *usual;
    struct {
        uint64_t n; /* times; 0: there is nothing else */
        int64_t median, most;
    } * rows;
};

/* No two rows have one address. */
static void find_quantiles(void *ctx, unsigned row)
{
    struct quantiles *quantiles = ctx;
    const struct usual *usual = quantiles->usual;
    const char *address =
        g_array_index(usual->groups[BY_SERVER], struct imapid_group, row).values[0];
    const GPtrArray *arrays = address ? g_hash_table_lookup(usual->times, address) : NULL;
    uint64_t n = 0;

    for (guint i = 0; arrays && i < arrays->len; i++)
        n += ((const GArray *)g_ptr_array_index(arrays, i))->len;
    quantiles->rows[row].n = n;
    if (!n)
        return;
    quantiles->rows[row].median = find_at(arrays, imapid_number_rank(n, 50));
    quantiles->rows[row].most = find_at(arrays, imapid_number_rank(n, 95));
}

static void add_quantile(GString *out, uint64_t n, int64_t time)
{
    gsize start = out->len;

    if (n)
        imapid_row_spell_duration(out, time);
    imapid_width_pad_before(out, start, 7);
}

/* The most frequent name and version of what was said at an address. */
static void add_says(GString *out, const struct shown *tables, const GArray *says, unsigned columns)
{
    gsize start = out->len;
    guint i = 0;

    while (says && i < says->len && !g_array_index(says, struct imapid_group, i).values[1])
        i++;
    if (says && i < says->len) {
        char *const *values = g_array_index(says, struct imapid_group, i).values;
        struct imapid_record_string words[2];

        for (int k = 0; k < 2; k++)
            words[k] =
                (struct imapid_record_string){.is_nil = !values[1 + k],
                                              .octets = (const uint8_t *)values[1 + k],
                                              .n = values[1 + k] ? strlen(values[1 + k]) : 0};
        imapid_width_add_software(out, &words[0], &words[1], columns, tables->asked.terminal->utf8);
    }
    imapid_width_pad(out, start, columns);
}

static void spell_servers(GString *out, const struct usual *usual)
{
    const struct shown *tables = usual->tables;
    const GArray *servers = usual->groups[BY_SERVER];
    GHashTable *sorted = sort_by_first(usual->groups[BY_SOFTWARE]);
    unsigned columns = get_columns(tables) >= COLUMNS_MORE ? 30 : 15;
    guint n_shown = limit(tables, servers);
    struct quantiles quantiles = {usual, g_malloc0_n(n_shown, sizeof *quantiles.rows)};

    imapid_together_run(tables->asked.n_threads, n_shown, find_quantiles, &quantiles);
    if (servers->len) {
        begin_head(out, tables);
        g_string_append_printf(out, "%-15s  %-*s  %-*s  SHARE   MEDIAN   95%% IN", "SERVER",
                               (int)columns, "SAYS", (int)BAR_SERVERS + 8, "CONNECTIONS");
        end_head(out, tables);
    }
    for (guint i = 0; i < n_shown; i++) {
        const struct imapid_group *group = &g_array_index(servers, struct imapid_group, i);
        const char *address = group->values[0];
        gsize start = out->len;

        g_string_append(out, address ? address : "(not known)");
        imapid_width_cut_middle(out, start, 15, tables->asked.terminal->utf8);
        imapid_width_pad(out, start, 15);
        g_string_append(out, "  ");
        add_says(out, tables, find_by_first(sorted, address), columns);
        g_string_append_printf(out, "  %6" N "  ", group->n_conns);
        add_bar(out, tables, BAR_SERVERS, group->n_conns,
                g_array_index(servers, struct imapid_group, 0).n_conns);
        g_string_append(out, "  ");
        add_share(out, group->n_conns, tables->asked.view->n_conns);
        g_string_append(out, "  ");
        add_quantile(out, quantiles.rows[i].n, quantiles.rows[i].median);
        g_string_append(out, "  ");
        add_quantile(out, quantiles.rows[i].n, quantiles.rows[i].most);
        end_line(out);
    }
    if (n_shown < servers->len)
        g_string_append_printf(out, "%u other server%s\n", servers->len - n_shown,
                               imapid_number_s(servers->len - n_shown));
    g_hash_table_unref(sorted);
    g_free(quantiles.rows);
}

/* ---- protection ---- */

static void spell_security(GString *out, const struct usual *usual)
{
    const struct shown *tables = usual->tables;
    const GArray *groups = usual->groups[BY_SECURITY];
    static const struct {
        const char *value, *words;
    } rows[] = {{"tls", "TLS"}, {"starttls", "STARTTLS"}, {"none", "none, in clear text"}};
    uint64_t n[G_N_ELEMENTS(rows) + 1] = {0}, n_max = 0;

    for (guint i = 0; i < groups->len; i++) {
        const struct imapid_group *group = &g_array_index(groups, struct imapid_group, i);

        for (size_t k = 0; k < G_N_ELEMENTS(rows); k++)
            if (!g_strcmp0(group->values[0], rows[k].value)) {
                n[k] += group->n_conns - group->n_unread;
                n[G_N_ELEMENTS(rows)] += group->n_unread;
            }
    }
    for (size_t k = 0; k <= G_N_ELEMENTS(rows); k++)
        n_max = MAX(n_max, n[k]);
    if (n_max) {
        begin_head(out, tables);
        g_string_append(out, "SECURITY              CONNECTIONS");
        end_head(out, tables);
    }
    for (size_t k = 0; k <= G_N_ELEMENTS(rows); k++) {
        if (!n[k])
            continue;
        g_string_append_printf(out, "%-20s  %6" N "  ",
                               k < G_N_ELEMENTS(rows) ? rows[k].words : "not read", n[k]);
        add_bar(out, tables, BAR, n[k], n_max);
        g_string_append(out, "  ");
        add_share(out, n[k], tables->asked.view->n_conns);
        end_line(out);
    }
}

static void spell_usual(GString *out, struct usual *usual)
{
    const struct shown *tables = usual->tables;

    usual->times = join_times(usual);
    spell_programs(out, usual);
    spell_groups(out, tables, "CLIENT SYSTEM", &usual->groupings[BY_SYSTEM],
                 usual->groups[BY_SYSTEM]);
    spell_servers(out, usual);
    spell_security(out, usual);
    g_hash_table_unref(usual->times);
}

/* ---- all of it ---- */

static void spell_by(GString *out, const struct shown *tables,
                     const struct imapid_grouping *grouping, const GArray *groups)
{
    GString *head = g_string_new(NULL);

    for (unsigned i = 0; i < grouping->n_keys; i++)
        g_string_append_printf(head, "%s%s", i ? ", " : "", grouping->names[i]);
    spell_groups(out, tables, head->str, grouping, groups);
    g_string_free(head, TRUE);
}

/* While a connection is near. */
static void count_also(void *ctx, unsigned share, unsigned conn)
{
    struct usual *usual = ctx;

    imapid_overseer_count(usual->overseer, share, conn);
    if (!usual->grouping)
        gather_times(usual, share, conn);
}

void imapid_tables_spell(GString *out, const struct imapid_tables *tables,
                         const struct imapid_grouping *grouping)
{
    struct shown all = {.asked = *tables};
    struct usual usual = {
        .tables = &all,
        .grouping = grouping,
        .overseer = imapid_overseer_new(tables->view, IMAPID_GROUPS_SHARES_MAX),
    };
    const struct imapid_groups_asked asked = {.view = tables->view,
                                              .fold = tables->fold,
                                              .groupings = grouping ? grouping : usual.groupings,
                                              .n = grouping ? 1 : N_USUAL,
                                              .n_threads = tables->n_threads,
                                              .also = count_also,
                                              .ctx = &usual,
                                              .groups = usual.groups};
    char *message;

    for (int i = 0; i < N_USUAL; i++)
        if (!imapid_grouping_read(&usual.groupings[i], usual_keys[i], &message))
            g_assert_not_reached();
    imapid_groups_count(&asked);
    all.overview = imapid_overseer_end(usual.overseer);
    spell_head(out, &all);
    if (!grouping && !all.asked.top)
        all.asked.top = ROWS;
    if (grouping)
        spell_by(out, &all, grouping, usual.groups[0]);
    else
        spell_usual(out, &usual);
    spell_missing(out, &all);
    for (unsigned i = 0; i < asked.n; i++)
        imapid_groups_free(usual.groups[i]);
}
