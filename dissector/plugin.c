/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin.c: what Wireshark looks for in imapid.so.
 *
 * Wireshark refuses a plugin of another minor series by the two numbers below; it is told nothing
 * else. Misuse: root loads no plugins from WIRESHARK_PLUGIN_DIR or a personal folder, silently. */
#include "ws-compat.h"

#include <epan/prefs.h>

#include "budget.h"
#include "ending.h"
#include "export.h"
#include "hook.h"
#include "identity.h"
#include "deflate.h"
#include "show.h"
#include "follow.h"
#include "stats.h"
#include "tables.h"
#include "tree.h"

#define EXPORT __attribute__((visibility("default")))

/* From 4.2 on a plugin says what it is for: bit 0 is a dissector. */
#define DESCRIBES_DISSECTOR 1

EXPORT extern const char plugin_version[];
EXPORT extern const int plugin_want_major;
EXPORT extern const int plugin_want_minor;
EXPORT void plugin_register(void);
EXPORT uint32_t plugin_describe(void);

const char plugin_version[] = IMAPID_VERSION;
const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

static void register_protocol(void)
{
    int proto = proto_register_protocol("IMAP ID", "IMAP ID", "imapid");
    module_t *preferences = prefs_register_protocol(proto, NULL);

    imapid_tree_register(proto);
    imapid_ending_register(proto);
    imapid_show_register(proto);
    imapid_hook_register(proto);
    imapid_deflate_register();
    imapid_stats_register(proto);
    imapid_tables_register(proto);
    imapid_follow_register();
    imapid_export_register(proto);
    imapid_identity_register(proto, preferences);
    imapid_budget_register(preferences);
}

static void hand_off(void)
{
    imapid_hook_handoff();
    imapid_stats_handoff();
    imapid_follow_handoff();
}

void plugin_register(void)
{
    static proto_plugin plugin = {register_protocol, hand_off};

    proto_register_plugin(&plugin);
}

uint32_t plugin_describe(void)
{
    return DESCRIBES_DISSECTOR;
}
