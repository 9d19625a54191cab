/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_STOP_H
#define IMAPID_STOP_H

#include <glib.h>

/* The wish to end: SIGINT or SIGTERM while inputs are read. What was read until then is told,
 * with the totals. Another signal, a second later or more, ends the program at once. */

/* From now on those signals are wishes, and SIGUSR1 asks for counts. `reopens`: SIGHUP asks for an output
 * that is opened anew; else it is a wish to end, unless it is ignored. Called before there are threads. */
void imapid_stop_install(gboolean reopens);

/* How often it was asked for a new output, and for counts. */
gint imapid_stop_count_reopen(void);
gint imapid_stop_count_asked(void);

/* From now on they end the program at once again, unless the wish was made: then another does. */
void imapid_stop_release(void);

/* Readable from when the wish was made on, for poll(); -1 where it cannot be made. */
int imapid_stop_get_fd(void);

enum imapid_stop_waited {
    IMAPID_STOP_READY, /* `fd` has something to read */
    IMAPID_STOP_IDLE,  /* it had nothing for that long */
    IMAPID_STOP_WISHED /* the wish was made */
};

/* Waits for `fd` (-1: for nothing), for so long at most. */
enum imapid_stop_waited imapid_stop_wait(int fd, int milliseconds);

/* Was the wish made? */
gboolean imapid_stop_is_set(void);

/* The signal that was the wish; 0: none came. */
int imapid_stop_get_signal(void);

#endif
