/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_COMPLETIONS_H
#define IMAPID_COMPLETIONS_H

/* The completions of a shell ("bash", "zsh", "fish") for this program, as that shell reads them. NULL: it is
 * none of these. To be freed. */
char *imapid_completions_spell(const char *shell);

#endif
