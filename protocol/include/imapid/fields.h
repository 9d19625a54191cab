/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields.h: the fields RFC 2971 3.3 defines; fields.def is the table. */
#ifndef IMAPID_FIELDS_H
#define IMAPID_FIELDS_H

#include <imapid/octets.h>

enum imapid_field {
#define IMAPID_FIELD(symbol, wire, column, label, text) IMAPID_FIELD_##symbol,
#include <imapid/fields.def>
#undef IMAPID_FIELD
    IMAPID_N_FIELDS,
    IMAPID_FIELD_OTHER = IMAPID_N_FIELDS, /* any other name: allowed */
};

/* The field that a name stands for (RFC 2971 3.3), ignoring ASCII case; OTHER for any other name. */
enum imapid_field imapid_field_find(const uint8_t *name, size_t n);

/* Does it hold the address of the client for whom a proxy speaks? */
bool imapid_field_forwards_address(const uint8_t *name, size_t n);

/* Does it hold a version, of which "1.2.3.4" is one and no address? */
bool imapid_field_holds_version(const uint8_t *name, size_t n);

/* Does it speak of the program's vendor, whose mail address is no user's? */
bool imapid_field_is_vendors(const uint8_t *name, size_t n);

/* Does it say that its value is one device's, a serial number or a token? The octets of the word in it that does, and
 * its place; 0: none does. */
size_t imapid_field_find_device(const uint8_t *name, size_t n, size_t *at);

/* Is it one of the fields that a proxy adds to the list of the client for whom it speaks? */
bool imapid_field_is_proxys(const uint8_t *name, size_t n);

/* As filters and column heads spell it ("os_version"): a static string. Not for OTHER. */
const char *imapid_field_column(enum imapid_field field);

#endif
