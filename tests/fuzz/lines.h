/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FUZZ_LINES_H
#define IMAPID_FUZZ_LINES_H

#include "record/writer.h"

static const struct imapid_writer_style lines_style;

static inline void lines_on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    imapid_jsonl_writer.exchange(ctx, &lines_style, exchange);
}

static inline void lines_on_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_jsonl_writer.session(ctx, &lines_style, session);
}

static inline void lines_on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    imapid_jsonl_writer.capture(ctx, &lines_style, capture);
}

/* Writes the records as JSON Lines behind `text`, which must outlive it. */
static inline struct imapid_record_sink lines_sink(GString *text)
{
    return (struct imapid_record_sink){lines_on_exchange, lines_on_session, lines_on_capture, text,
                                       NULL};
}

#endif
