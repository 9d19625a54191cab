/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show.c: from records to what the user sees.
 *
 * The built-in dissector gets complete units: neighbours together, as it would have got them, so
 * that the packet list reads as ever. What is no unit is named for what it is.
 *
 * Refuses: to give the built-in dissector a line that it would take for the beginning of TLS. It
 * asks the first two things it is given whether their first octets are printable.
 *
 * Misuse: calling it for a call of another frame; then places do not fit the tvb. */
#include "show.h"

#include <epan/column-utils.h>
#include <epan/exceptions.h>
#include <epan/show_exception.h>
#include <imapid/secret.h>

#include <string.h>

#include "export.h"
#include "legs.h"
#include "stats.h"
#include "tree.h"

/* How many calls the built-in dissector examines, and how many octets of each. */
#define N_EXAMINED      2
#define OCTETS_EXAMINED 5

/* What is shown of a call: ID commands and responses, of which clients send one or two, and units. */
#define N_IDENTS_MAX 1000
#define N_UNITS_MAX  10000

static int proto_imapid = -1;
static int proto_imap = -1;
static dissector_handle_t imap_handle; /* for ever */

/* One call being shown. */
struct show {
    struct imapid_stream *stream;
    enum imapid_side side; /* who sent the frame */
    packet_info *pinfo;
    proto_tree *tree;
    const struct imapid_section *section;
    tvbuff_t *tvb;        /* of the section */
    unsigned origin;      /* of the section in it */
    bool has_info;        /* the Info column says something */
    unsigned n_idents;    /* shown so far */
    unsigned n_units;     /* given to the built-in dissector so far */
    bool has_more;        /* not all is shown, and that was said */
    wmem_strbuf_t *names; /* for the Info column; in the packet's pool; NULL: none */
    size_t n_info;        /* octets of that column that earlier calls wrote */
};

void imapid_show_register(int proto)
{
    proto_imapid = proto;
}

void imapid_show_handoff(dissector_handle_t imap)
{
    imap_handle = imap;
    proto_imap = proto_get_id_by_filter_name("imap");
}

/* ---- the built-in dissector ---- */

/* Calls it. Returns where it gave up, waiting for octets that will not come, or the length. */
static unsigned give(struct show *show, tvbuff_t *tvb)
{
    packet_info *pinfo = show->pinfo;
    int desegment_offset = pinfo->desegment_offset;
    uint32_t desegment_len = pinfo->desegment_len;
    uint32_t match = pinfo->match_uint;
    const char *proto = pinfo->current_proto;
    bool has_info = show->has_info;
    gboolean writes_info = col_get_writable(pinfo->cinfo, COL_INFO);
    gboolean writes_protocol = col_get_writable(pinfo->cinfo, COL_PROTOCOL);
    unsigned end = tvb_captured_length(tvb);

    pinfo->desegment_len = 0;
    /* By which it knows who is the server: requests go to this port. */
    pinfo->match_uint = show->section->side == show->side      ? show->stream->server_port
                        : show->section->side == IMAPID_CLIENT ? pinfo->destport
                                                               : pinfo->srcport;
    if (has_info) { /* what the first units say stands for all */
        col_set_writable(pinfo->cinfo, COL_INFO, FALSE);
        col_set_writable(pinfo->cinfo, COL_PROTOCOL, FALSE);
    }
    /* It throws at a LOGIN without a name: that would take the IDs beside it along. */
    TRY
    {
        call_dissector_only(imap_handle, tvb, pinfo, show->tree, NULL);
    }
    CATCH_NONFATAL_ERRORS
    {
        show_exception(tvb, pinfo, show->tree, EXCEPT_CODE, GET_MESSAGE);
    }
    ENDTRY;
    pinfo->current_proto = proto;
    col_set_writable(pinfo->cinfo, COL_INFO, writes_info);
    col_set_writable(pinfo->cinfo, COL_PROTOCOL, writes_protocol);
    if (pinfo->desegment_len)
        end = (unsigned)pinfo->desegment_offset;
    pinfo->match_uint = match;
    pinfo->desegment_offset = desegment_offset;
    pinfo->desegment_len = desegment_len;
    show->has_info = true;
    return end;
}

/* Would the built-in dissector take these octets for TLS? */
static bool looks_like_tls(const struct show *show, tvbuff_t *tvb, unsigned offset, unsigned n)
{
    const uint8_t *octets;

    if (show->stream->n_examined >= N_EXAMINED || n < OCTETS_EXAMINED)
        return false;
    octets = tvb_get_ptr(tvb, (int)offset, OCTETS_EXAMINED);
    for (int i = 0; i < OCTETS_EXAMINED; i++)
        if (!g_ascii_isprint(octets[i]))
            return true;
    return false;
}

/* Adds an item for octets that the built-in dissector does not get. */
static void add_octets(struct show *show, tvbuff_t *tvb, unsigned offset, unsigned n,
                       const char *what)
{
    proto_tree_add_protocol_format(show->tree, proto_imap, tvb, (int)offset, (int)n,
                                   "Internet Message Access Protocol, %s, %u octet%s", what, n,
                                   n == 1 ? "" : "s");
    if (!show->has_info) { /* else the columns may name what IMAP carries */
        col_set_str(show->pinfo->cinfo, COL_PROTOCOL, "IMAP");
        col_add_fstr(show->pinfo->cinfo, COL_INFO, "IMAP %s, %u octet%s", what, n,
                     n == 1 ? "" : "s");
    }
    show->has_info = true;
}

/* How much of a line may be shown: of a command all but the login's arguments, of what is none
 * nothing, as it may be an answer of SASL. */
static int measure_line(const struct show *show, const uint8_t *line, int n)
{
    struct imapid_unit unit;

    if (show->section->side == IMAPID_SERVER)
        return (int)imapid_secret_measure_text(NULL, line, (size_t)n);
    imapid_unit_read(&unit, IMAPID_CLIENT, line, (size_t)n);
    if (unit.word == IMAPID_WORD_UNKNOWN)
        return 0;
    imapid_secret_hide(&unit);
    return (int)(imapid_secret_measure_text(NULL, line, unit.args.offset + unit.args.n));
}

/* Adds an item for lines that it would misunderstand. */
static void add_lines(struct show *show, tvbuff_t *tvb, unsigned offset, unsigned n)
{
    bool is_request = show->section->side == IMAPID_CLIENT;
    int next;
    int n_line = tvb_find_line_end(tvb, (int)offset, (int)n, &next, FALSE);
    int n_shown = measure_line(show, tvb_get_ptr(tvb, (int)offset, n_line), n_line);
    const char *text = tvb_format_text_wsp(show->pinfo->pool, tvb, (int)offset, n_shown);

    if (!n_shown) {
        add_octets(show, tvb, offset, n, "line");
        return;
    }
    proto_tree_add_protocol_format(show->tree, proto_imap, tvb, (int)offset, (int)n,
                                   "Internet Message Access Protocol, line: %s", text);
    if (!show->has_info) {
        col_set_str(show->pinfo->cinfo, COL_PROTOCOL, "IMAP");
        col_add_fstr(show->pinfo->cinfo, COL_INFO, "%s: %s", is_request ? "Request" : "Response",
                     text);
    }
    show->has_info = true;
}

/* ---- parts ---- */

/* Where the part's unit is: in the section, or put together. */
static struct imapid_tree_place place_of(struct show *show, const struct imapid_part *part)
{
    struct imapid_tree_place place = {show->tvb, show->origin + part->offset};

    if (part->whole) {
        place.tvb =
            tvb_new_child_real_data(show->tvb, part->whole, part->n_whole, (int)part->n_whole);
        add_new_data_source(show->pinfo, place.tvb, "Reassembled IMAP");
        place.offset = 0;
    }
    return place;
}

static bool can_join(const struct imapid_part *part)
{
    return part->kind == IMAPID_PART_UNIT && !part->stands_by_itself && !part->whole &&
           !part->is_hidden && !part->if_ended_at;
}

static unsigned length_of(const struct imapid_part *part)
{
    return part->whole ? part->n_whole : part->n;
}

/* Gives the built-in dissector the units from `part` to before `end`, `n` octets at `offset`. Where
 * it gives up on one, that one is passed over. */
static void give_units(struct show *show, const struct imapid_part *part,
                       const struct imapid_part *end, tvbuff_t *tvb, unsigned offset, unsigned n)
{
    while (n) {
        bool is_all = !offset && n == tvb_reported_length(tvb);
        unsigned n_read =
            give(show, is_all ? tvb : tvb_new_subset_length(tvb, (int)offset, (int)n));
        unsigned n_passed = 0;

        for (; part != end && n_passed <= n_read; part = part->next)
            n_passed += length_of(part);
        if (n_read >= n || n_passed >= n)
            return;
        offset += n_passed;
        n -= n_passed;
    }
}

/* Shows the units from `part` to before `end`, the first of them at `place`. */
static void show_units(struct show *show, struct imapid_part *part, const struct imapid_part *end,
                       const struct imapid_tree_place *place)
{
    unsigned n = 0;
    bool is_visited = show->pinfo->fd->visited;

    for (const struct imapid_part *p = part; p != end; p = p->next)
        n += p->stands_by_itself ? p->n_line : length_of(p);
    if (!is_visited && looks_like_tls(show, place->tvb, place->offset, n))
        for (struct imapid_part *p = part; p != end; p = p->next)
            p->is_hidden = true;
    if (part->is_hidden) {
        add_lines(show, place->tvb, place->offset, n);
        return;
    }
    if (!is_visited)
        show->stream->n_examined++;
    give_units(show, part, end, place->tvb, place->offset, n);
}

static void note_name(struct show *show, const struct imapid_ident *ident)
{
    if (!show->names)
        show->names = wmem_strbuf_new(show->pinfo->pool, "");
    wmem_strbuf_append(show->names, " | ID: ");
    wmem_strbuf_append(show->names, ident->summary);
    if (ident->side == IMAPID_CLIENT && !ident->is_extra &&
        imapid_records_is_refused(ident->exchange, show->pinfo->fd->visited))
        wmem_strbuf_append(show->names, " (refused)");
}

/* The other half of its exchange, where it is shown; else NULL. */
static const struct imapid_ident *other_half(const struct show *show,
                                             const struct imapid_ident *ident)
{
    const struct imapid_exchange_record *exchange = ident->exchange;
    const struct imapid_ident *other =
        ident->side == IMAPID_CLIENT ? exchange->response : exchange->command;

    return other && imapid_records_is_shown(other, show->pinfo->fd->visited,
                                            imapid_stream_get_session(show->stream)->exchanges.seen)
               ? other
               : NULL;
}

/* May one more be shown here? Items cost a hundred times the octets of the shortest line, and DEFLATE
 * makes a thousand octets of one. `n` are shown so far, of at most `max`. */
static bool may_show(struct show *show, unsigned n, unsigned max)
{
    if (n >= max && !show->has_more) {
        show->has_more = true;
        imapid_tree_add_note(show->tree, show->pinfo, show->tvb, IMAPID_TREE_NOT_SHOWN);
    }
    return n < max;
}

/* Adds what a part says about ID. */
static void show_ident(struct show *show, const struct imapid_part *part,
                       const struct imapid_tree_place *place)
{
    static const enum imapid_finding_code of_session[] = {IMAPID_FINDING_REQUIRED_BY_SERVER,
                                                          IMAPID_FINDING_CLEARTEXT_PASSWORD,
                                                          IMAPID_FINDING_BEHIND_STARTTLS};
    const struct imapid_exchange_record *result = part->result;
    uint32_t codes = part->codes;
    bool is_visited = show->pinfo->fd->visited;
    const bool *of_stream = imapid_stream_get_session(show->stream)->exchanges.seen;
    const bool seen[2] = {of_stream[0], of_stream[1]}; /* others are looked at below */

    for (size_t i = 0; i < array_length(of_session); i++)
        codes &= ~(UINT32_C(1) << of_session[i]);
    if (part->ident && imapid_records_is_shown(part->ident, is_visited, seen) &&
        may_show(show, show->n_idents, N_IDENTS_MAX)) {
        show->n_idents++;
        note_name(show, part->ident);
        imapid_stats_count(show->pinfo, show->stream, part->ident);
        imapid_export_add(show->pinfo, part->ident);
        if (is_visited && imapid_legs_is_changed(show->stream, part->ident))
            codes |= UINT32_C(1) << IMAPID_FINDING_CHANGED_IN_TRANSIT;
        imapid_tree_add_ident(show->tree, show->pinfo, place, part->ident,
                              other_half(show, part->ident), codes);
    }
    if (result && result->untagged == part && !imapid_records_ends_untagged(result, is_visited))
        result = NULL;
    if (result && imapid_records_is_believed(result, is_visited, seen) &&
        (codes || !result->response || result->response->call != result->result_call))
        imapid_tree_add_result(show->tree, show->pinfo, place, length_of(part), result, codes);
    for (size_t i = 0; i < array_length(of_session); i++)
        if (part->codes & UINT32_C(1) << of_session[i])
            imapid_tree_add_finding(
                show->tree, show->pinfo, place, length_of(part), of_session[i],
                of_session[i] == IMAPID_FINDING_REQUIRED_BY_SERVER
                    ? imapid_finding_required(
                          imapid_stream_get_session(show->stream)->required_by_server)
                    : NULL);
}

/* Shows a part, and those behind it that are given to the built-in dissector together with it.
 * Returns what comes next. */
static struct imapid_part *show_run(struct show *show, struct imapid_part *part)
{
    struct imapid_tree_place place = place_of(show, part);
    struct imapid_part *end = part->next;

    bool is_shown = may_show(show, show->n_units, N_UNITS_MAX);

    show->n_units++;
    if (can_join(part))
        for (; end && can_join(end) && show->n_units < N_UNITS_MAX; end = end->next)
            show->n_units++;
    if (is_shown && length_of(part))
        show_units(show, part, end, &place);
    for (struct imapid_part *p = part; p != end; p = p->next) {
        show_ident(show, p, &place);
        place.offset += p->n;
    }
    return end;
}

static const char *describe_begun(const struct show *show, const struct imapid_part *part)
{
    if (!*part->ends_in)
        return "part of a command or response";
    return wmem_strdup_printf(
        show->pinfo->pool, "part of a command or response that ends in frame %u", *part->ends_in);
}

static const char *describe_early(const struct show *show, const struct imapid_part *part)
{
    if (!*part->ends_in)
        return "waiting for earlier octets";
    return wmem_strdup_printf(show->pinfo->pool, "waiting for earlier octets, read in frame %u",
                              *part->ends_in);
}

static struct imapid_part *show_part(struct show *show, struct imapid_part *part)
{
    unsigned offset = show->origin + part->offset;
    struct imapid_tree_place place;

    switch (part->kind) {
    case IMAPID_PART_UNIT:
    case IMAPID_PART_HEAD:
        return show_run(show, part);
    case IMAPID_PART_BEGUN:
        if (*part->ends_in != show->section->call->frame)
            add_octets(show, show->tvb, offset, part->n, describe_begun(show, part));
        break;
    case IMAPID_PART_REST:
        add_octets(show, show->tvb, offset, part->n,
                   show->section->side == IMAPID_CLIENT ? "literals and rest of a command"
                                                        : "literals and rest of a response");
        break;
    case IMAPID_PART_NOISE:
        add_octets(show, show->tvb, offset, part->n, "no command or response");
        break;
    case IMAPID_PART_OLD:
        add_octets(show, show->tvb, offset, part->n, "sent again");
        break;
    case IMAPID_PART_EARLY:
        if (*part->ends_in != show->section->call->frame)
            add_octets(show, show->tvb, offset, part->n, describe_early(show, part));
        break;
    case IMAPID_PART_PROXY:
        place = place_of(show, part);
        imapid_tree_add_proxy_header(show->tree, show->pinfo, place.tvb, place.offset,
                                     length_of(part));
        show->has_info = true;
        break;
    case IMAPID_PART_PREFACE:
        add_octets(show, show->tvb, offset, part->n, "negotiation with a proxy");
        break;
    case IMAPID_PART_DEFLATE:
        add_octets(show, show->tvb, offset, part->n,
                   show->stream->is_wrapped ? "in a SASL layer" : "compressed");
        show->has_info = false; /* what comes out says it better */
        break;
    }
    return part->next;
}

static void show_section(struct show *show, const struct imapid_section *section, tvbuff_t *tvb)
{
    show->section = section;
    show->tvb = tvb;
    show->origin = section->offset;
    if (section->octets && !(section->is_own && section->call->frame == show->pinfo->num)) {
        show->tvb = tvb_new_child_real_data(tvb, section->octets, section->n, (int)section->n);
        add_new_data_source(show->pinfo, show->tvb,
                            section->is_late ? "Reordered IMAP" : "Inflated IMAP");
        show->origin = 0;
    }
    for (struct imapid_part *part = section->first; part;)
        if (part->if_ended_at && part->if_ended_at != show->stream->n_reads)
            part = part->next;
        else
            part = show_part(show, part);
}

/* ---- columns ---- */

/* A frame can have several calls, each of which writes the column anew: what was said of an ID in
 * an earlier one is fenced off. */
static void begin_info(struct show *show)
{
    packet_info *pinfo = show->pinfo;
    const char *text;

    if (!p_get_proto_data(pinfo->pool, pinfo, proto_imapid, IMAPID_DATA_NAMES))
        return;
    col_append_str(pinfo->cinfo, COL_INFO, " | ");
    col_set_fence(pinfo->cinfo, COL_INFO);
    text = col_get_text(pinfo->cinfo, COL_INFO);
    show->n_info = text ? strlen(text) : 0;
}

/* Octets of what the built-in dissector says of an ID, up to its list: `Request: TAG ID` or
 * `Response: * ID`. 0: it says something else. */
static size_t measure_head(const char *text)
{
    static const char *const before[] = {"Request: ", "Response: "};

    for (size_t i = 0; i < array_length(before); i++) {
        const char *tag, *word;

        if (!g_str_has_prefix(text, before[i]))
            continue;
        tag = text + strlen(before[i]);
        word = strchr(tag, ' ');
        if (word && word > tag && !g_ascii_strncasecmp(word, " ID ", 4))
            return (size_t)(word + 3 - text);
    }
    return 0;
}

/* What a list says stands in the column once: as its name, not as the line that it came in. */
static void end_info(struct show *show)
{
    packet_info *pinfo = show->pinfo;
    const char *text, *names;
    size_t n_head;

    if (!show->names)
        return;
    text = wmem_strdup(pinfo->pool, col_get_text(pinfo->cinfo, COL_INFO));
    names = wmem_strbuf_get_str(show->names);
    n_head = strlen(text) > show->n_info ? measure_head(text + show->n_info) : 0;
    if (n_head)
        col_add_fstr(pinfo->cinfo, COL_INFO, "%.*s%s", (int)n_head, text + show->n_info,
                     names + strlen(" | ID"));
    else
        col_append_str(pinfo->cinfo, COL_INFO, names);
    col_set_fence(pinfo->cinfo, COL_INFO);
    if (!p_get_proto_data(pinfo->pool, pinfo, proto_imapid, IMAPID_DATA_NAMES))
        p_add_proto_data(pinfo->pool, pinfo, proto_imapid, IMAPID_DATA_NAMES, show->stream);
}

void imapid_show_call(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                      packet_info *pinfo, proto_tree *tree)
{
    struct show show = {.stream = stream, .side = call->side, .pinfo = pinfo, .tree = tree};
    const struct imapid_released *released = pinfo->fd->visited ? NULL : call->released;

    for (const struct imapid_doubted *doubted = call->doubted; doubted; doubted = doubted->next)
        imapid_tree_add_doubt(tree, pinfo, tvb, doubted->doubt, doubted->frame);
    if (!call->first && !released)
        return; /* TCP alone has something to say */
    begin_info(&show);
    for (const struct imapid_section *section = call->first; section; section = section->next)
        show_section(&show, section, tvb);
    for (; released; released = released->next) {
        const struct imapid_section *section = released->first;

        show_section(&show, section, tvb);
        while (section != released->last) {
            section = section->next;
            show_section(&show, section, tvb);
        }
    }
    end_info(&show);
}
