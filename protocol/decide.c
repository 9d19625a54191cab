/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide.c: is a connection IMAP, and who is the client?
 *
 * A connection seen from its first octets is decided by these: an IMAP server greets. One that
 * begins in the middle is looked at longer, as it may be in the middle of a message: a port of
 * IMAP decides there, or a line of IMAP. The SYN tells who is the client, else the port, else
 * what is said. To overrule a port, both sides have to speak.
 *
 * Refuses a greeting that is not IMAP ("+OK" is POP3).
 *
 * Misuse: showing octets of both directions in another order than they were sent. */
#include <imapid/decide.h>

#include <string.h>

#include <imapid/unit.h>

enum imapid_speaker imapid_decide_speaker(const uint8_t *octets, size_t n, bool at_start)
{
    enum imapid_plausible server = imapid_unit_plausible(IMAPID_SERVER, octets, n);
    enum imapid_plausible client = imapid_unit_plausible(IMAPID_CLIENT, octets, n);
    struct imapid_unit unit;

    if (server == IMAPID_PLAUSIBLE_YES) {
        imapid_unit_read(&unit, IMAPID_SERVER, octets, n);
        /* No tag was sent yet to be answered. */
        if (!at_start || unit.kind == IMAPID_UNIT_UNTAGGED)
            return IMAPID_SPEAKER_SERVER;
        return IMAPID_SPEAKER_NOBODY;
    }
    if (client == IMAPID_PLAUSIBLE_YES)
        return IMAPID_SPEAKER_CLIENT;
    if (server == IMAPID_PLAUSIBLE_MORE || client == IMAPID_PLAUSIBLE_MORE || !at_start)
        return IMAPID_SPEAKER_UNCLEAR;
    return IMAPID_SPEAKER_NOBODY;
}

/* Looks for the first line that a client or server of IMAP would send. Returns whose it is, with
 * *at at its beginning; UNCLEAR: none, with *at at the line that is not whole yet. */
static enum imapid_speaker find_first_line(const uint8_t *octets, size_t n, size_t *at)
{
    for (*at = 0; *at < n;) {
        enum imapid_speaker speaker = imapid_decide_speaker(octets + *at, n - *at, false);
        const uint8_t *newline = (const uint8_t *)memchr(octets + *at, '\n', n - *at);

        if (speaker == IMAPID_SPEAKER_CLIENT || speaker == IMAPID_SPEAKER_SERVER)
            return speaker;
        if (!newline)
            break;
        *at = (size_t)(newline - octets) + 1;
    }
    return IMAPID_SPEAKER_UNCLEAR;
}

int imapid_decide_client_by_port(uint16_t port0, uint16_t port1)
{
    bool is_0 = imapid_decide_is_port(port0), is_1 = imapid_decide_is_port(port1);

    return is_0 == is_1 ? -1 : is_0;
}

bool imapid_decide_is_told(unsigned server_port, bool from_start, bool has_octets, bool has_reset)
{
    return imapid_decide_is_port(server_port) && (from_start || has_octets || has_reset);
}

void imapid_decide_init(struct imapid_decide *decide, bool from_start, bool is_half_seen,
                        int by_syn, int by_port)
{
    *decide = (struct imapid_decide){
        .from_start = from_start,
        .is_whole = {from_start, from_start},
        .is_half_seen = is_half_seen,
        .by_syn = by_syn,
        .by_port = by_port,
        .client = by_syn,
    };
}

static enum imapid_decide_status take(struct imapid_decide *decide, int client, bool is_greeted)
{
    if (client != decide->client)
        memset(decide->contradicts, 0, sizeof decide->contradicts);
    decide->client = client;
    decide->is_greeted = is_greeted;
    return IMAPID_DECIDE_IMAP;
}

/* A client that speaks while no server has greeted it is one of IMAP where the port is. On other
 * ports only an ID makes it IMAP. */
enum imapid_decide_status imapid_decide_last(struct imapid_decide *decide,
                                             const struct imapid_decide_early early[2])
{
    int client = decide->client;

    if (!decide->from_start && decide->by_port >= 0 &&
        (decide->contradicts[0] || decide->contradicts[1]))
        return take(decide, decide->by_port, false);
    if (!decide->from_start || client < 0 || !early[client].n || early[!client].n ||
        imapid_decide_speaker(early[client].octets, early[client].n, true) != IMAPID_SPEAKER_CLIENT)
        return IMAPID_DECIDE_MORE;
    return take(decide, client, decide->by_port == client);
}

/* Where the server's SYN is not in the capture, its greeting may be missing too, and nothing shows that. On
 * a port of IMAP it is taken for lost. */
static bool may_lack_greeting(const struct imapid_decide *decide, int dir)
{
    return decide->is_half_seen && decide->client >= 0 && dir != decide->client &&
           decide->by_port == decide->client;
}

/* Is it the beginning of a greeting? */
static bool may_go_on_as_greeting(const struct imapid_decide_early *early)
{
    return early->octets[0] == '*' &&
           imapid_decide_speaker(early->octets, early->n, true) == IMAPID_SPEAKER_UNCLEAR;
}

/* Where a server on a port of IMAP begins as a greeting does and says none there is, it may be a stranger's copy that was
 * heard: what the client says to it tells. YES: it speaks IMAP. */
static enum imapid_plausible speaks_to_client(const struct imapid_decide *decide,
                                              const struct imapid_decide_early early[2])
{
    int client = decide->client;
    const struct imapid_decide_early *said = &early[client == 1], *heard = &early[client != 1];
    bool may_wait = said->n < IMAPID_DECIDE_EARLY_MAX && heard->n < IMAPID_DECIDE_EARLY_MAX;

    if (client < 0 || decide->by_port != client || !heard->n || heard->octets[0] != '*' ||
        (heard->n < IMAPID_DECIDE_EARLY_MAX && may_go_on_as_greeting(heard)))
        return IMAPID_PLAUSIBLE_NO;
    switch (imapid_decide_speaker(said->octets, said->n, true)) {
    case IMAPID_SPEAKER_CLIENT:
        return IMAPID_PLAUSIBLE_YES;
    case IMAPID_SPEAKER_UNCLEAR:
        return may_wait ? IMAPID_PLAUSIBLE_MORE : IMAPID_PLAUSIBLE_NO;
    default:
        return IMAPID_PLAUSIBLE_NO;
    }
}

static enum imapid_decide_status begin_at_start(struct imapid_decide *decide, int dir,
                                                const struct imapid_decide_early early[2])
{
    enum imapid_speaker speaker = imapid_decide_speaker(early[dir].octets, early[dir].n, true);
    bool may_wait = early[dir].n < IMAPID_DECIDE_EARLY_MAX;

    if (speaker == IMAPID_SPEAKER_UNCLEAR && may_wait)
        return IMAPID_DECIDE_MORE;
    if (speaker == IMAPID_SPEAKER_SERVER && dir != decide->client)
        return take(decide, !dir, true);
    if (may_lack_greeting(decide, dir))
        return take(decide, decide->client, true);
    switch (speaks_to_client(decide, early)) {
    case IMAPID_PLAUSIBLE_YES:
        return take(decide, decide->client, false);
    case IMAPID_PLAUSIBLE_MORE:
        return IMAPID_DECIDE_MORE;
    default:
        break;
    }
    if (speaker == IMAPID_SPEAKER_CLIENT && decide->client < 0)
        decide->client = dir; /* inside another protocol the SYN may not be known */
    if (speaker != IMAPID_SPEAKER_CLIENT || dir != decide->client)
        return IMAPID_DECIDE_NOT;
    /* A client that does not wait for the greeting has yet to be greeted. */
    if (may_wait || imapid_decide_last(decide, early) == IMAPID_DECIDE_MORE)
        return may_wait ? IMAPID_DECIDE_MORE : IMAPID_DECIDE_NOT;
    return IMAPID_DECIDE_IMAP;
}

/* Does a direction speak like the other side? Octets that are unclear do not change it. */
static void note_speaker(struct imapid_decide *decide, int dir, const uint8_t *octets, size_t n)
{
    enum imapid_speaker speaker = imapid_decide_speaker(octets, n, false);

    if (speaker == IMAPID_SPEAKER_CLIENT || speaker == IMAPID_SPEAKER_SERVER)
        decide->contradicts[dir] = (speaker == IMAPID_SPEAKER_CLIENT) != (dir == decide->client);
}

/* Where the first octets speak against the port, the other side is waited for: if it does so too,
 * the port is a client's. */
static enum imapid_decide_status begin_by_port(struct imapid_decide *decide, int dir,
                                               const struct imapid_decide_early early[2])
{
    int by_port = decide->by_port;

    decide->client = by_port;
    note_speaker(decide, dir, early[dir].octets, early[dir].n);
    if (decide->contradicts[dir] && !early[!dir].n && early[dir].n < IMAPID_DECIDE_EARLY_MAX)
        return IMAPID_DECIDE_MORE;
    return take(decide, decide->contradicts[0] && decide->contradicts[1] ? !by_port : by_port,
                false);
}

/* What a client says from its first octet on are commands, though the greeting is not there. */
static bool has_whole_client(const struct imapid_decide *decide)
{
    return decide->by_syn >= 0 && decide->is_whole[decide->by_syn];
}

static enum imapid_decide_status begin_in_middle(struct imapid_decide *decide, int dir,
                                                 const struct imapid_decide_early early[2],
                                                 size_t *n_drop)
{
    enum imapid_speaker speaker;

    if (decide->by_port >= 0)
        return decide->by_syn >= 0 ? take(decide, decide->by_syn, decide->by_syn == decide->by_port)
                                   : begin_by_port(decide, dir, early);
    speaker = find_first_line(early[dir].octets, early[dir].n, n_drop);
    if (speaker != IMAPID_SPEAKER_UNCLEAR)
        return take(decide,
                    decide->by_syn >= 0                ? decide->by_syn
                    : speaker == IMAPID_SPEAKER_CLIENT ? dir
                                                       : !dir,
                    has_whole_client(decide));
    if (early[dir].n - *n_drop > IMAPID_DECIDE_EARLY_MAX)
        *n_drop = early[dir].n;
    decide->n_passed += *n_drop;
    return decide->n_passed < IMAPID_DECIDE_PATIENCE ? IMAPID_DECIDE_MORE : IMAPID_DECIDE_NOT;
}

enum imapid_decide_status imapid_decide_begin(struct imapid_decide *decide, int dir,
                                              const struct imapid_decide_early early[2],
                                              size_t *n_drop)
{
    *n_drop = 0;
    return decide->from_start ? begin_at_start(decide, dir, early)
                              : begin_in_middle(decide, dir, early, n_drop);
}

/* The greeting, or the rest of it, is what is missing where the server spoke first, which it does not where TLS begins
 * or a proxy tells of a client, and the client is there from its first octet. */
enum imapid_decide_status imapid_decide_lost(struct imapid_decide *decide, int dir,
                                             const struct imapid_decide_early early[2],
                                             bool is_plain)
{
    enum imapid_decide_status status;

    decide->is_whole[dir] = false;
    if (decide->from_start && decide->client >= 0 && dir != decide->client && is_plain &&
        !early[!dir].n && (!early[dir].n || may_go_on_as_greeting(&early[dir])) &&
        decide->by_port == decide->client)
        return take(decide, decide->client, true);
    status = imapid_decide_last(decide, early);
    if (status == IMAPID_DECIDE_MORE)
        decide->from_start = false;
    return status;
}

/* Against a port of IMAP both sides have to speak: a message in the middle of which the capture
 * begins may say anything, but only one side sends it. */
enum imapid_decide_status imapid_decide_unproven(struct imapid_decide *decide, int dir,
                                                 const uint8_t *octets, size_t n)
{
    bool by_port = decide->by_port >= 0;

    if (decide->is_greeted)
        return IMAPID_DECIDE_IMAP;
    decide->n_passed += n;
    if (decide->n_passed > IMAPID_DECIDE_PATIENCE && !by_port)
        return IMAPID_DECIDE_NOT;
    note_speaker(decide, dir, octets, n);
    if (decide->by_syn >= 0 || !decide->contradicts[dir] || (by_port && !decide->contradicts[!dir]))
        return IMAPID_DECIDE_IMAP;
    (void)take(decide, !decide->client, false);
    return IMAPID_DECIDE_TURNED;
}
