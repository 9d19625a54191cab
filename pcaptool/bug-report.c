/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bug-report.c: the text beside a capture that is shared. It knows nothing but what stands in that capture, and counts.
 *
 * Refuses nothing.
 *
 * Misuse: the name of a file in it. That is somebody's, too. */
#include "bug-report.h"

#include "record/listing.h"

#define FILE_NAME "attached.pcapng"

/* Of a text that goes from one program into another there are no columns to be kept to. */
#define COLUMNS 120

static void add_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    imapid_listing_add_exchange(ctx, exchange);
}

static void add_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_listing_add_session(ctx, session);
}

static void add_capture(void *ctx, const struct imapid_record_capture *capture)
{
    (void)ctx;
    (void)capture;
}

static int compare(const void *a, const void *b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

static void add_origins(GString *out, GPtrArray *origins)
{
    guint n = 0;

    g_string_append(out, "Sessions, as they were captured:\n");
    g_ptr_array_sort(origins, compare);
    for (guint i = 0; i < origins->len; i++) {
        n++;
        if (i + 1 < origins->len && !compare(&origins->pdata[i], &origins->pdata[i + 1]))
            continue;
        g_string_append_printf(out, "%9u  %s\n", n, (const char *)origins->pdata[i]);
        n = 0;
    }
    g_string_append(out, "Here all of them are in the clear, whatever is found about that.\n\n");
}

static void add_masked(GString *out, const struct imapid_share *share)
{
    g_string_append(out, "Masked, by octets of the same length and form:\n");
    for (unsigned i = 0; i < IMAPID_N_MASKED; i++)
        if (share->n_masked[i])
            g_string_append_printf(out, "%9" G_GUINT64_FORMAT "  %s\n", share->n_masked[i],
                                   imapid_masked_phrase((enum imapid_masked)i));
    g_string_append_printf(out,
                           "The capture was searched for %" G_GUINT64_FORMAT
                           " different values of these, and has none.\n"
                           "Addresses are pseudonyms, and times count from 1 January 2000.\n",
                           share->n_searched);
}

GString *imapid_bug_report_new(const struct imapid_share *share, struct imapid_capture *capture)
{
    const struct imapid_listing_style style = {
        .terminal = {.columns = COLUMNS, .clock = IMAPID_CLOCK_UTC},
        .verbose = true,
        .n_memory = share->n_memory / 16,
    };
    struct imapid_listing *listing = imapid_listing_new(&style);
    const struct imapid_record_sink sink = {add_exchange, add_session, add_capture, listing, NULL};
    GString *out = g_string_new("imapid " IMAPID_VERSION ", cut --scrub\n\n");

    imapid_share_read_again(share, capture, FILE_NAME, &sink);
    imapid_listing_end(listing, out);
    imapid_listing_free(listing);
    add_origins(out, share->origins);
    add_masked(out, share);
    return out;
}
