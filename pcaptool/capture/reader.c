/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.c: what the readers of all formats share: how a capture begins, and how it fails.
 * Failures are worded and counted here, so that all read the same.
 *
 * Refuses nothing.
 *
 * Misuse: returning ERROR without one of these functions. Then there is no message and no count. */

#include "capture/reader.h"

#include "failure.h"

#include <stdarg.h>

struct imapid_capture *imapid_reader_new(const char *name)
{
    struct imapid_capture *capture = g_new0(struct imapid_capture, 1);
    capture->name = g_strdup(name);
    return capture;
}

/* The window on the file itself. */
static const struct imapid_window *get_file(const struct imapid_capture *capture)
{
    return capture->packed ? capture->packed : &capture->window;
}

/* Takes `what`. `of` says which octets `place` counts. */
static enum imapid_capture_result set_error(struct imapid_capture *capture, uint64_t place,
                                            const char *of, char *what)
{
    g_free(capture->error);
    capture->error = g_strdup_printf(
        "%s: octet %" G_GUINT64_FORMAT "%s: %s%s", capture->name, place, of, what,
        imapid_window_is_written(get_file(capture)) ? "; the file was written while it was read"
                                                    : "");
    g_free(what);
    capture->counts.n_errors++;
    return IMAPID_CAPTURE_ERROR;
}

enum imapid_capture_result imapid_reader_fail(struct imapid_capture *capture, uint64_t place,
                                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *what = g_strdup_vprintf(format, args);
    va_end(args);
    return set_error(capture, place, capture->packed ? " of its contents" : "", what);
}

enum imapid_capture_result imapid_reader_fail_live(struct imapid_capture *capture,
                                                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(capture->error);
    capture->error = g_strdup_printf("%s: %s", capture->name, what);
    g_free(what);
    capture->counts.n_errors++;
    return IMAPID_CAPTURE_ERROR;
}

void imapid_reader_tell_drops(struct imapid_capture *capture, const char *where, uint64_t n)
{
    n = MIN(n, (uint64_t)INT64_MAX - capture->counts.n_drops); /* a file may say anything */
    capture->counts.n_drops += n;
    if (n && capture->on_drops)
        capture->on_drops(capture->drops_ctx, where, n);
}

enum imapid_capture_result imapid_reader_next_none(struct imapid_capture *capture,
                                                   struct imapid_packet *packet)
{
    (void)capture;
    (void)packet;
    return IMAPID_CAPTURE_END;
}

/* Where a capture may end. One that was cut meanwhile may do so by chance. */
static enum imapid_capture_result end(struct imapid_capture *capture)
{
    const struct imapid_window *file = get_file(capture);
    if (file->end_place >= file->size)
        return IMAPID_CAPTURE_END;
    return set_error(capture, file->end_place, "",
                     g_strdup_printf("the file ends here, of the %" G_GUINT64_FORMAT
                                     " octets that it had",
                                     file->size));
}

enum imapid_capture_result imapid_reader_fail_end(struct imapid_capture *capture, uint64_t place,
                                                  uint64_t n, const char *what)
{
    const struct imapid_window *window = &capture->window;
    uint64_t unpack_place = 0;
    const char *why =
        capture->unpack ? imapid_unpack_get_error(capture->unpack, &unpack_place) : NULL;
    if (window->is_paused)
        return IMAPID_CAPTURE_PAUSE;
    capture->next = imapid_reader_next_none;
    if (capture->stop)
        return IMAPID_CAPTURE_END;
    if (why)
        return set_error(capture, unpack_place, "", g_strdup(why));
    if (window->error)
        return imapid_reader_fail(capture, window->end_place, "reading failed: %s",
                                  imapid_failure_of_input(window->error));
    if (window->end_place <= place)
        return end(capture);
    return imapid_reader_fail(capture, place,
                              "the file ends inside a %s, after %" G_GUINT64_FORMAT
                              " of %" G_GUINT64_FORMAT " octets",
                              what, window->end_place - place, n);
}
