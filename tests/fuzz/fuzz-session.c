/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Both directions. The first octet says how the session begins, and whether it ends with a switch to
 * another layer or goes on there; then, again and again: an octet
 * that says whose turn it is and whether octets come or a hole, one that says how many, the octets.
 * The events must keep the contract of session.h, as a caller who copies units would need it; and
 * a second run, with every turn shown octet by octet, must tell the same. */

#include <imapid/decide.h>
#include <imapid/findings.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct copy {
    uint8_t *octets;
    struct imapid_unit unit;
};

struct run {
    struct imapid_session session;
    uint8_t *window[2];
    size_t n[2];
    bool open[IMAPID_SLOTS];
    struct copy command[IMAPID_SLOTS], response[IMAPID_SLOTS];
    uint64_t n_open_ever, hash;
    bool goes_on, switched, closed;
};

static void mix(struct run *run, uint64_t value)
{
    run->hash = (run->hash ^ value) * 0x100000001b3;
}

static void forget(struct copy *copy)
{
    free(copy->octets);
    memset(copy, 0, sizeof *copy);
}

static void keep(struct copy *copy, const struct imapid_unit *unit)
{
    if (!unit)
        abort();
    if (copy->octets)
        abort();
    copy->octets = malloc(unit->n ? unit->n : 1);
    if (!copy->octets)
        abort();
    memcpy(copy->octets, unit->data, unit->n);
    copy->unit = *unit;
    copy->unit.data = copy->octets;
}

static void end_exchange(struct run *run, unsigned slot)
{
    const struct imapid_exchange *exchange = &run->session.exchanges.slots[slot];
    const struct copy *command = &run->command[slot], *response = &run->response[slot];
    struct imapid_findings findings;

    if (!run->open[slot])
        abort();
    if (exchange->open)
        return; /* a result that nothing has confirmed yet */
    if (exchange->has_command != (command->octets != NULL) ||
        (exchange->n_responses > 0) != (response->octets != NULL))
        abort();
    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, exchange, command->octets ? &command->unit : NULL,
                                 response->octets ? &response->unit : NULL);
    for (unsigned i = 0; i < findings.n; i++)
        mix(run, findings.list[i].code);
    mix(run, exchange->status + 8u * exchange->lost + 16u * exchange->tentative +
                 32u * exchange->unsolicited + 64u * exchange->state + 256u * exchange->advertised);
    mix(run, exchange->n_responses);
    run->open[slot] = false;
    forget(&run->command[slot]);
    forget(&run->response[slot]);
}

static void take_event(struct run *run, const struct imapid_event *event,
                       const struct imapid_unit *unit)
{
    unsigned slot = event->slot;

    if (slot >= IMAPID_SLOTS)
        abort();
    mix(run, event->kind);
    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        if (run->command[slot].octets)
            abort();
        run->n_open_ever += !run->open[slot];
        run->open[slot] = true;
        keep(&run->command[slot], unit);
        break;
    case IMAPID_EVENT_RESPONSE:
        run->n_open_ever += !run->open[slot];
        run->open[slot] = true;
        keep(&run->response[slot], unit);
        break;
    case IMAPID_EVENT_EXTRA:
        if (!run->response[slot].octets)
            abort();
        break;
    case IMAPID_EVENT_UNTAGGED:
        if (!run->command[slot].octets)
            abort();
        break;
    case IMAPID_EVENT_RESULT:
    case IMAPID_EVENT_END:
        end_exchange(run, slot);
        break;
    case IMAPID_EVENT_DROP_RESPONSE:
        if (!run->response[slot].octets || !run->command[slot].octets)
            abort();
        forget(&run->response[slot]);
        break;
    case IMAPID_EVENT_MOVE_RESPONSE:
        if (!run->response[event->from].octets || run->response[slot].octets || !run->open[slot])
            abort();
        run->response[slot] = run->response[event->from];
        memset(&run->response[event->from], 0, sizeof run->response[event->from]);
        break;
    case IMAPID_EVENT_DROP:
        if (!run->open[slot])
            abort();
        run->open[slot] = false;
        run->n_open_ever--;
        forget(&run->command[slot]);
        forget(&run->response[slot]);
        break;
    case IMAPID_EVENT_TLS:
    case IMAPID_EVENT_DEFLATE:
    case IMAPID_EVENT_SASL:
        run->switched = true;
        run->closed = !run->goes_on;
        break;
    }
}

static void take_events(struct run *run, const struct imapid_unit *unit)
{
    struct imapid_event event;

    while (imapid_session_event(&run->session, &event))
        take_event(run, &event, unit);
}

static void drop(struct run *run, int side, size_t n)
{
    if (n > run->n[side])
        abort();
    run->n[side] -= n;
    memmove(run->window[side], run->window[side] + n, run->n[side]);
}

static void drain(struct run *run, enum imapid_side side)
{
    unsigned n_still = 0;

    while (!run->closed && !run->switched) {
        struct imapid_unit unit;
        size_t n_used, n = run->n[side];
        uint8_t *block = malloc(n ? n : 1);
        enum imapid_session_status status;

        if (!block)
            abort();
        memcpy(block, run->window[side], n);
        status = imapid_session_read(&run->session, side, block, n, &unit, &n_used);
        n_still = n_used ? 0 : n_still + 1;
        if (n_still > 8)
            abort();
        take_events(run, status == IMAPID_SESSION_UNIT ? &unit : NULL);
        drop(run, side, n_used);
        free(block);
        if (status == IMAPID_SESSION_MORE)
            break;
        if (status != IMAPID_SESSION_OTHER_SIDE)
            continue;
        if (side != IMAPID_SERVER)
            abort();
        drain(run, IMAPID_CLIENT);
    }
    if (run->session.exchanges.n_exchanges != run->n_open_ever)
        abort();
}

/* What a turn has behind a switch belongs to neither layer. */
static void switch_layer(struct run *run)
{
    run->switched = false;
    run->n[0] = run->n[1] = 0;
    imapid_session_resume(&run->session);
}

static void show(struct run *run, enum imapid_side side, const uint8_t *octets, size_t n,
                 bool octetwise)
{
    for (size_t at = 0, take; at < n && !run->closed && !run->switched; at += take) {
        take = octetwise ? 1 : n;
        memcpy(run->window[side] + run->n[side], octets + at, take);
        run->n[side] += take;
        drain(run, side);
    }
    if (run->switched)
        switch_layer(run);
}

static void take_turns(struct run *run, const uint8_t *data, size_t size, bool octetwise)
{
    while (size >= 2 && !run->closed) {
        enum imapid_side side = data[0] & 1 ? IMAPID_SERVER : IMAPID_CLIENT;
        size_t n = data[1] | (size_t)(data[0] >> 4) << 8;
        bool is_hole = (data[0] & 14) == 14;

        data += 2;
        size -= 2;
        if (is_hole) {
            imapid_session_gap(&run->session, side, n);
            drain(run, side);
            if (run->session.frame[side].n_scanned)
                abort();
            run->n[side] = 0;
            if (run->switched)
                switch_layer(run);
            continue;
        }
        n = n < size ? n : size;
        show(run, side, data, n, octetwise);
        data += n;
        size -= n;
    }
}

static uint64_t run_all(const uint8_t *data, size_t size, bool octetwise)
{
    struct run run = {.window = {malloc(size), malloc(size)}, .goes_on = data[0] & 4};

    if (!run.window[0] || !run.window[1])
        abort();
    imapid_session_init(&run.session, !(data[0] & 1),
                        data[0] & 2 ? IMAPID_SECURITY_TLS : IMAPID_SECURITY_NONE);
    take_turns(&run, data + 1, size - 1, octetwise);
    imapid_session_end(&run.session);
    take_events(&run, NULL);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (run.open[i])
            abort();
    mix(&run, run.session.exchanges.n_exchanges);
    mix(&run, run.session.required_by_server);
    free(run.window[0]);
    free(run.window[1]);
    return run.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    (void)imapid_decide_speaker(data, size, data[0] & 1);
    if (run_all(data, size, false) != run_all(data, size, true))
        abort();
    return 0;
}
