/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failure.c: remembers whether the surroundings failed: the exit status says so.
 *
 * Refuses nothing. Misuse: spelling an error of an input or output without it. */
#include "failure.h"

#include <errno.h>
#include <glib.h>

static gint is_outside; /* atomic */

const char *imapid_failure_of_output(int error)
{
    static const int outside[] = {EIO, ESTALE, ENOSPC, EDQUOT, ETIMEDOUT, ENODEV, EREMOTEIO};

    for (size_t i = 0; i < G_N_ELEMENTS(outside); i++)
        if (outside[i] == error)
            g_atomic_int_set(&is_outside, 1);
    return g_strerror(error);
}

const char *imapid_failure_of_input(int error)
{
    if (error == ENOENT)
        g_atomic_int_set(&is_outside, 1);
    return imapid_failure_of_output(error);
}

bool imapid_failure_is_outside(void)
{
    return g_atomic_int_get(&is_outside);
}
