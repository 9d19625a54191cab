/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fate.c: what became of a connection, for its record.
 *
 * Refuses nothing. Misuse: a connection whose client is not decided. */
#include "follow/fate.h"

#include "follow/frames.h"

#include <imapid/decide.h>

#include <arpa/inet.h>
#include <string.h>

static struct imapid_moment place_of(const struct imapid_stamp *stamp)
{
    return (struct imapid_moment){stamp->number, stamp->ts_ns};
}

static enum imapid_party get_closer(const struct imapid_fate *fate)
{
    const struct imapid_conn *conn = fate->conn;

    if (conn->closer < 0)
        return IMAPID_PARTY_UNKNOWN;
    return conn->closer == fate->client ? IMAPID_PARTY_CLIENT : IMAPID_PARTY_SERVER;
}

/* Did something between the two send the reset? It is as many hops away as it is. */
static bool is_foreign(const struct imapid_conn *conn)
{
    return conn->is_reset && conn->closer >= 0 && conn->ttl[conn->closer] &&
           conn->ttl[conn->closer] != conn->closing_ttl;
}

/* Was the handshake ended: are the peers past what an alert or a FIN could have ended? Without a key
 * the records behind it show it. */
static bool is_done(const struct imapid_fate *fate, const struct imapid_tls_info *info)
{
    const char *why = fate->not_decrypted;

    return ((info->finished[0] || info->readable[0]) && (info->finished[1] || info->readable[1])) ||
           (info->version && why && strcmp(why, imapid_tls_reason_word(IMAPID_TLS_REFUSED)) != 0 &&
            strcmp(why, imapid_tls_reason_word(IMAPID_TLS_UNFINISHED)) != 0);
}

static void look_at_network(const struct imapid_fate *fate, struct imapid_verdict_facts *facts,
                            char *from)
{
    const struct imapid_conn *conn = fate->conn;
    const struct imapid_conn_icmp *icmp = conn->icmp;

    for (int side = 0; side < 2; side++)
        facts->stall[side] = conn->stall[side == IMAPID_CLIENT ? fate->client : !fate->client];
    if (!icmp)
        return;
    facts->mtu = icmp->mtu;
    facts->mtu_place = place_of(&icmp->of_mtu.at);
    if (!icmp->error || icmp->of_error.dir != fate->client)
        return;
    facts->error = icmp->error;
    facts->error_from = inet_ntop(conn->endpoint[0].family == 4 ? AF_INET : AF_INET6,
                                  icmp->of_error.from, from, INET6_ADDRSTRLEN);
    facts->error_place = place_of(&icmp->of_error.at);
    facts->is_error_of_server = !memcmp(icmp->of_error.from, conn->endpoint[!fate->client].address,
                                        sizeof icmp->of_error.from);
}

static void look_at_tls(const struct imapid_fate *fate, struct imapid_verdict_facts *facts)
{
    const struct imapid_tls_info *info = imapid_layers_get_tls(fate->layers);
    int dir;
    struct imapid_stamp damage = imapid_layers_get_damage(fate->layers, &dir);

    facts->unreadable = place_of(&damage);
    facts->unreadable_side = dir == fate->client ? IMAPID_CLIENT : IMAPID_SERVER;
    if (!info)
        return;
    facts->is_tls = true;
    facts->is_ssl2 = !info->hello_at.number && fate->ssl2.number;
    facts->hello = place_of(facts->is_ssl2 ? &fate->ssl2 : &info->hello_at);
    for (int side = 0; side < 2; side++)
        facts->plain[side] =
            place_of(&fate->plain[side == IMAPID_CLIENT ? fate->client : !fate->client]);
    facts->is_starttls = fate->is_starttls;
    facts->tls_offered = info->newest;
    facts->tls_chosen = info->version;
    facts->n_suites = info->n_suites;
    facts->is_answered = info->version != 0;
    facts->is_tls_done = is_done(fate, info);
    facts->alert = info->fatal;
    facts->alert_side = info->fatal_dir == fate->client ? IMAPID_CLIENT : IMAPID_SERVER;
    facts->alert_place = place_of(&info->fatal_at);
    facts->warning = info->warning;
    facts->warning_side = info->warning_dir == fate->client ? IMAPID_CLIENT : IMAPID_SERVER;
    facts->warning_place = place_of(&info->warning_at);
    if (info->version)
        facts->greets_as = NULL;
    facts->certificate = info->certificate;
    facts->certificate_at = place_of(&info->certificate_at);
    facts->asked_for = info->server_name;
    facts->n_asked_for = info->n_server_name;
    if (info->closed[fate->client])
        facts->farewell = place_of(&info->closed_at[fate->client]);
}

/* `from` has room for an address. */
static struct imapid_verdict_facts look(const struct imapid_fate *fate, char *from)
{
    const struct imapid_conn *conn = fate->conn;
    uint16_t port = conn->endpoint[!fate->client].port;
    struct imapid_verdict_facts facts = {
        .from_start = conn->from_start,
        .is_connected = conn->ttl[!fate->client] != 0,
        .is_both = conn->ttl[0] && conn->ttl[1],
        .is_lossless = conn->from_start && !conn->n_lost[0] && !conn->n_lost[1],
        .is_tls_port = port == IMAPID_PORT_IMAPS,
        .first = place_of(&conn->first),
        .last = place_of(&conn->last),
        .client_first = place_of(&fate->started[fate->client]),
        .closer = get_closer(fate),
        .is_reset = conn->is_reset,
        .is_foreign = is_foreign(conn),
        .closed = place_of(&conn->closed),
        .greets_as = fate->greets_as,
        .greeting = place_of(&fate->started[!fate->client]),
        .not_decrypted = fate->layers ? fate->not_decrypted : NULL,
        .ttl = {conn->ttl[fate->client], conn->ttl[!fate->client]},
        .reset_ttl = conn->closing_ttl,
        .alert = -1,
        .warning = -1,
    };

    facts.has_octets[IMAPID_CLIENT] = fate->started[fate->client].number;
    facts.has_octets[IMAPID_SERVER] = fate->started[!fate->client].number;
    facts.is_tail_lost[IMAPID_CLIENT] = fate->is_tail_lost[fate->client];
    facts.is_tail_lost[IMAPID_SERVER] = fate->is_tail_lost[!fate->client];
    facts.opening[IMAPID_CLIENT] = fate->opening[fate->client];
    facts.opening[IMAPID_SERVER] = fate->opening[!fate->client];
    look_at_network(fate, &facts, from);
    if (fate->layers)
        look_at_tls(fate, &facts);
    return facts;
}

/* The frame as its file counts; *file is NULL where that is the connection's. */
static uint64_t locate(const struct imapid_fate *fate, const struct imapid_record_session *record,
                       uint64_t number, const char **file)
{
    const char *found;

    *file = NULL;
    if (!number)
        return 0;
    found = imapid_frames_locate(fate->files, &number);
    if (found != record->conn.file)
        *file = found;
    return number;
}

/* As the connection's file counts. */
static void locate_moment(const struct imapid_fate *fate,
                          const struct imapid_record_session *record, struct imapid_moment *moment)
{
    const char *file;

    moment->frame = locate(fate, record, moment->frame, &file);
    if (file)
        moment->frame = 0;
}

static void tell_way(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                     const struct imapid_verdict_facts *facts, struct imapid_milestones *milestones,
                     struct imapid_record_session *record)
{
    *milestones = outcome->milestones;
    for (unsigned i = 0; i < milestones->n; i++) {
        locate_moment(fate, record, &milestones->list[i].asked);
        locate_moment(fate, record, &milestones->list[i].answered);
    }
    record->milestones = milestones;
    record->tls_hello = facts->hello;
    locate_moment(fate, record, &record->tls_hello);
}

struct place {
    const struct imapid_fate *fate;
    const struct imapid_record_session *record;
};

static uint64_t locate_said(const void *ctx, uint64_t frame)
{
    const struct place *place = ctx;
    struct imapid_moment moment = {frame, 0};

    locate_moment(place->fate, place->record, &moment);
    return moment.frame;
}

static void tell_sentence(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                          const struct imapid_login *login,
                          const struct imapid_verdict_facts *facts,
                          const struct imapid_verdict *verdict, struct imapid_fate_told *told,
                          struct imapid_record_session *record)
{
    const struct place place = {fate, record};

    told->say.locate = locate_said;
    told->say.ctx = &place;
    imapid_say(&told->say, outcome, login, facts, verdict);
    record->outcome.say = (struct imapid_record_string){
        .is_nil = !told->say.n, .octets = told->say.octets, .n = told->say.n};
}

void imapid_fate_tell(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                      const struct imapid_login *login, struct imapid_fate_told *told,
                      struct imapid_record_session *record)
{
    char from[INET6_ADDRSTRLEN];
    struct imapid_verdict_facts facts = look(fate, from);
    struct imapid_verdict verdict;

    imapid_verdict_make(outcome, &facts, &verdict);
    record->ended = !facts.closer    ? IMAPID_ENDED_NOT
                    : facts.is_reset ? IMAPID_ENDED_RST
                                     : IMAPID_ENDED_FIN;
    record->healthy = verdict.healthy;
    record->outcome = (struct imapid_record_outcome){
        .status = verdict.status,
        .stopped_at = verdict.stage,
        .by = verdict.by,
        .text = {.is_nil = true},
        .ended_by = facts.closer,
        .ns = verdict.place.ns,
        .ended_ns = facts.closed.ns,
    };
    if (verdict.text)
        record->outcome.text =
            (struct imapid_record_string){.octets = verdict.text->octets, .n = verdict.text->n};
    record->outcome.frame = locate(fate, record, verdict.place.frame, &record->outcome.file);
    record->outcome.ended_frame =
        locate(fate, record, facts.closed.frame, &record->outcome.ended_file);
    tell_way(fate, outcome, &facts, &told->milestones, record);
    tell_sentence(fate, outcome, login, &facts, &verdict, told, record);
}
