/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.c: packets from network interfaces, through libpcap; the kernel filters. It gives them a block at
 * a time, so that it has room for many small ones, and nobody is woken for each. Several interfaces,
 * as the two directions of a tap, are one capture: of their next packets the oldest is given first.
 *
 * Refuses an interface that is not there or may not be used, with libpcap's reason. Packets that
 * the kernel dropped because they were not fetched in time are told when it is seen, and are an error,
 * reported at the end.
 *
 * Each packet is copied: with the last one of a block libpcap gives the block back to the kernel.
 *
 * Misuse: using a packet after the next call. */

#include "capture/live.h"

#include "number.h"

#include "capture/reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>

/* How long the kernel may keep a block that is not full. */
#define BLOCK_MS 50

/* How long a packet waits for an older one of another interface that has none yet: as long as that one may
 * be in a block, and then as long again. */
#define MERGE_NS (INT64_C(4000000) * BLOCK_MS)

/* How often the clock and the wish to end are looked at while packets come without a pause. */
#define N_AT_ONCE 64

/* How often it is told that there are no packets, and asked what was dropped. */
#define IDLE_MS  250
#define DROPS_US (G_USEC_PER_SEC / 2)

/* At the end: how long the kernel may still hold packets of before, and how long reading them may take. */
#define DRAIN_US     (INT64_C(2000) * BLOCK_MS)
#define DRAIN_MAX_US (INT64_C(10) * G_USEC_PER_SEC)

struct interface {
    char *name;
    pcap_t *pcap;
    int tick_ns;
    bool has_next, is_over; /* is_over: nothing comes any more */
    bool
        was_empty; /* at the time of day `empty_ns` it had no packet, and since then nobody looked */
    int64_t empty_ns;
    struct imapid_packet next; /* its octets are those of */
    GByteArray *octets;
    uint64_t n_drops; /* that were told */
};

struct imapid_live {
    char *name;
    struct interface *interfaces;
    unsigned n;
    struct imapid_live_options options;
    uint64_t n_given;
    int64_t end_us,
        drops_us; /* by the monotonic clock: the end, 0: none; when drops were asked for */
    bool is_ending;
    int64_t ending_us, ending_ns; /* since when, by the monotonic clock and by the time of day */
};

/* ---- drops ---- */

static uint64_t count_drops(const struct interface *interface)
{
    struct pcap_stat stat;

    return pcap_stats(interface->pcap, &stat) == 0 ? stat.ps_drop : interface->n_drops;
}

static void look_for_drops(struct imapid_capture *capture)
{
    struct imapid_live *live = capture->live;

    live->drops_us = g_get_monotonic_time();
    for (unsigned i = 0; i < live->n; i++) {
        struct interface *interface = &live->interfaces[i];
        uint64_t n = count_drops(interface),
                 n_new = n > interface->n_drops ? n - interface->n_drops : 0;

        interface->n_drops += n_new;
        imapid_reader_tell_drops(capture, interface->name, n_new);
    }
}

/* ---- packets ---- */

static void take(u_char *ctx, const struct pcap_pkthdr *header, const u_char *data)
{
    struct interface *interface = (void *)ctx;

    g_byte_array_set_size(interface->octets, 0);
    g_byte_array_append(interface->octets, data, header->caplen);
    interface->next.data = interface->octets->data;
    interface->next.n = header->caplen;
    interface->next.n_wire = MAX(header->len, header->caplen);
    interface->next.ts_ns =
        (int64_t)header->ts.tv_sec * 1000000000 + (int64_t)header->ts.tv_usec * interface->tick_ns;
    interface->has_next = true;
}

/* The interface whose packet is the oldest; NULL: none has one. */
static struct interface *find_oldest(const struct imapid_live *live)
{
    struct interface *oldest = NULL;

    for (unsigned i = 0; i < live->n; i++) {
        struct interface *interface = &live->interfaces[i];

        if (interface->has_next && (!oldest || interface->next.ts_ns < oldest->next.ts_ns))
            oldest = interface;
    }
    return oldest;
}

/* May this interface still bring a packet that is older? Not where the clock was set: then no time says
 * anything. */
static bool may_precede(const struct interface *interface, const struct interface *oldest)
{
    int64_t age_ns;

    if (interface->has_next || interface->is_over)
        return false;
    if (!interface->was_empty || !oldest)
        return true;
    age_ns = interface->empty_ns - oldest->next.ts_ns;
    return age_ns < MERGE_NS && age_ns > -MERGE_NS;
}

static bool may_be_preceded(const struct imapid_live *live, const struct interface *oldest)
{
    for (unsigned i = 0; i < live->n; i++)
        if (may_precede(&live->interfaces[i], oldest))
            return true;
    return false;
}

/* Asks those that matter for a packet. Returns one that has failed, or NULL. */
static struct interface *look(struct imapid_live *live)
{
    const struct interface *oldest = find_oldest(live);

    for (unsigned i = 0; i < live->n; i++) {
        struct interface *interface = &live->interfaces[i];

        if (!may_precede(interface, oldest))
            continue;
        if (live->n > 1)
            interface->empty_ns = g_get_real_time() * 1000;
        if (pcap_dispatch(interface->pcap, 1, take, (u_char *)interface) < 0)
            return interface;
        interface->was_empty = !interface->has_next;
    }
    return NULL;
}

static bool is_any_left(const struct imapid_live *live)
{
    for (unsigned i = 0; i < live->n; i++)
        if (!live->interfaces[i].is_over || live->interfaces[i].has_next)
            return true;
    return false;
}

/* ---- waiting ---- */

/* Waits for packets; true: it is to end. */
static bool wait_for(struct imapid_capture *capture, int timeout)
{
    struct imapid_live *live = capture->live;
    struct pollfd fds[IMAPID_LIVE_N_MAX + 1];
    unsigned n_fds = 0;
    int n;

    /* Once it ends, its wish says nothing more. */
    fds[n_fds++] =
        (struct pollfd){.fd = live->is_ending ? -1 : live->options.wake, .events = POLLIN};
    for (unsigned i = 0; timeout > 0 && i < live->n; i++)
        if (!live->interfaces[i].has_next && !live->interfaces[i].is_over)
            fds[n_fds++] = (struct pollfd){.fd = pcap_get_selectable_fd(live->interfaces[i].pcap),
                                           .events = POLLIN};
    while ((n = poll(fds, n_fds, timeout)) < 0 && errno == EINTR && !capture->stop)
        continue;
    if (n == 0 && timeout > 0 && capture->on_idle)
        capture->on_idle(capture->idle_ctx);
    return fds[0].revents != 0 || capture->stop;
}

/* As wait_for(), but looks at the clock as well. */
static bool is_over(struct imapid_capture *capture, int timeout)
{
    struct imapid_live *live = capture->live;
    int64_t now_us = g_get_monotonic_time();

    if (now_us - live->drops_us >= DROPS_US)
        look_for_drops(capture);
    if (live->end_us && now_us >= live->end_us)
        return true;
    if (live->end_us && timeout > 0)
        timeout = (int)MIN(timeout, (live->end_us - now_us + 999) / 1000);
    return wait_for(capture, timeout);
}

/* ---- the end ---- */

static enum imapid_capture_result fail(struct imapid_capture *capture, struct interface *interface)
{
    const char *why = pcap_geterr(interface->pcap);

    interface->is_over = true;
    return strcmp(interface->name, capture->name) != 0 /* of several */
               ? imapid_reader_fail_live(capture, "%s: %s", interface->name, why)
               : imapid_reader_fail_live(capture, "%s", why);
}

/* The end; what was dropped is told first. */
static enum imapid_capture_result end(struct imapid_capture *capture)
{
    capture->next = imapid_reader_next_none;
    look_for_drops(capture);
    if (capture->counts.n_drops)
        return imapid_reader_fail_live(
            capture, "%" G_GUINT64_FORMAT " packet%s %s dropped by the kernel",
            capture->counts.n_drops, imapid_number_s(capture->counts.n_drops),
            imapid_number_was(capture->counts.n_drops));
    return IMAPID_CAPTURE_END;
}

static bool is_enough(const struct imapid_live *live)
{
    return live->options.n_packets && live->n_given >= live->options.n_packets;
}

/* Waits, or only looks, whether it is to end. Packets that came before the wish are still given. */
static void note_end(struct imapid_capture *capture, int timeout)
{
    struct imapid_live *live = capture->live;

    if (!is_over(capture, timeout) || live->is_ending)
        return;
    live->is_ending = true;
    live->ending_us = g_get_monotonic_time();
    live->ending_ns = g_get_real_time() * 1000;
}

/* Since the end was wished, have `us` gone by? */
static bool is_past(const struct imapid_live *live, int64_t us)
{
    return live->is_ending && g_get_monotonic_time() - live->ending_us >= us;
}

/* Has it given all that came before the end was wished? */
static bool is_drained(const struct imapid_live *live, const struct interface *oldest)
{
    if (!live->is_ending)
        return false;
    return (oldest ? oldest->next.ts_ns > live->ending_ns : is_past(live, DRAIN_US)) ||
           is_past(live, DRAIN_MAX_US);
}

/* ---- the next packet ---- */

static enum imapid_capture_result live_next(struct imapid_capture *capture,
                                            struct imapid_packet *packet)
{
    struct imapid_live *live = capture->live;
    struct interface *oldest, *failed;

    if (live->n_given % N_AT_ONCE == 0)
        note_end(capture, 0);
    for (;;) {
        if (is_enough(live) || capture->stop || !is_any_left(live))
            return end(capture);
        if ((failed = look(live)))
            return fail(capture, failed);
        oldest = find_oldest(live);
        if (is_drained(live, oldest))
            return end(capture);
        if (oldest && (!may_be_preceded(live, oldest) || is_past(live, DRAIN_US)))
            break;
        note_end(capture, oldest || live->is_ending ? BLOCK_MS : IDLE_MS);
    }
    oldest->has_next = oldest->was_empty = false;
    *packet = oldest->next;
    live->n_given++;
    return IMAPID_CAPTURE_PACKET;
}

/* ---- opening ---- */

/* Files have LINKTYPE_ numbers, libpcap gives this platform's DLT_ numbers. */
static uint16_t link_type_of_dlt(int dlt)
{
    return dlt == DLT_RAW ? 101 : (uint16_t)dlt;
}

static bool set_filter(pcap_t *pcap, const char *expression)
{
    struct bpf_program bpf;
    if (!expression)
        return true;
    if (pcap_compile(pcap, &bpf, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return false;
    bool set = pcap_setfilter(pcap, &bpf) == 0;
    pcap_freecode(&bpf);
    return set;
}

static int prepare(pcap_t *pcap, const struct imapid_live_options *options)
{
    int status = pcap_set_snaplen(pcap, (int)options->n_snap);
    if (status == 0)
        status = pcap_set_promisc(pcap, !options->is_modest);
    if (status == 0)
        status = options->is_immediate ? pcap_set_immediate_mode(pcap, 1)
                                       : pcap_set_timeout(pcap, BLOCK_MS);
    if (status == 0)
        status = pcap_set_buffer_size(pcap, (int)(options->n_buffer << 10));
    if (status == 0)
        status = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    /* Microseconds will do. */
    return status == PCAP_ERROR_TSTAMP_PRECISION_NOTSUP ? 0 : status;
}

/* What libpcap says of a failure, and what helps. */
static void explain(pcap_t *pcap, int status, char *reason)
{
    const char *more = pcap_geterr(pcap);
    bool is_denied = status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED;

    g_strlcpy(reason, is_denied || !more || !*more ? pcap_statustostr(status) : more,
              PCAP_ERRBUF_SIZE);
    if (is_denied) {
        if (more && *more) {
            g_strlcat(reason, " (", PCAP_ERRBUF_SIZE);
            g_strlcat(reason, more, PCAP_ERRBUF_SIZE);
            g_strlcat(reason, ")", PCAP_ERRBUF_SIZE);
        }
        g_strlcat(reason,
                  "; run it as root, or let the program capture: sudo setcap "
                  "cap_net_raw,cap_net_admin+ep \"$(command -v imapid)\"",
                  PCAP_ERRBUF_SIZE);
    } else if (status == PCAP_ERROR_NO_SUCH_DEVICE) {
        g_strlcat(reason, "; -D lists the interfaces", PCAP_ERRBUF_SIZE);
    }
}

static bool start(pcap_t *pcap, const struct imapid_live_options *options, char *reason)
{
    int status = prepare(pcap, options);
    if (status == 0)
        status = pcap_activate(pcap);
    if (status >= 0 && set_filter(pcap, options->filter))
        return pcap_setnonblock(pcap, 1, reason) == 0;
    explain(pcap, status, reason);
    return false;
}

static void open_one(struct interface *interface, const char *name,
                     const struct imapid_live_options *options, char **message)
{
    char reason[PCAP_ERRBUF_SIZE] = "";

    interface->name = g_strdup(name);
    interface->pcap = pcap_create(name, reason);
    if (!interface->pcap || !start(interface->pcap, options, reason)) {
        *message = g_strdup_printf("%s: %s", name, reason);
        return;
    }
    interface->octets = g_byte_array_new();
    interface->next.link_type = link_type_of_dlt(pcap_datalink(interface->pcap));
    interface->tick_ns =
        pcap_get_tstamp_precision(interface->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
}

/* The interfaces and the time of day. */
static char *make_name(char *const *names)
{
    char *all = g_strjoinv(",", (char **)names), *name;
    gint64 now_us = g_get_real_time();
    GDateTime *when = g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
    char *text = g_date_time_format(when, "%Y-%m-%dT%H:%M:%S");

    name = g_strdup_printf("%s@%s.%06uZ", all, text, (unsigned)(now_us % G_USEC_PER_SEC));
    g_free(text);
    g_date_time_unref(when);
    g_free(all);
    return name;
}

static void free_live(struct imapid_live *live)
{
    for (unsigned i = 0; i < live->n; i++) {
        if (live->interfaces[i].pcap)
            pcap_close(live->interfaces[i].pcap);
        if (live->interfaces[i].octets)
            g_byte_array_unref(live->interfaces[i].octets);
        g_free(live->interfaces[i].name);
    }
    g_free(live->interfaces);
    g_free(live->name);
    g_free(live);
}

static void open_all(struct imapid_live *live, char *const *names, char **message)
{
    unsigned n = g_strv_length((char **)names);

    if (n > IMAPID_LIVE_N_MAX) {
        *message = g_strdup_printf("%u interfaces; %u can be captured from", n, IMAPID_LIVE_N_MAX);
        return;
    }
    live->interfaces = g_new0(struct interface, n);
    for (; live->n < n && !*message; live->n++) {
        live->interfaces[live->n].next.interface = live->n;
        open_one(&live->interfaces[live->n], names[live->n], &live->options, message);
    }
}

struct imapid_capture *imapid_capture_open_interfaces(char *const *names,
                                                      const struct imapid_live_options *options,
                                                      char **message)
{
    struct imapid_live *live = g_new0(struct imapid_live, 1);
    struct imapid_capture *capture;
    char *all;

    live->options = *options;
    live->options.n_buffer = options->n_buffer ? options->n_buffer : IMAPID_LIVE_BUFFER;
    live->options.n_snap = options->n_snap ? options->n_snap : IMAPID_LIVE_SNAP;
    open_all(live, names, message);
    if (*message) {
        free_live(live);
        return NULL;
    }
    live->name = make_name(names);
    live->drops_us = g_get_monotonic_time();
    if (options->n_seconds)
        live->end_us = live->drops_us + (int64_t)options->n_seconds * G_USEC_PER_SEC;
    all = g_strjoinv(",", (char **)names);
    capture = imapid_reader_new(all);
    capture->format = "live";
    capture->next = live_next;
    capture->live = live;
    g_free(all);
    return capture;
}

char *imapid_live_list(char **message)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    GString *text = g_string_new(NULL);
    pcap_if_t *all = NULL;

    if (pcap_findalldevs(&all, reason) != 0) {
        *message = g_strdup_printf("the interfaces cannot be listed: %s", reason);
        g_string_free(text, TRUE);
        return NULL;
    }
    for (const pcap_if_t *one = all; one; one = one->next) {
        g_string_append(text, one->name);
        if (one->description)
            g_string_append_printf(text, " (%s)", one->description);
        if (one->flags & PCAP_IF_LOOPBACK)
            g_string_append(text, " [loopback]");
        else if (!(one->flags & PCAP_IF_UP))
            g_string_append(text, " [down]");
        g_string_append_c(text, '\n');
    }
    pcap_freealldevs(all);
    return g_string_free(text, FALSE);
}

char *imapid_live_describe(const struct imapid_capture *capture)
{
    const struct imapid_live *live = capture->live;
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < live->n; i++) {
        pcap_t *pcap = live->interfaces[i].pcap;
        const char *name = pcap_datalink_val_to_name(pcap_datalink(pcap));
        const char *what = pcap_datalink_val_to_description(pcap_datalink(pcap));

        g_string_append_printf(text, "%slistening on %s, link-type ", i ? "\n" : "",
                               live->interfaces[i].name);
        if (name)
            g_string_append_printf(text, "%s (%s)", name, what);
        else
            g_string_append_printf(text, "%d", pcap_datalink(pcap));
        g_string_append_printf(text, ", snapshot length %d bytes", pcap_snapshot(pcap));
    }
    return g_string_free(text, FALSE);
}

const char *imapid_live_get_name(const struct imapid_capture *capture)
{
    return capture->live->name;
}

void imapid_live_list_fds(const struct imapid_capture *capture, GArray *fds)
{
    for (unsigned i = 0; i < capture->live->n; i++) {
        int fd = pcap_get_selectable_fd(capture->live->interfaces[i].pcap);

        g_array_append_val(fds, fd);
    }
}

void imapid_live_close(struct imapid_capture *capture)
{
    if (capture->live)
        free_live(capture->live);
}
