/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keylogs.c: reads the key logs of a run. When one holds no secret it says why, by a guess from
 * the first octets of the file.
 *
 * Refuses a key log that was named and cannot be read, but waits for one that is not there where the capture
 * has no end. The one that SSLKEYLOGFILE names only gets
 * a message.
 *
 * Misuse: reading twice into the same options. The first object is lost then. */
#include "keylogs.h"

#include "message.h"
#include "number.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define N G_GUINT64_FORMAT

/* Octets that are looked at to tell what a file is. */
#define LOOK 512

static const struct {
    const char *start;
    size_t n;
    const char *what;
} kinds[] = {
    {"\x0a\x0d\x0d\x0a", 4, "a pcapng capture"},
    {"\xd4\xc3\xb2\xa1", 4, "a pcap capture"},
    {"\xa1\xb2\xc3\xd4", 4, "a pcap capture"},
    {"\x4d\x3c\xb2\xa1", 4, "a pcap capture"},
    {"\xa1\xb2\x3c\x4d", 4, "a pcap capture"},
    {"\x1f\x8b", 2, "compressed with gzip; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "compressed with zstd; unpack it first"},
    {"\xfd\x37zXZ", 5, "compressed with xz; unpack it first"},
    {"BZh", 3, "compressed with bzip2; unpack it first"},
    {"PK\003\004", 4, "a ZIP archive; unpack it first"},
    {"-----BEGIN ", 11,
     "a certificate or a private key; what is needed are the secrets of sessions"},
    {"ECH_", 4, "a log of Encrypted Client Hello, which has no secrets of sessions"},
    {"{", 1, "JSON"},
    {"<", 1, "HTML or XML"},
};

static const char *guess_text(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] < 0x20 && !strchr("\t\r\n", octets[i]))
            return "no text";
    return "a text of another kind";
}

static const char *guess(const uint8_t *octets, size_t n, const struct imapid_keylog_counts *counts)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (n >= kinds[i].n && !memcmp(octets, kinds[i].start, kinds[i].n))
            return kinds[i].what;
    if (counts->n_ech)
        return "a log of Encrypted Client Hello, which has no secrets of sessions";
    if (counts->n_ignored)
        return "a key log without secrets of sessions";
    if (counts->n_comments == counts->n_lines)
        return counts->n_lines ? "a key log with nothing but comments" : "empty";
    return guess_text(octets, n);
}

/* A pipe cannot be looked at again. */
static size_t look(const char *path, uint8_t octets[LOOK])
{
    FILE *file = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? fopen(path, "rb") : NULL;
    size_t n = file ? fread(octets, 1, LOOK, file) : 0;

    if (file)
        (void)fclose(file);
    return n;
}

/* What a file added. Secrets that another one had as well are none the less its own. */
static struct imapid_keylog_counts subtract(struct imapid_keylog_counts all,
                                            const struct imapid_keylog_counts *before)
{
    struct imapid_keylog_counts added = {
        .n_lines = all.n_lines - before->n_lines,
        .n_secrets = all.n_secrets - before->n_secrets + all.n_duplicates - before->n_duplicates +
                     all.n_dropped - before->n_dropped,
        .n_ech = all.n_ech - before->n_ech,
        .n_conflicts = all.n_conflicts - before->n_conflicts,
        .n_dropped = all.n_dropped - before->n_dropped,
        .n_comments = all.n_comments - before->n_comments,
        .n_ignored = all.n_ignored - before->n_ignored,
        .n_garbage = all.n_garbage - before->n_garbage,
        .n_unknown = all.n_unknown - before->n_unknown,
        .n_not_hex = all.n_not_hex - before->n_not_hex,
        .n_lengths = all.n_lengths - before->n_lengths,
        .first_garbage = all.first_garbage - before->n_lines,
    };

    memcpy(added.ignored, all.ignored, sizeof added.ignored);
    return added;
}

static void add_count(GString *out, uint64_t n, const char *what)
{
    if (n)
        g_string_append_printf(out, "%s%" N " %s", out->len ? ", " : "", n, what);
}

/* What was passed over, by reason; NULL where nothing was that matters. To be freed with g_free(). */
static char *describe_skipped(const struct imapid_keylog_counts *counts)
{
    GString *out = g_string_new(NULL);

    if (!counts->n_garbage && !counts->n_conflicts)
        return g_string_free(out, TRUE);
    add_count(out, counts->n_unknown, "without a known label");
    add_count(out, counts->n_not_hex, "not hexadecimal");
    add_count(out, counts->n_lengths, "of a wrong length");
    if (counts->n_garbage)
        g_string_append_printf(out, " (the first is line %" N ")", counts->first_garbage);
    add_count(out, counts->n_ignored, "of kinds that cannot decrypt a session");
    for (size_t i = 0; counts->n_ignored && i < IMAPID_KEYLOG_LABELS && counts->ignored[i]; i++)
        g_string_append_printf(out, "%s%s", i ? " " : " (", counts->ignored[i]);
    if (counts->n_ignored)
        g_string_append_c(out, ')');
    add_count(out, counts->n_conflicts, "with another secret for a known session, tried in turn");
    add_count(out, counts->n_dropped, "more than are kept");
    return g_string_free(out, FALSE);
}

static enum imapid_keylogs judge(const struct imapid_options *options, const char *path,
                                 const struct imapid_keylog_counts *counts, bool may_grow)
{
    uint8_t octets[LOOK];
    char *skipped;

    if (!counts->n_secrets && (counts->n_lines || !may_grow)) {
        imapid_message("%s: no TLS secret in this key log; it seems to be %s", path,
                       guess(octets, look(path, octets), counts));
        return IMAPID_KEYLOGS_EMPTY;
    }
    skipped = options->quiet ? NULL : describe_skipped(counts);
    if (skipped)
        imapid_message("%s: key log: %" N " secret%s; lines: %s", path, counts->n_secrets,
                       imapid_number_s(counts->n_secrets), skipped);
    g_free(skipped);
    return IMAPID_KEYLOGS_READ;
}

static bool is_missing(const char *path)
{
    return !g_file_test(path, G_FILE_TEST_EXISTS) && errno == ENOENT;
}

/* One with a name: what a shell makes for <(COMMAND) has an end. */
static bool is_pipe(const char *path)
{
    struct stat st;

    return !g_str_has_prefix(path, "/dev/fd/") && !g_str_has_prefix(path, "/proc/") &&
           stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* NULL, or what is told of a key log that is waited for. */
static const char *find_reason_to_wait(const char *path)
{
    if (is_missing(path))
        return "is not there yet, and is waited for";
    return is_pipe(path) ? "is a pipe, and is read as it is written" : NULL;
}

static enum imapid_keylogs read_one(struct imapid_options *options, const char *path, bool may_grow)
{
    struct imapid_keylog_counts before = imapid_keylog_get_counts(options->keylog), counts;
    const char *reason = may_grow ? find_reason_to_wait(path) : NULL;
    char *message = NULL;

    if (reason) {
        if (!options->quiet)
            imapid_message("%s: key log: %s", path, reason);
        imapid_keylog_expect(options->keylog, path);
        return IMAPID_KEYLOGS_READ;
    }
    if (!imapid_keylog_read(options->keylog, path, &message)) {
        imapid_message("%s", message);
        g_free(message);
        return IMAPID_KEYLOGS_FAILED;
    }
    counts = subtract(imapid_keylog_get_counts(options->keylog), &before);
    return judge(options, path, &counts, may_grow);
}

/* Nobody asked for this one here: whatever is wrong with it is said, and no more. */
static void read_environment(struct imapid_options *options, bool may_grow)
{
    const char *path = g_getenv("SSLKEYLOGFILE");

    if (!path || !*path)
        return;
    if (!options->quiet)
        imapid_message("key log: %s (SSLKEYLOGFILE)", path);
    (void)read_one(options, path, may_grow);
}

const char *imapid_keylogs_name(const struct imapid_options *options)
{
    const char *path = options->keylogs ? options->keylogs[0] : g_getenv("SSLKEYLOGFILE");

    return path && *path && !(options->keylogs && options->keylogs[1]) ? path : NULL;
}

enum imapid_keylogs imapid_keylogs_read(struct imapid_options *options, bool may_grow)
{
    enum imapid_keylogs worst = IMAPID_KEYLOGS_READ;

    options->keylog = imapid_keylog_new();
    imapid_keylog_set_limit(options->keylog, options->n_memory / IMAPID_KEYLOG_SHARE);
    if (!options->keylogs)
        read_environment(options, may_grow);
    for (char **path = options->keylogs; path && *path && worst != IMAPID_KEYLOGS_FAILED; path++) {
        enum imapid_keylogs one = read_one(options, *path, may_grow);

        worst = MAX(worst, one);
    }
    if (imapid_keylogs_tell_gave_way(options) && !may_grow)
        worst = MAX(worst, IMAPID_KEYLOGS_EMPTY);
    return worst;
}

bool imapid_keylogs_tell_gave_way(const struct imapid_options *options)
{
    size_t limit;
    uint64_t n = imapid_keylog_take_gave_way(options->keylog, &limit);

    if (n)
        imapid_message(
            "key log: the secrets of %" N
            " session%s gave way to those of later ones: the memory for them is %" G_GSIZE_FORMAT
            " octets, half of --memory",
            n, imapid_number_s(n), limit);
    return n > 0;
}
