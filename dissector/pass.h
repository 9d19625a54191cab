/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass.h: the first pass over one IMAP connection. It turns the octets of each call into that call's
 * records. */
#ifndef IMAPID_DISSECTOR_PASS_H
#define IMAPID_DISSECTOR_PASS_H

#include "stream.h"

/* Reads the octets of a call that was never seen before: `n` of them, behind which `n_cut` more
 * were not captured. With a sequence number these are a segment, `n` may be 0, and they wait if
 * others were sent before them; others that waited may be read here. Returns its record,
 * which is the stream's; NULL: a segment in which nothing is to be seen, or the connection gave way.
 * Sets stream->to. What came out of TLS waits for what it answers, too. */
struct imapid_call *imapid_pass_read(struct imapid_stream *stream, const struct imapid_place *place,
                                     const uint8_t *octets, size_t n, size_t n_cut);

/* Reads what waits, since nothing more may come. Meant for later visits. */
void imapid_pass_settle(struct imapid_stream *stream);

/* Tells what there would be to tell if the capture ended here: a unit that is cut. It is shown as
 * long as no further call is read. Meant for later visits; the stream itself stays as it is. */
void imapid_pass_tell_end(struct imapid_stream *stream);

#endif
