/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outputs.c: writes records in every format and reads what comes out.
 *
 * The readers are strict and short: they take what our writers may write and abort at the rest.
 * Misuse: a record whose texts are no longer there when outputs_check() is called; the store keeps
 * copies, so nothing else is looked at then. */
#include "outputs.h"

#include "answer/page.h"
#include "answer/writer.h"
#include "record/json.h"
#include "record/listing.h"
#include "record/writer.h"

#include <string.h>

/* Every layout, and at length. */
static const struct imapid_listing_style styles[] = {
    {{.utf8 = true, .columns = 80, .clock = IMAPID_CLOCK_UTC}, .n_memory = 65536},
    {{.columns = 120, .clock = IMAPID_CLOCK_RELATIVE}, .is_live = true, .n_memory = 65536},
    {{.utf8 = true, .columns = 230, .clock = IMAPID_CLOCK_EPOCH},
     .is_one = true,
     .n_memory = 65536},
    {{.utf8 = true, .columns = 80, .clock = IMAPID_CLOCK_LOCAL},
     .verbose = true,
     .n_memory = 65536},
};

struct outputs {
    GString *text, *jsonl, *csv, *tsv;
    struct imapid_listing *listings[G_N_ELEMENTS(styles)];
    struct imapid_store *store;
};

static const struct imapid_writer_style style = {.verbose = true, .many = true};

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct outputs *outputs = ctx;

    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
        imapid_listing_add_exchange(outputs->listings[i], exchange);
    imapid_jsonl_writer.exchange(outputs->jsonl, &style, exchange);
    imapid_csv_writer.exchange(outputs->csv, &style, exchange);
    imapid_tsv_writer.exchange(outputs->tsv, &style, exchange);
    imapid_store_add_exchange(outputs->store, exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct outputs *outputs = ctx;

    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
        imapid_listing_add_session(outputs->listings[i], session);
    imapid_jsonl_writer.session(outputs->jsonl, &style, session);
    imapid_store_add_session(outputs->store, session);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct outputs *outputs = ctx;

    imapid_jsonl_writer.capture(outputs->jsonl, &style, capture);
    imapid_store_add_capture(outputs->store, capture);
}

struct outputs *outputs_new(void)
{
    struct outputs *outputs = g_new0(struct outputs, 1);

    outputs->text = g_string_new(NULL);
    outputs->jsonl = g_string_new(NULL);
    outputs->csv = g_string_new(NULL);
    outputs->tsv = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
        outputs->listings[i] = imapid_listing_new(&styles[i]);
    outputs->store = imapid_store_new();
    imapid_csv_writer.head(outputs->csv, &style);
    imapid_tsv_writer.head(outputs->tsv, &style);
    return outputs;
}

struct imapid_record_sink outputs_sink(struct outputs *outputs)
{
    return (struct imapid_record_sink){on_exchange, on_session, on_capture, outputs, NULL};
}

const GString *outputs_get_lines(const struct outputs *outputs)
{
    return outputs->jsonl;
}

/* ---- readers ---- */

static void check_json(const char *octets, size_t n)
{
    struct imapid_json_text text = {0};

    g_assert_cmpint(imapid_json_read(&text, (const uint8_t *)octets, n), ==, IMAPID_JSON_GOOD);
    imapid_json_deinit(&text);
}

static void check_lines(const GString *lines)
{
    for (const char *at = lines->str, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        g_assert_nonnull(end);
        check_json(at, (size_t)(end - at));
    }
    g_assert_cmpuint(strlen(lines->str), ==, lines->len);
}

static void check_terminal(const GString *text)
{
    g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
    for (const char *at = text->str; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        g_assert_true(c == '\n' ||
                      (!g_unichar_iscntrl(c) && g_unichar_type(c) != G_UNICODE_FORMAT &&
                       g_unichar_type(c) != G_UNICODE_LINE_SEPARATOR));
    }
}

/* A cell that a spreadsheet would run; our own numbers may be negative. */
static bool is_formula(const char *cell, size_t n)
{
    if (!n || !memchr("=+-@\t\r\n", cell[0], 7))
        return false;
    if (cell[0] != '-')
        return true;
    for (size_t i = 1; i < n; i++)
        if (!g_ascii_isdigit(cell[i]) && cell[i] != '.')
            return true;
    return n == 1;
}

/* RFC 4180 2. Returns what stands behind the cell. */
static const char *read_csv_cell(const char *at)
{
    const char *start = at;

    if (*at != '"') {
        at += strcspn(at, ",\r\n\"");
        g_assert_false(is_formula(start, (size_t)(at - start)));
        return at;
    }
    for (at++;; at += 2) {
        at = strchr(at, '"');
        g_assert(at);
        if (at[1] != '"')
            break;
    }
    g_assert_false(is_formula(start + 1, (size_t)(at - start - 1)));
    return at + 1;
}

static void check_csv(const GString *rows)
{
    unsigned n_cells = 1, n_of_head = 0;

    for (const char *at = rows->str; *at;) {
        at = read_csv_cell(at);
        if (*at == ',') {
            at++;
            n_cells++;
            continue;
        }
        g_assert_true(g_str_has_prefix(at, "\r\n"));
        at += 2;
        n_of_head = n_of_head ? n_of_head : n_cells;
        g_assert_cmpuint(n_cells, ==, n_of_head);
        n_cells = 1;
    }
    g_assert_true(g_utf8_validate(rows->str, (gssize)rows->len, NULL));
}

static void check_tsv(const GString *rows)
{
    unsigned n_cells = 1, n_of_head = 0;

    for (const char *at = rows->str; *at; at++) {
        const char *start = at;

        at += strcspn(at, "\t\n");
        g_assert_false(is_formula(start, (size_t)(at - start)));
        g_assert_true(*at);
        if (*at == '\t') {
            n_cells++;
            continue;
        }
        n_of_head = n_of_head ? n_of_head : n_cells;
        g_assert_cmpuint(n_cells, ==, n_of_head);
        n_cells = 1;
    }
    g_assert_true(g_utf8_validate(rows->str, (gssize)rows->len, NULL));
}

/* Behind the name of a tag: attributes, all quoted. Returns what stands behind ">", and whether the
 * tag closes itself. */
static const char *read_attributes(const char *at, bool *is_closed)
{
    *is_closed = false;
    for (;;) {
        at += strspn(at, " \n");
        if (*at == '>')
            return at + 1;
        if (at[0] == '/' && at[1] == '>') {
            *is_closed = true;
            return at + 2;
        }
        g_assert_true(g_ascii_isalpha(*at));
        at += strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
        if (*at != '=')
            continue;
        g_assert_true(at[1] == '"');
        at = strchr(at + 2, '"');
        g_assert_nonnull(at);
        at++;
    }
}

static bool is_void(const char *name)
{
    static const char *const names[] = {"meta", "br", "wbr", "hr", "col", "input", "link", "img"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static const char *read_tag(const char *at, GPtrArray *open)
{
    bool is_end = at[1] == '/', is_closed;
    const char *start = at + 1 + is_end;
    char *name;

    at = start + strspn(start, "abcdefghijklmnopqrstuvwxyz0123456789");
    g_assert_true(at > start);
    name = g_strndup(start, (gsize)(at - start));
    at = read_attributes(at, &is_closed);
    if (is_end) {
        g_assert_cmpuint(open->len, >, 0);
        g_assert_cmpstr(name, ==, open->pdata[open->len - 1]);
        g_ptr_array_set_size(open, (gint)open->len - 1);
    } else if (!strcmp(name, "script") || !strcmp(name, "style")) {
        char *end = g_strconcat("</", name, ">", NULL);

        at = strstr(at, end);
        g_assert_nonnull(at);
        at += strlen(end);
        g_free(end);
    } else if (!is_closed && !is_void(name)) {
        g_ptr_array_add(open, g_strdup(name));
    }
    g_free(name);
    return at;
}

static void check_html(const GString *page)
{
    GPtrArray *open = g_ptr_array_new_with_free_func(g_free);
    const char *at = strchr(page->str, '>'); /* behind the document type */

    g_assert_true(g_utf8_validate(page->str, (gssize)page->len, NULL));
    g_assert_nonnull(at);
    for (at++; *at;) {
        if (*at == '<')
            at = read_tag(at, open);
        else
            g_assert_true(*at != '>' && *at++ != '\0');
    }
    g_assert_cmpuint(open->len, ==, 0);
    g_ptr_array_unref(open);
}

/* ---- answers ---- */

static void check_findings(const struct imapid_findings_report *report)
{
    static const struct {
        const struct imapid_findings_writer *writer;
        void (*check)(const GString *text);
    } all[] = {{&imapid_findings_text_writer, check_terminal},
               {&imapid_findings_jsonl_writer, check_lines},
               {&imapid_findings_csv_writer, check_csv}};
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_string_truncate(text, 0);
        all[i].writer->write(text, report);
        all[i].check(text);
    }
    g_string_truncate(text, 0);
    imapid_findings_sarif_writer.write(text, report);
    check_json(text->str, text->len);
    g_string_free(text, TRUE);
}

static void check_answers(struct imapid_store *store)
{
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_items items = imapid_items_find(&view, fold, 0);
    struct imapid_findings_report report = {
        .view = &view, .items = &items, .version = "0", .verbose = true};
    struct imapid_page page = {.view = &view, .fold = fold, .version = "0"};
    GString *text = g_string_new(NULL);

    check_findings(&report);
    imapid_page_write(text, &page);
    check_html(text);
    g_string_free(text, TRUE);
    imapid_items_free(&items);
    imapid_fold_free(fold);
}

void outputs_check(struct outputs *outputs)
{
    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++) {
        imapid_listing_end(outputs->listings[i], outputs->text);
        imapid_listing_free(outputs->listings[i]);
    }
    check_terminal(outputs->text);
    check_lines(outputs->jsonl);
    check_csv(outputs->csv);
    check_tsv(outputs->tsv);
    check_answers(outputs->store);
    imapid_store_free(outputs->store);
    g_string_free(outputs->text, TRUE);
    g_string_free(outputs->jsonl, TRUE);
    g_string_free(outputs->csv, TRUE);
    g_string_free(outputs->tsv, TRUE);
    g_free(outputs);
}
