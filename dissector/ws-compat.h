/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ws-compat.h: all that differs between Wireshark 4.0, 4.4 and 4.6, in one place. Every other file
 * of the plugin includes this one in place of Wireshark's headers for packets. */
#ifndef IMAPID_WS_COMPAT_H
#define IMAPID_WS_COMPAT_H

#include <ws_version.h>
#include <epan/packet.h>
#include <epan/conversation.h>
#include <epan/expert.h>
#include <epan/follow.h>
#include <epan/proto_data.h>
#include <epan/stats_tree.h>
#include <epan/dissectors/packet-ip.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/dissectors/packet-tls.h>

#define WS_AT_LEAST(major, minor)                                                                  \
    (WIRESHARK_VERSION_MAJOR > (major) ||                                                          \
     (WIRESHARK_VERSION_MAJOR == (major) && WIRESHARK_VERSION_MINOR >= (minor)))

/* What callbacks return and preferences point to: gboolean (an int) before 4.4, bool since. */
#if WS_AT_LEAST(4, 3)
typedef bool ws_bool;
#else
typedef gboolean ws_bool;
#endif

#if !WS_AT_LEAST(4, 1)
#define tvb_get_uint8 tvb_get_guint8
#endif

/* "NAME (N bytes)", which the caller frees with wmem_free(NULL, …). */
#if !WS_AT_LEAST(4, 5)
#define get_data_source_description get_data_source_name
#endif

/* Followers tell how many streams there are since 4.3; before, the window of Wireshark offers its own
 * alone, and tshark all. */
#if WS_AT_LEAST(4, 3)
#define ws_register_follow(proto, tap, conversation, index, addresses, port, take)                 \
    register_follow_stream(proto, tap, conversation, index, addresses, port, take,                 \
                           get_tcp_stream_count, NULL)
#else
#define ws_register_follow register_follow_stream
#endif

/* Flags of tcp_flow_t.static_flags, which stand in packet-tcp.c, in no header; the same on every
 * series: base_seq is set; its sender sent a SYN; one with ACK. */
#define WS_TCP_HAS_BASE_SEQ 0x01
#define WS_TCP_SAW_SYN      0x02
#define WS_TCP_SAW_SYN_ACK  0x04

/* Declared in packet-tls-utils.h, which needs libgcrypt's headers; exported on every series. */
guint32 ssl_starttls_ack(dissector_handle_t tls_handle, packet_info *pinfo,
                         dissector_handle_t app_handle);
guint32 ssl_starttls_post_ack(dissector_handle_t tls_handle, packet_info *pinfo,
                              dissector_handle_t app_handle);
void tls_set_appdata_dissector(dissector_handle_t tls_handle, packet_info *pinfo,
                               dissector_handle_t app_handle);

#endif
