/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_SPELL_RECORD_H
#define IMAPID_RECORD_SPELL_RECORD_H

#include "record/record.h"

/* Parts of records, as several formats have them. All append to `out`. */

/* What names a connection whatever else is in the capture: "FILE:FRAME", where it begins. Nothing
 * where the frame is not known. */
void imapid_spell_session_id(GString *out, const struct imapid_record_conn *conn);

/* The same for people, and where the frame is not known "FILE stream N". */
void imapid_spell_session_name(GString *out, const struct imapid_record_conn *conn);

/* The Community ID of the connection, version 1 with seed 0, as Zeek and Suricata tell it. */
void imapid_spell_community_id(GString *out, const struct imapid_record_conn *conn);

/* Wireshark's display filter for the connection, in the form of its own "Conversation Filter". */
void imapid_spell_filter(GString *out, const struct imapid_record_conn *conn);

/* [["name","x"],["version",null]], or null where there is no list. */
void imapid_spell_pairs(GString *out, const struct imapid_record_half *half);

/* The same for the pairs that have no column of their own: other fields, second values, NIL.
 * Nothing where there are none. */
void imapid_spell_other_pairs(GString *out, const struct imapid_record_half *half);

/* [{"mechanism":"PLAIN","status":"OK","cleartext_password":false},…] */
void imapid_spell_auths(GString *out, const struct imapid_record_session *session);

/* [{"code":"…",…},…] */
void imapid_spell_findings(GString *out, const struct imapid_record_finding *findings, unsigned n);

/* [{"kind":"vlan","number":5,"from":null,"to":null},…], or null where there is none. */
void imapid_spell_path(GString *out, const struct imapid_record_conn *conn);

/* [{"code":"…","count":1,"frames":[5],"message":"…"},…] */
void imapid_spell_doubts(GString *out, const struct imapid_record_conn *conn);

/* "vlan", "vxlan" */
const char *imapid_spell_path_kind(enum imapid_path_kind kind);

/* The same for people: "vlan 5, vxlan 7 from 192.0.2.1 to 192.0.2.2"; nothing where there is none. */
void imapid_spell_path_text(GString *out, const struct imapid_path *path);

/* "conflicting-data, frames 5, 9: octets were …", of a doubt that there is. */
void imapid_spell_doubt_text(GString *out, const struct imapid_doubts *doubts,
                             enum imapid_doubt doubt);

/* [{"layer":"ip-protocol","number":50,"name":"ESP","packets":3},…] */
void imapid_spell_unread(GString *out, const struct imapid_record_capture *capture);

#endif
