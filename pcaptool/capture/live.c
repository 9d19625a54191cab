/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.c: packets from a network interface, through libpcap. Each is given as it comes; the kernel
 * filters.
 *
 * Refuses an interface that is not there or may not be used, with libpcap's reason. Packets that
 * the kernel dropped because they were not fetched in time are an error, reported at the end.
 *
 * Misuse: using a packet after the next call; libpcap writes over it. */

#include "capture/live.h"

#include "capture/reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>

/* What the kernel may hold until it is fetched: a busy second. */
#define BUFFER (32 << 20)

/* How often the wish to end is looked for while packets come without a pause. */
#define N_AT_ONCE 64

/* How often it is told that there are no packets. */
#define IDLE_MS 250

int imapid_live_get_fd(const struct imapid_capture *capture)
{
    return pcap_get_selectable_fd(capture->live);
}

static bool is_awake(const struct imapid_capture *capture, int timeout)
{
    struct pollfd fds[] = {{.fd = imapid_live_get_fd(capture), .events = POLLIN},
                           {.fd = capture->wake, .events = POLLIN}};
    int n;
    while ((n = poll(fds, G_N_ELEMENTS(fds), timeout)) < 0 && errno == EINTR && !capture->stop)
        continue;
    if (n == 0 && timeout > 0 && capture->on_idle)
        capture->on_idle(capture->idle_ctx);
    return fds[1].revents != 0 || capture->stop;
}

/* The end; what was dropped is told first. */
static enum imapid_capture_result end(struct imapid_capture *capture, const char *why)
{
    struct pcap_stat stat;
    capture->next = imapid_reader_next_none;
    if (why)
        return imapid_reader_fail_live(capture, "%s", why);
    if (pcap_stats(capture->live, &stat) == 0 && stat.ps_drop > 0)
        return imapid_reader_fail_live(capture, "%u packets were dropped by the kernel",
                                       stat.ps_drop);
    return IMAPID_CAPTURE_END;
}

/* Files have LINKTYPE_ numbers, libpcap gives this platform's DLT_ numbers. */
static uint16_t link_type_of_dlt(int dlt)
{
    return dlt == DLT_RAW ? 101 : (uint16_t)dlt;
}

static enum imapid_capture_result live_next(struct imapid_capture *capture,
                                            struct imapid_packet *packet)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int status;
    if (capture->n_frames % N_AT_ONCE == 0 && is_awake(capture, 0))
        return end(capture, NULL);
    while ((status = pcap_next_ex(capture->live, &header, &data)) == 0)
        if (is_awake(capture, IDLE_MS))
            return end(capture, NULL);
    if (status != 1)
        return end(capture, pcap_geterr(capture->live));
    packet->data = data;
    packet->n = header->caplen;
    packet->n_wire = MAX(header->len, header->caplen);
    packet->ts_ns = (int64_t)header->ts.tv_sec * 1000000000 +
                    (int64_t)header->ts.tv_usec * capture->live_tick_ns;
    packet->interface = 0;
    packet->link_type = capture->live_link_type;
    packet->has_ts = true;
    return IMAPID_CAPTURE_PACKET;
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

static int prepare(pcap_t *pcap)
{
    int status = pcap_set_snaplen(pcap, 262144);
    if (status == 0)
        status = pcap_set_promisc(pcap, 1);
    if (status == 0)
        status = pcap_set_immediate_mode(pcap, 1);
    if (status == 0)
        status = pcap_set_buffer_size(pcap, BUFFER);
    if (status == 0)
        status = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    /* Microseconds will do. */
    return status == PCAP_ERROR_TSTAMP_PRECISION_NOTSUP ? 0 : status;
}

static bool start(pcap_t *pcap, const char *expression, char *reason)
{
    int status = prepare(pcap);
    if (status == 0)
        status = pcap_activate(pcap);
    if (status >= 0 && set_filter(pcap, expression))
        return pcap_setnonblock(pcap, 1, reason) == 0;
    const char *more = pcap_geterr(pcap);
    g_strlcpy(reason, more && *more ? more : pcap_statustostr(status), PCAP_ERRBUF_SIZE);
    return false;
}

struct imapid_capture *imapid_capture_open_interface(const char *name, const char *expression,
                                                     int wake, char **message)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(name, reason);
    if (!pcap || !start(pcap, expression, reason)) {
        *message = g_strdup_printf("%s: %s", name, reason);
        if (pcap)
            pcap_close(pcap);
        return NULL;
    }
    struct imapid_capture *capture = imapid_reader_new(name);
    capture->format = "live";
    capture->next = live_next;
    capture->live = pcap;
    capture->wake = wake;
    capture->live_link_type = link_type_of_dlt(pcap_datalink(pcap));
    capture->live_tick_ns =
        pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    return capture;
}

void imapid_live_close(struct imapid_capture *capture)
{
    if (capture->live)
        pcap_close(capture->live);
}
