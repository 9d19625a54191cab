/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The arguments of an ID, whole and cut, with everything that is read from them: places stay inside
 * the unit, findings name places in it, and the reader comes to an end. The first octet says which
 * side sent it and how it ended. */

#include <imapid/findings.h>
#include <imapid/secret.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(struct imapid_slice slice, size_t n)
{
    if (slice.offset > n || slice.n > n - slice.offset)
        abort();
}

static void check_string(const struct imapid_unit *unit, const struct imapid_string *string)
{
    uint8_t few[7];
    size_t n = imapid_string_decode(unit->data, string, few, sizeof few);

    check_slice(string->token, unit->n);
    check_slice(string->content, unit->n);
    if (n > string->content.n || string->content.n > string->token.n)
        abort();
}

static void read_list(const struct imapid_unit *unit)
{
    struct imapid_list list;
    struct imapid_pair pair;
    size_t end = 0;

    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair)) {
        check_slice(pair.span, unit->n);
        check_string(unit, &pair.field);
        check_string(unit, &pair.value);
        if (pair.span.offset < end || pair.field.kind == IMAPID_STRING_NONE)
            abort();
        end = pair.span.offset + pair.span.n;
        if ((pair.faults & ~list.faults) != 0)
            abort();
        if (unit->cut && !unit->over_limit && (pair.field.cut || pair.value.cut))
            abort();
    }
    check_slice(list.span, unit->n);
    if (imapid_list_next(&list, &pair))
        abort();
}

static void find(enum imapid_side side, const struct imapid_unit *unit)
{
    struct imapid_findings findings;

    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, side, unit);
    for (unsigned i = 0; i < findings.n; i++) {
        check_slice(findings.list[i].place, unit->n);
        check_slice(findings.list[i].field, unit->n);
        if (findings.list[i].code >= IMAPID_N_FINDINGS)
            abort();
    }
}

/* What is hidden is the end of it; what is left is read as well. */
static void hide(struct imapid_unit *unit)
{
    size_t n = unit->args.n, n_tag;

    imapid_secret_hide(unit);
    if (unit->args.n + unit->n_hidden != n)
        abort();
    check_slice(unit->args, unit->n);
    if (imapid_secret_measure_text(unit, unit->data, unit->n) > unit->n ||
        !imapid_secret_get_tag(unit, &n_tag) || n_tag > unit->n + sizeof "(hidden)")
        abort();
    read_list(unit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const heads[] = {"a1 ID", "* ID"};
    struct imapid_unit unit;
    enum imapid_side side;
    uint8_t *block;
    size_t n_head, n;

    if (!size)
        return 0;
    side = data[0] & 1 ? IMAPID_SERVER : IMAPID_CLIENT;
    n_head = strlen(heads[side]);
    n = n_head + size - 1;
    block = malloc(n);
    if (!block)
        return 0;
    memcpy(block, heads[side], n_head);
    memcpy(block + n_head, data + 1, size - 1);
    imapid_unit_read(&unit, side, block, n);
    unit.cut = data[0] & 2;
    unit.over_limit = data[0] & 4;
    unit.refused = data[0] & 8;
    if (imapid_unit_is_id(&unit)) {
        read_list(&unit);
        find(side, &unit);
        hide(&unit);
    }
    free(block);
    return 0;
}
