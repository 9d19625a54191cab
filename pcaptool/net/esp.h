/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_ESP_H
#define IMAPID_NET_ESP_H

#include "net/ip.h"

/* Takes ESP off a whole datagram that does not encrypt: true if so, and *ip is what it carries.
 * False: it cannot be read, and *ip stays. */
bool imapid_esp_open(struct imapid_ip *ip);

#endif
