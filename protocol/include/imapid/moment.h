/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moment.h: a packet and its time. Times are nanoseconds since 1970-01-01 UTC. Some packets have none: those of
 * a Simple Packet Block, and those of which it cannot be, as it has no room in 64 bits. */
#ifndef IMAPID_MOMENT_H
#define IMAPID_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* There is no time. It is less than any time: what asks for the latest need not know it. */
#define IMAPID_TIME_NONE INT64_MIN

/* A packet, in the front end's own count. Frame 0: none. */
struct imapid_moment {
    uint64_t frame;
    int64_t ns; /* its time */
};

static inline bool imapid_time_is_known(int64_t ns)
{
    return ns != IMAPID_TIME_NONE;
}

/* So many seconds and nanoseconds since 1970. */
static inline int64_t imapid_time_of(int64_t seconds, int64_t rest_ns)
{
    int64_t ns;

    return __builtin_mul_overflow(seconds, INT64_C(1000000000), &ns) ||
                   __builtin_add_overflow(ns, rest_ns, &ns)
               ? IMAPID_TIME_NONE
               : ns;
}

/* The one that is earlier, or known. */
static inline int64_t imapid_time_first(int64_t one_ns, int64_t other_ns)
{
    return !imapid_time_is_known(one_ns) || (imapid_time_is_known(other_ns) && other_ns < one_ns)
               ? other_ns
               : one_ns;
}

/* From one time to the other; 0 where one of them is not known. A capture may tell any, centuries apart: what
 * has no room is as much as there is room for. */
static inline int64_t imapid_ns_between(int64_t from_ns, int64_t to_ns)
{
    int64_t ns;

    if (!imapid_time_is_known(from_ns) || !imapid_time_is_known(to_ns))
        return 0;
    return __builtin_sub_overflow(to_ns, from_ns, &ns) ? (to_ns < from_ns ? INT64_MIN : INT64_MAX)
                                                       : ns;
}

/* How long something took. False: that is not known, or the clock was set back, and *ns means nothing. */
static inline bool imapid_ns_took(int64_t from_ns, int64_t to_ns, int64_t *ns)
{
    *ns = imapid_ns_between(from_ns, to_ns);
    return imapid_time_is_known(from_ns) && imapid_time_is_known(to_ns) && *ns >= 0;
}

#endif
